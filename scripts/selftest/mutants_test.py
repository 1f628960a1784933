#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Would the golden runs notice a judge that is wrong?  Puts each bug of the file mutants into
a copy of the judge, alone, and sees verdict_test.py fail.  Prints KTAP; a bug that it does not
notice is a failure, and so is a bug that does not fit any more.

    scripts/selftest/mutants_test.py --tree TREE [WORD...]

With WORDs only the bugs whose name has one of them.
"""

import argparse
import os
import re
import shutil
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

# pylint: disable=wrong-import-position
import verdict_test
from verdict_test import HERE, SCRIPTS

JUDGE = ('steps/verdict', 'lib/splats', 'lib/dw')


def mutants():
    """(what it is, file, what goes, what comes)."""
    with open(os.path.join(HERE, 'mutants'), encoding='utf-8') as file:
        parts = re.split(r'^== (.*): (\S+)\n', file.read(), flags=re.M)
    for name, path, text in zip(parts[1::3], parts[2::3], parts[3::3]):
        lines = text.rstrip('\n').split('\n')
        yield name, path, *('\n'.join(line[1:] for line in lines if line.startswith(sign))
                            for sign in '-+')


def killed_by(path, old, new, tree):
    """The golden run that fails first; None if none does, and why if the bug does not fit."""
    with tempfile.TemporaryDirectory(prefix='dentry-wait.') as copy:
        for name in JUDGE:
            source = os.path.join(SCRIPTS, name)
            if os.path.isdir(source):
                shutil.copytree(source, os.path.join(copy, name))
            else:
                os.makedirs(os.path.dirname(os.path.join(copy, name)), exist_ok=True)
                shutil.copy(source, os.path.join(copy, name))
        with open(os.path.join(copy, path), encoding='utf-8') as file:
            text = file.read()
        if text.count(old) != 1:
            return None, f'{path} has what goes {text.count(old)} times, not once'
        with open(os.path.join(copy, path), 'w', encoding='utf-8') as file:
            file.write(text.replace(old, new))
        results = verdict_test.judge(os.path.join(copy, 'steps/verdict'), tree, first_only=True)
    return next((name for name, wrong in results if wrong), None), 'no golden run fails'


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--tree', required=True, help='a kernel tree, for its kunit_parser')
    parser.add_argument('words', nargs='*', metavar='WORD', help='of the names of bugs')
    args = parser.parse_args()
    chosen = [mutant for mutant in mutants()
              if not args.words or any(word in mutant[0] for word in args.words)]
    if not chosen:
        parser.error(f'no mutant has {" or ".join(args.words)} in its name')
    # A judge that fails as it is would notice any bug.
    wrong = [name for name, wrong in verdict_test.judge(os.path.join(SCRIPTS, 'steps/verdict'),
                                                        args.tree) if wrong]
    if wrong:
        print(f'mutants_test: without a bug {wrong[0]} fails, so nothing can be told',
              file=sys.stderr)
        return 1
    failed = 0
    print(f'KTAP version 1\n1..{len(chosen)}')
    for number, (name, path, old, new) in enumerate(chosen, 1):
        by, why = killed_by(path, old, new, args.tree)
        failed += not by
        print(f'# {"killed by " + by if by else "SURVIVED: " + why}')
        print(f'{"ok" if by else "not ok"} {number} {name} ({path})', flush=True)
    print(f'{len(chosen) - failed} passed, {failed} failed, 0 skipped')
    return 1 if failed else 0


if __name__ == '__main__':
    from dw.ending import run_main
    run_main(main)

#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Is the judge right?  Every file of golden/ is a run of a guest and the verdict on it; this
gives the run to scripts/steps/verdict and compares.  Prints KTAP.

    scripts/selftest/verdict_test.py --tree TREE...

With each kernel tree the whole is done once, by the kunit_parser of that tree.  The patterns
of scripts/lib/splats are tested by their own examples.

A golden file begins with a comment, whose first line is the name of the test.  Then come
sections.  A section begins with a line `== NAME`; in `== NAME escaped`, \\r, \\0 and \\xff
are what they are in Python.  Of the run:

    args            of scripts/steps/verdict; GOLDEN is the directory of the golden files, and RUN
                    that of the run
    guest.json      default: a guest that reached the end of its plan; `none` leaves it out
    console.log     @boot stands for what a kernel says when it boots; default: only that
    results.ktap    default: two items with three cases, which pass; `none` leaves it out
    FILE            any other file of the run, such as plan
    PATH/FILE       of another run, that RUN/PATH names in args

Of the verdict, in `== verdict`, a line each:

    status N                    exit status
    N passed, N failed, N skipped
    failed: NAME[: WHY]         all failed cases, in their order; WHY is a part of the reason
    skipped: NAME[: WHY]        all that were skipped
    passed: NAME[: WHY]         some that passed, as far as they are named
    seconds: NAME[: S]          of some cases, the same in results.json and junit.xml; without S
                                no seconds are told
    slow: NAME                  of all that are marked so
    log: TEXT                   a case has that in its log
    noise: TEXT                 no case has that in its log
    rerun: WORDS                the rerun line of each failed case, in their order; the
                                command itself is `make kunit`
    prints: TEXT                a line of the summary has that
    lacks: TEXT                 none has that
"""

import argparse
import contextlib
import importlib.machinery
import importlib.util
import io
import json
import multiprocessing
import os
import re
import shlex
import sys
import tempfile
import traceback
import xml.etree.ElementTree as ET

HERE = os.path.dirname(os.path.abspath(__file__))
GOLDEN = os.path.join(HERE, 'golden')
SCRIPTS = os.path.dirname(HERE)
COUNTS = re.compile(r'\d+ passed, \d+ failed, \d+ skipped$')
SECONDS = 15            # that one of them may take

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(SCRIPTS, 'lib'))

BOOT = '''\
[    0.000000] Linux version 6.12.117 (dentry-wait@localhost) #1 SMP 1970-01-01
[    0.000000] Command line: console=ttyS0 panic=-1 oops=panic loglevel=7
[    0.000000] BIOS-provided physical RAM map:
[    0.000000] NX (Execute Disable) protection: active
[    0.011000] Dentry cache hash table entries: 131072 (order: 8, 1048576 bytes, linear)
[    0.038000] rcu: Hierarchical RCU implementation.
[    0.102000] kmemleak: Kernel memory leak detector initialized (mem pool available: 39000)
[    0.200000] smp: Brought up 1 node, 2 CPUs
[    0.310000] VFS: Disk quotas dquot_6.6.0
[    0.620000] fuse: init (API version 7.41)
[    1.040000] Run /init as init process
guest_init: running s
'''

PASS = '''\
KTAP version 1
1..2
# running: s
  KTAP version 1
  # Subtest: s
  1..2
  ok 1 a
  ok 2 b
ok 1 s
# time: s 0.50 s
# running: t
  KTAP version 1
  1..1
  ok 1 c
ok 2 t
# time: t 0.10 s
# end of plan
'''


def load(path):
    loader = importlib.machinery.SourceFileLoader('verdict_under_test', path)
    module = importlib.util.module_from_spec(
        importlib.util.spec_from_loader('verdict_under_test', loader))
    loader.exec_module(module)
    return module


class Golden:
    """One golden file."""

    def __init__(self, path):
        self.sections = {}
        with open(path, encoding='utf-8') as file:
            head, *parts = re.split(r'^== (.*)\n', file.read(), flags=re.M)
        self.name = head.split('\n', 1)[0].removeprefix('#').strip()
        for title, text in zip(parts[::2], parts[1::2]):
            name, _, how = title.partition(' ')
            text = text.rstrip('\n') + '\n' if text.strip() else ''
            data = text.encode()
            if how == 'escaped':
                data = re.sub(rb'\\(?:x([0-9a-f]{2})|([r0]))', lambda match: bytes.fromhex(
                    match[1].decode()) if match[1] else {b'r': b'\r', b'0': b'\0'}[match[2]], data)
            elif how:
                raise ValueError(f'{path}: == {title}: only "escaped" may follow a name')
            self.sections[name] = data
        self.wanted = self.sections.pop('verdict').decode().splitlines()
        self.args = self.sections.pop('args', b'').decode()

    def lay_out(self, run):
        files = {'guest.json': b'{"status": 0, "why": "9.1 s", "until": null, "accel": "tcg"}',
                 'console.log': b'@boot\n', 'results.ktap': PASS.encode(), **self.sections}
        for name, data in files.items():
            path = os.path.join(run, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            if data.strip() != b'none':
                with open(path, 'wb') as file:
                    file.write(data.replace(b'@boot\n', BOOT.encode()))

    def judged(self, verdict, tree):
        """The verdict, as lines of the kind that is wanted, and the summary."""
        with tempfile.TemporaryDirectory(prefix='dentry-wait.') as run:
            self.lay_out(run)
            args = [word.replace('GOLDEN', GOLDEN).replace('RUN', run)
                    for word in shlex.split(self.args)]
            # A parser stays imported, and some runs have one of their own.
            for name in ('kunit_parser', 'kunit_printer'):
                sys.modules.pop(name, None)
            said = io.StringIO()
            with contextlib.redirect_stdout(said):
                status = verdict.main([run, '--tree', tree, '--rerun', 'make kunit', *args])
            with open(os.path.join(run, 'results.json'), encoding='utf-8') as file:
                results = json.load(file)
            suites = ET.parse(os.path.join(run, 'junit.xml')).getroot()
        summary = said.getvalue().splitlines()
        got = [f'status {status}', summary[-1]]
        for word in ('failed', 'skipped', 'passed'):
            got += [f'{word}: {test["name"]}: {test["why"]}' for test in results['tests']
                    if test['status'] == word]
        got += [line.strip().replace('rerun: make kunit', 'rerun:') for line in summary
                if line.startswith('    rerun: ')]
        got += [f'slow: {test["name"]}' for test in results['tests'] if test.get('speed') == 'slow']
        got += [f'log: {line}' for test in results['tests'] for line in test['log']]
        times = {f'{case.get("classname")}.{case.get("name")}': case.get('time')
                 for case in suites.iter('testcase')}
        for test in results['tests']:
            took = test.get('seconds')
            if times.get(test['name']) != (None if took is None else f'{took:.3f}'):
                got.append(f'junit.xml has other seconds of {test["name"]}')
            got.append(f'seconds: {test["name"]}' + ('' if took is None else f': {took:g}'))
        if [test.get('rerun') for test in results['tests'] if test['status'] == 'failed'] != \
                [line.strip().removeprefix('rerun: ') for line in summary
                 if line.startswith('    rerun: ')] or \
                not results['command'].startswith('make kunit'):
            got.append('results.json has other commands than the summary')
        count = results['counts']
        if [len(suites.findall(f'.//{word}')) for word in ('failure', 'skipped')] != \
                [count['failed'], count['skipped']]:
            got.append('junit.xml has other counts')
        if summary[-1] != '{passed} passed, {failed} failed, {skipped} skipped'.format(**count):
            got.append('results.json has other counts than the last line')
        return got, summary

    def wrong(self, verdict, tree):
        """What is not as wanted, a line each."""
        got, summary = self.judged(verdict, tree)
        for line in self.wanted:
            kind, _, text = line.partition(': ')
            if kind == 'prints':
                if not any(text in said for said in summary):
                    yield f'not printed: {text}'
            elif kind == 'lacks':
                yield from (f'printed: {said}' for said in summary if text in said)
            elif kind == 'passed' and not any(self.same(line, said) for said in got):
                yield f'not there: {line}'
            elif kind == 'seconds' and line not in got:
                yield f'not there: {line}; {[said for said in got if said.startswith(kind)]}'
            elif kind == 'log' and not any(said.startswith('log: ') and text in said for said in got):
                yield f'not there: {line}'
            elif kind == 'noise':
                yield from (said for said in got if said.startswith('log: ') and text in said)
        others = r'(prints|lacks|passed|seconds|noise|log): '
        wanted = [line for line in self.wanted if not re.match(others, line)]
        got = [line for line in got if not re.match(others, line)]
        for number in range(max(len(wanted), len(got))):
            want, have = [(lines[number:] or ['nothing'])[0] for lines in (wanted, got)]
            if not self.same(want, have):
                yield f'wanted {want!r}, got {have!r}'

    @staticmethod
    def same(want, have):
        """WHY is a part of the reason, or left out; all else is to be equal."""
        match = re.match(r'((?:failed|skipped|passed): .*?)(?:: (.*))?$', want)
        if not match:
            return want == have.rstrip()
        return have.startswith(match[1] + ': ') and (match[2] or '') in have[len(match[1]) + 2:]


def wrong_patterns():
    """Each pattern of scripts/lib/splats against the example of each."""
    from dw import splats       # pylint: disable=import-outside-toplevel
    pairs = list(splats.read_pairs(splats.PATTERNS))
    for pattern, example in pairs:
        hits = [other for other, _ in pairs if re.match(other, example)]
        if hits != [pattern]:
            yield f'{example!r} is matched by {hits or "nothing"}, not by {pattern!r} alone'
        if not splats.read_patterns().match(example):
            yield f'{example!r} is no complaint'
    for line in BOOT.splitlines():
        if splats.read_patterns().match(splats.unstamped(line)):
            yield f'{line!r} is a complaint, and any kernel says it'
    if len(pairs) < 20:
        yield f'only {len(pairs)} patterns'


def tests():
    yield 'each pattern of scripts/lib/splats matches its example, and no other does', None
    for file in sorted(os.listdir(GOLDEN)):
        if not file.startswith('.') and os.path.isfile(os.path.join(GOLDEN, file)):
            golden = Golden(os.path.join(GOLDEN, file))
            yield f'{file}: {golden.name}', golden


def check(path, tree, first_only, queue):
    """All of it with one tree, in a process of its own: a parser stays imported."""
    # A judge that is a copy has a lib/ of its own.
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(path)), 'lib'))
    for name in [name for name in sys.modules if name.partition('.')[0] == 'dw']:
        del sys.modules[name]
    try:
        verdict = load(path)
        for name, golden in tests():
            try:
                wrong = list(golden.wrong(verdict, tree) if golden else wrong_patterns())
            except (Exception, SystemExit):     # pylint: disable=broad-except
                wrong = ['an exception:', *traceback.format_exc().splitlines()[-6:]]
            queue.put((name, wrong))
            if wrong and first_only:
                break
    except Exception:   # pylint: disable=broad-except
        queue.put(('the judge can be loaded', traceback.format_exc().splitlines()[-3:]))
    queue.put(None)


def judge(path, tree, first_only=False):
    """(name, what is wrong) of each test with the judge at @path."""
    context = multiprocessing.get_context('fork')
    queue = context.Queue()
    process = context.Process(target=check, args=(path, tree, first_only, queue))
    process.start()
    results = []
    try:
        while (result := queue.get(timeout=SECONDS)) is not None:
            results.append(result)
    except Exception:   # pylint: disable=broad-except
        results.append(('the judge comes to an end', [f'not within {SECONDS} s']))
        process.kill()
    process.join()
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--tree', action='append', required=True,
                        help='a kernel tree; any number of times')
    args = parser.parse_args()
    number = failed = 0
    for tree in args.tree:
        if not os.path.isfile(os.path.join(tree, 'tools/testing/kunit/kunit_parser.py')):
            parser.error(f'{tree}: no kernel tree with a kunit_parser')
    all_results = [(f'{name} ({os.path.basename(os.path.dirname(tree))})', wrong)
                   for tree in args.tree
                   for name, wrong in judge(os.path.join(SCRIPTS, 'steps', 'verdict'), tree)]
    print(f'KTAP version 1\n1..{len(all_results)}')
    for number, (name, wrong) in enumerate(all_results, 1):
        for line in wrong:
            print(f'# {line}')
        failed += bool(wrong)
        print(f'{"not ok" if wrong else "ok"} {number} {name}')
    print(f'{number - failed} passed, {failed} failed, 0 skipped')
    return 1 if failed or not number else 0


if __name__ == '__main__':
    from dw.ending import run_main
    run_main(main)

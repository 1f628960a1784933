#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Does scripts/check/suite-table notice a test that ends worse with the series?  Prints KTAP.

    scripts/selftest/suite_table_test.py
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile

SCRIPTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(SCRIPTS, 'lib'))

# pylint: disable=wrong-import-position
from dw.cases import print_cases
from dw.ending import run_main

CONSOLE = 'console.no_complaint_of_the_kernel'
STATUS = {'P': 'passed', 'F': 'failed', 'S': 'skipped'}

# what has to be so; the results without the series and with it; exit status; what is printed
RUNS = [
    ('tests that end in the same way pass', {'g/1': 'P', 'g/2': 'S'}, {'g/1': 'P', 'g/2': 'S'}, 0,
     '1 passed, 0 failed, 1 skipped\n'),
    ('also those that fail', {'g/1': 'P', 'g/2': 'F'}, {'g/1': 'P', 'g/2': 'F'}, 0,
     '  same    g/2: failed on both: why g/2\n2 passed, 0 failed, 0 skipped\n'),
    ('what one says that fails otherwise is told', {'g/1': 'P', 'g/2': 'F'}, {'g/1': 'P', 'g/2': 'F otherwise'},
     0, '  same    g/2: failed on both: why g/2; with the series: otherwise\n'),
    ('one that fails with the series only does not', {'g/1': 'P', 'g/2': 'P'}, {'g/1': 'P', 'g/2': 'F'},
     1, '  worse   g/2: passed -> failed: why g/2\n1 passed, 1 failed, 0 skipped\n'),
    ('nor one that is not run with it', {'g/1': 'P', 'g/2': 'P'}, {'g/1': 'P', 'g/2': 'S'}, 1,
     '  worse   g/2: passed -> not run: why g/2\n'),
    ('one that passes with it only is better', {'g/1': 'F'}, {'g/1': 'P'}, 0,
     '  better  g/1: failed: why g/1 -> passed\n1 passed, 0 failed, 0 skipped\n'),
    ('a guest that has come to fewer tests is worse', {'g/1': 'P', 'g/2': 'P'}, {'g/1': 'P'}, 1,
     '  worse   g/2: passed -> never reached\n'),
    ('a complaint of the kernel with it is a failure', {'g/1': 'P', CONSOLE: 'P'},
     {'g/1': 'P', CONSOLE: 'F'}, 1, f'  worse   {CONSOLE}: passed -> failed: why {CONSOLE}\n'),
    ('and so is one without it only', {'g/1': 'P', CONSOLE: 'F'}, {'g/1': 'P', CONSOLE: 'P'}, 1,
     f'  worse   {CONSOLE}: failed: why {CONSOLE} -> passed\n'),
    ('no test at all is a failure', {}, {}, 1, '0 passed, 1 failed, 0 skipped\n'),
    ('tests of which none has run are one, too', {'g/1': 'S'}, {'g/1': 'S'}, 1,
     '0 passed, 1 failed, 1 skipped\n'),
    ('and tests of which none passes', {'g/1': 'F', CONSOLE: 'P'}, {'g/1': 'F', CONSOLE: 'P'}, 1,
     'so the guest is at fault, not the kernel\n0 passed, 1 failed, 0 skipped\n'),
    ('the time of both is told', {'g/1': 'P'}, {'g/1': 'P', 'g/2': 'P'}, 0,
     '2 tests: 1 pass, 0 fail and 0 are not run on both; 1 better, 0 worse; 3 s without, 6 s with'),
]


def write(where, results):
    os.makedirs(where)
    tests = [{'name': name if name == CONSOLE else f'lookup_xfstests.{name}', 'status': STATUS[word[0]],
              'why': '' if word == 'P' else word[2:] or f'why {name}', 'seconds': 3, 'log': []}
             for name, word in results.items()]
    counts = {status: sum(test['status'] == status for test in tests) for status in STATUS.values()}
    with open(os.path.join(where, 'results.json'), 'w', encoding='utf-8') as file:
        json.dump({'counts': counts, 'tests': tests}, file)
    return where


def table(*sides):
    return subprocess.run([os.path.join(SCRIPTS, 'check/suite-table'), '--filesystem', 'ext4', *sides],
                          capture_output=True, text=True, check=False)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    results = []
    for name, before, after, status, text in RUNS:
        with tempfile.TemporaryDirectory(prefix='dentry-wait.') as where:
            got = table(write(f'{where}/before', before), write(f'{where}/after', after))
        good = got.returncode == status and text in got.stdout and not got.stderr
        results.append((name, good, (got.returncode, got.stdout, got.stderr)))
    got = table('/nowhere', '/nowhere')
    results.append(('results that are not there are named',
                    got.returncode == 2 and '/nowhere: has no results of a guest' in got.stderr,
                    (got.returncode, got.stdout, got.stderr)))
    return print_cases(results)


if __name__ == '__main__':
    run_main(main)

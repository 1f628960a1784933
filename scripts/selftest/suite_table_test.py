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
END, RESULTS, PLAN, GUEST = 'guest.reached_the_end_of_its_plan', 'results.are_all_that_was_planned', 'plan', 'guest'
STATUS = {'P': 'passed', 'F': 'failed', 'S': 'skipped'}
OF_BASE, KASAN = 'WARNING: CPU: %d PID: 7 at fs/ext4/inode.c:%d', 'BUG: KASAN: use-after-free in dput+0x%d/0x90'
RACE = ('BUG: KCSAN: data-race in %s|write to 0xffff888004a1c000 of 4 bytes by task 7|'
        'read to 0xffff888004a1c000 of 4 bytes by task 8')
CUT = '------------[ cut here ]------------'
HANG = {'g/1': 'P', 'g/2': 'F hung', 'case_3': 'S not reached', 'case_4': 'S not reached'}

# what has to be so; the results without the series and with it, of one guest or of several; exit
# status; what is printed.  Of the console 'F LINE|LINE' are the complaints; PLAN is how many tests
# the program has said, and GUEST the status of the guest.
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
    ('one that it alone has come to is better if it passes', {'g/1': 'P'}, {'g/1': 'P', 'g/2': 'P'}, 0,
     '  better  g/2: never reached -> passed\n2 passed, 0 failed, 0 skipped\n'),
    ('and worse if it fails', {'g/1': 'P'}, {'g/1': 'P', 'g/2': 'F'}, 1,
     '  worse   g/2: never reached -> failed: why g/2\n1 passed, 1 failed, 0 skipped\n'),
    ('if it is not run it is neither', {'g/1': 'P'}, {'g/1': 'P', 'g/2': 'S'}, 0, '1 passed, 0 failed, 1 skipped\n'),
    ('a guest that does not come to its end is a failure', {'g/1': 'P'}, {'g/1': 'P', END: 'F hung'}, 1,
     f'  failed  {END}: with the series: hung\n1 passed, 1 failed, 0 skipped\n'),
    ('also without the series', {'g/1': 'P', END: 'F hung'}, {'g/1': 'P'}, 1,
     f'  failed  {END}: without the series: hung\n1 passed, 1 failed, 0 skipped\n'),
    ('and on both, where each is told', {'g/1': 'P', END: 'F hung'}, {'g/1': 'P', END: 'F hung'}, 1,
     f'  failed  {END}: without the series: hung\n  failed  {END}: with the series: hung\n1 passed, 2 failed'),
    ('so are results that are not what was planned', {'g/1': 'P'}, {'g/1': 'P', RESULTS: 'F line 7'}, 1,
     f'  failed  {RESULTS}: with the series: line 7\n1 passed, 1 failed, 0 skipped\n'),
    ('and on both', {'g/1': 'P', RESULTS: 'F line 7'}, {'g/1': 'P', RESULTS: 'F line 7'}, 1, '1 passed, 2 failed'),
    ('tests behind one that hangs on both were never reached', HANG, HANG, 1,
     '  failed  2 tests were never reached without the series\n  failed  2 tests were never reached with '
     'the series\n2 passed, 2 failed, 0 skipped\n'),
    ('as the summary says', HANG, HANG, 1, 'ext4: 4 tests: 1 pass, 1 fail and 0 are not run on both; 0 better, '
     '0 worse; never reached: 2 without, 2 with the series; 6 s'),
    ('if it hangs on one, there they are named', {'g/1': 'P', 'g/2': 'P', 'g/3': 'P', 'g/4': 'S'}, HANG, 1,
     '  worse   g/2: passed -> failed: hung\n  worse   g/3: passed -> never reached\n  worse   g/4: not run: '
     'why g/4 -> never reached\n  failed  2 tests'),
    ('if that is the base, it is no pass either', HANG, {'g/1': 'P', 'g/2': 'P', 'g/3': 'P', 'g/4': 'S'}, 1,
     '  better  g/2: failed: hung -> passed\n  better  g/3: never reached -> passed\n  failed  2 tests were '
     'never reached without the series\n3 passed, 1 failed, 1 skipped\n'),
    ('one with a name that was not reached is none that is not run', {'g/1': 'P', 'g/2': 'S not reached'},
     {'g/1': 'P', 'g/2': 'S not reached'}, 1, '0 are not run on both; 0 better, 0 worse; never reached: 1 without, '
     '1 with the series'),
    ('if both guests die, the plan says how many were not', {'g/1': 'P', END: 'F died', PLAN: 9},
     {'g/1': 'P', END: 'F died', PLAN: 9}, 1, 'ext4: 9 tests: 1 pass, 0 fail and 0 are not run on both; 0 better, '
     '0 worse; never reached: 8 without, 8 with the series'),
    ('one is told as one', {'g/1': 'P', PLAN: 1}, {'g/1': 'P', PLAN: 2}, 1,
     '  failed  1 test was never reached with the series\n1 passed, 1 failed, 0 skipped\n'),
    ('a complaint of the kernel with it is a failure', {'g/1': 'P', CONSOLE: 'P'},
     {'g/1': 'P', CONSOLE: f'F {KASAN % 1}'}, 1,
     f'  worse   {CONSOLE}: only with the series: {KASAN % 1}\n1 passed, 1 failed, 0 skipped\n'),
    ('and so is one without it only', {'g/1': 'P', CONSOLE: f'F {KASAN % 1}'}, {'g/1': 'P', CONSOLE: 'P'}, 1,
     f'  better  {CONSOLE}: only without the series, a failure as well: {KASAN % 1}\n1 passed, 1 failed'),
    ('the same one on both is none', {'g/1': 'P', CONSOLE: f'F {CUT}|{OF_BASE % (0, 7)}'},
     {'g/1': 'P', CONSOLE: f'F {CUT}|{OF_BASE % (1, 9)}|{CUT}|{OF_BASE % (0, 8)}'}, 0,
     f'  same    {CONSOLE}: on both: {OF_BASE % (1, 9)}\n1 passed, 0 failed, 0 skipped\n'),
    ('nor are two that check/expect/complaints has as one',
     {'g/1': 'P', CONSOLE: f'F {RACE % "d_alloc_parallel / d_set_d_op"}'},
     {'g/1': 'P', CONSOLE: f'F {RACE % "d_set_d_op / d_wait_lookup"}'}, 0, '1 passed, 0 failed, 0 skipped\n'),
    ('another one than that of the base is', {'g/1': 'P', CONSOLE: f'F {OF_BASE % (0, 7)}'},
     {'g/1': 'P', CONSOLE: f'F {KASAN % 1}'}, 1, f'  worse   {CONSOLE}: only with the series: {KASAN % 1}\n'
     f'  better  {CONSOLE}: only without the series, a failure as well: {OF_BASE % (0, 7)}\n1 passed, 2 failed'),
    ('also beside it', {'g/1': 'P', CONSOLE: f'F {CUT}|{OF_BASE % (0, 7)}'},
     {'g/1': 'P', CONSOLE: f'F {CUT}|{OF_BASE % (0, 7)}|{CUT}|{KASAN % 1}'}, 1,
     f'  worse   {CONSOLE}: only with the series: {KASAN % 1}\n1 passed, 1 failed, 0 skipped\n'),
    ('a line that only begins one is one', {'g/1': 'P', CONSOLE: 'P'}, {'g/1': 'P', CONSOLE: f'F {CUT}'}, 1,
     f'  worse   {CONSOLE}: only with the series: {CUT}\n'),
    ('a console that cannot be judged is a failure', {'g/1': 'P', CONSOLE: None}, {'g/1': 'P', CONSOLE: None}, 1,
     f'  failed  {CONSOLE}: with the series: the console could not be judged: it has fewer than ten lines'),
    ('no test at all is a failure', {}, {}, 1, '0 passed, 1 failed, 0 skipped\n'),
    ('tests of which none has run are one, too', {'g/1': 'S'}, {'g/1': 'S'}, 1,
     '0 passed, 1 failed, 1 skipped\n'),
    ('and tests of which none passes', {'g/1': 'F', CONSOLE: 'P'}, {'g/1': 'F', CONSOLE: 'P'}, 1,
     'so the guest is at fault, not the kernel\n0 passed, 1 failed, 0 skipped\n'),
    ('the time of both is told', {'g/1': 'P'}, {'g/1': 'P', 'g/2': 'P'}, 0,
     '2 tests: 1 pass, 0 fail and 0 are not run on both; 1 better, 0 worse; never reached: 1 without, '
     '0 with the series; 3 s without, 6 s with'),
    ('guests of which one goes on behind another are one side', [{'g/1': 'P', PLAN: 3}, {'g/2': 'F', 'g/3': 'P', PLAN: 2}],
     {'g/1': 'P', 'g/2': 'P', 'g/3': 'P', PLAN: 3}, 0, 'ext4: 3 tests: 2 pass, 0 fail and 0 are not run on both; 1 better, '
     '0 worse; never reached: 0 without, 0 with the series; 9 s'),
    ('that one of them has died is a failure all the same', [{'g/1': 'P', 'g/2': 'F died', END: 'F died', PLAN: 3, GUEST: 1},
                                                             {'g/3': 'P', PLAN: 1}],
     {'g/1': 'P', 'g/2': 'F died', 'g/3': 'P', PLAN: 3}, 1,
     f'  failed  {END}: without the series: died\n3 passed, 1 failed, 0 skipped\n'),
    ('that one was interrupted is none', [{'g/1': 'P', END: 'F interrupted', CONSOLE: None, PLAN: 2, GUEST: 130}, {'g/2': 'P', PLAN: 1}],
     {'g/1': 'P', 'g/2': 'P', PLAN: 2}, 0, 'with the series; 6 s without, 6 s with the series\n2 passed, 0 failed, 0 skipped\n'),
    ('but what nobody has gone on with was never reached', [{'g/1': 'P', END: 'F interrupted', PLAN: 2, GUEST: 130}],
     {'g/1': 'P', 'g/2': 'P', PLAN: 2}, 1, '  failed  1 test was never reached without the series\n'),
    ('behind its last test it is one, with which nobody goes on', [{'g/1': 'P', 'g/2': 'P', END: 'F interrupted', PLAN: 2, GUEST: 130}],
     {'g/1': 'P', 'g/2': 'P', PLAN: 2}, 1, f'  failed  {END}: without the series: interrupted\n2 passed, 1 failed, 0 skipped\n'),
    ('a complaint in any of them counts', [{'g/1': 'P', CONSOLE: f'F {KASAN % 1}', PLAN: 2}, {'g/2': 'P', CONSOLE: 'P', PLAN: 1}],
     {'g/1': 'P', 'g/2': 'P', PLAN: 2}, 1, f'  better  {CONSOLE}: only without the series, a failure as well: {KASAN % 1}\n'),
]

# The same of runs that were interrupted: --so-far.
SO_FAR = [
    ('so far, what has ended on both is compared', [{'g/1': 'P', 'g/2': 'P', 'g/3': 'P', END: 'F interrupted', PLAN: 9, GUEST: 130}],
     [{'g/1': 'P', 'g/2': 'F', END: 'F interrupted', PLAN: 9, GUEST: 130}], 1,
     'ext4 so far: 9 tests: 1 pass, 0 fail and 0 are not run on both; 0 better, 1 worse; never reached: 6 without, 7 with the '
     'series; 9 s without, 6 s with the series\n  worse   g/2: passed -> failed: why g/2\n1 passed, 1 failed'),
    ('so far, who was interrupted behind the last test was not wrong', [{'g/1': 'P', END: 'F interrupted', PLAN: 1, GUEST: 130}],
     {'g/1': 'P', PLAN: 1}, 0, '3 s with the series\n1 passed, 0 failed, 0 skipped\n'),
    ('and what has not is no failure', [{'g/1': 'P', END: 'F interrupted', PLAN: 9, GUEST: 130}], {'g/1': 'P', 'g/2': 'F', PLAN: 9}, 0,
     '6 s with the series\n1 passed, 0 failed, 0 skipped\n'),
]

# what has to be so; the guests of one side; what --ended says: tests that have ended, all, the last status.
ENDED = [
    ('a side without a guest has come to nothing', [], '0 0 0\n'),
    ('the test that a guest has died in has ended', [{'g/1': 'P', 'g/2': 'F died', END: 'F died', PLAN: 9, GUEST: 1}], '2 9 1\n'),
    ('one that the user has ended was in none', [{'g/1': 'P', END: 'F interrupted', PLAN: 9, GUEST: 130}], '1 9 130\n'),
    ('behind one that hangs the others have not', [HANG], '2 4 0\n'),
    ('of two guests it is what both have come to', [{'g/1': 'P', PLAN: 9, GUEST: 124}, {'g/2': 'P', 'g/3': 'S', PLAN: 8}], '3 9 0\n'),
    ('one that did not boot has changed nothing', [{'g/1': 'P', PLAN: 9, GUEST: 130}, {END: 'F did not appear', GUEST: 124}], '1 9 124\n'),
]


def write(where, results):
    os.makedirs(where)
    results = dict(results)
    guest = results.pop(GUEST, 0)
    if planned := results.pop(PLAN, 0):
        with open(os.path.join(where, 'results.ktap'), 'w', encoding='utf-8') as file:
            file.write(f'KTAP version 1\n1..1\n# running: lookup_xfstests\n  KTAP version 1\n  1..{planned}\n')
    if complaints := results.get(CONSOLE, 'P'):
        with open(os.path.join(where, 'console.log'), 'w', encoding='utf-8') as file:
            file.writelines(f'[    1.000000] {line}\n' for line in
                            ['the kernel boots'] * 10 + [*filter(None, complaints[2:].split('|'))])
    results.update({name: 'F' for name, word in results.items() if word is None})
    tests = [{'name': name if name in (CONSOLE, END, RESULTS) else f'lookup_xfstests.{name}',
              'status': STATUS[word[0]],
              'why': '' if word == 'P' else word[2:] or f'why {name}', 'seconds': 3, 'log': []}
             for name, word in results.items()]
    counts = {status: sum(test['status'] == status for test in tests) for status in STATUS.values()}
    with open(os.path.join(where, 'results.json'), 'w', encoding='utf-8') as file:
        json.dump({'counts': counts, 'guest': {'status': guest}, 'tests': tests}, file)
    return where


def write_side(where, guests):
    """Results of one guest, or of several -> their directories."""
    guests = guests if isinstance(guests, list) else [guests]
    return [write(os.path.join(where, str(number)), results) for number, results in enumerate(guests)]


def suite_table(*words):
    got = subprocess.run([os.path.join(SCRIPTS, 'check/suite-table'), *words],
                         capture_output=True, text=True, check=False)
    return got.returncode, got.stdout, got.stderr


def table(name, before, after, want, text, *options):
    """A result of print_cases()."""
    with tempfile.TemporaryDirectory(prefix='dentry-wait.') as where:
        got = suite_table('--filesystem', 'ext4', *options, '--without', *write_side(f'{where}/before', before),
                          '--with', *write_side(f'{where}/after', after))
    return name, got[0] == want and text in got[1] and not got[2], got


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    results = [table(*run) for run in RUNS] + [table(*run, '--so-far') for run in SO_FAR]
    for name, guests, text in ENDED:
        with tempfile.TemporaryDirectory(prefix='dentry-wait.') as where:
            got = suite_table('--ended', *write_side(where, guests))
        results.append((name, got == (0, text, ''), got))
    got = suite_table('--filesystem', 'ext4', '--without', '/nowhere', '--with', '/nowhere')
    results.append(('results that are not there are named', got[0] == 2 and '/nowhere: has no results of a guest' in got[2], got))
    return print_cases(results)


if __name__ == '__main__':
    run_main(main)

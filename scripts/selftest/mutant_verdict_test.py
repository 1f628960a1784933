#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Does scripts/check/mutant-verdict tell a mutant that was found from one that was not, and a
kernel on which no mutant can be judged from one that is fit for it?  Prints KTAP.

    scripts/selftest/mutant_verdict_test.py
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile

SCRIPTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(SCRIPTS, 'lib'))

# pylint: disable=wrong-import-position
from dw.cases import print_cases
from dw.ending import run_main
from dw.runs import read_json

CONSOLE = 'console.no_complaint_of_the_kernel'
RACE = '[    7.250000] BUG: KCSAN: data-race in d_add / d_alloc_parallel: read of 4 bytes'
OTHER = '[    5.250000] BUG: KCSAN: data-race in dput / __dentry_kill: read of 8 bytes'
LOST = 'doctor:   verdict: LOST WAKE-UP'
ABOUT_IT = ['--killed-by', f's.a {CONSOLE}']
COMPLAINT = [*ABOUT_IT, '--complaint', r'd_alloc_parallel.* of 4 bytes']
DOCTOR = [*ABOUT_IT, '--doctor', 'LOST*']


def failed(name, *log):
    return {'name': name, 'status': 'failed', 'why': '', 'log': list(log)}


GOOD = {'name': 's.b', 'status': 'passed', 'why': '', 'log': []}

# what has to be so; options; the cases; exit status; the beginning of standard output, and what
# a person is told
RUNS = [
    ('a mutant that fails its case is killed',
     ['--name', 'm', *ABOUT_IT], [failed('s.a')], 0, 'passed m', 'killed     m after'),
    ('one that fails only others has survived',
     ['--name', 'm', *ABOUT_IT], [failed('s.c')], 1, 'failed m', 'SURVIVED   m: none of'),
    ('the doctor has to say what it is',
     ['--name', 'm', *DOCTOR], [failed('s.a', LOST)], 0, 'passed m', 'killed'),
    ('a mutant of which the doctor says nothing has survived',
     ['--name', 'm', *DOCTOR], [failed('s.a')], 1, 'failed m', 'lookup_doctor did not say'),
    ('the complaint counts when it is not the first one, and has its time',
     ['--name', 'm', *COMPLAINT, '--seconds', '60'], [failed(CONSOLE, OTHER, RACE)], 0, 'passed m',
     'killed     m after 7 s of 60'),
    ('a mutant about which the kernel complains otherwise has survived',
     ['--name', 'm', *COMPLAINT], [failed(CONSOLE, OTHER)], 1, 'failed m',
     'the kernel did not say'),
    ('the complaint of a case that is not about it does not count',
     ['--name', 'm', *COMPLAINT], [failed('s.a'), failed('s.c', RACE)], 1, 'failed m', 'SURVIVED'),
    ('an equivalent one passes all', ['--name', 'm', '--equivalent', 'why'], [GOOD], 0,
     'equivalent m', 'why'),
    ('an equivalent one that fails something is not equivalent',
     ['--name', 'm', '--equivalent', 'why'], [failed('s.c')], 1, 'failed m', 'NOT equivalent'),
    ('without a mutant all has to pass', ['--name', 'none'], [GOOD], 0, '', ''),
    ('a case that fails without a mutant is the end',
     ['--name', 'none'], [GOOD, failed('s.a')], 1, 'without a mutant 1 cases fail', ''),
    ('so is a run in which nothing has passed', ['--name', 'none'], [], 1, 'without a mutant', ''),
    ('without a mutant the kernel may complain about something else',
     ['--name', 'none', *COMPLAINT], [GOOD, failed(CONSOLE, OTHER)], 0, '', ''),
    ('but not about that',
     ['--name', 'none', *COMPLAINT], [GOOD, failed(CONSOLE, OTHER, RACE)], 1,
     'without the mutant the kernel complains about the same', ''),
    ('and nothing else may fail',
     ['--name', 'none', *COMPLAINT], [GOOD, failed(CONSOLE, OTHER), failed('s.c')], 1,
     'without a mutant 1 cases fail', ''),
]


def judge(where, options, tests):
    path = os.path.join(where, 'results.json')
    with open(path, 'w', encoding='utf-8') as file:
        json.dump({'tests': tests, 'guest': {'why': ''},
                   'counts': {'passed': sum(test['status'] == 'passed' for test in tests)}}, file)
    return called(path, options)


def called(path, options):
    return subprocess.run([os.path.join(SCRIPTS, 'check/mutant-verdict'), path, *options],
                          capture_output=True, text=True, check=False)


def keeps(where):
    """What make results reads of a try that begins, and of its verdict."""
    about = ['--name', 'm', '--of', 'BASE=7.3']
    for name, judged, want in (
            ('a try that begins has no verdict, and that is kept',
             lambda: called(os.path.join(where, 'results.json'), [*about, '--word', 'begun']),
             {'word': 'begun', 'lines': ['no verdict']}),
            ('then the verdict is, of which kernel it is, and when that was',
             lambda: judge(where, [*about, *ABOUT_IT, '--seconds', '60'], [failed('s.a')]),
             {'word': 'passed', 'lines': ['killed     m after 60 s of 60', 's.a:'], 'seconds': 60})):
        got = judged()
        told = read_json(os.path.join(where, 'mutant.json')) or {}
        when = told.pop('when', '')
        good = got.returncode == 0 and told == {'name': 'm', 'of': 'BASE=7.3', **want} and \
            re.fullmatch(r'\d{4}-\d\d-\d\d \d\d:\d\d', when)
        yield name, good, (told, when, got.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    results = []
    with tempfile.TemporaryDirectory(prefix='dentry-wait.') as where:
        results += keeps(where)
        for name, options, tests, status, out, text in RUNS:
            got = judge(where, options, tests)
            good = got.returncode == status and got.stdout.startswith(out) and \
                bool(out) == bool(got.stdout) and text in got.stderr
            results.append((name, good, (got.returncode, got.stdout, got.stderr)))
    return print_cases(results)


if __name__ == '__main__':
    run_main(main)

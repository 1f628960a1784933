# SPDX-License-Identifier: GPL-2.0
"""A directory of results such as $O/results is after some months, made up: runs that pass,
fail and hang, of several verbs and scenarios, mutants, coverage, and a bench."""

import datetime
import json
import os
import random

SUITES = {'in_lookup_wake': 14, 'wait_var_queue': 6, 'lookup_wait_test': 9}
ROWS = ('negative', 'positive', 'create', 'open-missing', 'readdir', 'procfs', 'splice',
        'alloc-add', 'alloc-done', 'positive-hot', 'sleep-1', 'wake-1', 'wake-16', 'wake-256',
        'return-1', 'return-16', 'return-256', 'wake-1-unrelated-100', 'wake-1-unrelated-1000',
        'ls-tmpfs')
KERNELS = {'unpatched': 1, 'unpatched-again': 1.0001, 'series': .97, 'no-waiting': .95,
           'shared-table': .99, 'posted': 1.02, 'bit-set-once': 1.02}
# Text from a guest is none of ours: it must stay text.
ODD = '<script>console.error("from a guest")</script> & "quoted" ' + 'x' * 120

LOG = ['  # claim: ASSERTION FAILED at kunit/a.c:284', '    # did not happen: nobody took the name over']


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w', encoding='utf-8') as file:
        file.write(text if isinstance(text, str) else json.dumps(text))


def cases(draw, failing=()):
    for suite, count in SUITES.items():
        for number in range(count):
            name = f'{suite}.waiters_of_claim_{number}_are_woken_when_the_dir_seq_is_even_again'
            test = {'name': name, 'status': 'passed', 'why': '', 'log': [],
                    'seconds': round(draw.uniform(.001, .2) * 10 ** (number % 4), 6)}
            if number == 3:
                test.update(status='skipped', why='this kernel has no list of waiters')
            if name.split('.')[0] in failing and number in (1, 5):
                # KUnit gives no reason but in the log.
                test.update(status='failed', why=ODD if number == 1 else '', log=LOG,
                            rerun=f'make kunit SEED=1 FILTER={name}')
            yield test


def run(where, stamp, verb, tests, words='', why='29.0 s', coverage=False):
    at = os.path.join(where, f'{stamp}-{verb}')
    counts = {word: sum(test['status'] == word for test in tests)
              for word in ('passed', 'failed', 'skipped')}
    write(os.path.join(at, 'results.json'), {
        'counts': counts, 'guest': {'status': 0, 'why': why}, 'tests': tests,
        'command': f'make {verb} SEED=8071968416519{words}',
        'seconds': {suite: 1.25 for suite in SUITES}})
    for name in ('console.log', 'results.ktap', 'junit.xml', 'summary.txt', 'config', 'tree'):
        write(os.path.join(at, name), 'made up\n')
    if coverage:
        write(os.path.join(at, 'coverage/index.html'), '<!DOCTYPE html><title>made up</title>')
        write(os.path.join(at, 'coverage/coverage.json'), {
            'counts': {'passed': 120, 'failed': 1, 'skipped': 9},
            'summary': 'coverage: 88 of 89 lines, 31 of 31 branches and 2 of 2 macros that can '
                       'run here were run',
            'files': {}, 'stale notes': [],
            'items': [{'kind': kind, 'path': path, 'ran': ran, 'note': ''}
                      for path in ('fs/dcache.c', 'fs/namei.c')
                      for kind in ('line', 'branch') for ran in (True, True, path != 'fs/namei.c')]})


def bench(where, stamp, left_out=()):
    at = os.path.join(where, f'{stamp}-bench')
    entries = []
    for kernel, factor in KERNELS.items():
        for number, row in enumerate(ROWS):
            if kernel == 'no-waiting' and row.partition('-')[0] in ('sleep', 'wake', 'return'):
                continue
            if (kernel, row) == left_out:
                entries.append({'row': row, 'kernel': kernel, 'runs': 0})
                continue
            ratio = factor ** (1 + number % 3)
            entries.append({'row': row, 'kernel': kernel, 'median': 1000.0 * (number + 1) * ratio,
                            'spread': 2.5, 'runs': 63, 'ratio': ratio, 'error': .0004})
    write(os.path.join(at, 'bench.json'), entries)
    about(at)


def about(at, release='6.12', before='none'):
    write(os.path.join(at, 'about'), f'release {release}\nbefore {before}\nbase 1111\nseries 2222\n'
          'variants 3333\nconfig plain\ncompiler gcc (Debian 12.2.0-14) 12.2.0\n'
          'machine QEMU emulator version 7.2.22\n')


def mutant(where, name, word, lines, of='BASE=6.12 SERIES=apply CONFIG=plain'):
    at = os.path.join(where, f'mutant-{name}')
    write(os.path.join(at, 'mutant.json'), {'name': name, 'word': word, 'lines': lines,
                                            'of': of, 'when': '2026-03-09 10:11', 'seconds': 12})
    write(os.path.join(at, 'console.log'), 'made up\n')
    write(os.path.join(at, 'results.ktap'), 'made up\n')


def make(where, runs=12):
    """The same each time."""
    draw = random.Random(1)
    begin = datetime.datetime(2026, 3, 1, 12)
    for number in range(runs):
        stamp = (begin + datetime.timedelta(hours=7 * number)).strftime('%Y%m%dT%H%M%SZ')
        verb = ('all', 'kunit', 'selftests')[number % 3]
        failing = {4: ['in_lookup_wake'], runs - 1: ['lookup_wait_test']}.get(number, ())
        run(where, stamp, verb, list(cases(draw, failing)))
    run(where, '20260401T010203Z', 'scenario', list(cases(draw)), ' CONFIG=rt-debug TIMEOUT=4')
    run(where, '20260401T020203Z', 'scenario', list(cases(draw, ['wait_var_queue'])),
        ' CONFIG=kcsan', why='the kernel panicked after 12.3 s')
    # What make matrix runs afterwards, and make stock.
    run(where, '20260401T030203Z', 'scenario', list(cases(draw)), ' SERIES=none CONFIG=kcsan')
    run(where, '20260401T040203Z', 'scenario', list(cases(draw)), ' STOCK=6.1')
    run(where, '20260402T010203Z', 'coverage', list(cases(draw)), coverage=True)
    run(where, '20260402T030203Z', 'stress-ng', list(cases(draw)))
    os.makedirs(os.path.join(where, '20260402T020203Z-kunit'))     # one that was interrupted
    bench(where, '20260403T010203Z')
    write(os.path.join(where, '20260403T020203Z-bench-readdir/bench.json'), [])
    write(os.path.join(where, '20260403T030203Z-wall-readdir/wall.json'), {})
    mutant(where, 'no-wake-in-d_move', 'passed',
           ['killed after 9 s of 12', f'in_lookup_wake.waiters: {ODD}'])
    mutant(where, 'recheck-name-left-out', 'failed', ['SURVIVED: none of in_lookup_name.* failed'],
           'BASE=7.3 SERIES=readdir CONFIG=plain')
    mutant(where, 'dir-seq-read-once', 'equivalent', ['the compiler may not'])
    write(os.path.join(where, 'test-model.log'), 'x\n80 passed, 0 failed, 0 skipped\n')
    write(os.path.join(where, 'test-series.log'), 'x\nfailed: a.b\n3 passed, 1 failed, 0 skipped\n')
    write(os.path.join(where, 'matrix-smp8.log'), 'the kernel did not build\n')
    os.symlink('20260402T010203Z-coverage', os.path.join(where, 'latest'))

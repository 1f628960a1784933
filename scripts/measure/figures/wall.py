# SPDX-License-Identifier: GPL-2.0
"""Time of whole workloads: ratios of rounds, and their intervals."""

import math
import os
import statistics

from dw.figures import read_torture

from .instructions import BEFORE, read_rows, refuse

ENOUGH = 6           # rounds: the extremes of 5 have the median between them in 93.75 % only
LEFT_OUT = 0.05      # how often an interval may leave the median out


def left_out(rounds, cut):
    """How often the median is not between the lowest and the highest ratio when so many are cut
    off at either end: each is above or below the median as a coin falls."""
    return 2 * sum(math.comb(rounds, k) for k in range(cut + 1)) / 2 ** rounds


def interval(ratios):
    """Of the median: as many of the ratios are cut off at either end as leaves 95 %, or more.
    With fewer than ENOUGH rounds it is all of them, and less."""
    cut = 0
    while left_out(len(ratios), cut + 1) <= LEFT_OUT:
        cut += 1
    ratios = sorted(ratios)
    return ratios[cut], ratios[-1 - cut]


def torture(path):
    """The same of a run of lookup_torture."""
    good, end = read_torture(path)
    if not good or not end.get('slept'):
        return {}
    return {'torture-wait': [end['duration'] * 1e9 / end['slept']]}


class Wall:
    """All rounds, kernels and rows of one run."""

    def __init__(self, results, kernels, before=BEFORE):
        self.kernels, self.before, self.results = kernels, before, results
        try:
            self.rounds = sorted((n for n in os.listdir(results) if n.isdigit()), key=int)
        except OSError as error:
            refuse(f'{results}: {error.strerror}; name what scripts/measure/bench-wall has made')
        # By round and kernel: by row, one value.
        self.values = {}
        for number in self.rounds:
            for kernel in kernels:
                path = os.path.join(results, number, kernel, 'results.ktap')
                # One guest that left nothing is no reason to waste all the others.
                rows = read_rows(path) | torture(path) if os.path.exists(path) else {}
                self.values[number, kernel] = {row: statistics.median(values)
                                               for row, values in rows.items() if values}
        self.rows = list(dict.fromkeys(row for rows in self.values.values() for row in rows))
        if not self.rows:
            refuse(f'{results}: nothing was measured; see console.log in 1/{kernels[0]} there')

    def of(self, row, kernel):
        return {number: self.values[number, kernel][row] for number in self.rounds
                if row in self.values[number, kernel]}

    def entries(self):
        for row in self.rows:
            before = self.of(row, self.before)
            for kernel in self.kernels:
                values = self.of(row, kernel)
                ratios = [values[n] / before[n] for n in values if n in before]
                if ratios:
                    low, high = interval(ratios)
                    yield {'row': row, 'kernel': kernel,
                           'median': statistics.median(values.values()),
                           'ratio': statistics.median(ratios), 'low': low, 'high': high,
                           'rounds': len(ratios)}

    def wrong(self, kernel):
        """What it did not measure in some round, guests that did not pass, and where that is
        to be seen."""
        return [f'{number}/{kernel}: not measured: {" ".join(rows)}; see {self.results}'
                for number in self.rounds
                if (rows := sorted(set(self.rows) - set(self.values[number, kernel])))
                ] + [f'{number}/{kernel}: its guest did not pass; see '
                     f'{os.path.join(self.results, number, kernel, "verdict.log")}'
                     for number in self.rounds
                     if os.path.exists(os.path.join(self.results, number, kernel, 'failed'))]


def verdict(entry):
    if entry['rounds'] < ENOUGH:
        return 'too few rounds'
    if entry['low'] <= 1 <= entry['high']:
        return 'no difference shown'
    return 'less' if entry['high'] < 1 else 'more'


def table(entries, before=BEFORE):
    yield ['row', 'kernel', 'median', 'ratio', '95 % interval', 'time']
    for entry in entries:
        line = [entry['row'], entry['kernel'], f'{entry["median"]:.0f}']
        if entry['kernel'] == before:
            yield [*line, '', '', '']
        else:
            yield [*line, f'{entry["ratio"]:.3f}',
                   f'{entry["low"]:.3f} .. {entry["high"]:.3f}', verdict(entry)]


def where(machine):
    """What is to be thought of figures from there; machine as scripts/measure/bench-wall names it."""
    return ('in user-mode Linux, on CPUs of this machine,' if machine == 'user-mode Linux' else
            'in an emulated machine (TCG), not that of hardware,')


def machine_of(results):
    with open(os.path.join(results, 'about'), encoding='utf-8') as file:
        return next((line[len('machine '):].rstrip('\n') for line in file
                     if line.startswith('machine ')), '')

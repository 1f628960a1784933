# SPDX-License-Identifier: GPL-2.0
"""Instructions that were counted: medians, ratios, errors, and the goals."""

import os
import re
import statistics
import sys

from dw.figures import read_costs

BEFORE = 'unpatched'
AGAIN = 'unpatched-again'
BOUND = 'no-waiting'
SHIPPED = 'as-shipped'

# Rows in which nobody waits, as a user has them.
ALONE = ('negative', 'positive', 'create', 'open-missing', 'readdir', 'readdir-sysctl',
         'procfs', 'splice', 'alloc-add', 'alloc-done')
# The cost of a lookup that nobody waits for while others wait, and without them.
AMONG = re.compile(r'(alloc-add)-.*')
# What a real server answers, and nobody races: lookup_served.
SERVED = re.compile(r'(list|ls-l|stat)-(nfs|smb)')
LEAST = 0.0002       # no error is taken to be smaller than that
TELLS = 0.005        # and more than that excuses no ratio: such a row tells nothing


def refuse(why):
    """Nothing comes of what there is."""
    print(f'{os.path.basename(sys.argv[0])}: {why}', file=sys.stderr)
    sys.exit(1)


def read_rows(path):
    """The measurements of one kernel, by row; none where it says that it cannot."""
    try:
        return read_costs(path)
    except OSError as error:
        return refuse(f'{path}: {error.strerror}; the guest left nothing')


def spread(values):
    if len(values) < 4:
        return max(values) - min(values)
    first, _, third = statistics.quantiles(values, n=4)
    return third - first


class Bench:
    """All kernels and rows of one run."""

    before, again = BEFORE, AGAIN

    def __init__(self, results, kernels, before=BEFORE):
        self.before, self.again = before, f'{before}-again'
        self.samples = {kernel: read_rows(os.path.join(results, kernel, 'results.ktap'))
                        for kernel in [self.before, self.again, *kernels]
                        if kernel != self.again or
                        os.path.isdir(os.path.join(results, self.again))}
        # A row that the kernel before has no figure for cannot be compared.
        self.rows = [row for row, values in self.samples[before].items() if values]
        if not self.rows:
            refuse(f'{results}/{before}: nothing was measured; see console.log there')
        self.kernels = [k for k in kernels if k != before]

    def median(self, row, kernel):
        values = self.samples.get(kernel, {}).get(row)
        return statistics.median(values) if values else None

    def ratio(self, row, kernel):
        median = self.median(row, kernel)
        return None if median is None else median / self.median(row, self.before)

    def error(self, row):
        values = self.samples[self.before][row]
        again = self.ratio(row, self.again)
        return max(LEAST, abs(again - 1) if again else 0,
                   spread(values) / 2 / statistics.median(values))

    def at_least(self, row, ratio):
        """What a ratio in this row is, less what its error excuses."""
        return ratio * (1 - min(self.error(row), TELLS))

    def entries(self):
        for kernel in self.samples:
            for row in self.rows:
                values = self.samples[kernel].get(row)
                if values:
                    yield {'row': row, 'kernel': kernel,
                           'median': self.median(row, kernel),
                           'spread': spread(values), 'runs': len(values),
                           'ratio': self.ratio(row, kernel), 'error': self.error(row)}
                elif row in self.samples[kernel]:
                    yield {'row': row, 'kernel': kernel, 'runs': 0}

    def missing(self, kernel):
        # One that a kernel says it cannot measure is there without figures.
        wanted = {row for rows in self.samples.values() for row, values in rows.items() if values}
        if kernel == BOUND:
            # nobody can wait there
            wanted = {row for row in wanted
                      if not row.startswith(('wake', 'return', 'sleep', 'alloc-add-'))}
        return sorted(wanted - set(self.samples[kernel]))

    def cell(self, row, kernel):
        ratio = self.ratio(row, kernel)
        if ratio is None:
            return '-'
        if abs(ratio - 1) <= self.error(row):
            return f'{ratio:.4f} none'
        return f'{ratio:.4f}'

    def table(self):
        head = ['row', self.before, 'spread', 'error', *self.kernels]
        yield head
        for row in self.rows:
            values = self.samples[self.before][row]
            yield [row, f'{self.median(row, self.before):.1f}', f'{spread(values):.1f}',
                   f'{100 * self.error(row):.2f} %',
                   *(self.cell(row, kernel) for kernel in self.kernels)]

    def goals(self, kernel):
        """(goal, worst figure, met) for a kernel.  A difference below the error is none."""
        def worst(rows):
            """(What a ratio is at least, the row, the ratio)."""
            return max(((self.at_least(row, ratio), row, ratio) for row in rows
                        if (ratio := self.ratio(row, kernel))), default=None)

        negative = self.ratio('negative', kernel)
        if negative is not None:
            yield 'negative lookup at most 0.975', f'{negative:.4f}', negative <= 0.975
        # One that cannot be told from 1 is not below it, however large its error is.
        below = max(((ratio * (1 + self.error(row)), row, ratio) for row in self.rows
                     if row in ALONE and (ratio := self.ratio(row, kernel))), default=None)
        if below:
            yield ('nobody waits: each row below 1',
                   f'{below[2]:.4f} {below[1]}, error {100 * self.error(below[1]):.2f} %',
                   below[0] < 1)
        if BOUND in self.samples:
            # of which the error does not explain all
            above = max(((self.at_least(row, ratio), row, ratio)
                         for row in self.rows if row in ALONE
                         and self.median(row, kernel) and self.median(row, BOUND)
                         and (ratio := self.median(row, kernel) / self.median(row, BOUND))),
                        default=None)
            if above:
                more = self.median(above[1], kernel) - self.median(above[1], BOUND)
                yield ('nobody waits: each row within its error of the lower bound',
                       f'{above[2]:.4f} {above[1]}, {more:.0f} instructions more, '
                       f'error {100 * self.error(above[1]):.2f} %', above[0] <= 1)
        served = worst(row for row in self.rows if SERVED.fullmatch(row))
        if served:
            yield ('a real server answers: each row at most 1.000',
                   f'{served[2]:.4f} {served[1]}', served[0] <= 1)
        if SHIPPED in self.samples and kernel != SHIPPED:
            yield from self.goals_against_shipped(kernel)
        for what, text in (('wake', 'in the waker'), ('return', 'until the last is back')):
            over = worst(row for row in self.rows if re.fullmatch(what + r'-\d+', row))
            if over:
                yield (f'somebody waits, {text}: at most 1', f'{over[2]:.4f} {over[1]}',
                       over[0] <= 1)
        # The others are in the hash of lookups, on any kernel: so by how much more they
        # matter than on the unpatched one.  Either kernel has the error of the row.
        among = [(self.ratio(row, kernel) / self.ratio(match[1], kernel)
                  - 1 - 2 * self.error(row) - self.error(match[1]), row, match[1])
                 for row in self.rows if (match := AMONG.fullmatch(row))
                 and self.ratio(row, kernel) and self.ratio(match[1], kernel)]
        if among:
            over, row, alone = max(among)
            yield ('others wait: they add nothing to a lookup that nobody waits for',
                   f'{self.ratio(row, kernel) / self.ratio(alone, kernel):.4f} {row}, '
                   f'error {200 * self.error(row):.2f} %', over <= 0)
        alone = self.median('wake-1', kernel) if 'wake-1' in self.rows else None
        flat = [(self.median(row, kernel) / alone, row) for row in self.rows
                if alone and row.startswith('wake-1-') and self.median(row, kernel)]
        if flat:
            yield ('others wait: at most 1.02 of what it is without them',
                   f'{max(flat)[0]:.4f} {max(flat)[1]}', max(flat)[0] <= 1.02)


    def goals_against_shipped(self, kernel):
        """The same for a kernel beside the form of the change that the base has."""
        for what, rows, most in (
                ('nobody waits', [row for row in self.rows if row in ALONE], 1.0),
                ('somebody waits, in the waker',
                 [row for row in self.rows if re.fullmatch(r'wake-\d+', row)], 0.9)):
            ratios = [(self.median(row, kernel) / self.median(row, SHIPPED), row)
                      for row in rows
                      if self.median(row, kernel) and self.median(row, SHIPPED)]
            if ratios:
                ratio, row = max(ratios)
                yield (f'{what}: at most {most:.3f} of what it is as shipped',
                       f'{ratio:.4f} {row}', round(ratio, 3) <= most)

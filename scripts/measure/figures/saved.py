# SPDX-License-Identifier: GPL-2.0
"""What make bench has left, read again."""

import datetime
import json
import os
import re

from .instructions import AGAIN, ALONE, BEFORE, Bench

AFTER = 'series'

# Rows of a kind, as a regular expression.
KINDS = {'nobody waits': '|'.join(ALONE), 'going to sleep': r'sleep-\d+',
         'the waker': r'wake-\d+', 'until the last is back': r'return-\d+',
         'others wait': r'(wake|return)-1-.+', 'workloads': r'(ls|stress-ng|threads)-.+'}


class Trouble(Exception):
    """Why there is no report, in one line."""


def read_json(path, writer, good):
    try:
        with open(path, encoding='utf-8') as file:
            what = json.load(file)
    except OSError as error:
        raise Trouble(f'{path}: {error.strerror}') from None
    except ValueError as error:
        raise Trouble(f'{path}: no JSON: {error}') from None
    if not good(what):
        raise Trouble(f'{path}: is not what {writer} writes')
    return what


def left_out(entry):
    """Whether the kernel says that it cannot measure the row."""
    return entry.get('runs') == 0


def are_entries(numbers):
    """For read_json(): a list of which each has a row, a kernel, and these numbers."""
    def good(entries):
        return isinstance(entries, list) and all(
            isinstance(entry, dict) and
            all(isinstance(entry.get(word), str) for word in ('row', 'kernel')) and
            (left_out(entry) or
             all(isinstance(entry.get(word), (int, float)) for word in numbers) and
             entry['median'] > 0)
            for entry in entries)
    return good


# Figures are comparable only if all of this is the same.
MADE_WITH = ('base', 'series', 'config', 'compiler', 'machine')


def read_about(where):
    """{word: the rest of its line}; who wrote it is in scripts/measure/bench-kernels.sh."""
    path = os.path.join(where, 'about')
    try:
        with open(path, encoding='utf-8', errors='replace') as file:
            about = dict(line.rstrip('\n').partition(' ')[::2] for line in file)
    except OSError as error:
        raise Trouble(f'{path}: {error.strerror}; the run was not complete') from None
    for word in MADE_WITH:
        if not about.get(word):
            raise Trouble(f'{path}: does not say what {word} it was')
    return about


def stamp(where, kind):
    """When a results directory was made, from its name; None if that does not say."""
    match = re.fullmatch(r'(\d{8}T\d{6})Z-' + kind, os.path.basename(os.path.realpath(where)))
    try:
        return match and datetime.datetime.strptime(match[1], '%Y%m%dT%H%M%S')
    except ValueError:
        return None


def newest(results, kind, file, base):
    """The last results of a kind that have this file and are of that base; None if there are
    none."""
    def fits(where):
        try:
            return stamp(where, kind) and os.path.exists(os.path.join(where, file)) and \
                read_about(where).get('release', '6.12') == base
        except Trouble:
            return False
    there = [os.path.join(results, name) for name in sorted(os.listdir(results))]
    there = [where for where in there if fits(where)]
    return there[-1] if there else None


class Saved(Bench):
    """All kernels and rows of one run, as bench.json has them."""

    def __init__(self, where):      # and not from what the guests have said
        path = os.path.join(where, 'bench.json')
        entries = read_json(path, 'scripts/measure/bench',
                            are_entries(('median', 'spread', 'runs', 'ratio', 'error')))
        self.where = where
        self.samples = {}
        for entry in entries:
            self.samples.setdefault(entry['kernel'], {})[entry['row']] = \
                {} if left_out(entry) else entry
        if BEFORE not in self.samples:
            raise Trouble(f'{path}: has nothing of the {BEFORE} kernel, to which all others '
                          'are compared; run make bench')
        self.rows = [row for row, entry in self.samples[BEFORE].items() if entry]
        self.kernels = [k for k in self.samples if k not in (BEFORE, AGAIN)]
        self.about = read_about(where)

    def median(self, row, kernel):
        entry = self.samples.get(kernel, {}).get(row)
        return entry['median'] if entry else None

    def spread(self, row, kernel):
        return self.samples[kernel][row]['spread']

    def error(self, row):
        return self.samples[BEFORE][row]['error']

    def own_error(self, row, kernel):
        """Half of what the values of this kernel spread by; bench-table has that of BEFORE."""
        return self.spread(row, kernel) / 2 / self.median(row, kernel)

    def matching(self, pattern, kernel=BEFORE):
        """Rows that a kernel has measured."""
        return [row for row in self.rows
                if re.fullmatch(pattern, row) and self.median(row, kernel)]

    def judged(self, kernel):
        """{goal: (figure, met)}; nothing if it has not measured all that it should."""
        if kernel not in self.kernels or self.missing(kernel):
            return {}
        try:
            return {goal: (figure, met) for goal, figure, met in self.goals(kernel)}
        except (TypeError, ValueError):     # what it is to be compared to is not there
            return {}

    def differences(self, pattern, kernel, other):
        """Of the rows that a kernel and another one have: by how much they differ."""
        rows = [row for row in self.matching(pattern, kernel) if self.median(row, other)]
        if not rows:
            return '-'
        found = []
        for row in rows:
            ratio = self.median(row, kernel) / self.median(row, other)
            if abs(ratio - 1) > max(self.error(row), self.own_error(row, kernel),
                                    self.own_error(row, other)):
                found.append((ratio, row))
        texts = [f'{ratio:.4f} {row}' for ratio, row in sorted({min(found), max(found)})
                 ] if found else ['none']
        return ' .. '.join(texts)

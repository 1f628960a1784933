# SPDX-License-Identifier: GPL-2.0
"""The contents of $O/results: the runs of guests, oldest first, and all else that is kept."""

import datetime
import json
import os
import re
import shlex

NAME = re.compile(r'(\d{8}T\d{6})Z-([a-z][a-z-]*?)x*$')
COUNTS = re.compile(r'(\d+) passed, (\d+) failed, (\d+) skipped$')
FILES = ('summary.txt', 'console.log', 'results.ktap', 'junit.xml', 'config', 'tree', 'seed',
         'plan', 'guest-command')


def read_json(path):
    """None if it is not there or no JSON: a run may have been ended in its middle."""
    try:
        with open(path, encoding='utf-8') as file:
            return json.load(file)
    except (OSError, ValueError):
        return None


def read_text(path):
    try:
        with open(path, encoding='utf-8', errors='replace') as file:
            return file.read()
    except OSError:
        return ''


def time_of(name):
    """(When, verb), as the name of a directory says; None if it says nothing of the kind."""
    match = NAME.match(name)
    try:
        return match and (datetime.datetime.strptime(match[1], '%Y%m%dT%H%M%S'), match[2])
    except ValueError:
        return None


class Run:
    """One guest that was judged."""

    def __init__(self, where, results):
        self.where, self.name = where, os.path.basename(where)
        self.when, self.verb = time_of(self.name)
        self.counts, self.tests = results['counts'], results['tests']
        self.guest = results.get('guest', {})
        self.suites = results.get('seconds', {})
        self.command = results.get('command') or f'make {self.verb}'

    @property
    def settings(self):
        """The variables that were not at their defaults, {NAME: value}."""
        words = (word.partition('=') for word in shlex.split(self.command)[2:])
        return {name: value for name, _, value in words if name not in ('SEED', 'O')}

    @property
    def kernel(self):
        """The settings that are not about which cases run, how often and for how long."""
        return {name: value for name, value in self.settings.items()
                if name not in ('ACCEL', 'DURATION', 'FILTER', 'THREADS', 'TIMEOUT')}

    @property
    def what(self):
        """The verb and these settings."""
        return ' '.join(['make', self.verb, *(f'{name}={value}' for name, value
                                              in self.settings.items() if name != 'TIMEOUT')])

    @property
    def word(self):
        return 'FAIL' if self.counts['failed'] else 'ok' if self.counts['passed'] else 'skip'

    @property
    def seconds(self):
        if 'seconds' in self.guest:
            return self.guest['seconds']
        match = re.search(r'(?:^|after )(\d+\.?\d*) s\b', self.guest.get('why', ''))
        return float(match[1]) if match else None

    def files(self):
        return [name for name in FILES if os.path.exists(os.path.join(self.where, name))]


def is_results(what):
    return isinstance(what, dict) and isinstance(what.get('tests'), list) and \
        isinstance(what.get('counts'), dict) and \
        {'passed', 'failed', 'skipped'} <= set(what['counts']) and \
        all(isinstance(test, dict) and {'name', 'status', 'why'} <= set(test)
            for test in what['tests'])


def read_runs(results):
    """(The runs, the names of those that have no results of their own)."""
    runs, others = [], []
    for name in sorted(os.listdir(results)):
        where = os.path.join(results, name)
        if os.path.islink(where) or not os.path.isdir(where) or not time_of(name):
            continue
        if is_results(what := read_json(os.path.join(where, 'results.json'))):
            runs.append(Run(where, what))
        elif not any(os.path.exists(os.path.join(where, file))
                     for file in ('bench.json', 'wall.json')):
            others.append(name)
    return runs, others


def histories(runs):
    """{name of a case: [(run, test), ...]}, by suites in the order of their newest results."""
    found = {}
    for run in runs:
        for test in run.tests:
            found.setdefault(test['name'], []).append((run, test))
    return found


def read_mutants(results):
    """[{name, word, lines, of, when, seconds}], of the last time that each was tried."""
    found = (read_json(os.path.join(results, name, 'mutant.json'))
             for name in sorted(os.listdir(results)) if name.startswith('mutant-'))
    return [mutant for mutant in found if isinstance(mutant, dict) and
            {'name', 'word', 'lines'} <= set(mutant)]


def read_logs(results):
    """[(name, when, what its last line says)] of the parts of make test, and of others."""
    for name in sorted(os.listdir(results)):
        if name.endswith('.log'):
            path = os.path.join(results, name)
            lines = read_text(path).splitlines()
            when = datetime.datetime.fromtimestamp(os.path.getmtime(path), datetime.timezone.utc)
            yield name, when, lines[-1].strip() if lines else 'empty'

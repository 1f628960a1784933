# SPDX-License-Identifier: GPL-2.0
"""Counts of gcov, of all objects that have code of a file."""

import json
import os
import shutil
import subprocess
import tempfile

from .diff import Trouble


class Counts:
    """What gcov says of one file, summed over all objects that have code of it."""

    def __init__(self):
        self.lines = {}         # line: how often
        self.branches = {}      # line: {branch: how often}

    def add(self, line):
        number = line['line_number']
        self.lines[number] = self.lines.get(number, 0) + line['count']
        ways = [way['count'] for way in line['branches'] if not way['throw']]
        of_line = self.branches.setdefault(number, {})
        for way, count in enumerate(ways):
            # The compiler may see fewer in another object.
            key = (len(ways), way)
            of_line[key] = of_line.get(key, 0) + count


def files_below(top, suffix):
    for where, _, names in os.walk(top):
        for name in names:
            if name.endswith(suffix):
                yield os.path.relpath(os.path.join(where, name), top)[:-len(suffix)]


def data_root(data, build):
    """Where fs/ is: the guest has it below the absolute path of the build."""
    below = os.path.join(data, os.path.realpath(build).lstrip('/'))
    return below if os.path.isdir(below) else data


def run_gcov(gcov, build, data, name, tmp):
    """The JSON of one object.  gcov wants .gcno and .gcda side by side."""
    here = os.path.join(tmp, 'object')
    shutil.copyfile(os.path.join(build, name + '.gcno'), here + '.gcno')
    measured = os.path.join(data, name + '.gcda')
    if os.path.exists(measured):
        shutil.copyfile(measured, here + '.gcda')
    elif os.path.exists(here + '.gcda'):
        os.unlink(here + '.gcda')
    try:
        done = subprocess.run([gcov, '--json-format', '--branch-probabilities', '--stdout',
                               'object.gcno'], cwd=tmp, check=False, encoding='utf-8',
                              errors='replace', stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE)
    except FileNotFoundError as error:
        raise Trouble(f'no {gcov}; it comes with the compiler of the kernel') from error
    wrong = [line.replace('object.', name + '.') for line in done.stderr.splitlines()
             if 'cannot open data file' not in line]
    for line in wrong:
        if 'stamp mismatch' in line:
            raise Trouble(f'{measured} is not from the kernel in {build}; measure again')
        if 'version' in line:
            raise Trouble(f'{name}: {gcov} is not of the compiler that built it: {line}')
    if wrong or done.returncode:
        raise Trouble(f'{name}: {gcov}: {(wrong or ["failed"])[0]}')
    try:
        return json.loads(done.stdout)
    except ValueError as error:
        raise Trouble(f'{name}: {gcov} printed no JSON; is it that of GCC 9 or later?') from error


def read_counts(args, paths):
    """{path: Counts}, of the files in @paths that have code in any object."""
    tree, data = os.path.realpath(args.tree), data_root(args.data, args.build)
    notes, measured = set(files_below(args.build, '.gcno')), set(files_below(data, '.gcda'))
    if not measured:
        raise Trouble(f'{data}: no .gcda files in there: nothing was measured')
    if not notes:
        raise Trouble(f'{args.build}: no .gcno files: no file of it was built for gcov')
    for name in sorted(measured - notes):
        raise Trouble(f'{data}/{name}.gcda is there, {args.build}/{name}.gcno is not; '
                      'so that is not its build')
    counts, seen = {}, False
    with tempfile.TemporaryDirectory(prefix='dentry-wait.') as tmp:
        for name in sorted(notes):
            result = run_gcov(args.gcov, args.build, data, name, tmp)
            for file in result['files']:
                path = os.path.realpath(os.path.join(
                    result.get('current_working_directory', args.build), file['file']))
                seen = seen or path.startswith(tree + os.sep)
                path = os.path.relpath(path, tree)
                if path not in paths:
                    continue
                of_path = counts.setdefault(path, Counts())
                for line in file['lines']:
                    of_path.add(line)
    if not seen:
        raise Trouble(f'{args.build} was not built from {tree}')
    return counts


def check_build(build, files):
    """A file that is compiled but not for gcov would pass for one that cannot run."""
    for file in files:
        stem = os.path.join(build, file.path[:-2])
        if file.path.endswith('.c') and os.path.exists(stem + '.o') and \
                not os.path.exists(stem + '.gcno'):
            raise Trouble(f'{stem}.o was built without gcov; see GCOV_PROFILE in '
                          'scripts/Makefile.lib of the kernel')

# SPDX-License-Identifier: GPL-2.0
"""Touched files: which of their lines, branches and macros were run."""

import re

from .diff import touched_lines
from .items import Item
from .source import JUMP, Source, shorten


class File:
    """A touched file and its lines."""

    def __init__(self, tree, path, hunks, counts):
        self.path = path
        self.hunks = hunks
        self.source = Source(tree, path)
        self.touched = touched_lines(hunks)
        self.counts = counts
        self.unit = {}          # touched line: the line with the counter
        self.bare = {}          # touched statement without one: what it runs with
        for number in self.touched:
            if counts and number not in self.source.directive:
                self.unit[number] = self.line_with_counter(number)
            if counts and self.is_bare_statement(number):
                self.bare[number] = self.source.companion(number, counts.lines)

    def line_with_counter(self, number):
        if number not in self.source.first:     # a comment
            return None
        for line in range(number, self.source.first[number] - 1, -1):
            if line in self.counts.lines:
                return line
        return None

    def units(self):
        return sorted({line for line in self.unit.values() if line})

    def count(self, number):
        """How often a touched line ran, or None."""
        line, how = self.bare.get(number) or (self.unit.get(number), 'with')
        return self.counts.lines[line] if line and how == 'with' else None

    def ways(self, number):
        """How often each branch of a line was taken."""
        return list(self.counts.branches.get(number, {}).values())

    def status(self, number):
        """One word about a touched line."""
        if self.unit.get(number):
            return 'executed' if self.count(number) else 'not executed'
        if number in self.bare:
            line, how = self.bare[number] or (None, None)
            if not line:
                return 'unknown'
            ran = self.count(number) if how == 'with' else self.ways(line) and all(
                self.ways(line))
            return 'executed' if ran else 'not executed'
        kind = self.source.kind(number)
        if kind == 'no code' and not self.counts and not self.path.endswith('.h'):
            return 'not compiled'
        return kind

    def is_bare_statement(self, number):
        """Whether it does something, and yet the compiler has no counter for it."""
        source = self.source
        if self.unit.get(number) or source.kind(number) != 'no code' or \
                not source.function.get(number) or source.first.get(number) != number:
            return False
        text = source.statement(number)
        return text.endswith(';') and bool(
            JUMP.match(text) or re.search(r'[^=!<>]=[^=]|\w\(', text))

    def about_bare(self, number):
        line, how = self.bare[number] or (0, '')
        return {'with': f'no counter; runs with line {line}',
                'below': f'no counter; the branches of line {line} decide',
                '': 'no counter, and no line near by that it surely runs with'}[how]

    def line_and_branch_items(self):
        for number in sorted({*self.units(), *self.bare}):
            function, text = self.source.function.get(number, ''), self.source.text(number)
            if number in self.bare:
                yield Item('line', self.path, number, function, text,
                           self.status(number) == 'executed',
                           f'{shorten(text)} ({self.about_bare(number)})')
                continue
            ran = bool(self.counts.lines[number])
            yield Item('line', self.path, number, function, text, ran)
            ways = self.ways(number) if ran else []
            for index, count in enumerate(ways, 1):
                yield Item('branch', self.path, number, function, text, bool(count),
                           f'branch {index} of {len(ways)} of: {shorten(text)}')

    def file_item(self):
        missing = sum(self.status(number) == 'not compiled' for number in self.touched)
        if missing:
            yield Item('file', self.path, 0, '', '', False,
                       f'not compiled, {missing} touched line{"s" * (missing > 1)}')


def macro_items(files):
    """A macro is run where it is used."""
    where = {}
    for file in files:
        for number in file.touched:
            name = file.source.macro.get(number)
            if name and not name.endswith('_H'):
                where.setdefault(name, (file, number))
    used_at = {}
    for _ in where:     # as many rounds as a chain of macros can be long
        for name in where:
            if name not in used_at:
                use = use_of(name, files, used_at)
                if use:
                    used_at[name] = use
    for name, (file, number) in where.items():
        yield Item('macro', file.path, number, name, file.source.lines[number].strip(),
                   name in used_at,
                   f'macro {name}: ' + ('run through ' + used_at[name] if name in used_at
                                        else 'no touched line that ran uses it'))


def use_of(name, files, known):
    """A touched line that ran and uses the macro, or a macro of which that is known."""
    word = re.compile(rf'\b{name}\b')
    for file in files:
        for number in file.touched:
            if not word.search(file.source.code[number]):
                continue
            if file.status(number) == 'executed':
                return f'{file.path}:{number}'
            macro = file.source.macro.get(number)
            if macro != name and macro in known:
                return f'{macro}, {known[macro]}'
    return None

# SPDX-License-Identifier: GPL-2.0
"""Items that are to be run, and the notes about those that cannot be."""

import re

from .diff import Trouble
from .source import shorten


class Item:
    """Something that is to be run."""

    def __init__(self, kind, path, number, where, text, ran, what=''):
        self.kind = kind        # line, branch, macro, or file: one that is not compiled
        self.path = path
        self.number = number
        self.where = where      # the function or macro
        self.text = text
        self.ran = ran
        self.what = what
        self.note = ''          # why it did not run

    @property
    def failed(self):
        return not self.ran and not self.note

    def __str__(self):
        if self.kind == 'file':
            return f'{self.path}: {self.what}'
        where = f' {self.where}()' if self.where and self.kind != 'macro' else ''
        return f'{self.path}:{self.number}{where}: {self.what or shorten(self.text)}'

    def as_dict(self):
        return {'kind': self.kind, 'path': self.path, 'line': self.number,
                'where': self.where, 'text': self.text, 'what': self.what,
                'ran': self.ran, 'note': self.note}


class Note:
    def __init__(self, number, kind, path, where, reason):
        self.number = number
        self.kind = kind
        self.path = path
        self.where = where
        self.reason = reason
        self.used = False

    def about(self, item):
        if item.path != self.path or (item.kind == 'branch') != (self.kind == 'branch'):
            return False
        return not self.where or item.kind == 'file' or self.where == item.where or (
            not re.fullmatch(r'\w+', self.where) and bool(re.search(self.where, item.text)))

    def __str__(self):
        return f'{self.kind} {self.path}' + (f':{self.where}' if self.where else '')


def read_notes(path):
    notes = []
    with open(path, encoding='utf-8') as file:
        for number, line in enumerate(file, 1):
            if not line.strip() or line.startswith('#'):
                continue
            words = line.split(None, 2)
            if len(words) < 3 or words[0] not in ('line', 'branch'):
                raise Trouble(f'{path}:{number}: want "line|branch PATH[:WHERE] REASON"')
            name, _, where = words[1].partition(':')
            try:
                re.compile(where)
            except re.error as error:
                raise Trouble(f'{path}:{number}: {where}: {error}') from error
            notes.append(Note(number, words[0], name, where, words[2].strip()))
    return notes


def attach(notes, items):
    """Give each item that did not run the notes about it."""
    for item in items:
        about = [] if item.ran else [note for note in notes if note.about(item)]
        for note in about:
            note.used = True
        item.note = '; '.join(dict.fromkeys(note.reason for note in about))


def stale(note, items):
    """Why a note that excuses nothing does not, or None."""
    if note.used:
        return None
    if any(note.about(item) for item in items):
        return 'everything that it is about ran'
    return f'there is no such {note.kind} that the series touches and gcov counts'

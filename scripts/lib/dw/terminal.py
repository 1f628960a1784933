# SPDX-License-Identifier: GPL-2.0
"""Output for a person at a terminal only: colour, and a line that moves.

A pipe, a file and a terminal that can do nothing (TERM=dumb) get neither.  NO_COLOR, if it is
set to anything, takes the colour away and leaves the line."""

import os
import re

GREEN, RED, YELLOW, DIM = '32', '31', '33', '2'
BY_WORD = {'passed': GREEN, 'ok': GREEN, 'failed': RED, 'FAIL': RED, 'skipped': YELLOW,
           'skip': YELLOW}

COUNTS = re.compile(r'(\d+) passed, (\d+) failed, \d+ skipped$')


def colour_of(line):
    """The colour of a line of a summary; None for most."""
    if match := COUNTS.match(line):
        return RED if match[2] != '0' else GREEN if match[1] != '0' else YELLOW
    if line.startswith('failed: '):
        return RED
    match = re.match(r'  (ok|FAIL|skip) ', line)
    return BY_WORD[match[1]] if match else None


def is_terminal(stream):
    return stream.isatty() and os.environ.get('TERM', 'dumb') != 'dumb'


def painter(stream):
    """A function (text, colour) -> text for what is printed to @stream."""
    if not is_terminal(stream) or os.environ.get('NO_COLOR'):
        return lambda text, colour: text
    return lambda text, colour: f'\x1b[{colour}m{text}\x1b[0m' if colour else text


class NoLine:
    """What a pipe gets of a MovingLine: the lines that stay."""

    def __init__(self, stream):
        self.stream = stream

    def show(self, text):
        pass

    def print(self, text):
        print(text, file=self.stream, flush=True)

    def clear(self):
        pass


class MovingLine:
    """The last line of a terminal, written anew when there is something else to say."""

    def __init__(self, stream):
        self.stream = stream
        self.shown = ''

    def show(self, text):
        """In what the terminal has room for: a line that wraps could not be taken back."""
        columns = os.get_terminal_size(self.stream.fileno()).columns or 80
        with_room = text[:max(columns - 1, 20)]
        if with_room != self.shown:
            self.stream.write(f'\r\x1b[K{with_room}')
            self.stream.flush()
            self.shown = with_room

    def print(self, text):
        """A line that stays, above the one that moves."""
        self.stream.write(('\r\x1b[K' if self.shown else '') + text + '\n')
        self.stream.flush()
        self.shown = ''

    def clear(self):
        if self.shown:
            self.stream.write('\r\x1b[K')
            self.stream.flush()
            self.shown = ''

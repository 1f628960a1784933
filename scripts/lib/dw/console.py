# SPDX-License-Identifier: GPL-2.0
"""Words of KUnit on the console of a guest while it runs: which case began, how it ended, and,
by the time stamps of the kernel, after how long."""

import re
from typing import NamedTuple, Optional

STAMP = re.compile(r'\[ *(\d+\.\d{6})\](?:\[ *[TC]\d+\])? ?')
BEGIN = re.compile(r'# running: (\w+)\.(\w+)')
END = re.compile(r' +(not )?ok \d+ (\w+)( # SKIP)?')
PARAMETER = re.compile(r' {8}(?:not )?ok \d+ (.+?)(?: # .*)?$')


class Told(NamedTuple):
    """A case; @word is passed, failed or skipped, or None if it was begun and did not end."""
    suite: str
    case: str
    word: Optional[str]
    log: list
    seconds: Optional[float]    # None if the console does not say it
    parameters: dict            # the seconds of each, by its description
    at: Optional[float] = None  # the guest's second in which it ended

    @property
    def name(self):
        return f'{self.suite}.{self.case}'


class Reader:
    """Takes a console line by line; ended() names the case that a line ends."""

    def __init__(self):
        self.running = None     # (suite, case)
        self.begin = None       # stamp of that
        self.log = []
        self.parameters, self.next = {}, None

    def begun(self, line):
        """The (suite, case) that begins with this line; None if it is of another kind."""
        stamp, text = split(line)
        start = BEGIN.match(text)
        if not start:
            return None
        # With each parameter of a case it is said again.
        self.next = stamp
        if (start[1], start[2]) != self.running:
            self.running, self.begin, self.log = (start[1], start[2]), stamp, []
            self.parameters = {}
        return self.running

    def ended(self, line):
        """The case that runs, if this line is its end."""
        stamp, text = split(line)
        if (parameter := PARAMETER.match(text)) and self.running:
            self.parameters[parameter[1]] = between(self.next, stamp)
        match = END.match(text)
        if not match or not self.running or match[2] != self.running[1]:
            self.log.append(text)
            return None
        word = 'failed' if match[1] else 'skipped' if match[3] else 'passed'
        told = Told(*self.running, word, self.log, between(self.begin, stamp), self.parameters,
                    stamp)
        self.running = None
        return told


def between(begin, end):
    return None if None in (begin, end) else round(end - begin, 6)


def split(line):
    """(Seconds since the kernel began, the text behind them)."""
    match = STAMP.match(line)
    text = line[match.end():] if match else line
    return float(match[1]) if match else None, text.rstrip()


def cases_on_console(lines):
    """Each case that KUnit told of, and last the one that did not end."""
    reader = Reader()
    for line in lines:
        if not reader.begun(line) and (told := reader.ended(line)):
            yield told
    if reader.running:
        yield Told(*reader.running, None, reader.log, None, reader.parameters)

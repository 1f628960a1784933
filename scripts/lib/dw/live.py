# SPDX-License-Identifier: GPL-2.0
"""A guest as it runs, for a person who watches: each case as it ends, and the one that runs.

KUnit tells the console of each case, and hands its results over when a suite is through;
programs tell the results port.  Nothing here decides anything: that is for scripts/steps/verdict."""

import contextlib

from .console import Reader
from .document import timed
from .items import BEGUN, BEGUN_CASE, CASE, case_of, name_of, word_of
from .terminal import BY_WORD, MovingLine, NoLine, is_terminal, painter



class Watch:
    """Console and results, in pieces -> (name, word, seconds) of each case that has ended."""

    def __init__(self):
        self.at = ''            # what runs: an item of the plan, or a case of it
        self.reader = Reader()
        self.rest = {'console': '', 'results': ''}
        self.taken = 0          # of the results
        self.item = self.case = None
        self.seconds = {}
        self.told = set()

    def lines(self, of, data):
        *lines, self.rest[of] = (self.rest[of] + data.decode(errors='replace')).split('\n')
        return lines

    def console(self, data):
        for line in self.lines('console', data):
            if begun := self.reader.begun(line):
                self.at = '.'.join(begun)
            elif told := self.reader.ended(line):
                yield from self.once(told.name, told.word, told.seconds)

    def results(self, everything):
        """@everything is all that there is so far."""
        data, self.taken = everything[self.taken:], len(everything)
        for line in self.lines('results', data):
            if match := BEGUN.match(line):
                self.item, self.case, self.seconds = match[1], None, {}
                self.at = self.item
            elif match := BEGUN_CASE.match(line):
                self.case = case_of(match, self.item)
                self.at = f'{self.item}.{self.case}'
            elif line.startswith(' ') and (match := timed(line)):
                self.seconds[match[1]] = float(match[2])
            elif match := CASE.match(line):
                name = name_of(match)
                yield from self.once(f'{self.item}.{name}', word_of(match), self.seconds.get(name))

    def once(self, name, word, seconds):
        if name not in self.told:
            self.told.add(name)
            yield name, word, seconds


class Live:
    """The same as lines; on a terminal, below them how long the guest runs, and how long it did
    before."""

    def __init__(self, stream, last=None):
        self.watch, self.line = Watch(), (MovingLine if is_terminal(stream) else NoLine)(stream)
        self.paint, self.last, self.cases = painter(stream), last, 0

    def show(self, results, took):
        self.tell(self.watch.results(results))
        last = f', last time {self.last:.0f} s' if self.last else ''
        self.line.show(f'guest      {took:.0f} s{last}, {self.cases} case{"s" * (self.cases != 1)}, '
                       f'{self.watch.at or "boots"}')

    def console(self, data):
        self.tell(self.watch.console(data))

    def tell(self, cases):
        for name, word, seconds in cases:
            self.cases += 1
            short = {'passed': 'ok', 'failed': 'FAIL', 'skipped': 'skip'}[word]
            self.line.print(f'  {self.paint(f"{short:4}", BY_WORD[word])} {name}'
                            + (f'  ({seconds:.2f} s)' if seconds is not None else ''))


@contextlib.contextmanager
def watching(stream, echo, tell, last):
    """A Live to tell of a guest; None if nobody watches and none is asked for with @tell, or the
    console is shown anyhow.
    @last: the seconds that it took last time, as text, if that is known."""
    live = None
    if not echo and (tell or is_terminal(stream)):
        live = Live(stream, float(last) if last.isdigit() else None)
    try:
        yield live
    finally:
        if live:
            live.line.clear()

# SPDX-License-Identifier: GPL-2.0
"""A results document as it was printed, line by line, against what it promised.

The kernel tree's parser turns KTAP into cases, and this does not replace it.  That parser
passes over what it does not expect: a failure behind the last planned result, a second
document, numbers out of order; and it never ends on a plan that stands behind results.  So
every result line is counted here as well, and each broken promise is named by its line.
"""

import re

HEADER = re.compile(r'( *)KTAP version (\d+)\s*$')
PLAN = re.compile(r'( *)1\.\.(\d+)\s*(?:#.*)?$')
RESULT = re.compile(r'( *)(not ok|ok) (\d+)(?: - | |$)(.*?)(?:(?:^|\s)# ?(.*))?$')
TORN = re.compile(r' *not ok\b| *ok \d')
SKIP = re.compile(r'SKIP\b', re.I)
# How long the case took whose result follows; an item's own stands at the margin, behind it.
TIME = re.compile(r' *# time: (.+) (\d+\.\d+) s$')


def timed(line):
    """(Name, seconds) of a case, as groups 1 and 2, if that is what a line says."""
    return TIME.match(line)


class Result:
    """One result line: the names down to it, 'passed', 'failed' or 'skipped', and the comments
    above it; whether results are nested in it, and why there are fewer than were planned."""

    def __init__(self, name, status, reason, number, log):
        self.path = [name]
        self.status, self.reason, self.line, self.log = status, reason, number, log
        self.parent, self.short = False, ''

    @property
    def name(self):
        return '.'.join(self.path)


class Level:
    """The results of one indentation, since its header."""

    def __init__(self, number):
        self.line = number
        self.plan = None
        self.own = []           # results of this level
        self.all = []           # and those that are nested in them


class Document:
    """Reads @lines; @whole says that nothing may be missing at the end."""

    def __init__(self, lines, whole=True):
        self.errors = []
        self.levels = {}        # by indentation
        self.comments = []
        for number, line in enumerate(lines, 1):
            self.read(number, line)
        top = self.levels.pop(0, Level(0))
        if whole:
            for level in self.levels.values():
                self.say(level.line, 'a document whose item has no result')
                top.all += level.all
            if top.line:
                self.check_end(top, 'items')
        self.results = top.all

    def say(self, number, text):
        self.errors.append(f'line {number}: {text}')

    def read(self, number, line):
        if match := HEADER.match(line):
            self.read_header(number, len(match[1]), int(match[2]))
        elif match := PLAN.match(line):
            self.read_plan(number, len(match[1]), int(match[2]))
        elif match := RESULT.match(line):
            self.read_result(number, match)
        elif TORN.match(line):
            self.say(number, f'{line.strip()[:60]!r} is no result line')
        else:
            self.comments.append(line.strip())

    def read_header(self, number, indent, version):
        if version != 1:
            self.say(number, f'KTAP version {version} is not known')
        if indent in self.levels:
            self.say(number, 'a second document begins before the result of the first' if indent
                     else 'a second document')
            # Its results are still counted.
            return
        if indent and 0 not in self.levels:
            self.say(number, 'a nested document without one around it')
        self.levels[indent] = Level(number)

    def read_plan(self, number, indent, count):
        level = self.levels.get(indent)
        if not level:
            self.say(number, 'a plan outside of a document')
        elif level.plan is not None:
            self.say(number, f'a second plan, 1..{count}')
        elif level.own:
            self.say(number, f'the plan 1..{count} stands behind results')
        else:
            level.plan = count

    def read_result(self, number, match):
        indent, word, due, name, reason = (len(match[1]), match[2], int(match[3]),
                                           match[4].strip(), match[5] or '')
        status = 'passed' if word == 'ok' else 'failed'
        skip = SKIP.match(reason)
        if skip:
            reason = reason[skip.end():].strip(' :')
            if word == 'ok':
                status = 'skipped'
            else:
                self.say(number, f'{name} has failed and was skipped')
        level = self.levels.get(indent)
        if not level:
            self.say(number, f'{name}: a result outside of a document')
            level = self.levels[indent] = Level(number)
        result = Result(name, status, reason, number, self.comments)
        self.comments = []
        if not name:
            self.say(number, 'a result without a name')
        elif any(other.path[-1] == name for other in level.own):
            self.say(number, f'{name} has a result already')
        self.check_number(number, level, due, name)
        for other in sorted(deeper for deeper in self.levels if deeper > indent):
            nested = self.levels.pop(other)
            result.short = self.check_end(nested, f'cases of {name}', indent == 0)
            for below in nested.all:
                below.path.insert(0, name)
            result.parent = result.parent or bool(nested.all)
            level.all += nested.all
        level.own.append(result)
        level.all.append(result)

    def check_number(self, number, level, due, name):
        if level.plan is not None and len(level.own) >= level.plan:
            self.say(number, f'{name} is beyond the plan 1..{level.plan}')
        elif due != len(level.own) + 1:
            self.say(number, f'{name} has number {due}, where {len(level.own) + 1} was due')

    def check_end(self, level, what, wants_plan=True):
        """Returns what is short.  KUnit prints no plan for the parameters of a case."""
        short = ''
        if level.plan is None:
            if wants_plan and not any(' stands behind results' in error for error in self.errors):
                self.say(level.line, f'no plan says how many {what} there are')
        elif len(level.own) < level.plan:
            short = f'{len(level.own)} of {level.plan} {what} have a result'
            self.say(level.line, short)
        return short

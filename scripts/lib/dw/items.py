# SPDX-License-Identifier: GPL-2.0
"""Items of a plan, as guest_init tells of them in the results document: which one began, what a
program said while it ran, and how far the whole got."""

import contextlib
import re

from .document import timed

BEGUN = re.compile(r'# running: (\w+)$')
BEGUN_CASE = re.compile(r' +# running: (.+)$')
CASE = re.compile(r'  (not )?ok \d+ (?:- )?(.*?)( # SKIP.*)?$')
HUNG = re.compile(r'not ok \d+ (\w+) # (?:hung in|it left no results|insmod: killed by)')
CASES = re.compile(r'  1\.\.(\d+)$')
TIME = re.compile(r'# time: (\S+) (\d+\.\d+) s$')
KINDS = ('skip', 'kunit', 'run', 'torture', 'kmemleak')


def planned(path):
    """The items of the plan that the guest had, if that is kept."""
    with contextlib.suppress(FileNotFoundError):
        with open(path, encoding='utf-8', errors='replace') as file:
            return [words[1] for words in map(str.split, file)
                    if len(words) > 2 and words[0] in KINDS]
    return []


def planned_cases(lines):
    """How many cases the items have said that they have."""
    return sum(int(match[1]) for match in map(CASES.match, lines) if match)


def begun(lines):
    """The items that were begun."""
    return [match[1] for match in map(BEGUN.match, lines) if match]


def cut_short(lines):
    """The item that was begun last, if it has no result."""
    name = begun(lines)[-1:]
    if name and not any(re.match(rf'(not )?ok \d+ {name[0]}\b', line) for line in lines):
        return name[0]
    return None


def hung(lines):
    """The suites that did not hand their results over."""
    return {match[1] for match in map(HUNG.match, lines) if match}


def cases_of_program(lines, item):
    """(Name, word, why, log) of each case of an item that handed results over as it had them, and
    last (name, None, '', log) of the one that did not end."""
    running, log = None, []
    at = max(number for number, line in enumerate(lines) if line == f'# running: {item}')
    for line in lines[at + 1:]:
        if match := BEGUN_CASE.match(line):
            running, log = case_of(match, item), []
        elif (match := CASE.match(line)) and not match[2].startswith('#') and name_of(match):
            yield name_of(match), word_of(match), why_of(match), log
            running, log = None, []
        elif line.startswith('  #'):
            log.append(line.strip())
    if running:
        yield running, None, '', log


def case_of(match, item):
    """The case that begins, by a match of BEGUN_CASE: KUnit says the suite, too."""
    return match[1].removeprefix(f'{item}.')


def name_of(match):
    """The name of a case, by a match of CASE: it may have any sign, and a reason may follow."""
    return match[2].partition(' # ')[0].strip()


def why_of(match):
    """The reason that is in the same line, if one is, by a match of CASE."""
    return (match[3] or match[2].partition(' # ')[2]).removeprefix(' # SKIP').strip(' :')


def word_of(match):
    """What became of a case, by a match of CASE."""
    return 'failed' if match[1] else 'skipped' if match[3] else 'passed'


def seconds_of_cases(lines):
    """{ITEM.CASE: seconds} of the programs, which say it themselves."""
    told, item = {}, ''
    for line in lines:
        item = line[11:] if line.startswith('# running: ') else item
        if match := timed(line):
            told[f'{item}.{match[1]}'] = float(match[2])
    return told


def seconds_of_items(lines):
    """{item: seconds}, as text."""
    return dict(match.groups() for match in map(TIME.match, lines) if match)


def lives(document):
    """Whether guest_init has said its first word."""
    return b'KTAP version' in document


def is_over(document):
    """Whether the plan was worked through to its end."""
    return b'# end of plan' in document


def gave_up(document):
    """Why guest_init ended before its plan; None if it does not say so."""
    match = re.search(rb'Bail out! (.*)', document)
    return match and match[1].decode(errors='replace')


def plan_seconds(plan):
    """What guest_init allows for the whole plan."""
    words = (line.split() for line in plan.splitlines())
    return sum(int(w[2]) for w in words if w and w[0] in ('kunit', 'run', 'torture', 'kmemleak'))

# SPDX-License-Identifier: GPL-2.0
"""The reason of a failure, as the log of the case has it."""

import re

FAILED = re.compile(r'(EXPECTATION|ASSERTION) FAILED')
# The next message about the case begins with its name.
NEXT = re.compile(r' *# \S+: ')
# Too far from the bug to be shown as the reason.
NOISE = re.compile(FAILED.pattern + r'|running: |^\s*#?\s*$|doctor: ')
VERDICT = re.compile(r'doctor:\s+verdict: (.*)')


def verdicts(test):
    """Of the doctor, on each dentry that threads wait for."""
    return [match[1] for match in map(VERDICT.search, test['log']) if match]


def reason(test):
    """What the case itself says, and what the doctor says about it."""
    told = dict.fromkeys(line.strip(' #') for line in test['log'] if not NOISE.search(line))
    # A case of user space says what was wrong behind its name, and below the states
    # of its threads; of KUnit's, what is behind the name explains what has failed.
    name = test['name'].rpartition('.')[2] + ': '
    own = [line.removeprefix(name) for line in told if line.startswith(name)
           and not any(map(FAILED.search, test['log']))]
    text = test['why'] or ' '.join(own or told)[:140]
    if verdicts(test):
        text += f' [{verdicts(test)[0]}]'
    return text


def expectation(log):
    """The numbers of the lines of @log about the first expectation of KUnit that failed: its
    place, and what was found instead."""
    begin = next((number for number, line in enumerate(log) if FAILED.search(line)), None)
    if begin is None:
        return range(0)
    end = next((number for number in range(begin + 1, len(log)) if NEXT.match(log[number])),
               len(log))
    return range(begin, end)

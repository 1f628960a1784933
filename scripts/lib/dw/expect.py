# SPDX-License-Identifier: GPL-2.0
"""Cases that have to fail, as the files of scripts/check/expect/ list them."""

import fnmatch


def expect(cases, patterns, whole_suites):
    """Turn failures that are expected into passes, and the other way round; returns what should
    have failed and was not run, as (pattern, why)."""
    missing = []
    for pattern, reason in patterns:
        matched = [c for c in cases if fnmatch.fnmatchcase(c.name, pattern)]
        suites = {case.name.partition('.')[0] for case in cases}
        if not whole_suites or pattern.partition('.')[0] not in suites:
            pass
        elif not matched or any(case.status == 'skipped' for case in matched):
            missing.append((pattern, f'expected to fail, but did not run: {reason}'))
        for case in matched:
            if case.status == 'failed':
                case.status, case.why = 'passed', f'failed as expected: {reason}'
            elif case.status == 'passed':
                case.status, case.why = 'failed', f'should have failed: {reason}'
    return missing


def read_expectations(path):
    """The lines NAME-GLOB REASON of a file, but for comments."""
    patterns = []
    if path:
        with open(path, encoding='utf-8') as file:
            for number, line in enumerate(file, 1):
                words = line.strip().split(None, 1)
                if not words or line.startswith('#'):
                    continue
                if len(words) < 2:
                    raise ValueError(f'{path}:{number}: want NAME-GLOB REASON')
                patterns.append(tuple(words))
    return patterns

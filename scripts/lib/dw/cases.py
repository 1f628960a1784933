# SPDX-License-Identifier: GPL-2.0
"""What tests of scripts print of their cases."""


def print_cases(results):
    """Prints KTAP of (case, whether it is so, what there was instead), and the totals.  Returns
    the status to exit with: a failure, and no case at all, are 1."""
    print(f'KTAP version 1\n1..{len(results)}')
    for number, (name, good, instead) in enumerate(results, 1):
        if not good:
            print(f'# {instead!r}')
        print(f'{"ok" if good else "not ok"} {number} {name}')
    failed = sum(not good for _, good, _ in results)
    print(f'{len(results) - failed} passed, {failed} failed, 0 skipped')
    return 1 if failed or not results else 0

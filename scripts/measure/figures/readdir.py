# SPDX-License-Identifier: GPL-2.0
"""The goals of the second series, beside the first one."""

import re

# What the rows are about; which they are; the most that a ratio may be.  A ratio is rounded
# to as many digits as the goal has.
GOALS = (
    ('d_alloc_parallel()', r'(?!(readdir|list|ls|stat|stress-ng|threads)\b|create-).*', '1.000'),
    ('names are listed, and nobody races', r'readdir(-.+)?|list-(?!held-).+', '1.00'),
    ('one name is held for 100 ms', r'(list|create)-held-.+', '0.05'),
    ('whole workloads', r'(ls|stress-ng|threads)-(?!l-).+', '1.00'),
    ('a real server answers', r'(ls-l|stat)-.+', '1.00'),
)

# Rows that miss their goal: the most that they may be instead, and why.
MISSED = {
    'list-held-fuse-10000': ('0.36', 'a list of that many names takes that long by itself'),
}


def over(bench, row, kernel, most):
    """Whether a row is above a ratio, and by more than its error excuses."""
    ratio = bench.ratio(row, kernel)
    return round(ratio, len(most.partition('.')[2])) > float(most) and \
        bench.at_least(row, ratio) > float(most)


def goals(bench, kernel):
    """(goal, figure, verdict) for a kernel; the verdict is met, missed, or missed as known.
    The figure is that of the rows which miss the goal, or of the worst one."""
    for what, pattern, most in GOALS:
        ratios = {row: bench.ratio(row, kernel) for row in bench.rows
                  if re.fullmatch(pattern, row) and bench.median(row, kernel)}
        worst = sorted((row for row in ratios if row not in MISSED), key=ratios.get, reverse=True)
        missed = [row for row in worst if over(bench, row, kernel, most)]
        if worst:
            yield (f'{what}: each row at most {most}',
                   ', '.join(f'{ratios[row]:.4f} {row}' for row in missed or worst[:1]),
                   'missed' if missed else 'met')
        for row in ratios.keys() & MISSED.keys():
            instead, why = MISSED[row]
            yield (f'{what}: {row} at most {most}', f'{ratios[row]:.4f}; {why}',
                   'met' if not over(bench, row, kernel, most) else
                   'missed' if over(bench, row, kernel, instead) else 'missed as known')

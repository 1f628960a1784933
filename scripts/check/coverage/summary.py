# SPDX-License-Identifier: GPL-2.0
"""The same in a few words."""

import collections


def plural(count, word):
    return f'{count} {word}' + ('' if count == 1 else 'es' if word[-2:] == 'ch' else 's')


def ratio(items, kind):
    """Of those that can run here, how many did."""
    able = [item for item in items if item.kind == kind and not item.note]
    return f'{sum(item.ran for item in able)} of {plural(len(able), kind)}'


def summary_line(files, items):
    text = (f'coverage: {ratio(items, "line")}, {ratio(items, "branch")} and '
            f'{ratio(items, "macro")} that can run here were run')
    noted = collections.Counter(item.kind for item in items if item.note)
    unable = {item.path for item in items if item.note and item.kind in ('line', 'file')}
    absent = sum(file.status(number) == 'not compiled' for file in files
                 for number in file.touched if file.path in unable)
    if noted['line'] + absent:
        text += (f'; {plural(noted["line"] + absent, "line")} in '
                 f'{plural(len(unable), "file")} cannot')
    if noted['branch']:
        text += f'; {plural(noted["branch"], "branch")} cannot be taken'
    return text


def tally(items, bad):
    return {'passed': sum(item.ran for item in items),
            'failed': sum(item.failed for item in items) + len(bad),
            'skipped': sum(bool(item.note) for item in items)}

# SPDX-License-Identifier: GPL-2.0
"""What the series adds or changes, as git has it."""

import collections
import re
import subprocess

CONTEXT = 6     # lines of the source around what is touched, in the report
Row = collections.namedtuple('Row', 'sign number text')     # of a diff


class Trouble(Exception):
    """Why there is no report, in one line."""


def git(tree, *args):
    done = subprocess.run(['git', '-C', tree, *args], check=False, encoding='utf-8',
                          errors='replace', stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode:
        raise Trouble(f'{tree}: git {args[0]}: {" ".join(done.stderr.split())}')
    return done.stdout


def the_base(tree):
    roots = git(tree, 'rev-list', '--max-parents=0', 'HEAD').split()
    if len(roots) != 1:
        raise Trouble(f'{tree}: HEAD has {len(roots)} roots, so no one base; give --base')
    return roots[0]


def read_diff(tree, base):
    """{path: hunks}, a hunk being (heading, rows); the .c and .h files only."""
    if git(tree, 'status', '--porcelain', '--untracked-files=no').strip():
        raise Trouble(f'{tree}: has edits that are not committed, so lines would be off')
    files = {}
    number = 0
    for line in git(tree, 'diff', '--no-color', '--no-ext-diff', '--no-renames',
                    f'-U{CONTEXT}', base, 'HEAD', '--', '*.c', '*.h').splitlines():
        match = re.match(r'@@ -\S+ \+(\d+)\S* @@ ?(.*)', line)
        if line.startswith('diff --git '):
            rows = None
        elif rows is None and line.startswith('+++ b/'):
            hunks = files.setdefault(line[6:], [])
        elif match:
            number, rows = int(match[1]), []
            hunks.append((match[2], rows))
        elif rows is not None and line[:1] in ('+', '-', ' '):
            rows.append(Row(line[0], number, line[1:]))
            number += line[0] != '-'
    return files


def touched_lines(hunks):
    return [row.number for _, rows in hunks for row in rows if row.sign == '+']

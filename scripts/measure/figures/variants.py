# SPDX-License-Identifier: GPL-2.0
"""The variants of the series, by the heads of their patches."""

import os
import re

from .saved import AFTER


class Variant:
    """What the head of a patch says: what it asks, and what it is a variant of."""

    def __init__(self, name, path, names=()):
        self.name = name
        self.question, self.of = 'not known: its patch is not there', AFTER
        if path is None:
            return
        with open(path, encoding='utf-8', errors='replace') as file:
            head = re.split(r'^(?:---|diff --git .*)$', file.read(), maxsplit=1, flags=re.M)[0]
        paragraphs = [' '.join(part.split()) for part in head.split('\n\n')]
        questions = [part for part in paragraphs if part.startswith('Question')]
        # The kernel that is compared with no other says what it is.
        self.question = (re.sub(r'^Question:? *', '', questions[0]) if questions
                         else paragraphs[0] or 'its patch does not say')
        match = re.match(r'([a-z][a-z-]*), and ', paragraphs[0])
        if match and match[1] in names:
            self.of = match[1]


def read_variants(where, kernels):
    """Those that there are patches for, then those that were measured all the same."""
    names = sorted(name[:-6] for name in os.listdir(where) if name.endswith('.patch')
                   ) if os.path.isdir(where) else []
    variants = [Variant(name, os.path.join(where, name + '.patch'), names) for name in names]
    return variants + [Variant(name, None) for name in kernels
                       if name not in names and name != AFTER]

# SPDX-License-Identifier: GPL-2.0
"""The variants of the series, by the heads of their patches."""

import os
import re

from .instructions import SHIPPED
from .saved import AFTER


class Variant:
    """What the head of a patch says: what it asks, and what it is a variant of."""

    def __init__(self, name, path, of=AFTER, names=()):
        self.name = name
        self.question, self.of = 'not known: its patch is not there', of
        if path is None:
            return
        with open(path, encoding='utf-8', errors='replace') as file:
            head = re.split(r'^(?:---|diff --git .*)$', file.read(), maxsplit=1, flags=re.M)[0]
        paragraphs = [' '.join(part.split()) for part in head.split('\n\n')]
        questions = [part for part in paragraphs if part.startswith('Question')]
        # The kernel that is compared with no other says what it is.
        self.question = (re.sub(r'^Question[^:]*: *', '', questions[0]) if questions
                         else paragraphs[0] or 'its patch does not say')
        match = re.match(r'([a-z][a-z-]*), and ', paragraphs[0])
        if match and match[1] in names:
            self.of = match[1]


def patches_in(where):
    """(Name, path) of each."""
    return [(name[:-6], os.path.join(where, name)) for name in sorted(os.listdir(where))
            if name.endswith('.patch')] if os.path.isdir(where) else []


def read_variants(where, kernels):
    """Those that there are patches for, in @where and in variants/ of the sets beside it, then
    those that were measured all the same."""
    base, own = os.path.split(os.path.abspath(where))
    sets = sorted(name for name in os.listdir(base) if name != own and os.path.isdir(os.path.join(base, name))
                  ) if os.path.isdir(base) else []
    names = [name for name, _ in patches_in(where)]
    variants = [Variant(name, path, names=names) for name, path in patches_in(where)]
    for of in sets:
        variants += [Variant(name, path, of)
                     for name, path in patches_in(os.path.join(base, of, 'variants'))]
    of_patches = {AFTER, *(variant.name for variant in variants)}
    for name in kernels:
        if name not in of_patches:
            variants.append(Variant(name, None))
            if name in sets:
                variants[-1].question = f'none: another form of the change, `SERIES={name}`'
            elif name == SHIPPED:
                variants[-1].question = 'none: the base as it is'
    return variants

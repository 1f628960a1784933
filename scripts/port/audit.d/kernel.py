# SPDX-License-Identifier: GPL-2.0
"""What the kernel exports that a filesystem is to run on."""

import glob
import os
import re

from source import read

# The functions that give a dentry its operations, or have done so.
ASKED = ('d_set_d_op', 'set_default_d_op', 'd_splice_alias_ops')


def tree_of(path):
    """The kernel source that a directory is a part of; None if it is not."""
    path = os.path.realpath(path)
    while path != os.path.dirname(path):
        if os.path.isfile(os.path.join(path, 'fs', 'dcache.c')):
            return path
        path = os.path.dirname(path)
    return None


def exports_of(tree):
    """Those of ASKED that are exported there, and those that are only declared; None if there
    is no tree, or nothing in it that says."""
    symvers = tree and os.path.join(tree, 'Module.symvers')
    sources = glob.glob(os.path.join(tree, 'fs', '*.c')) if tree else []
    if not sources and not (symvers and os.path.isfile(symvers)):
        return None
    if sources:
        exported = r'\bEXPORT_SYMBOL(?:_GPL)?\s*\(\s*(\w+)\s*\)'
    else:
        exported, sources = r'^0x\w+\s+(\w+)\s', [symvers]
    names = {name for path in sources for name in re.findall(exported, read(path), re.M)}
    header = os.path.join(tree, 'include', 'linux', 'dcache.h')
    text = read(header) if os.path.isfile(header) else ''
    declared = {name for name in ASKED if re.search(rf'\b{name}\s*\(', text)}
    return names & set(ASKED), declared - names

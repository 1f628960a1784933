# SPDX-License-Identifier: GPL-2.0
"""First: what there is in SRC, and the list of findings."""

import collections
import os
import re

from source import CALL, File, Trouble, WORDS, blank_out, read

Finding = collections.namedtuple('Finding', 'group path line text')


class Reading:
    """The files of SRC that are worth to be looked at."""

    def __init__(self, top, both, tmp):
        self.top, self.both, self.tmp = top, both, tmp
        self.paths, self.files, self.findings = [], [], []
        self.sites = {}         # file: its sites
        self.ported = {}        # path: File, as the patch makes it
        self.others = {}        # path: text, of code that is not looked at
        self.shadows = set()    # the files with a macro of the name d_alloc_parallel()
        self.tested, self.failed, self.own = set(), set(), set()
        self.exports = None     # what the kernel at hand has: see kernel.py

    def say(self, group, file, line, text, fails=False):
        path = file if isinstance(file, str) else file.path
        self.findings.append(Finding(group, path, line, text))
        self.tested.add(path)
        if fails:
            self.failed.add(path)

    def read_all(self, only=None):
        for where, directories, names in os.walk(self.top, onerror=self.unreadable):
            directories[:] = sorted(name for name in directories if name != '.git')
            if not only:
                for name in directories:
                    self.see_link(os.path.join(where, name))
            for name in sorted(names):
                path = os.path.relpath(os.path.join(where, name), self.top)
                if only and path != only:
                    continue
                self.read_one(path, os.path.join(where, name))
            if only:
                break
        if not any(path.endswith('.c') for path in self.paths):
            raise Trouble(f'SRC={os.path.join(self.top, only or "")}: no .c file; name the '
                          'directory of the filesystem, or one .c file' if only else
                          f'SRC={self.top}: no .c file in there; name the directory of the '
                          'filesystem')

    def see_link(self, full):
        """Links to directories are not followed: they can lead anywhere, and a patch does
        not go through them.  One that leads to code outside of SRC is to be known of."""
        target = os.path.realpath(full)
        if not os.path.islink(full) or \
                os.path.commonpath([target, os.path.realpath(self.top)]) == \
                os.path.realpath(self.top):
            return
        if any(name.endswith(('.c', '.h')) for _, _, names in os.walk(target) for name in names):
            self.say('by hand', os.path.relpath(full, self.top), 1, 'is a symbolic link to a '
                     f'directory, which is not looked at; audit it by itself: SRC={target}', True)

    def unreadable(self, error):
        raise Trouble(f'{error.filename}: {error.strerror}; it has to be readable')

    def read_one(self, path, full):
        is_c = path.endswith(('.c', '.h'))
        if not os.path.isfile(full):
            if is_c:
                self.say('by hand', path, 1, 'is no file, or a symbolic link to nothing; it '
                         'cannot be looked at', True)
            return
        try:
            if not is_c and os.path.getsize(full) > 1 << 20:
                return
            text = read(full)
        except OSError as error:
            raise Trouble(f'{full}: {error.strerror}; it has to be readable') from error
        if not is_c:
            if not re.search(r'\.(inc|inl|def|tmpl|in|cc|cpp|cxx|hh|hpp|S|y|l|rs)\Z', path):
                return
            self.others[path] = text = blank_out(text)
            if re.search(r'\bd_alloc_parallel\s*\(', text):
                self.say('by hand', path, 1 + text[:text.index(CALL)].count('\n'),
                         'd_alloc_parallel() in a file that is not .c or .h: not looked at; '
                         'see whether it is in the old form', True)
            return
        self.paths.append(path)
        if not WORDS.search(text):
            return
        file = File(path, text, f'f{len(self.paths):05}{path[-2:]}')
        if CALL in file.macro.values():
            self.shadows.add(path)
        for match in re.finditer(r'\bd_alloc_parallel\s*\(', file.dead):
            self.say('notes', file, file.dead.count('\n', 0, match.start()) + 1,
                     'd_alloc_parallel() in #if 0: left as it is')
        if not WORDS.search(file.code):
            return
        if os.path.islink(full):
            self.say('by hand', file, 1, 'is a symbolic link; look at what it points to', True)
        elif '\r\n' in text:
            self.say('by hand', file, 1, 'has lines that end in CR LF, on which patch and '
                     'coccinelle do not agree; convert it first', True)
        else:
            self.files.append(file)

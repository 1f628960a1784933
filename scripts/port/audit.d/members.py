# SPDX-License-Identifier: GPL-2.0
"""Fourth: queues that are members of a struct, which go if nothing else uses them."""

import collections
import os
import re

from coccinelle import copy, spatch
from judging import Judging
from sites import member_lines
from source import File, bodies, read


class Members(Judging):
    """Of a struct that SRC defines; in doubt a member stays."""

    def captured(self, path, body, name):
        """Whether a macro that is used in this body of a function of @path names a variable of
        it."""
        for where in [path] + [header for header in self.paths if header.endswith('.h')]:
            text = self.now(where)
            if not re.search(rf'#\s*define\b(?:\\\n|[^\n])*\b{name}\b', text):
                continue
            for macro in re.finditer(r'#\s*define\s+(\w+)(\([^)\n]*\))?((?:\\\n|[^\n])*)',
                                     File(where, text, '').code):
                if re.search(rf'(?<![\w.>])\s*\b{name}\b', macro[3]) and \
                        not re.search(rf'\b{name}\b', macro[2] or '') and \
                        re.search(rf'\b{macro[1]}\b', body):
                    return True
        return False

    def unused_in(self, path, function, expression):
        """What is to be said of the variables in an expression that is gone from a function:
        those of which only the declaration is left."""
        before, after = (list(bodies(File(path, text, ''), function))
                         for text in (read(os.path.join(self.top, path)), self.now(path)))
        names = set(re.findall(r'(?<![\w>.])[A-Za-z_]\w*\b(?!\s*\()', expression))
        for (old, first), (new, _) in zip(before, after):
            for name in sorted(names):
                use = re.compile(rf'(?<!struct )(?<!union )\b{name}\b')
                declared = re.search(rf'\b(?!(?:return|else|goto|case)\b)\w+[\s*]+{name}\s*[=;]',
                                     old)
                if declared and len(use.findall(old)) > len(use.findall(new)) == 1 and \
                        not self.captured(path, new, name):
                    yield (path, first + old.count('\n', 0, declared.end()),
                           f'{name} in {function}(): nothing uses it any more; remove it by hand')

    def drop_members(self, directory, files, unused):
        """Queues that are members of a struct; returns what is to be said of them."""
        lent = collections.defaultdict(list)
        for file in files:
            for site in self.sites[file]:
                if site.to_port() and site.member:
                    lent[site.member].append(site)
        findings = []
        for (of, member), sites in sorted(lent.items()):
            why, line = self.drop_member(directory, of, member, unused)
            first = sites[0]
            path, number = (line or (first.file.path, first.line))
            findings.append((path, number, f'member {member} of {of}, lent in '
                             f'{first.function}(): {why}'))
        return findings

    def drop_member(self, directory, of, member, unused):
        """(What became of it, where it is defined)."""
        match = re.fullmatch(r'struct (\w+)', of)
        if not match:
            return f'kept, for {of} is not known to be a struct; if nothing else uses it, ' \
                'remove it', None
        tag = match[1]
        mentions, defined = [], []
        for number, path in enumerate(self.paths, 1):
            text = self.now(path)
            if not re.search(rf'\b{member}\b', text):
                continue
            file = File(path, text, f'f{number:05}{path[-2:]}')
            # An object that a function or a macro returns has no name, and no type in sight.
            if not re.search(rf'\b{member}\b', file.code):
                continue
            mentions.append(file)
            defined += [(file, line) for line in member_lines(file, tag, member)]
        if len(defined) != 1:
            return f'kept, for {of} is defined {"more than once" if defined else "nowhere"} in ' \
                'SRC; if nothing else uses it, remove it and what initialises it', None
        path, line = defined[0][0].path, defined[0][1]
        if path in self.ported:
            before = File(path, read(os.path.join(self.top, path)), '')
            line = (member_lines(before, tag, member) or [line])[0]
        where = path, line
        copy(directory, mentions)
        facts = spatch('member.cocci', directory, mentions, ['-D', f'member={member}'])
        lines, emptied = collections.defaultdict(set), set()
        lines[defined[0][0]].add(defined[0][1])
        gone = collections.Counter([defined[0][0].path])
        for file in mentions:
            use = self.bare_use(file, tag, member)
            if use:
                return f'kept, for it can be that which is named in {file.path}, in "{use}"', where
        for file in mentions:
            rows = facts[file]
            types = {(fact.line, fact.column): fact.more[0] for kind, fact in rows if kind == 'of'}
            inits = {(fact.line, fact.column) for kind, fact in rows if kind == 'init'}
            for use in re.finditer(rf'(?:->|\.)\s*({member})\b', file.code):
                place = file.where(use.start(1))
                type_ = types.get(place) or self.declared_type(file, use.start())
                if type_ and self.is_of_other(type_, of):
                    continue
                if place in inits and place in types:
                    lines[file].add(place[0])
                    gone[file.path] += 1
                    emptied.update((mentions.index(file), fact.function, file.code[
                        file.code.rfind('&', 0, use.start()):use.start()])
                                   for kind, fact in rows
                                   if kind == 'init' and (fact.line, fact.column) == place)
                    continue
                return f'kept, for it can be that which is used in {file.path}, in ' \
                    f'"{file.lines[place[0] - 1].strip()}"', where
        for other, text in self.others.items():
            if re.search(rf'\b{member}\b', text):
                return f'kept, for it can be that which is named in {other}, which is not .c or ' \
                    '.h and not looked at', where
        if self.initialised_by_place(of):
            return f'kept, for {of} is initialised without the names of its members; if ' \
                'nothing else uses it, remove it there, too', where
        for file in lines:
            why = self.not_to_patch(file)
            if why:
                return f'kept, for {file.path} {why}; if nothing else uses it, remove it and ' \
                    'what initialises it', where
        owner = mentions.index(defined[0][0])
        mentions = [file.without_remarks(lines[file]) for file in mentions]
        copy(directory, mentions)
        spatch('member.cocci', directory, mentions,
               ['--in-place', '-D', 'drop', '-D', f'member={member}', '-D', f'tag={tag}'])
        after = [file.changed(directory) for file in mentions]
        if member_lines(after[owner], tag, member) or any(file.error for file in after) or \
                any(len(re.findall(rf'\b{member}\b', old.code)) - gone[old.path] !=
                    len(re.findall(rf'\b{member}\b', new.code))
                    for old, new in zip(mentions, after)):
            return 'kept, though nothing uses it: remove it and what initialises it by hand', where
        for file in after:
            if file.text != self.now(file.path):
                self.ported[file.path] = file
        for number, function, expression in sorted(emptied):
            unused += self.unused_in(after[number].path, function, expression)
        return 'removed, and what initialises it', where

    @staticmethod
    def bare_use(file, tag, member):
        """Where a member is named, but not of an object: offsetof(), container_of(), or a
        macro that is given it.  A name that is declared there is that of something else."""
        # Of macros that declare, those of wait.h and wait_bit.h: another one that is given
        # the name may make a use of the member from it.
        declared = rf'(?:\w\s+|\*\s*){member}\s*[;,=)\[:]|' \
            r'\b(?:DECLARE_WAIT(?:QUEUE|_QUEUE_HEAD(?:_ONSTACK)?)|DEFINE_WAIT(?:_FUNC|_BIT)?)' \
            rf'\s*\(\s*{member}\s*[,)]'
        code = re.sub(declared, lambda match: re.sub(r'[^\n]', ' ', match[0]), file.code)
        # A parameter of a macro stands for what it is given, and that is named there.
        code = re.sub(r'^[ \t]*#[ \t]*define[ \t]+\w+\(([^)]*)\)(?:.*\\\n)*.*',
                      lambda match: re.sub(rf'\b{member}\b', ' ' * len(member), match[0])
                      if member in re.findall(r'\w+', match[1]) else match[0],
                      code, flags=re.MULTILINE)
        variable = len(re.findall(declared, file.code)) > len(member_lines(file, tag, member))
        for use in re.finditer(rf'(?<![\w.>]){member}\b', code):
            before = code[:use.start()].rstrip()
            statement = re.search(r'[^;{}]*\Z', before)[0]
            if before.endswith(('->', '.')) or \
                    (variable and not re.search(rf'\b{tag}\b', statement)):
                continue
            return file.lines[file.where(use.start())[0] - 1].strip()
        return None

    @staticmethod
    def declared_type(file, offset):
        """What the object before the -> or . at @offset is declared to be in the function
        around it, for where coccinelle cannot tell.  None if it is not just a name, or if
        that may be declared as something else, too."""
        if file.where(offset)[0] in file.macro:
            return None
        function = re.split(r'\n}', file.code[:offset])[-1]
        match = re.search(r'(->\s*|\.\s*)?\b([A-Za-z_]\w*)\s*\Z', function)
        if not match or match[1]:
            return None
        name = match[2]
        found = set(re.findall(rf'\b((?:struct|union)\s+\w+)[\s*]+{name}\b', function))
        words = set(re.findall(rf'(\w+)[\s*]+{name}\s*[][;,=():]', function)) - {'return'}
        # The second in a list of them has no word before it.
        listed = re.search(rf',\s*\*[\s*]*{name}\s*[;,=)]', function)
        if len(found) != 1 or len(words) > 1 or listed:
            return None
        return ' '.join(found.pop().split())

    def not_to_patch(self, file):
        """Why a file cannot be changed by a patch, if it cannot."""
        if os.path.islink(os.path.join(self.top, file.path)):
            return 'is a symbolic link, through which patch does not go'
        if '\r\n' in file.text:
            return 'has lines that end in CR LF'
        return None

    def now(self, path):
        """The text of a file as far as it is ported."""
        return self.ported[path].text if path in self.ported else \
            read(os.path.join(self.top, path))

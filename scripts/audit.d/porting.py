# SPDX-License-Identifier: GPL-2.0
"""Third: the calls without their third argument, the queues gone, and the patch."""

import collections
import functools
import os
import re
import subprocess

from coccinelle import PATCHES, copy, find, spatch
from judging import Judging
from sites import OLD, compats, member_lines, not_of, sites_of, squeeze
from source import File, QUEUE_TYPE, Trouble, bodies, braces, read, write

HEADER = 'd_alloc_parallel_compat.h'


class Porting(Judging):
    """Ports copies; what is wrong then is left as it was, and said."""

    def port(self):
        unused = []
        while True:
            files = [file for file in self.files if not file.error and
                     any(site.to_port() for site in self.sites[file])]
            self.ported.clear()
            unused.clear()
            members = self.port_files(files, unused)
            wrong = [file for file in files if not self.is_right(file)]
            if not wrong:
                break
            for file in wrong:      # and the others again, for what they have in common
                self.say('by hand', file, 1, 'the port went wrong; port it by hand', True)
                for site in self.sites[file]:
                    site.left = site.left or (site.kind == 'old' and 'the port went wrong')
        for file in files:
            self.say_ported(file)
        for finding in members + unused:
            self.say('queues', *finding)
        if self.both and self.ported:
            self.add_header()

    def port_files(self, files, unused):
        """Sets self.ported; returns what is to be said of members of structs, and appends to
        @unused what is to be said of where these were initialised."""
        directory, members = os.path.join(self.tmp, 'port'), []
        places = [f'{file.name}:{site.place[0]}:{site.place[1]}'
                  for file in files for site in self.sites[file] if site.to_port()]
        copy(directory, files)
        spatch('both.cocci' if self.both else 'port.cocci', directory, files, ['--in-place'],
               AUDIT_PLACES=' '.join(places))
        self.reread(directory, files)
        if self.both:
            for file in files:
                self.add_include(self.ported[file.path])
        else:
            self.drop_queues(directory, files)
            members = self.drop_members(directory, files, unused)
        find(os.path.join(self.tmp, 'check'), [self.ported[file.path] for file in files])
        return members

    def reread(self, directory, files):
        for file in files:
            self.ported[file.path] = file.changed(directory)

    def is_right(self, file):
        """Look at the result: nothing old, nothing lost."""
        sites, result = self.sites[file], self.ported[file.path]
        after = sites_of(result)
        old = sum(site.kind in OLD for site in after)
        left = sum(site.kind in OLD and bool(site.left) for site in sites)
        return not result.error and old == left and \
            len(after) + compats(result) - compats(file) == len(sites)

    def say_ported(self, file):
        to = 'd_alloc_parallel_compat()' if self.both else 'the new form'
        for site in self.sites[file]:
            if site.to_port():
                self.say('calls', file, site.line,
                         f'd_alloc_parallel() in {site.in_function()}: ported to {to}')
        if not self.both:
            self.say_queues(file, self.sites[file], sites_of(self.ported[file.path]))

    @staticmethod
    def uses(code, queue):
        """Where a queue is declared and initialised, the former first; and where it is used
        for more than that."""
        name = re.escape(queue)
        declared = rf'\bDECLARE_WAIT_QUEUE_HEAD(?:_ONSTACK)?\s*\(\s*{name}\s*\)|' \
            rf'{QUEUE_TYPE}\s+(?:\w+\s*,\s*)*{name}\b' \
            rf'(?:\s*=\s*__WAIT_QUEUE_HEAD_INIT\w*\s*\(\s*{name}\s*\))?'
        initialised = rf'\binit_waitqueue_head\s*\(\s*&\s*{name}\s*\)'
        places = [match.start() for match in re.finditer(declared, code)]
        if places:
            places += [match.start() for match in re.finditer(initialised, code)]
        rest = re.sub(declared + '|' + initialised,
                      lambda match: re.sub(r'[^\n]', ' ', match[0]), code)
        return places, [match.start() for match in re.finditer(rf'\b{name}\b', rest)]

    def drop_queues(self, directory, files):
        """The queues of the functions that lent them, if their names are not used else."""
        drop, keep, named, lines = set(), set(), {}, collections.defaultdict(set)
        find(os.path.join(self.tmp, 'again'), [self.ported[file.path] for file in files])
        for file in files:
            after = sites_of(self.ported[file.path])
            for site, result in zip(self.sites[file], after):
                if site.to_port() and site.variable() and result.function:
                    key = file, site.function, site.variable()
                    declared, used = self.uses(result.body(), site.variable())
                    if not declared or used or self.captured(file, result, site.variable()) or \
                            not self.initialised_alone(result.body(), site.variable()):
                        keep.add(key)
                    else:
                        drop.add(key)
                        named[key] = len(re.findall(rf'\b{site.variable()}\b', result.body()))
                        lines[key].update(result.line_of(place) for place in declared)
        before = dict(self.ported)
        while True:
            for file in files:
                self.ported[file.path] = before[file.path].without_remarks(
                    {line for key in drop - keep if key[0] == file for line in lines[key]})
            copy(directory, [self.ported[file.path] for file in files])
            spatch('queue.cocci', directory, files, ['--in-place'],
                   AUDIT_QUEUES=' '.join(sorted(f'{file.name}:{function}:{queue}'
                                                for file, function, queue in drop - keep)))
            self.reread(directory, files)
            # Something of it may have stayed for a reason that nobody has thought of.
            stays = {key for key in drop - keep
                     if self.count(before, key) - self.count(self.ported, key) !=
                     sum(named[other] for other in drop - keep
                         if (other[0], other[2]) == (key[0], key[2]))}
            if not stays:
                break
            keep |= stays

    @staticmethod
    def initialised_alone(code, queue):
        """What is a part of another statement is not taken out."""
        return all(re.search(r'(?:[;{}:)]|\belse)\s*\Z', code[:match.start()]) and
                   re.match(r'\s*;', code[match.end():])
                   for match in re.finditer(rf'\binit_waitqueue_head\s*\(\s*&\s*{queue}\s*\)',
                                            code))

    @staticmethod
    def count(ported, key):
        """How often the file of a queue names it, or another one of that name."""
        return len(re.findall(rf'\b{key[2]}\b', ported[key[0].path].code))

    def captured(self, file, site, name):
        """Whether a macro that is used in the function names a variable of it."""
        for path in [file.path] + [path for path in self.paths if path.endswith('.h')]:
            text = self.now(path)
            if not re.search(rf'#\s*define\b(?:\\\n|[^\n])*\b{name}\b', text):
                continue
            for macro in re.finditer(r'#\s*define\s+(\w+)(\([^)\n]*\))?((?:\\\n|[^\n])*)',
                                     File(path, text, '').code):
                if re.search(rf'(?<![\w.>])\s*\b{name}\b', macro[3]) and \
                        not re.search(rf'\b{name}\b', macro[2] or '') and \
                        re.search(rf'\b{macro[1]}\b', site.body()):
                    return True
        return False

    def say_queues(self, file, sites, after):
        said = set()
        for site, result in zip(sites, after):
            queue = squeeze(site.queue or '')
            key = site.function, queue
            if not site.to_port() or queue == 'NULL' or key in said:
                continue
            said.add(key)
            line = site.line
            self.say_left_over(file, site)
            if site.member:
                continue
            if site.variable():
                declared, _ = self.uses(site.body(), site.variable())
                if declared:
                    line = site.line_of(declared[0])
                    rest, used = self.uses(result.body(), site.variable())
                    what = 'removed'
                    if used:
                        text = result.file.lines[result.line_of(used[0]) - 1].strip()
                        what = f'kept, for it is used in "{text}", too'
                    elif self.captured(file, result, site.variable()):
                        what = 'kept, for a macro that is used there names it, too'
                    elif rest:
                        what = 'kept, though nothing uses it: remove it by hand'
                else:
                    what = 'kept, for it is no variable of that function; look who else uses it'
            elif queue.endswith('->d_wait'):
                what = 'is what was lent for that dentry itself; nothing to remove'
            elif queue.startswith('&'):
                what = 'kept, for its type is not seen; if nothing else uses it, remove it'
            elif '(' in queue:
                continue
            else:
                what = 'kept, for it comes from elsewhere; nobody has to hand it in any more'
            self.say('queues', file, line, f'{queue} in {site.function}(): {what}')

    def say_left_over(self, file, site):
        """What the third argument did, and what was there for it."""
        queue = squeeze(site.queue)
        if re.search(r'[\w)\]]\(|\+\+|--|(?<![=!<>])=(?!=)', queue):
            self.say('queues', file, site.line, f'{queue} in {site.function}(): is not evaluated '
                     'any more; see whether that did more than to find the queue')
        if queue != f'&{site.variable()}':
            for finding in self.unused_in(file.path, site.function, queue):
                self.say('queues', *finding)

    def unused_in(self, path, function, expression):
        """What is to be said of the variables in an expression that is gone from a function:
        those of which only the declaration is left."""
        before, after = (list(bodies(File(path, text, ''), function))
                         for text in (read(os.path.join(self.top, path)), self.now(path)))
        names = set(re.findall(r'(?<![\w>.])[A-Za-z_]\w*\b(?!\s*\()', expression))
        for (old, first), (new, _) in zip(before, after):
            for name in sorted(names):
                use = re.compile(rf'(?<!struct )(?<!union )\b{name}\b')
                declared = re.search(rf'\w[\s*]+{name}\s*[=;]', old)
                if declared and len(use.findall(old)) > len(use.findall(new)) == 1:
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
                if self.is_of_other(types.get(place) or self.declared_type(file, use.start()), of):
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
        by_place = self.initialised_by_place(tag)
        if by_place:
            return f'kept, for in {by_place} {of} is initialised without the names of its ' \
                'members; if nothing else uses it, remove it there, too', where
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

    def is_of_other(self, type_, of):
        """Whether an object of that type is surely none of struct @of."""
        name = re.sub(r'\b(?:const|volatile)\b', ' ', type_ or '').split()
        if len(name) != 1 or not re.fullmatch(r'\w+', name[0]):
            return not_of(type_, of)
        # A name that the kernel makes is none of a struct that SRC has.
        return all(not_of(which, of) for which in self.typedefs.get(name[0], ()))

    @functools.cached_property
    def typedefs(self):
        """{name: what it stands for}, of each that SRC makes a type, or may: with None if
        that is more than the name of a struct."""
        made = collections.defaultdict(set)
        for path in self.paths:
            text = read(os.path.join(self.top, path))
            if not re.search(r'\btypedef\b|#\s*define\b.*\bstruct\b', text):
                continue
            code = File(path, text, '').code
            for match in re.finditer(r'\btypedef\s+((?:struct|union)\s+\w+)\s+(\w+)\s*;|'
                                     r'\btypedef\b([^;{}]*);|\}([\s\w*,]*);|'
                                     r'#\s*define\s+(\w+)\b.*\bstruct\b', code):
                if match[2]:
                    made[match[2]].add(match[1])
                for name in re.findall(r'\w+', match[3] or match[4] or match[5] or ''):
                    made[name].add(None)
        return made

    def initialised_by_place(self, tag):
        """A file with an initialiser of that struct that does not name the members, so that
        another one would get the value if one goes."""
        start = re.compile(rf'\bstruct\s+{tag}\s+\w+\s*(\[[^;=]*\]\s*)?=\s*(?=\{{)|'
                           rf'\(\s*(?:const\s+)?struct\s+{tag}\s*(\[[^])]*\])?\s*\)\s*(?=\{{)')
        for path in self.paths:
            text = self.now(path)
            if not re.search(rf'\b{tag}\b', text):
                continue
            code = File(path, text, '').code
            for match in start.finditer(code):
                value = braces(code, match.end())
                if re.fullmatch(r'[\s{},0]*', value):
                    continue
                rows = [value]
                if match[1] or match[2]:
                    rows = [braces(value, place) for place, char in enumerate(value)
                            if char == '{' and
                            value.count('{', 0, place) - value.count('}', 0, place) == 1]
                if not rows or any(not re.match(r'\{\s*[.}]', row) for row in rows):
                    return path
        return None

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

    def add_include(self, file):
        """#include the header, below the last #include that is above all code."""
        depth, last, comment = 0, None, 0
        lines = file.text.split('\n')
        for number, line in enumerate(file.lines):
            match = re.match(r'\s*#\s*(\w+)', line)
            word = match[1] if match else ''
            depth += word.startswith('if')
            depth -= word == 'endif'
            if word == 'include' and not depth:
                last = number
            if line.strip() and not match and number + 1 not in file.macro:
                break
            if not any(text.strip() for text in file.lines[:number + 1]):
                comment = number + 1
        up = os.path.relpath(HEADER, os.path.dirname(file.path) or '.')
        lines.insert(comment if last is None else last + 1, f'#include "{up}"')
        self.ported[file.path] = File(file.path, '\n'.join(lines), file.name)

    def add_header(self):
        text = read(os.path.join(PATCHES, '..', '..', 'module', HEADER))
        there = os.path.join(self.top, HEADER)
        if os.path.exists(there):
            if read(there) != text:
                raise Trouble(f'{there}: is there, and is not what would be put there; move it')
        else:
            self.ported[HEADER] = File(HEADER, text, HEADER)

    def patch(self):
        """The text of the patch; it has been tried."""
        old, new = os.path.join(self.tmp, 'a'), os.path.join(self.tmp, 'b')
        text = ''
        for path, file in sorted(self.ported.items()):
            write(os.path.join(new, path), file.text)
            before = os.path.join(self.top, path)
            labels = [f'a/{path}', f'b/{path}']
            if os.path.exists(before):
                write(os.path.join(old, path), read(before))
            else:
                before, labels[0] = os.devnull, os.devnull
            if ' ' in path:
                labels = [label + '\t' for label in labels]
            done = subprocess.run(['diff', '-u', '-p', '--label', labels[0], '--label', labels[1],
                                   before, os.path.join(new, path)], check=False,
                                  encoding='latin-1', stdout=subprocess.PIPE)
            if done.returncode != 1:
                raise Trouble(f'diff says nothing of {path}, or failed')
            text += done.stdout
        if text:
            os.makedirs(old, exist_ok=True)
            done = subprocess.run(['patch', '-p1', '-F0', '--force', '--no-backup-if-mismatch'],
                                  cwd=old, input=text, check=False, encoding='latin-1',
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            if done.returncode or re.search(r'fuzz|offset|FAILED', done.stdout):
                raise Trouble(f'the patch does not apply: {" ".join(done.stdout.split())}')
            for path, file in self.ported.items():
                if read(os.path.join(old, path)) != file.text:
                    raise Trouble(f'the patch does not give what it was made from: {path}')
        return text

# SPDX-License-Identifier: GPL-2.0
"""Third: the calls without their third argument, the queues gone, and the patch."""

import collections
import os
import re
import subprocess

from coccinelle import PATCHES, copy, find, spatch
from judging import Judging
from sites import OLD, compats, member_lines, sites_of, squeeze
from source import File, QUEUE_TYPE, Trouble, read, write

HEADER = 'd_alloc_parallel_compat.h'


class Porting(Judging):
    """Ports copies; what is wrong then is left as it was, and said."""

    def port(self):
        while True:
            files = [file for file in self.files if not file.error and
                     any(site.to_port() for site in self.sites[file])]
            self.ported.clear()
            members = self.port_files(files)
            wrong = [file for file in files if not self.is_right(file)]
            if not wrong:
                break
            for file in wrong:      # and the others again, for what they have in common
                self.say('by hand', file, 1, 'the port went wrong; port it by hand', True)
                for site in self.sites[file]:
                    site.left = site.left or (site.kind == 'old' and 'the port went wrong')
        for file in files:
            self.say_ported(file)
        for finding in members:
            self.say('queues', *finding)
        if self.both and self.ported:
            self.add_header()

    def port_files(self, files):
        """Sets self.ported; returns what is to be said of members of structs."""
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
            members = self.drop_members(directory, files)
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
        drop, keep, lines = set(), set(), collections.defaultdict(set)
        find(os.path.join(self.tmp, 'again'), [self.ported[file.path] for file in files])
        for file in files:
            after = sites_of(self.ported[file.path])
            for site, result in zip(self.sites[file], after):
                if site.to_port() and site.variable() and result.function:
                    declared, used = self.uses(result.body(), site.variable())
                    (drop if declared and not used else keep).add(
                        f'{file.name}:{site.function}:{site.variable()}')
                    if declared and not used:
                        lines[file].update(result.line_of(place) for place in declared)
        for file in files:
            self.ported[file.path] = self.ported[file.path].without_remarks(lines[file])
        copy(directory, [self.ported[file.path] for file in files])
        spatch('queue.cocci', directory, files, ['--in-place'],
               AUDIT_QUEUES=' '.join(sorted(drop - keep)))
        self.reread(directory, files)

    def say_queues(self, file, sites, after):
        said = set()
        for site, result in zip(sites, after):
            queue = squeeze(site.queue or '')
            key = site.function, queue
            if not site.to_port() or queue == 'NULL' or site.member or key in said:
                continue
            said.add(key)
            line = site.line
            if site.variable():
                declared, _ = self.uses(site.body(), site.variable())
                if declared:
                    line = site.line_of(declared[0])
                    rest, used = self.uses(result.body(), site.variable())
                    what = 'removed'
                    if used:
                        text = result.file.lines[result.line_of(used[0]) - 1].strip()
                        what = f'kept, for it is used in "{text}", too'
                    elif rest:
                        what = 'kept, though nothing uses it: remove it by hand'
                else:
                    what = 'kept, for it is no variable of that function; look who else uses it'
            elif queue.endswith('->d_wait'):
                what = 'is what was lent for that dentry itself; nothing to remove'
            elif queue.startswith('&'):
                what = 'kept, for its type is not seen; if nothing else uses it, remove it'
            else:
                what = 'kept, for it comes from elsewhere; nobody has to hand it in any more'
            self.say('queues', file, line, f'{queue} in {site.function}(): {what}')

    def drop_members(self, directory, files):
        """Queues that are members of a struct; returns what is to be said of them."""
        lent = collections.defaultdict(list)
        for file in files:
            for site in self.sites[file]:
                if site.to_port() and site.member:
                    lent[site.member].append(site)
        findings = []
        for (of, member), sites in sorted(lent.items()):
            why, line = self.drop_member(directory, of, member)
            first = sites[0]
            path, number = (line or (first.file.path, first.line))
            findings.append((path, number, f'member {member} of {of}, lent in '
                             f'{first.function}(): {why}'))
        return findings

    def drop_member(self, directory, of, member):
        """(What became of it, where it is defined)."""
        match = re.fullmatch(r'struct (\w+)', of)
        if not match:
            return f'kept, for {of} is not known to be a struct; if nothing else uses it, ' \
                'remove it', None
        tag = match[1]
        mentions, defined = [], []
        for number, path in enumerate(self.paths, 1):
            text = self.now(path)
            if not re.search(rf'\b{tag}\b', text) or not re.search(rf'\b{member}\b', text):
                continue
            file = File(path, text, f'f{number:05}{path[-2:]}')
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
        lines = collections.defaultdict(set)
        lines[defined[0][0]].add(defined[0][1])
        for file in mentions:
            rows = facts[file]
            types = {(fact.line, fact.column): fact.more[0] for kind, fact in rows if kind == 'of'}
            inits = {(fact.line, fact.column) for kind, fact in rows if kind == 'init'}
            for use in re.finditer(rf'(?:->|\.)\s*({member})\b', file.code):
                place = file.where(use.start(1))
                if types.get(place, of) != of:
                    continue
                if place in inits and place in types:
                    lines[file].add(place[0])
                    continue
                return f'kept, for it can be that which is used in {file.path}, in ' \
                    f'"{file.lines[place[0] - 1].strip()}"', where
        owner = mentions.index(defined[0][0])
        mentions = [file.without_remarks(lines[file]) for file in mentions]
        copy(directory, mentions)
        spatch('member.cocci', directory, mentions,
               ['--in-place', '-D', 'drop', '-D', f'member={member}', '-D', f'tag={tag}'])
        after = [file.changed(directory) for file in mentions]
        if member_lines(after[owner], tag, member) or any(file.error for file in after):
            return 'kept, though nothing uses it: remove it and what initialises it by hand', where
        for file in after:
            if file.text != self.now(file.path):
                self.ported[file.path] = file
        return 'removed, and what initialises it', where

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
            if re.search(r'\bd_alloc_parallel_compat\b', line):
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

# SPDX-License-Identifier: GPL-2.0
"""Last: the calls without their third argument, the queues gone, and the patch."""

import collections
import os
import re
import subprocess

from coccinelle import PATCHES, copy, find, spatch
from members import Members
from sites import OLD, compats, sites_of, squeeze
from source import File, QUEUE_TYPE, Trouble, read, write

HEADER = 'd_alloc_parallel_compat.h'


class Porting(Members):
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
                    if not declared or used or \
                            self.captured(file.path, result.body(), site.variable()) or \
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

    def say_queues(self, file, sites, after):
        said = set()
        for site, result in zip(sites, after):
            queue = squeeze(site.queue or '')
            key = site.function, queue
            if not site.to_port() or queue == 'NULL' or key in said:
                continue
            said.add(key)
            line = site.line
            evaluated = self.say_left_over(file, site)
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
                    elif self.captured(file.path, result.body(), site.variable()):
                        what = 'kept, for a macro that is used there names it, too'
                    elif rest:
                        what = 'kept, though nothing uses it: remove it by hand'
                else:
                    what = 'kept, for it is no variable of that function; look who else uses it'
            elif queue.endswith('->d_wait'):
                what = 'is what was lent for that dentry itself; nothing to remove'
            elif queue.startswith('&'):
                what = 'kept, for its type is not seen; if nothing else uses it, remove it'
            elif evaluated:
                continue
            else:
                what = 'kept, for it comes from elsewhere; nobody has to hand it in any more'
            self.say('queues', file, line, f'{queue} in {site.function}(): {what}')

    def say_left_over(self, file, site):
        """What was there for the third argument; returns whether that may have done more."""
        queue = squeeze(site.queue)
        evaluated = bool(re.search(r'[\w)\]]\(|\+\+|--|(?<![=!<>])=(?!=)', queue))
        if evaluated:
            self.say('queues', file, site.line, f'{queue} in {site.function}(): is not evaluated '
                     'any more; see whether that did more than to find the queue')
        if queue != f'&{site.variable()}':
            for finding in self.unused_in(file.path, site.function, queue):
                self.say('queues', *finding)
        return evaluated

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
        text = read(os.path.join(PATCHES, '..', '..', '..', 'module', 'include', HEADER))
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

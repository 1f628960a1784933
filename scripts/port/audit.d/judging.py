# SPDX-License-Identifier: GPL-2.0
"""Third: what is in these files, and what is wrong with it."""

import collections
import os
import re

from coccinelle import copy, spatch
from reading import Finding
from sites import OWN, sites_of, squeeze
from source import CALL, File, NAMED, annotated, read
from structs import Structs

NO_ENDS = set('''IS_ERR IS_ERR_OR_NULL PTR_ERR ERR_CAST WARN_ON BUG_ON READ_ONCE likely unlikely
    dput dget d_inode d_drop d_delete d_invalidate d_rehash d_in_lookup d_unhashed d_is_negative
    d_is_positive d_really_is_negative d_really_is_positive d_set_d_op d_backing_inode printk
    d_lookup_done d_add d_splice_alias d_splice_alias_ops'''.split())

# The text before ->d_flags where its address is stored or given to somebody, and to whom it
# can be given, for they do not write to it.
ADDRESS = r'(?:[(,]\s*(?:\([\w\s]*\*\s*\)\s*)*|=\s*(?:\([\w\s*]*\)\s*)*)&\s*\(*[\w>.-]*\Z'
READER = r'\b(READ_ONCE|smp_load_acquire|wake_up_var|__var_waitqueue)\s*\(\s*&[^,;]*\Z'


class Judging(Structs):
    """A file at a time; then the ends of lookups, for which others are asked."""

    def judge(self, file):
        self.sites[file] = sites_of(file)
        defined = [site for site in self.sites[file] if site.kind == 'declared']
        # One that is static, or in an #if, is what a filesystem has for old kernels.
        vfs = any(re.match(r'[^;{]*\{', self.rest_of(file, site)) and
                  site.line not in file.conditional and
                  not re.search(r'\bstatic\b[^;{}]*\Z', self.text_before(file, site))
                  for site in defined)
        if defined:
            self.own.add(file.path)
            self.say('notes', file, defined[0].line, 'defines d_alloc_parallel(), so it is the '
                     'VFS itself; its own writes of ->d_flags are not judged' if vfs else
                     'declares d_alloc_parallel(): the kernel changes that, not a filesystem')
        for site in defined:
            if not file.path.endswith('include/linux/dcache.h') and \
                    site.line not in file.conditional and \
                    re.match(r'[^;{]*\bwait_queue_head[^;{]*;', self.rest_of(file, site)):
                self.say('by hand', file, site.line, 'd_alloc_parallel() is declared in the old '
                         'form; leave that to <linux/dcache.h>', True)
        for number, line in enumerate(file.text.split('\n'), 1):
            if f'"{CALL}"' in line:
                self.say('by hand', file, number, 'd_alloc_parallel() is named in a string (looked up by '
                         'its name?); port it, and who calls it, by hand', True)
        if file.error:
            self.say('by hand', file, 1, f'coccinelle gave up on it: {file.error}', True)
            for site in self.sites[file]:
                if site.kind not in OWN:
                    site.left = 'in a file that coccinelle gave up on'
            return
        for site in self.sites[file]:
            self.judge_site(site)
        self.judge_names(file)
        if not vfs:
            self.judge_flags(file)
            self.judge_d_op(file)
            self.judge_d_wait(file)
        self.judge_parsing(file)

    @staticmethod
    def rest_of(file, site):
        return file.code[file.starts[site.line - 1] + site.place[1]:]

    @staticmethod
    def text_before(file, site):
        return file.bare[:file.starts[site.line - 1] + site.place[1]]

    def judge_site(self, site):
        by_hand = {
            'macro': 'in a macro',
            'not called': 'is named, not called (a function pointer?); port it, and who uses it,',
            'lost': 'coccinelle has not understood this call; port it',
            'split': 'has an #if among its arguments; port it',
            'unclear': 'is in an #if that has the other form in another branch, or in a file that '
                       'has it in another #if, but not in one that is just the opposite; look '
                       'which kernels compile it, and port it',
            'odd': 'is called with a number of arguments that is not known; port it',
        }.get(site.kind)
        if site.kind == 'old' and self.both:
            if site.queue == 'NULL':
                by_hand = 'lends no queue, and the old form needs one; declare one'
            elif site.queue.endswith('-> d_wait'):
                by_hand = 'lends ->d_wait, which is not there in the new form; port it'
        elif site.kind == 'new' and self.both:
            by_hand = 'has the new form already, and so no queue for the old one; port it'
        shadow = self.shadow_on(site.file.path) if site.kind == 'old' else None
        if shadow:
            site.left = 'through a macro'
            self.say('by hand', site.file, site.line, f'{CALL}() in {site.in_function()}: is that '
                     f'macro of {shadow}; port both by hand', True)
        elif site.kind == 'guarded' and (site.queue or site.left.startswith('with')):
            self.say('notes', site.file, site.line, f'd_alloc_parallel() in {site.in_function()}: '
                     f'is {site.left}; left as it is')
            if site.by_version:
                self.say('warnings', site.file, site.line, f'd_alloc_parallel() in {site.in_function()}: '
                         'the version of the kernel decides which form it is, but one before 7.2 that '
                         'has this series has the new one; ask the compiler, as '
                         'd_alloc_parallel_compat() does, which BOTH=1 makes of a call in the old form')
        elif by_hand:
            site.left = by_hand.partition(';')[0]
            if site.kind == 'macro':
                name = site.file.macro[site.line]
                site.left = f'in macro {name}()'
                by_hand = f'{site.left}; port it, and who uses it, by hand'
                self.say('by hand', site.file, site.line, f'd_alloc_parallel() {by_hand}', True)
            else:
                self.say('by hand', site.file, site.line,
                         f'd_alloc_parallel() in {site.in_function()}: {by_hand} by hand', True)

    def shadow_on(self, path):
        """The file that makes the function a macro for @path: itself, or what it includes."""
        seen, todo = set(), [path]
        while todo and self.shadows:
            where = todo.pop()
            if where in self.shadows:
                return where
            seen.add(where)
            text = read(os.path.join(self.top, where))
            names = {os.path.basename(name) for name in
                     re.findall(r'^[ \t]*#[ \t]*include[ \t]*["<]([^">]+)', text, re.M)}
            todo += [other for other in self.paths
                     if os.path.basename(other) in names and other not in seen]
        return None

    def judge_names(self, file):
        """Those that coccinelle must have seen, if it has understood the file."""
        seen = {(fact.line, fact.column) for fact in file.facts['named'] + file.facts['d_op']}
        for word in NAMED + ('d_set_d_op',):
            for place, _, kind in file.named(word):
                if kind != 'call' or place in seen:
                    continue
                # Nothing is looked for where a dentry is only spliced.
                self.say('notes' if word == 'd_splice_alias' else 'by hand', file, place[0],
                         f'{word}() in {file.function_at(place[0])}: coccinelle has not '
                         'understood that function; look at it', word != 'd_splice_alias')

    def judge_flags(self, file):
        written = {(fact.line, fact.column): fact for fact in file.facts['write']}
        types = {(fact.line, fact.column): fact.more[0] for fact in file.facts['typed']}
        unlocked = self.unlocked(file, 'unlocked')
        for match in re.finditer(r'(->|\.)\s*(d_flags)\b', file.code):
            place = file.where(match.start(2))
            before, after = file.code[:match.start()], file.code[match.end():]
            assigned = re.match(r'\s*((\)\s*)*(=(?!=)|[-+|&^*/%]=|<<=|>>=)|\+\+|--)', after) or \
                re.search(r'(\+\+|--)\s*\(*[\w>.-]*\Z', before)
            if match[1] == '.' and re.search(r'(\A|[{,\n])\s*\Z', before):
                continue        # a designated initialiser
            stored = re.search(r'\b(WRITE_ONCE|smp_store_release|xchg|(try_)?cmpxchg)'
                               r'\s*\(\s*&?[^,;]*\Z', before)
            if (place in types and self.is_of_other(types[place], 'struct dentry')) or \
                    re.search(r'\b__entry\s*\Z', before):
                continue
            if place[0] in file.macro:
                if assigned or stored:
                    self.say('warnings', file, place[0], '->d_flags is written in macro '
                             f'{file.macro[place[0]]}(): look whether its users hold ->d_lock')
            elif place in unlocked:
                fact = written[place]
                self.say('warnings', file, place[0], f'->d_flags of {squeeze(fact.more[0])} is '
                         f'written without ->d_lock, in {fact.function}(): take it')
            elif (assigned or stored) and place not in written:
                self.say('by hand', file, place[0], 'a write of ->d_flags in '
                         f'{file.function_at(place[0])}: coccinelle has not understood it; look '
                         'whether ->d_lock is held', True)
            elif re.search(ADDRESS, before) and not re.search(READER, before) and \
                    place not in written:
                self.say('warnings', file, place[0], f'the address of ->d_flags is used in '
                         f'{file.function_at(place[0])}: look whether that writes to it, and '
                         'holds ->d_lock')

    @staticmethod
    def unlocked(file, kind):
        """The places that can be reached without ->d_lock.  Where nothing has given it back,
        a function whose caller has to hold it has it."""
        held = {(name, ''.join(dentry.split())) for name, what, dentry in annotated(file.bare)
                if what in ('__must_hold', '__releases')}
        return {(fact.line, fact.column) for fact in file.facts[kind]} | {
            (fact.line, fact.column) for fact in file.facts[f'{kind}_since_entry']
            if (fact.function, ''.join(fact.more[0].split())) not in held}

    def judge_d_op(self, file):
        unlocked = self.unlocked(file, 'd_op_unlocked')
        for fact in file.facts['d_op']:
            where = file.macro.get(fact.line, fact.function)
            what = f'd_set_d_op() of {squeeze(fact.more[0])} in {where}()'
            if (fact.line, fact.column) in unlocked or fact.line in file.macro:
                self.say('warnings', file, fact.line, f'{what}: writes ->d_flags without '
                         f'->d_lock; {self.instead_of_d_set_d_op()}')
            else:
                self.say('notes', file, fact.line, f'{what}: is called with ->d_lock held; a '
                         'kernel whose d_set_d_op() takes that lock would deadlock here')

    def instead_of_d_set_d_op(self):
        """What there is in the kernel at hand."""
        early = 'before its first dentry'
        if not self.exports:
            return f'give the superblock its operations {early}: by set_default_d_op() where ' \
                'the kernel exports that, else by ->s_d_op; KDIR= says which kernel is meant'
        exported, declared = self.exports
        if 'set_default_d_op' in exported:
            text = f'this kernel exports set_default_d_op(), to be called for the superblock {early}'
        else:
            text = f'this kernel exports nothing for that; set ->s_d_op of the superblock {early}'
        if 'd_splice_alias_ops' in declared:
            text += '; d_splice_alias_ops() is for what is no module'
        return text

    def judge_d_wait(self, file):
        lent = {fact.line for site in self.sites[file] if site.kind == 'old'
                for fact in file.fact_at('queue', site.place)}
        for fact in file.facts['d_wait']:
            text = f'->d_wait of a dentry in {fact.function}(): there is none in the new form'
            if fact.line in file.conditional:
                self.say('notes', file, fact.line, f'{text}; it is in an #if: for the old one only?')
            elif not any(line <= fact.line <= line + 3 for line in lent):
                self.say('by hand', file, fact.line, f'{text}; port it by hand', True)

    def judge_parsing(self, file):
        """The functions that coccinelle could not parse.  If one of them has something of
        this in it, then that has been said."""
        functions = {}
        for first, last, line in file.unparsed:
            code = [text for number, text in enumerate(file.lines[first - 1:last], first)
                    if number not in file.macro]
            if '{' in ''.join(code):
                functions.setdefault(f'{file.function_at(line)}', line)
        if functions:
            line, names = min(functions.values()), ', '.join(functions)
            self.findings.append(Finding(
                'notes', file.path, line, f'coccinelle could not parse {names}; what matters in '
                'there is listed'
                if any(finding.path == file.path and 'has not understood' in finding.text
                       for finding in self.findings)
                else f'coccinelle could not parse {names}; nothing in there matters'))

    def judge_lookups(self):
        callers = [file for file in self.files
                   if not file.error and any(site.function for site in self.sites[file])]
        ends, facts = self.enders(callers), {}
        groups = collections.defaultdict(list)
        for file in callers:        # a static function is another one in another file
            groups[' '.join(sorted(ends(file.path)))].append(file)
        for names, files in groups.items():
            facts.update(spatch('lookup.cocci', os.path.join(self.tmp, 'find'), files,
                                AUDIT_ENDERS=names))
        for file in callers:
            if file.error:
                self.say('by hand', file, 1, 'whether it ends all lookups was not judged: '
                         f'{file.error}', True)
                file.error = None
                continue
            left = {(fact.function, fact.more[0]) for kind, fact in facts.get(file, ())
                    if kind == 'left'}
            spliced = {(fact.function, fact.more[0]) for kind, fact in facts.get(file, ())
                       if kind == 'spliced'}
            for function, dentry in sorted(left | spliced):
                lines = [fact.line for fact in file.facts['taken']
                         if fact.function == function and fact.more[0] == dentry]
                text = 'can be in lookup still at the end of'
                if (function, dentry) not in left:
                    text = 'stays in lookup if d_splice_alias() fails in'
                self.say('warnings', file, min(lines, default=1), f'{squeeze(dentry)} {text} '
                         f'{function}(): call d_lookup_done() on each path')

    def enders(self, callers):
        """Which functions of SRC end the lookup of a dentry that they are given: a function
        that says it of the path of a caller."""
        gives, static, asked = collections.defaultdict(set), set(), set(NO_ENDS)
        ends = {'d_lookup_done', 'd_add', 'd_splice_alias', 'd_splice_alias_ops'}
        names = {fact.more[0] for file in callers for fact in file.facts['given']
                 if fact.function in {site.function for site in self.sites[file]}}
        for _ in range(4):
            names -= asked
            asked |= names
            files = self.defining(names)
            if not files:
                break
            directory = os.path.join(self.tmp, 'ends')
            copy(directory, files)
            found = spatch('ends.cocci', directory, files, AUDIT_NAMES=' '.join(sorted(names)))
            names = set()
            for file, rows in found.items():
                for _, fact in rows:
                    gives[file.path, fact.function].add(fact.more[0])
                    names.add(fact.more[0])
                    if file.path.endswith('.c') and re.search(
                            rf'^static\b[^;{{}}()]*\b{fact.function}\s*\(', file.code, re.M):
                        static.add((file.path, fact.function))
        done = set()

        def is_end(path, name):
            if (path, name) in gives:
                return (path, name) in done
            return any(name == of for where, of in done - static)
        while True:
            more = {(path, function) for path, function in gives if any(
                name in ends or is_end(path, name) for name in gives[path, function])} - done
            if not more:
                return lambda path: {name for _, name in done if is_end(path, name)}
            done |= more

    def defining(self, names):
        """The files of SRC that define one of these functions."""
        if not names:
            return []
        pattern = re.compile(r'^(?:[A-Za-z_][\w\s*]*?[\s*])?(?:%s)\s*\([^;{}]*\)\s*\{' %
                             '|'.join(map(re.escape, sorted(names))), re.M)
        files = []
        for number, path in enumerate(self.paths, 1):
            text = read(os.path.join(self.top, path))
            if pattern.search(text):
                files.append(File(path, text, f'f{number:05}{path[-2:]}'))
        return files

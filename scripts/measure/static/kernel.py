# SPDX-License-Identifier: GPL-2.0
"""A built kernel: what is in its objects, and what is compiled of it anew."""

import collections
import os
import re
import shlex
import subprocess

CALLEE = 'd_alloc_parallel'
CORE = 'fs/dcache.c'


class Trouble(Exception):
    """Why there is nothing to judge, in one line."""


def run(*command, cwd=None, given=None):
    try:
        done = subprocess.run(command, check=False, cwd=cwd, input=given, encoding='utf-8',
                              errors='replace', stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE)
    except FileNotFoundError:
        raise Trouble(f'no {command[0]} here; run scripts/steps/deps') from None
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if 'error' in line.lower()]
        why = (errors or done.stderr.splitlines() or [f'status {done.returncode}'])[0]
        raise Trouble(f'{os.path.basename(command[0])} {command[-1]}: {why.strip()}')
    return done.stdout


class Kernel:
    """One of the two: where it was built, what from, and what is compiled of it."""

    def __init__(self, name, build, tree, tmp):
        self.name = name
        self.build = os.path.realpath(build)
        self.tree = os.path.realpath(tree)
        self.tmp = os.path.join(tmp, name)
        os.mkdir(self.tmp)
        self.compiled = {}      # path of a .c: that of its object, in self.tmp
        for file in ('vmlinux', '.config', CORE[:-2] + '.o', 'fs/.dcache.o.cmd'):
            if not os.path.isfile(os.path.join(self.build, file)):
                raise Trouble(f'--{name} {build}: no {file}, so no kernel was built there')
        if not os.path.isfile(os.path.join(self.tree, CORE)):
            raise Trouble(f'--{name} {tree}: no {CORE}, so no kernel tree')
        if os.path.getmtime(os.path.join(self.build, CORE[:-2] + '.o')) > \
                os.path.getmtime(os.path.join(self.build, 'vmlinux')):
            raise Trouble(f'--{name} {build}: vmlinux is older than its objects; build it')
        if not self.command(CORE):
            raise Trouble(f'--{name} {build}: was not built from {tree}')

    def git(self, *args):
        return run('git', '--no-optional-locks', '-C', self.tree, *args)

    def config(self):
        with open(os.path.join(self.build, '.config'), encoding='utf-8') as file:
            return {line.strip() for line in file if line.startswith('CONFIG_')}

    def sources(self):
        """{path of a .c that git knows: digest of what is in it}, edits included."""
        files = {}
        for line in self.git('ls-files', '-s', '-z', '--', '*.c').split('\0'):
            mode, _, rest = line.partition(' ')
            if mode.startswith('100'):
                files[rest.partition('\t')[2]] = rest.split(' ')[0]
        edited = self.git('diff', '--name-only', '-z', 'HEAD', '--', '*.c').split('\0')
        for path in filter(None, edited):
            files.pop(path, None)
            if os.path.isfile(os.path.join(self.tree, path)):
                files[path] = self.git('hash-object', '--', path).strip()
        return files

    def callers(self):
        """{path of a .c: {function that calls CALLEE: whether it lends its own queue}}"""
        files = {}
        for path in self.git('grep', '-lwF', CALLEE, '--', '*.c').split():
            with open(os.path.join(self.tree, path), encoding='utf-8',
                      errors='replace') as file:
                found = callers_in(file.read())
            if found:
                files[path] = found
        return files

    def command(self, path):
        """The words of the command that compiled a .c, without those that say where to
        write; None if it was not compiled, or from another tree."""
        where, name = os.path.split(path[:-2] + '.o')
        try:
            with open(os.path.join(self.build, where, f'.{name}.cmd'),
                      encoding='utf-8') as file:
                text = file.read()
        except FileNotFoundError:
            return None
        source = re.search(r'^source_\S+ := (\S+)', text, re.M)
        match = re.search(r'^(?:saved)?cmd_\S+ := (.*)', text, re.M)
        if not source or not match or os.path.join(self.tree, path) != \
                os.path.realpath(os.path.join(self.build, source[1])):
            return None
        words = shlex.split(match[1].replace('$(pound)', '#').replace('$$', '$'))
        if ';' in words:
            words = words[:words.index(';')]        # objtool comes behind it
        if os.path.basename(words[0]) == 'ccache':
            words = words[1:]
        kept = []
        for word, before in zip(words, ['', *words]):
            # ccache may have the dependencies name the file in another way
            if word != '-o' and before != '-o' and not self.is_file(word, path) and \
                    not word.startswith('-Wp,-M') and word != '-gsplit-dwarf':
                kept.append(word)
        return kept if '-c' in kept else None

    def is_file(self, word, path):
        """Whether a word of a command is a .c of the tree."""
        return word.endswith('.c') and os.path.join(self.tree, path) == \
            os.path.realpath(os.path.join(self.build, word))

    def compile(self, path):
        """The object of a .c, made anew with stack usage and debug info beside it."""
        if path not in self.compiled:
            command = self.command(path)
            made = os.path.join(self.tmp, path.replace('/', '_')[:-2] + '.o')
            if command:
                run(*command, '-g', '-fstack-usage', '-o', made,
                    os.path.join(self.tree, path), cwd=self.build)
                there = function_sizes(os.path.join(self.build, path[:-2] + '.o'))
                if function_sizes(made) != there:
                    raise Trouble(f'--{self.name}: {path} does not compile to what is in '
                                  f'{self.build}: the tree was edited since, or it is '
                                  'another compiler')
            self.compiled[path] = made if command else None
        return self.compiled[path]


def callers_in(text):
    """The functions of a C file in kernel style whose body calls CALLEE."""
    text = re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"',
                  lambda match: re.sub(r'[^\n]', ' ', match[0]), text, flags=re.S)
    lines, found, begin = text.splitlines(), {}, None
    for number, line in enumerate(lines):
        if line.startswith('{'):
            begin = number
        elif line.startswith('}') and begin is not None:
            body = '\n'.join(lines[begin:number])
            head = begin
            while head and lines[head - 1].strip() and \
                    not re.match(r'[#}]', lines[head - 1]) and \
                    not lines[head - 1].rstrip().endswith(';'):
                head -= 1
            name = re.search(r'(\w+)\s*\(', ' '.join(lines[head:begin]))
            if name and re.search(rf'\b{CALLEE}\s*\(', body):
                found[name[1]] = 'DECLARE_WAIT_QUEUE_HEAD_ONSTACK' in body
            begin = None
    return found


def sections_with_code(path):
    """{name: bytes}, of what is in memory while the kernel runs, or while it starts."""
    sizes = collections.Counter()
    for line in run('readelf', '-SW', path).splitlines():
        match = re.match(r' *\[ *\d+\] (\S+) +\S+ +[0-9a-f]+ [0-9a-f]+ ([0-9a-f]+) '
                         r'[0-9a-f]+ +([A-Z]*)', line)
        if match and 'A' in match[3] and 'X' in match[3] and \
                not match[1].startswith('.discard'):
            sizes[match[1]] += int(match[2], 16)
    return dict(sizes)


def function_sizes(path):
    sizes = collections.Counter()
    for line in run('nm', '-S', path).splitlines():
        words = line.split()
        if len(words) == 4 and words[2] in 'tTwW':
            sizes[words[3]] += int(words[1], 16)
    return dict(sizes)

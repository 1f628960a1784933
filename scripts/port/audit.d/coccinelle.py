# SPDX-License-Identifier: GPL-2.0
"""Semantic patches, run on copies of files; what they say, and what could not be parsed."""

import collections
import os
import re
import subprocess

from source import Trouble, WORDS, guards_in, read, write

PATCHES = os.path.dirname(os.path.abspath(__file__))
SECONDS = 120       # that one file may take

# The functions that take ->d_lock of D, and those that give it back.
TAKEN = r'''... when != \(spin_lock(&D->d_lock)\|spin_lock_nested(&D->d_lock, ...)\|spin_trylock(&D->d_lock)\|guard(spinlock)(&D->d_lock)\|spin_lock(&D->d_lockref.lock)\|spin_lock_nested(&D->d_lockref.lock, ...)\|assert_spin_locked(&D->d_lock)\|lockdep_assert_held(&D->d_lock)\)
     when != scoped_guard(spinlock, &D->d_lock) S
     when != locks(..., D, ...)'''
GIVEN_BACK = r'\(spin_unlock(&D->d_lock)\|spin_unlock(&D->d_lockref.lock)\|unlocks(..., D, ...)\)'

# Coccinelle leaves out, in silence, each function with a statement that it takes for the
# beginning of another one.  A name that is declared in one rule is known in all.
GUARDS = '''
@a_guard_is_followed_by_a_statement@
iterator name {};
statement S;
@@
 scoped_guard(...) S
'''

Fact = collections.namedtuple('Fact', 'line column function more')


def parse_messages(text, files):
    """What spatch says of the files on standard error: errors, and what it left out."""
    current, lines, wrong = None, None, 0
    handled = set()
    for line in text.split('\n') + ['']:
        match = lines is not None and re.match(r'(bad:|BAD:!!!!!) ?(.*)', line, re.S)
        if match:
            if match[1] != 'bad:':
                wrong = len(lines)
            lines.append(match[2])
            continue
        if lines and current:
            current.unparsed.append(find_lines(current, lines, wrong))
        lines = None
        match = re.match(r'HANDLING: (.*)', line)
        if match:
            current = files.get(os.path.basename(match[1].strip()))
            handled.add(current)
        elif line.startswith('badcount:'):
            lines, wrong = [], 0
        elif re.search(r'EXN:|already tagged token', line) and current:
            current.error = ' '.join(line.replace(current.name, current.path).split())
    return handled


def find_lines(file, lines, wrong):
    """Where in the file these are.  The first one still belongs to what is before."""
    text = file.masked().split('\n')
    for number in range(len(text) - len(lines) + 1):
        if text[number:number + len(lines)] == lines:
            first = number + (2 if len(lines) > 1 else 1)
            return first, number + len(lines), max(first, number + wrong + 1)
    return 1, len(text), 1


def spatch(patch, directory, files, options=(), **environment):
    """Run a semantic patch on the copies of @files in @directory; returns its facts, by
    file."""
    by_name = {file.name: file for file in files}
    facts = collections.defaultdict(list)
    if not files:
        return facts
    guards = {'scoped_guard', 'scoped_cond_guard'}
    for file in files:
        guards.update(guards_in(file.bare))
    rules = os.path.join(directory, patch)
    write(rules, read(os.path.join(PATCHES, patch)).replace(
        '... // without ->d_lock of D', TAKEN).replace('unlock(D)\n', GIVEN_BACK + '\n') +
        GUARDS.format(', '.join(sorted(guards))))
    groups = os.path.join(directory, 'groups')
    write(groups, '\n\n'.join(os.path.join(directory, name) for name in by_name) + '\n')
    done = subprocess.run(
        ['spatch', '--sp-file', rules, '--no-includes',
         '--include-headers', '--verbose-parsing', '--no-show-diff', '--timeout', str(SECONDS),
         *options, '--file-groups', groups],
        cwd=directory, check=False, encoding='latin-1',
        # It wants to know where its user is at home, though it has no business there.
        env={'HOME': directory, **os.environ, **environment},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode:
        words = [line for line in done.stderr.split('\n') if line.strip()]
        raise Trouble(f'spatch {patch}: status {done.returncode}: {" ".join(words[-3:])}')
    handled = parse_messages(done.stderr, by_name)
    for line in done.stdout.split('\n'):
        kind, *rest = line.split('\t')
        if len(rest) < 4:
            continue
        # A rule that follows a change sees a copy: ...-NAME.
        name = os.path.basename(rest[0]).rpartition('-')[2]
        fact = Fact(int(rest[1]), int(rest[2]), rest[3], rest[4:])
        facts[by_name.get(name)].append((kind, fact))
    for file in files:
        if file not in handled and WORDS.search(file.code) and patch == 'find.cocci':
            file.error = 'spatch did not read it'
    return facts


def copy(directory, files):
    for file in files:
        write(os.path.join(directory, file.name), file.masked())


def find(directory, files, locks=(), unlocks=()):
    """Sets the facts of @files.  @locks and @unlocks are functions that take ->d_lock of a
    dentry that they are given, and that give it back."""
    copy(directory, files)
    found = spatch('find.cocci', directory, files, AUDIT_LOCKS=' '.join(locks),
                   AUDIT_UNLOCKS=' '.join(unlocks))
    for file, facts in found.items():
        for kind, fact in facts:
            file.facts[kind].append(fact)

# SPDX-License-Identifier: GPL-2.0
"""The places that name d_alloc_parallel(), and the queues that are lent there."""

import re

from source import CALL, QUEUE_TYPE, braces

OLD = ('old', 'lost', 'odd')     # kinds of calls; what is not understood may be old, too
OWN = ('declared', 'exported', 'probe')
COMPAT = r'\bd_alloc_parallel_compat\s*\('


class Site:
    """A place that names d_alloc_parallel()."""

    def __init__(self, file, place, kind):
        self.file, self.place, self.kind = file, place, kind
        self.line = place[0]
        self.function, self.span = None, None   # its name, its first and last line
        self.queue, self.member = None, None    # the third argument; of what struct it is
        self.left = None                        # why it is not ported
        self.by_version = False                 # what is in an #if, by that of the kernel
        facts = file.fact_at('call', place)
        # Its surroundings make it 'guarded', 'split' or 'unclear': sites_of() looks there.
        if kind == 'call':
            self.kind = {'2': 'new', '3': 'old'}.get(facts[0].more[0], 'odd') if facts else 'lost'
        if facts:
            self.function = facts[0].function
            self.span = tuple(map(int, facts[0].more[1:]))
        lent = file.fact_at('queue', place)
        if self.kind == 'old' and not lent:     # an argument that is no expression to coccinelle
            self.kind = 'lost'
        if self.kind == 'old':
            self.queue = lent[0].more[0]
            members = file.fact_at('member', place)
            self.member = tuple(members[0].more) if members else None

    def to_port(self):
        return self.kind == 'old' and not self.left

    def variable(self):
        """The queue, if that is a variable."""
        match = re.fullmatch(r'(?:\(\s*)*& ?(\w+)(?:\s*\))*', self.queue or '')
        return match and match[1]

    def body(self):
        """The function around it."""
        return '\n'.join(self.file.lines[self.span[0] - 1:self.span[1]])

    def line_of(self, offset):
        """The line of an offset in the body."""
        return self.span[0] + self.body().count('\n', 0, offset)

    def in_function(self):
        return f'{self.function}()' if self.function else self.file.function_at(self.line)


def arguments(text):
    """How many arguments there are in the parentheses that the text begins with, and how
    long that is.  Lines of the preprocessor have to be blank."""
    depth, commas, length = 0, 0, 0
    for length, char in enumerate(text, 1):
        depth += (char in '([{') - (char in ')]}')
        commas += depth == 1 and char == ','
        if depth <= 0 and char.strip():
            break
    return commas + 1, length


def hides_an_argument(text):
    """Whether something stands behind an argument as no expression has it: a macro that is a
    comma and one more.  What may be a cast or a type has a word behind another one, too."""
    text = re.sub(r'\(\s*(?:const\s+)?(?:(?:struct|union|unsigned)\s+)?\w+\s*\**\s*\)', '', text)
    text = re.sub(r'\b(sizeof|struct|union|unsigned|const)\b', '', text)
    return bool(re.search(r'[\w)\]]\s+[A-Za-z_]\w*\s*[(),]|\)[A-Za-z_]', text))


def only_third(text):
    """Whether what is in the #if, of the arguments of a call, is the third one and no more."""
    parts = re.split(r'^([ \t]*#[ \t]*\w+).*\n', text, flags=re.M)
    words = [part.replace('#', '').strip() for part in parts[1::2]]
    if len(words) != 2 or not words[0].startswith('if') or words[1] != 'endif':
        return False
    before, inside, after = parts[0::2]
    return arguments(before + ')')[0] == 2 and arguments(f'({inside})')[0] == 2 and \
        inside.lstrip().startswith(',') and after.strip() == ')'


def guards(mine, other):
    """How these two lines are in branches of one #if: 'both' if it is the innermost one of
    both, so that one stands for the other; 'else' if something else decides, too."""
    levels = dict(other)
    if not any(branch != levels.get(level, branch) for level, branch in mine):
        return None
    alike = len(mine) == len(other) and mine[:-1] == other[:-1]
    return 'both' if alike and mine[-1][0] == other[-1][0] else 'else'


def apart(mine, other):
    """Whether each of these lines is in an #if of its own, next to that of the other: they
    may be opposites, or have nothing to do with each other."""
    same = 0
    while same < min(len(mine), len(other)) and mine[same] == other[same]:
        same += 1
    return same < min(len(mine), len(other)) and mine[same][0] != other[same][0]


def sites_of(file):
    """The places that name it.  Those in two branches of an #if that have both forms
    between them know both, and so does a call that has its third argument in an #if."""
    sites, forms = [], []
    for place, match, kind in file.named(CALL):
        if kind == 'declared' and file.fact_at('call', place):
            kind = 'call'
        site = Site(file, place, kind)
        sites.append(site)
        code = file.code if kind == 'macro' else file.bare
        count, length = arguments(code[match.end():]) if kind in ('call', 'macro') else (0, 0)
        if site.kind == 'new' and hides_an_argument(code[match.end():match.end() + length]):
            site.kind = 'odd'
        text = file.code[match.end():match.end() + length]
        if kind == 'call' and text != code[match.end():match.end() + length]:
            site.kind = 'split'
            if only_third(text):
                site.kind, site.left = 'guarded', 'with the third argument in an #if'
            count = 0
        forms.append((count, file.conditional.get(place[0], ())))
        site.by_version = file.by_version(place[0], text)
    for site, (mine, branch) in zip(sites, forms):
        found = {guards(branch, there) for other, there in forms if {mine, other} == {2, 3}}
        if 'both' in found:
            site.kind, site.left = 'guarded', 'in an #if that has the other form, too'
        elif 'else' in found and mine == 3:
            site.kind = 'unclear'
    alone = [(site, count, branch) for site, (count, branch) in zip(sites, forms)
             if site.kind != 'guarded']
    for site, count, branch in alone:
        if site.kind == 'old' and any({count, form} == {2, 3} and apart(branch, there)
                                      for _, form, there in alone):
            site.kind = 'unclear'
    return sites


def member_lines(file, tag, member):
    """Where a queue is declared as a member of a struct."""
    lines = []
    for struct in re.finditer(rf'\bstruct\s+{tag}\s*(?=\{{)', file.code):
        end = struct.end() + len(braces(file.code, struct.end()))
        field = re.compile(rf'{QUEUE_TYPE}\s+{member}\s*;').search(file.code, struct.end(), end)
        if field:
            lines.append(file.where(field.start())[0])
    return lines


def compats(file):
    return len(re.findall(COMPAT, file.code))


def squeeze(text):
    """An expression as one writes it."""
    return re.sub(r'\s*(->|\.|\[|\]|\(|\))\s*', r'\1', re.sub(r'& ', '&', text)).strip()

# SPDX-License-Identifier: GPL-2.0
"""Second: by what names SRC has the structs that the rest asks for, and where it gives
objects of one their values.  In doubt an object may be of the struct."""

import collections
import functools
import os
import re

from reading import Reading
from source import File, braces, read

QUALIFIER = re.compile(r'\b(?:const|volatile)\b')


def statement(code, start):
    """What is from @start to the ; at its level, with what is in braces."""
    end = start
    while end < len(code) and code[end] != ';':
        end += len(braces(code, end)) if code[end] == '{' else 1
    return code[start:end]


def elements(value):
    """What is between the commas of a { ... }, at its own level."""
    depth, last, parts = 0, 1, []
    for place, char in enumerate(value):
        depth += (char in '{([') - (char in '})]')
        if (depth == 1 and char == ',') or (depth == 0 and place):
            parts.append(value[last:place].strip())
            last = place + 1
    return [part for part in parts if part]


def given(code, start):
    """The values that a declaration gives to its objects, of which the first one's name is at
    @start: in braces, or the names of what may be macros."""
    depth, values, place = 0, [], start
    while place < len(code):
        char = code[place]
        depth += (char in '([') - (char in ')]')
        if depth < 0 or (depth == 0 and char in ';{'):
            break
        value = re.compile(r'=\s*(?:(?=\{)|([A-Za-z_]\w*)\s*(?=[,;]))').match(code, place)
        if value and depth == 0:
            values.append(value[1] or braces(code, value.end()))
            place = value.end() + (0 if value[1] else len(values[-1]))
        else:
            place += 1
    return values


def names_members(value):
    """Whether a { ... } gives no member its value by its place; that of an array has one
    in braces for each of its elements."""
    if re.fullmatch(r'[\s{},0]*', value):
        return True
    for part in elements(value):
        named = re.match(r'(?:\.\s*\w+\s*|\[[^]]*\]\s*)+=\s*', part)
        part = part[named.end():] if named else part
        if part.startswith('{'):
            if not names_members(part):
                return False
        elif not named:
            return False
    return True


class Structs(Reading):
    """What can be said of types without the kernel's headers."""

    @functools.cached_property
    def codes(self):
        """The code of each file of SRC, and of what is included beside .c and .h."""
        codes = [File(path, read(os.path.join(self.top, path)), '').code for path in self.paths]
        return codes + list(self.others.values())

    @functools.cached_property
    def typedefs(self):
        """{name: what it stands for}, of each that SRC makes a type, or may: with None if
        that is more than another name of a struct.  'struct NAME', if NAME is a macro."""
        made = collections.defaultdict(set)
        for code in self.codes:
            for match in re.finditer(r'\btypedef\b', code):
                text = statement(code, match.end())
                alias = re.fullmatch(r'\s*((?:struct|union)\s+\w+)\s+(\w+)\s*', text)
                if alias:
                    made[alias[2]].add(' '.join(alias[1].split()))
                    continue
                body = re.match(r'\s*(struct|union)\s+(\w+)\s*\{', text)
                which = f'{body[1]} {body[2]}' if body else None
                for name in re.findall(r'\w+', text.rpartition('}')[2]):
                    made[name].add(which)
                if '##' in text:
                    made['##'].add(None)
            for macro in re.finditer(r'^[ \t]*#[ \t]*define[ \t]+(\w+)[ \t]+(\S.*)$', code, re.M):
                if re.fullmatch(r'(?:(?:struct|union)\s+)?\w+\s*', macro[2]):
                    made[macro[1]].add(None)
                    made['struct ' + macro[1]].add(None)
        return made

    def is_of_other(self, type_, of):
        """Whether an object of that type, as it is spelled, is surely none of @of, a
        `struct TAG`."""
        words = QUALIFIER.sub(' ', type_ or '').split()
        name = ' '.join(words)
        if len(words) == 2 and words[0] in ('struct', 'union'):
            return name != of and name not in self.typedefs and name not in self.having(of)
        if not re.fullmatch(r'\w+', name) or '##' in self.typedefs:
            return False
        # A name that the kernel makes is none of a struct that SRC has.
        return all(which and self.is_of_other(which, of)
                   for which in self.typedefs.get(name, ()))

    @functools.cache
    def having(self, of):
        """Structs that have the members of @of as their own: `struct TAG;` inside of one, as
        -fms-extensions allows."""
        pattern = re.compile(rf'\b{of.replace(" ", chr(92) + "s+")}\s*;')
        return {f'struct {struct[1]}' for code in self.codes if pattern.search(code)
                for struct in re.finditer(r'\bstruct\s+(\w+)\s*(?=\{)', code)
                if pattern.search(braces(code, struct.end()))}

    def initialised_by_place(self, of):
        """Whether an object of @of, or one that has it as a part, is given values by their
        places in SRC, so that they would move up if a member went."""
        types, more = set(), {of}
        while more:
            types |= more
            part = re.compile(rf'\b(?:{self.spelled(types)})\b(?!\s*[*{{;)])')
            more = {f'struct {struct[1]}' for code in self.codes if part.search(code)
                    for struct in re.finditer(r'\bstruct\s+(\w+)\s*(?=\{)', code)
                    if part.search(braces(code, struct.end()))} - types
        names = self.spelled(types)
        declared = re.compile(rf'\b(?:{names})\b(?!\s*[*;)])\s*(?=(\{{)?)')
        literal = re.compile(rf'\(\s*(?:const\s+)?(?:{names})\s*(?:\[[^]]*\]\s*)?\)\s*(?=\{{)')
        for code in self.codes:
            values = [braces(code, match.end()) for match in literal.finditer(code)]
            for match in declared.finditer(code):
                start = match.end() + (len(braces(code, match.end())) if match[1] else 0)
                values += given(code, start)
            if any(not names_members(value) if value.startswith('{') else self.is_braces(value)
                   for value in values):
                return True
        return False

    def is_braces(self, name):
        """Whether a macro of that name has braces in it."""
        return any(re.search(rf'#[ \t]*define[ \t]+{name}\b(?:\\\n|[^\n])*\{{', code)
                   for code in self.codes)

    def spelled(self, types):
        """An expression for what these structs are written as."""
        names = {name.replace(' ', r'\s+') for name in types}
        names |= {name for name, which in self.typedefs.items() if which & types}
        return '|'.join(sorted(names))

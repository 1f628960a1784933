# SPDX-License-Identifier: GPL-2.0
"""The text of C files, and what can be said of it without a parser."""

import collections
import os
import re

CALL = 'd_alloc_parallel'
NAMED = ('d_in_lookup', 'd_lookup_done', 'd_splice_alias')
WORDS = re.compile(r'\b(?:%s)\b' % '|'.join((CALL, 'd_flags', 'd_set_d_op', 'd_wait') + NAMED))
CLEANUP = r'\b__free\(\w+\)'
# Stand-ins for text that the parser does not take: see hidden().
MASK = r'/\*~+\*/|\bretur_&|\b(?:retur_|continu_|brea_)(?!\w)|\bgotO_(?=\w)'
QUEUE_TYPE = r'(?:wait_queue_head_t|struct\s+wait_queue_head)\b'
DIRECTIVE = re.compile(r'^[ \t]*#(?:\\\r?\n|[^\n])*', re.M)
# How the parameters begin, if it is declared and not called.
PARAMETER = r'\s*\(\s*(?:const\s+)?(?:struct\s+(?:dentry|inode|qstr)\b|void\s*\*|\))'


class Trouble(Exception):
    """Why there is no report, in one line."""


def blank_out(text):
    """The source with comments and strings blank; all lines stay where they are."""
    def blanks(match):
        return re.sub(r'[^\n]', ' ', match[0])
    return re.sub(r'/\*.*?(?:\*/|\Z)|//(?:\\\n|[^\n])*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'',
                  blanks, text, flags=re.S)


def blank_dead(code):
    """The same with #if 0 blank, and what was there."""
    live, dead, stack = [], [], []
    for line in code.split('\n'):
        match = re.match(r'\s*#\s*(if|ifdef|ifndef|elif|else|endif)\b\s*(.*)', line)
        word = match[1] if match else ''
        if word in ('elif', 'else') and stack and stack[-1]:
            stack[-1] = False
        is_dead = any(stack)
        if word in ('if', 'ifdef', 'ifndef'):
            stack.append(word == 'if' and match[2].strip() == '0')
        elif word == 'endif' and stack:
            stack.pop()
        live.append(' ' * len(line) if is_dead else line)
        dead.append(line if is_dead else '')
    return '\n'.join(live), '\n'.join(dead)


def without_directives(code):
    """The same with the lines of the preprocessor blank: what is left is what the compiler
    may see, and the last word of an #ifdef is none of it."""
    return DIRECTIVE.sub(lambda match: re.sub(r'[^\n]', ' ', match[0]), code)


def braces(code, start):
    """What is from the { at @start to its }."""
    depth, end = 1, start + 1
    while depth and end < len(code):
        depth += {'{': 1, '}': -1}.get(code[end], 0)
        end += 1
    return code[start:end]


def read(path):
    with open(path, encoding='latin-1', newline='') as file:
        return file.read()


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w', encoding='latin-1', newline='') as file:
        file.write(text)


def guards_in(code):
    """The macros scoped_...() and with_...() that a statement follows: neither functions nor
    calls of such."""
    for match in re.finditer(r'(?:[;{}):]|\belse|\bdo)\s*((?:scoped|with)_\w+)\s*\(', code):
        depth, end = 1, match.end()
        while depth and end < len(code):
            depth += {'(': 1, ')': -1}.get(code[end], 0)
            end += 1
        if re.match(r'\s*[\w{(*]', code[end:end + 200]):
            yield match[1]


# A function's annotation, behind its parameters, about the lock of a dentry that it is given.
HELD = re.compile(r'\b(__must_hold|__releases|__acquires|__cond_acquires)\s*\(\s*'
                  r'(?:\w+\s*,\s*)?&?\s*\(?\s*(\w[\w>.-]*?)\s*\)?\s*(?:->|\.)\s*d_lock\s*\)')


def annotated(code):
    """(Function, what it says, of which dentry) of each that says something of ->d_lock."""
    for match in HELD.finditer(code):
        # From the end of the last statement or body on, the name of the function is the first
        # word with parentheses behind it.
        begin = max(code.rfind(sign, 0, match.start()) for sign in ';}') + 1
        name = re.search(r'(\w+)\s*\((?!\s*\()', code[begin:match.start()])
        if name:
            yield name[1], match[1], match[2]


def bodies(file, function):
    """(What is in the braces, the line that this begins in) for each function of that name."""
    for match in re.finditer(rf'\b{function}\s*\([^;{{}}]*\)\s*(?=\{{)', file.code):
        yield braces(file.code, match.end()), file.where(match.end())[0]


class File:
    """One file: its text, what is in it, and what coccinelle says of it."""

    def __init__(self, path, text, name):
        self.path, self.text, self.name = path, text, name
        self.code, self.dead = blank_dead(blank_out(text))
        self.bare = without_directives(self.code)
        self.lines = self.code.split('\n')
        self.starts = [0]
        for line in self.lines:
            self.starts.append(self.starts[-1] + len(line) + 1)
        self.macro = self.macro_lines()
        self.conditions = {}        # {number of an #if: its lines and those of its #elif}
        self.conditional = self.conditional_lines()
        self.facts = collections.defaultdict(list)
        self.unparsed = []          # (first line, last line, line of the error)
        self.error = None

    def hidden(self):
        """(Where, what is there, what stands for it) of what the parser does not take: of
        __free(kfree) and its like it learns that kfree is a type, and among the arguments of
        scoped_cond_guard() there is a statement."""
        places = [(match.start(), match[0], f'/*{"~" * (len(match[0]) - 4)}*/')
                  for match in re.finditer(CLEANUP, self.code)]
        for match in re.finditer(r'\bscoped_cond_guard\s*\(\s*\w+\s*,\s*'
                                 r'(return[ \t](?=\s*[^\s,])|return\b|continue\b|break\b|goto[ \t])',
                                 self.code):
            # A word without a meaning of its own, and what joins it to what follows.
            word = match[1]
            mask = {'goto ': 'gotO_', 'return ': 'retur_&'}.get(word.replace('\t', ' '),
                                                               word[:-1] + '_')
            places.append((match.start(1), word, mask))
        return sorted(places)

    def masked(self):
        """The text without that.  No position changes, and changed() undoes it."""
        text, last = '', 0
        for start, word, mask in self.hidden():
            text += self.text[last:start] + mask
            last = start + len(word)
        return text + self.text[last:]

    def changed(self, directory):
        """The file as a semantic patch has left its copy there."""
        text = read(os.path.join(directory, self.name))
        marks = [word for _, word, _ in self.hidden()]
        lost = len(re.findall(MASK, text)) != len(marks)
        if not lost:
            text = re.sub(MASK, lambda match: marks.pop(0), text)
        file = File(self.path, text, self.name)
        if lost:
            file.error = 'a __free() or a scoped_cond_guard() got lost'
        return file

    def macro_lines(self):
        lines, inside = {}, None
        for number, line in enumerate(self.lines, 1):
            match = re.match(r'\s*#\s*define\s+(\w+)', line)
            if match:
                inside = match[1]
            if inside:
                lines[number] = inside
            if not line.rstrip().endswith('\\'):
                inside = None
        return lines

    def conditional_lines(self):
        """Those between #if and #endif: {line: ((number of the #if, of its branch), ...)}.
        An include guard does not count.  What an #if and its branches ask for is in conditions."""
        inside, stack, last = {}, [], 0
        for number, line in enumerate(self.lines, 1):
            match = re.match(r'\s*#\s*(\w+)\s*(\w*)', line)
            word = match[1] if match else ''
            if word.startswith('if'):
                guard = rf'\s*#\s*define\s+{match[2]}\s*\Z'
                last += 1
                stack.append([0, 0] if word == 'ifndef' and number < len(self.lines) and
                             re.match(guard, self.lines[number]) else [last, 0])
                self.conditions[last] = line
            elif word in ('elif', 'else') and stack:
                stack[-1][1] += 1
                self.conditions[stack[-1][0]] = self.conditions.get(stack[-1][0], '') + line
            elif word == 'endif' and stack:
                stack.pop()
            branches = tuple(tuple(level) for level in stack if level[0])
            if branches:
                inside[number] = branches
        return inside

    def without_remarks(self, numbers):
        """The file without comments behind the code of these lines, which would stay."""
        lines = self.text.split('\n')
        for number in numbers:
            line, code = lines[number - 1], self.lines[number - 1].rstrip()
            if code.endswith(';') and re.fullmatch(r'\s*(//.*|/\*.*\*/\s*)', line[len(code):]):
                lines[number - 1] = line[:len(code)]
        return File(self.path, '\n'.join(lines), self.name)

    def where(self, offset):
        """(line, column) of an offset in the text."""
        line = self.code.count('\n', 0, offset) + 1
        return line, offset - self.starts[line - 1]

    def by_version(self, line, text=''):
        """Whether the version of the kernel decides whether that line is compiled, or @text of it."""
        levels = self.conditional.get(line, ())
        asked = self.conditions[levels[-1][0]] if levels else ''
        return bool(re.search(r'\b(LINUX_VERSION_CODE|KERNEL_VERSION|RHEL_RELEASE_CODE)\b', asked + text))

    def named(self, word):
        """((line, column), offset, what kind of place it is) for each that names @word."""
        for match in re.finditer(r'\b%s\b' % word, self.code):
            place = self.where(match.start())
            code = self.code if place[0] in self.macro else self.bare
            before, after = code[:match.start()].rstrip(), code[match.end():]
            called = after.lstrip().startswith('(')
            last = re.search(r'(\w*)[^\w]?\Z', before)[1]
            if re.search(r'\bEXPORT_SYMBOL\w*\s*\(\Z', before):
                kind = 'exported'
            elif not called and \
                    re.search(r'\b(typeof|__typeof__|__builtin_(choose_expr|types_compatible_p))'
                              r'\s*\([^;{}()]*\Z', before) and \
                    not re.match(r'\s*\)\s*\*+\s*\w+\s*[;=\[]', after):    # no pointer of that type
                kind = 'probe'
            elif place[0] in self.macro:
                kind = 'macro'
            elif not called:
                kind = 'not called'
            elif re.search(r'[\w*]\Z', before) and last not in ('return', 'else', 'do', 'case') \
                    and not re.search(r'[)=(,]\s*\*+\Z', before) \
                    and re.match(PARAMETER, after):
                kind = 'declared'
            else:
                kind = 'call'
            yield place, match, kind

    def function_at(self, line):
        """The name of the function around a line, as far as the text tells."""
        for number in range(line, 0, -1):
            match = re.match(r'(?=[A-Za-z_])[^;={}#]*?\b(\w+)\s*\(', self.lines[number - 1])
            if match and not re.match(r'(?:if|for|while|switch|return)\b', match[1]):
                return match[1] + '()'
        return 'the file'

    def fact_at(self, kind, place):
        return [fact for fact in self.facts[kind] if (fact.line, fact.column) == place]

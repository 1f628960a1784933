# SPDX-License-Identifier: GPL-2.0
"""A C file without a compiler: its statements, functions and macros."""

import os
import re

JUMP = re.compile(r'(return|goto|break|continue)\b')
LABEL = re.compile(r'(case\b|default\b|\w+ ?:(?!:))')


def blank_out(text):
    """The source with comments and the insides of strings blank."""
    def blanks(match):
        word = match[0]
        if word[0] == '/':
            return re.sub(r'[^\n]', ' ', word)
        return word[0] + re.sub(r'[^\n]', ' ', word[1:-1]) + word[-1]
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'',
                  blanks, text, flags=re.S)


def shorten(text):
    return text if len(text) <= 64 else text[:60].rstrip() + ' ...'


def is_simple(text):
    return text.endswith(';') and '{' not in text and not LABEL.match(text) and \
        not re.match(r'(if|else|for|while|switch|do)\b', text)


def is_condition(text):
    return bool(re.match(r'(\} ?)?(else )?if\b.*[){]$|(\} ?)?else\b( \{)?$', text))


class Source:
    """What can be told about the lines of a C file without a compiler."""

    def __init__(self, tree, path):
        with open(os.path.join(tree, path), encoding='utf-8', errors='replace') as file:
            text = file.read()
        self.lines = [''] + text.splitlines()
        self.code = [''] + blank_out(text).splitlines()
        self.first = {}         # line: the one that its statement begins on
        self.macro = {}         # line: name of the macro that it defines
        self.directive = set()
        self.function = {}      # line: name of the function that it is in
        self.scan_statements()
        self.scan_functions()

    def scan_statements(self):
        depth, first, macro, directive = 0, None, None, False
        previous = ''
        for number, code in enumerate(self.code):
            code = code.rstrip()
            if not directive and code.lstrip().startswith('#'):
                match = re.match(r'\s*#\s*define\s+(\w+)', code)
                directive, macro = True, match and match[1]
            if directive:
                self.directive.add(number)
                if macro:
                    self.macro[number] = macro
                directive = code.endswith('\\')
                continue
            if not code:
                continue
            if not depth and previous[-1:] not in tuple('=|&+-*/?,<>'):
                first = number
            self.first[number] = first
            depth = max(0, depth + code.count('(') - code.count(')'))
            previous = code

    def scan_functions(self):
        """gcov does not know those that are inlined everywhere."""
        depth, name, begin = 0, None, 0
        for number, code in enumerate(self.code):
            if number in self.directive:
                continue
            match = re.match(r'(?=[A-Za-z_])[^;={}]*?\b(\w+)\s*\(', code)
            if not depth and match and not name:
                name, begin = match[1], number
            depth = max(0, depth + code.count('{') - code.count('}'))
            if name and (depth or '}' in code):
                for line in range(begin, number + 1):
                    self.function[line] = name
                begin = number
            if not depth and ('}' in code or ';' in code):
                name = None

    def statement(self, number):
        """The code of the whole statement that begins on a line."""
        end = number
        while self.first.get(end + 1, number) == number and end + 1 < len(self.code):
            end += 1
        return ' '.join(' '.join(self.code[number:end + 1]).split())

    def text(self, number):
        """The whole statement that a line belongs to, as it is in the source."""
        first = self.first.get(number, number)
        end = number
        while self.first.get(end + 1) == first:
            end += 1
        return ' '.join(' '.join(self.lines[first:end + 1]).split())

    def step(self, number, direction):
        """The line on which the statement before or after begins, within the function."""
        first = number
        while self.function.get(number) and self.first.get(number, first) == first:
            number += direction
        if not self.function.get(number):
            return None
        return self.first.get(number, number)

    def companion(self, number, counted):
        """For a statement without a counter: (line, 'with') if it runs whenever that line
        does, (line, 'below') if that line's condition decides, or None."""
        line = self.step(number, -1)
        while line:
            text = self.statement(line)
            if is_condition(text):
                return (line, 'below') if line in counted else None
            if self.code[line].startswith('{'):
                line = self.step(line, -1)      # the head of the function
                if line in counted:
                    return line, 'with'
                break
            before = self.step(line, -1)
            if not is_simple(text) or not before:
                break
            if is_condition(self.statement(before)):
                if before in counted:
                    return before, 'below' if JUMP.match(text) else 'with'
                break
            if JUMP.match(text):
                break
            if line in counted:
                return line, 'with'
            line = before
        line = number
        while line and is_simple(self.statement(line)) and \
                not JUMP.match(self.statement(line)):
            line = self.step(line, 1)
            if line in counted and not LABEL.match(self.statement(line)):
                return line, 'with'
        return None

    def kind(self, number):
        """Of a line without a counter, in a word."""
        if not self.code[number].strip():
            return 'comment'
        if number in self.macro:
            return 'macro'
        if number in self.directive:
            return 'directive'
        if not re.search(r'\w', self.code[number]):
            return 'brace'
        return 'no code'

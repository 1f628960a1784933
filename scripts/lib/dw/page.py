# SPDX-License-Identifier: GPL-2.0
"""Pages: one HTML file that needs no other and nothing from elsewhere, and the same as Markdown.

A page is its parts, in order.  Text has `code`, **strong** and [text](#heading) in it, and
[text](path) to a file beside the page."""

import html
import re

# For any width from that of a phone on, and for both schemes of colour.  What may be wider
# than the page stands in .wide, which scrolls, with a shadow where there is more to see; all
# other text breaks where it has to.
STYLE = '''
:root { color-scheme: light dark; --good: #176b2c; --bad: #b3261e; --meek: #666; }
@media (prefers-color-scheme: dark) {
:root { --good: #6fcf86; --bad: #ff8a80; --meek: #a0a0a0; } }
* { box-sizing: border-box; }
body { font: 16px/1.5 sans-serif; max-width: 75em; margin: 2em auto; padding: 0 1em;
  overflow-wrap: anywhere; }
h1 { font-size: 1.5em; } h2 { font-size: 1.2em; margin-top: 2.2em; } h3 { font-size: 1em; }
p, li { max-width: 50em; }
code, pre { font: 14px/1.35 monospace; }
pre, .wide { overflow-x: auto; overflow-wrap: normal; }
.wide { background:
  linear-gradient(90deg, Canvas 2em, transparent) 0 0 / 3em 100% no-repeat local,
  linear-gradient(270deg, Canvas 2em, transparent) 100% 0 / 3em 100% no-repeat local,
  linear-gradient(90deg, #888a, transparent) 0 0 / .8em 100% no-repeat scroll,
  linear-gradient(270deg, #888a, transparent) 100% 0 / .8em 100% no-repeat scroll; }
table { border-collapse: collapse; font-size: 14px; }
th, td { padding: .15em .7em .15em 0; text-align: left; vertical-align: top; }
th { border-bottom: 2px solid #8888; } td { border-bottom: 1px solid #8884; }
.wide table { width: max-content; }
.wide td, .wide th { max-width: 32em; overflow-wrap: anywhere; }
.wide td:first-child { max-width: 38em; }
@media (max-width: 40em) { .wide td:first-child { min-width: 11em; max-width: 14em; } }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.none { color: var(--meek); }
strong, .bad { color: var(--bad); } .met { color: var(--good); }
figure { margin: 1em 0 .5em; background: #fff; max-width: 760px; }
svg { display: block; max-width: 100%; height: auto; }
'''


class Page:
    def __init__(self):
        self.parts = []
        self.pictures = {}      # name: SVG

    def heading(self, text):
        self.parts.append(('heading', text))

    def text(self, *sentences):
        self.parts.append(('text', ' '.join(filter(None, sentences))))

    def items(self, *texts):
        self.parts.append(('items', texts))

    def table(self, rows):
        self.parts.append(('table', [[str(cell) for cell in row] for row in rows]))

    def as_it_is(self, lines):
        self.parts.append(('as it is', '\n'.join(lines)))

    def picture(self, name, title, svg):
        self.pictures[name] = svg
        self.parts.append(('picture', (name, title)))

    def html(self, text):
        """A part that is in the HTML only, since it has no other form."""
        self.parts.append(('html', text))


def anchor(heading):
    """The same anchor that GitHub makes."""
    return re.sub(r'[^a-z0-9 -]', '', heading.lower()).replace(' ', '-')


def listed(words, mark='`'):
    words = [f'{mark}{word}{mark}' for word in words]
    return ' and '.join(filter(None, [', '.join(words[:-1]), words[-1]])) if words else 'none'


def markdown(rows):
    """A table that can be read as it is, too."""
    rows = list(rows)
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ['| ' + ' | '.join(cell.ljust(width) for cell, width in zip(row, widths)) + ' |'
             for row in rows]
    lines.insert(1, '|' + '|'.join('-' * (width + 2) for width in widths) + '|')
    return lines


def as_markdown(title, page):
    lines = [f'# {title}', '']
    for kind, what in page.parts:
        if kind == 'heading':
            lines.append(f'## {what}')
        elif kind == 'text':
            lines.append(what.replace('<', '&lt;'))
        elif kind == 'items':
            lines += [f'- {text.replace("<", "&lt;")}' for text in what]
        elif kind == 'table':
            lines += markdown([cell.replace('|', '\\|').replace('<', '&lt;')
                                     for cell in row] for row in what)
        elif kind == 'as it is':
            lines += ['```', what, '```']
        elif kind == 'picture':
            lines.append(f'![{what[1]}]({what[0]}.svg)')
        else:
            continue
        lines.append('')
    return '\n'.join(lines[:-1]) + '\n'


def breakable(text):
    """HTML in which a name that is long may be broken behind its underscores and the like."""
    parts = re.split(r'(<[^>]*>)', text)
    parts[::2] = [re.sub(r'[^\s<>]{20,}', lambda word: re.sub(r'(?<=[_./=])(?=\w)', '<wbr>', word[0]),
                         part) for part in parts[::2]]
    return ''.join(parts)


def inline(text):
    text = html.escape(text)
    text = re.sub(r'`([^`]+)`', r'<code>\1</code>', text)
    text = re.sub(r'\*\*(.+?)\*\*', r'<strong>\1</strong>', text)
    return breakable(re.sub(r'\[([^]]+)\]\(([#\w][\w./+-]*)\)', r'<a href="\2">\1</a>', text))


NUMBER = re.compile(r'[+-]?[\d.]+( %| s| none)?|-')
CLASSES = {'none': 'none', 'met': 'met', 'ok': 'met', 'killed': 'met', 'FAIL': 'bad',
           'failed': 'bad', 'survived': 'bad', 'skip': 'none', 'skipped': 'none'}


def html_cell(text):
    classes = ['n'] if NUMBER.fullmatch(text) else []
    if text.endswith('none') or text in CLASSES:
        classes.append(CLASSES.get(text, 'none'))
    return (f'<td class="{" ".join(classes)}">' if classes else '<td>') + inline(text) + '</td>'


def html_table(rows):
    numeric = [len(rows) > 1 and bool(NUMBER.fullmatch(cell)) for cell in rows[-1]]
    yield '<div class="wide" tabindex="0"><table>\n<tr>'
    for text, right in zip(rows[0], numeric):
        yield ('<th class="n">' if right else '<th>') + inline(text) + '</th>'
    yield '</tr>\n'
    for row in rows[1:]:
        yield '<tr>' + ''.join(map(html_cell, row)) + '</tr>\n'
    yield '</table></div>\n'


def html_picture(svg):
    return f'<figure>{svg[svg.index("<svg"):].strip()}</figure>\n'


def document(title, body, style=''):
    """All of a file; @style comes behind STYLE."""
    return ('<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            '<link rel="icon" href="data:,">'
            f'<title>{html.escape(title)}</title><style>{STYLE}{style}</style></head><body>\n'
            f'<h1>{html.escape(title)}</h1>\n{body}</body></html>\n')


def html_parts(page, level=2):
    """@level: of its headings."""
    for kind, what in page.parts:
        if kind == 'heading':
            yield f'<h{level} id="{anchor(what)}">{html.escape(what)}</h{level}>\n'
        elif kind == 'text':
            yield f'<p>{inline(what)}</p>\n'
        elif kind == 'items':
            yield '<ul>\n' + ''.join(f'<li>{inline(item)}</li>\n' for item in what) + '</ul>\n'
        elif kind == 'table':
            yield from html_table(what)
        elif kind == 'as it is':
            yield f'<pre tabindex="0">{html.escape(what)}</pre>\n'
        elif kind == 'picture':
            yield html_picture(page.pictures[what[0]])
        else:
            yield what


def as_html(title, page, style=''):
    return document(title, ''.join(html_parts(page)), style)

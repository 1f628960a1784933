# SPDX-License-Identifier: GPL-2.0
"""The diff of the series with counts in its margin, as a page."""

import collections
import html

from dw.page import document

from .items import stale
from .summary import plural, summary_line, tally

STYLE = '''
h2 { font-family: monospace; }
.all { font-weight: bold; }
.list td { padding-right: .8em; }
.wide .diff td { font: 13px/1.35 monospace; tab-size: 8; padding: 0 .6em; white-space: pre;
  max-width: none; border: 0; }
.wide .diff { min-width: 100%; border: 1px solid #8886; }
.diff .n, .diff .c, .diff .b { text-align: right; }
.diff .n, .head td, .minus { color: var(--meek); } .head td { background: #8882; }
.minus { text-decoration: line-through; text-decoration-color: #8886; }
.ran td { background: #2a72; } .ran .c { font-weight: bold; }
.not td { background: #e335; font-weight: bold; }
.noted td { background: #d902; }
.plain td { background: #88f1; }
.part td.b { background: #e335; } .excused td.b { background: #d904; }
'''

LEGEND = '''<p>The diff of the series with, in the margin, how often each line that it
adds or changes was run, and how many of the branches on it were taken. Green ran;
orange did not, and a note says why it cannot here; red did not. A count in brackets
is that of another line: the one that the statement begins on, or the one that a
statement without a counter runs together with. A line without a count is a comment, a
declaration or a brace. Macros are counted on the lines that use them. The counters are put
into code that is optimised with -O2, after the early passes; they are not atomic, so
with several CPUs a count can be too low.</p>
<p>The whole files, with only these lines counted: <a href="genhtml/index.html">genhtml/</a>.
</p>'''


def html_row(row, file, marks):
    """One line of the diff.  @marks: {(line, kind): worst item}."""
    text = html.escape(row.text) or ' '
    count = branches = title = ''
    style = {'-': 'minus', ' ': 'context', '+': 'plain'}[row.sign]
    if row.sign == '+':
        unit = row.number if row.number in file.bare else file.unit.get(row.number)
        title = file.status(row.number)
        if unit:
            item, way = marks.get((unit, 'line')), marks.get((unit, 'branch'))
            style = 'ran' if item.ran else 'noted' if item.note else 'not'
            ways = file.ways(unit)
            count = file.count(row.number)
            if row.number in file.bare:
                count = '' if count is None else f'({count})'
                title += ': ' + file.about_bare(row.number)
            elif unit != row.number:
                count = f'({count})'
            elif ways:
                branches = f'{sum(map(bool, ways))}/{len(ways)}'
                title = 'branches: ' + ', '.join(map(str, ways))
                if way and not way.ran:
                    style += ' excused' if way.note else ' part'
            notes = {mark.note for mark in (item, way) if mark and mark.note}
            title = '; '.join([title, *sorted(notes)])
        elif title == 'not compiled':
            style = 'noted' if marks.get((0, 'file')).note else 'not'
    number = '' if row.sign == '-' else row.number
    return (f'<tr class="{style}" title="{html.escape(title)}"><td class="n">{number}</td>'
            f'<td class="c">{count}</td><td class="b">{branches}</td>'
            f'<td>{html.escape(row.sign)}{text}</td></tr>\n')


def html_file(file, items):
    marks = {}
    for item in items:
        if item.path == file.path:
            key = (item.number, item.kind)
            if key not in marks or (marks[key].ran, bool(marks[key].note)) > (
                    item.ran, bool(item.note)):
                marks[key] = item
    mine = [item for item in items if item.path == file.path]
    yield f'<h2 id="{file.path}">{file.path}</h2>\n<p>{html.escape(file_line(file, mine))}</p>\n'
    for reason in dict.fromkeys(item.note for item in mine if item.note):
        yield f'<p>{html.escape(reason[:1].upper() + reason[1:])}.</p>\n'
    yield '<div class="wide" tabindex="0"><table class="diff">\n'
    for heading, rows in file.hunks:
        yield ('<tr class="head"><td></td><td></td><td></td>'
               f'<td>@@ {html.escape(heading)}</td></tr>\n')
        for row in rows:
            yield html_row(row, file, marks)
    yield '</table></div>\n'


def file_line(file, mine):
    """A file in a line."""
    kinds = collections.Counter(item.kind for item in mine)
    parts = [f'{sum(item.ran for item in mine if item.kind == kind)} of {plural(count, kind)} run'
             for kind, count in kinds.items() if kind != 'file']
    parts += [item.what for item in mine if item.kind == 'file']
    words = collections.Counter(file.status(number) for number in file.touched)
    rest = [f'{words[word]} {word}'
            for word in ('comment', 'brace', 'no code', 'macro', 'directive') if words[word]]
    return '; '.join(filter(None, [', '.join(parts), 'without a counter: ' + ', '.join(rest)
                                   if rest else '']))


def write_html(path, files, items, notes):
    bad = [note for note in notes if stale(note, items)]
    body = [f'<p class="all">{html.escape(summary_line(files, items))}</p>\n'
            '<p>{passed} passed, {failed} failed, {skipped} skipped</p>\n'.format(
                **tally(items, bad)),
            LEGEND + '\n',
            html_list('Not run, and without a note',
                      [(item, '') for item in items if item.failed]),
            html_list('Stale notes', [(note, stale(note, items)) for note in bad]),
            html_list('Not run, and why', [(item, item.note) for item in items if item.note]),
            html_list('Macros', [(f'{item.path}:{item.number}', item.what)
                                 for item in items if item.kind == 'macro' and item.ran]),
            html_list('Statements without a counter of their own',
                      [(f'{file.path}:{number}: {file.source.lines[number].strip()}',
                        file.about_bare(number))
                       for file in files for number in file.bare])]
    for file in files:
        body += html_file(file, items)
    with open(path, 'w', encoding='utf-8') as out:
        out.write(document('Coverage of what the series adds or changes', ''.join(body), STYLE))


def html_list(heading, rows):
    if not rows:
        return ''
    body = ''.join(f'<tr><td><code>{html.escape(str(left))}</code></td>'
                   f'<td>{html.escape(right)}</td></tr>\n' for left, right in rows)
    return f'<h3>{html.escape(heading)}</h3>\n<table class="list">\n{body}</table>\n'

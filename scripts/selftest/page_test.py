#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Can the pages be read?  Those of scripts/everyday/results, scripts/measure/report and
scripts/check/coverage-report, made of results that are made up, in a headless Chromium: on a
screen of 400 and of 1400 pixels, light and dark.  Prints KTAP.

    scripts/selftest/page_test.py [--keep DIR]

With --keep the pages and a picture of each stay in DIR.

    console     no error and no warning on the console of the browser
    clipped     no element is wider than the one around it, unless that scrolls, nothing is
                cut off, and the page itself does not scroll sideways
    contrast    each text differs from what is behind it by 4.5, as WCAG 2 counts
    links       each link within the page leads somewhere, each to a file to one that is there
    itself      nothing is taken from elsewhere

Pages that are broken on purpose have to fail each of these.  Without Chromium all is skipped;
what needs none is tested all the same.
"""

import argparse
import base64
import contextlib
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import types
import urllib.parse

SCRIPTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
WIDTHS = (400, 1400)
SCHEMES = ('light', 'dark')

sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(SCRIPTS, name) for name in ('lib', 'check')]
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

# pylint: disable=wrong-import-position
from coverage.items import Item
from coverage.page import write_html
import sample
from chromium import Chromium
from dw.page import breakable, document

# Returns {check: [what is wrong]}.
LOOK = r'''
(() => {
for (const fold of document.querySelectorAll('details')) fold.open = true;
const wrong = {clipped: [], contrast: [], links: []};
const name = e => `<${e.tagName.toLowerCase()}${e.className && e.getAttribute('class') ?
    ' class=' + e.getAttribute('class') : ''}> ${(e.textContent || '').trim().slice(0, 50)}`;
const scrolls = e => ['auto', 'scroll'].includes(getComputedStyle(e).overflowX);
const root = document.documentElement;
if (root.scrollWidth > innerWidth)
    wrong.clipped.push(`the page is ${root.scrollWidth} wide on a screen of ${innerWidth}`);
for (const e of document.body.querySelectorAll('*')) {
    const style = getComputedStyle(e), box = e.getBoundingClientRect();
    if (!box.width || e.closest('svg svg, svg > *')) continue;
    let around = e.parentElement;
    while (around !== document.body && !scrolls(around)) around = around.parentElement;
    if (!scrolls(around) && (box.right > innerWidth + 1 || box.left < -1))
        wrong.clipped.push(`${name(e)}: reaches from ${box.left} to ${box.right}`);
    const parent = e.parentElement.getBoundingClientRect();
    if (!scrolls(e.parentElement) && style.display !== 'inline' &&
        box.right > parent.right + 1 && parent.width)
        wrong.clipped.push(`${name(e)}: ${box.right - parent.right} wider than what is around it`);
    if (!scrolls(e) && style.display !== 'inline' && !e.closest('svg') &&
        e.scrollWidth > e.clientWidth + 1 && e.clientWidth)
        wrong.clipped.push(`${name(e)}: its text is ${e.scrollWidth} wide, it is ${e.clientWidth}`);
}
const parts = c => (c.match(/[\d.]+/g) || [0, 0, 0, 0]).map(Number);
const over = (top, below) => { const a = top[3] ?? 1;
    return [0, 1, 2].map(i => top[i] * a + below[i] * (1 - a)); };
const light = c => { const [r, g, b] = c.map(v => (v /= 255) <= .03928 ? v / 12.92 :
    ((v + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b; };
const canvas = matchMedia('(prefers-color-scheme: dark)').matches ? [18, 18, 18] : [255, 255, 255];
const behind = e => e ? over(parts(getComputedStyle(e).backgroundColor), behind(e.parentElement)) :
    canvas;
for (const e of document.body.querySelectorAll(':not(svg *)')) {
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
    const back = behind(e), a = light(over(parts(getComputedStyle(e).color), back)), b = light(back);
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5) wrong.contrast.push(`${name(e)}: ${ratio.toFixed(2)}`);
}
for (const a of document.querySelectorAll('a')) {
    const to = a.getAttribute('href');
    if (to.startsWith('#') && !document.getElementById(to.slice(1)))
        wrong.links.push(`${to} is nowhere`);
}
return wrong;
})()
'''

BROKEN = {
    'console': '<script>console.error("broken")</script>',
    'clipped': '<p style="width: 2000px">broken</p>',
    'clipped, though the page does not scroll':
        '<div style="overflow: hidden; white-space: nowrap">' + 'broken ' * 400 + '</div>',
    'contrast': '<p style="color: #888; background: #777">broken</p>',
    'links': '<a href="#nowhere">broken</a>',
}


# The sample is of this one, whatever is asked for.
BASE = ('--base', '6.12', '--variants', os.path.join(os.path.dirname(SCRIPTS), 'patches/6.12/variants'))


def run(*words):
    subprocess.run([sys.executable, os.path.join(SCRIPTS, words[0]), *words[1:]], check=True,
                   stdout=subprocess.DEVNULL)


def report(where, *words):
    """Its text, of results in WHERE/results."""
    run('measure/report', '--results', os.path.join(where, 'results'), '--out',
        os.path.join(where, 'report'), *words)
    with open(os.path.join(where, 'report/report.md'), encoding='utf-8') as file:
        return file.read()


def row_of(text, *cells):
    """The rest of the first row of a table that begins with these cells."""
    match = re.search(r'^\| ' + r' +\| '.join(map(re.escape, cells)) + r' +\|(.*)', text, re.M)
    return match[1] if match else 'no such row'


def reports(where):
    """(Name, what is wrong): which bench they are of, and what they say of it."""
    results = os.path.join(where, 'results')
    sample.bench(results, '20260403T010203Z')
    sample.bench(results, '20260404T010203Z')
    sample.about(os.path.join(results, '20260404T010203Z-bench'), '7.3', 'control')
    sample.bench(results, '20260405T010203Z')
    os.rename(os.path.join(results, '20260405T010203Z-bench'),
              os.path.join(results, '20260405T010203Z-bench-few'))
    text = report(where, *BASE)
    yield 'the report is about the newest bench of the base that has all rows', \
        [] if '| 2026-04-03 01:02 UTC' in text and 'BASE=' not in text else [row_of(text, 'measured')]
    told = report(where, '--base', '7.3')
    yield 'and says of another base how it is asked for', \
        [what for what in ('| 2026-04-04 01:02 UTC', '`BASE=7.3 scripts/measure/bench series',
                           '`make bench BASE=7.3`', '`make tree BASE=7.3 SERIES=control`',
                           '`make report BASE=7.3`') if what not in told]
    told = row_of(text, '`bit-set-once`', 'set it once, or each time that the condition is evaluated?')
    yield 'a variant of another form is compared to that', \
        [] if re.match(r' `posted` +\| none ', told) else [told]
    told = row_of(text, '`posted`', 'none: another form of the change, `SERIES=posted`')
    yield 'which is compared to the series, and has a line in the pictures', \
        [] if re.match(r' `series` ', told) and 'Not measured in this run: `posted`' not in text else [told]
    sample.bench(results, '20260406T010203Z', left_out=('series', 'wake-1-unrelated-1000'))
    text = report(where, *BASE)
    yield 'a row that the series has left out is no reason to judge nothing', \
        [] if '| 2026-04-06 01:02 UTC' in text and 'not measured as a whole' not in text and \
        re.match(r' 63 +\| 19000\.0 +\| 2\.5 +\| 0\.04 % +\| - ', row_of(text, 'wake-1-unrelated-1000')) \
        else [text[:200], row_of(text, 'wake-1-unrelated-1000')]


def coverage_page(path):
    """A page about two lines that are made up."""
    row = types.SimpleNamespace
    source = row(lines={1: '\tif (d_in_lookup(dentry))' + ' ' * 90 + '/* far out */', 2: '}'},
                 function={})
    file = row(path='fs/dcache.c', bare={}, unit={1: 1}, touched=[1, 2], source=source,
               counts=row(lines={1: 7}), status=lambda n: 'executed' if n == 1 else 'brace',
               count=lambda n: 7, ways=lambda n: [3, 4], about_bare=lambda n: '',
               hunks=[('d_add', [row(sign='-', number=0, text='\told'),
                                 row(sign='+', number=1, text=source.lines[1]),
                                 row(sign='+', number=2, text='}'),
                                 row(sign=' ', number=3, text='')])])
    items = [Item('line', 'fs/dcache.c', 1, 'd_add', source.lines[1], True),
             Item('branch', 'fs/dcache.c', 1, 'd_add', source.lines[1], False,
                  'branch 1 of 2')]
    os.makedirs(os.path.join(os.path.dirname(path), 'genhtml'))
    with open(os.path.join(os.path.dirname(path), 'genhtml/index.html'), 'w', encoding='utf-8'):
        pass
    write_html(path, [file], items, [])


def pages(where):
    """(Name, path) of each."""
    results = os.path.join(where, 'results')
    sample.make(results)
    run('everyday/results', '--results', results, *BASE)
    yield 'results', os.path.join(results, 'index.html')
    empty = os.path.join(where, 'empty')
    os.mkdir(empty)
    run('everyday/results', '--results', empty)
    yield 'results of nothing', os.path.join(empty, 'index.html')
    run('measure/report', '--results', results, *BASE, '--out', os.path.join(where, 'report'))
    yield 'report', os.path.join(where, 'report/report.html')
    os.mkdir(os.path.join(where, 'coverage'))
    path = os.path.join(where, 'coverage/index.html')
    coverage_page(path)
    yield 'coverage', path


def elsewhere(path):
    """Things that a page takes from elsewhere, and files that its links miss."""
    with open(path, encoding='utf-8') as file:
        text = file.read()
    for what in re.findall(r'(?:src|href|url\()=?["\']?(https?:[^"\')> ]*)', text):
        yield f'{what} is elsewhere'
    if re.search(r'<script|<img|@import', text):
        yield 'it has a script, a picture of another file, or an @import'
    for to in re.findall(r'<a href="([^"#][^"]*)"', text):
        if not os.path.exists(os.path.join(os.path.dirname(path), urllib.parse.unquote(to))):
            yield f'{to} is not there'


def says_what_is_there(path):
    """Things that the sample has, and the page has to have."""
    with open(path, encoding='utf-8') as file:
        text = file.read()
    for what in ('in_lookup_wake: 14 cases', '&lt;script&gt;', '/console.log', '/results.ktap',
                 'make kunit SEED=1 FILTER=', '1 killed, 1 survived, 1 are equivalent',
                 '88 of 89 lines', 'rt-debug', 'the kernel panicked after 12.3 s',
                 'did not happen: nobody took the name over',
                 '80 passed, 0 failed, 0 skipped', 'not judged, since they were ended before: 1 more', '18 runs are kept',
                 'make stress-ng', 'BASE=7.3 SERIES=readdir CONFIG=plain', '2026-03-09 10:11'):
        if what not in text:
            yield f'{what!r} is not on it'
    marks = re.findall(r'<b class="([pfs])"', text)
    if marks.count('f') != 6 or marks.count('s') != 3 * 18 or len(marks) < 350:
        yield f'the histories have {marks.count("f")} F, {marks.count("s")} s of {len(marks)}'
    failures = text.partition('id="failures"')[2].partition('<h2')[0]
    since = re.findall(r'<td[^>]*>(-|2026-04-02 01:02)</td><td[^>]*><code>make', failures)
    if since != ['-', '-', '2026-04-02 01:02', '2026-04-02 01:02']:
        yield f'the failures of kcsan have not passed since, those of make selftests have: {since}'
    scenarios = text.partition('id="scenarios"')[2].partition('<h2')[0]
    scenarios = re.findall(r'<tr><td><code>([^<]*)</code></td><td[^>]*>(\w+)', scenarios)
    if scenarios != [('CONFIG=kcsan', 'FAIL'), ('CONFIG=rt-debug', 'ok'), ('SERIES=none CONFIG=kcsan', 'ok'),
                     ('STOCK=6.1', 'ok')]:
        yield f'the scenarios are {scenarios}'
    at = [text.find(what) for what in ('id="cost"', '<figure>', '<th class="n">no-waiting')]
    if -1 in at or at != sorted(at):
        yield f'the pictures of the bench are not above its tables: {at}'


def views(browser, name, path, keep):
    """(Check, what is wrong) of each."""
    for width in WIDTHS:
        for scheme in SCHEMES:
            browser.open(path, width, scheme)
            wrong = browser.evaluate(LOOK)
            wrong['console'] = list(browser.complaints())
            if keep:
                shot = browser.call('Page.captureScreenshot', captureBeyondViewport=True)
                with open(os.path.join(keep, f'{name}-{width}-{scheme}.png'.replace(' ', '-')),
                          'wb') as file:
                    file.write(base64.b64decode(shot['data']))
            for check, what in wrong.items():
                yield f'{name}: {check}, {width} pixels, {scheme}', what[:5]


def with_browser(browser, made, where, keep):
    for name, path in made:
        yield from views(browser, name, path, keep)
    for what, body in BROKEN.items():
        path = os.path.join(where, 'broken.html')
        with open(path, 'w', encoding='utf-8') as file:
            file.write(document('Broken', body))
        check = what.partition(',')[0]
        seen = {name.split(': ')[1].partition(',')[0]
                for name, wrong in views(browser, 'broken', path, None) if wrong}
        yield f'a page that is broken is seen: {what}', \
            [] if seen == {check} else [f'seen: {sorted(seen) or "nothing"}']


def tests(where, keep):
    """(Name, what is wrong, why it is skipped)."""
    made = list(pages(where))
    for name, path in made:
        yield f'{name}: nothing is taken from elsewhere, and each link leads to a file', \
            list(elsewhere(path)), ''
    yield 'results: all that is kept is on the page', list(says_what_is_there(made[0][1])), ''
    os.mkdir(os.path.join(where, 'benches'))
    for name, wrong in reports(os.path.join(where, 'benches')):
        yield f'report: {name}', wrong, ''
    broken = breakable('<a href="in_lookup_end_and_on.html">in_lookup_end.wakes_all</a> a_short_one')
    yield 'a long name may be broken between its words, and its link may not', \
        [] if broken == '<a href="in_lookup_end_and_on.html">in_<wbr>lookup_<wbr>end.<wbr>wakes_' \
                        '<wbr>all</a> a_short_one' else [broken], ''
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        done = subprocess.run([sys.executable, os.path.join(SCRIPTS, 'everyday', 'results'), '--results',
                               os.path.join(where, 'nowhere')], check=False,
                              capture_output=True, encoding='utf-8')
    yield 'results: a directory that is not there is told in a line', \
        [] if done.returncode == 2 and done.stderr.count('\n') == 1 else [done.stderr], ''
    if why := Chromium.missing():
        yield 'the pages in a browser', [], why
        return
    with Chromium() as browser:
        for name, wrong in with_browser(browser, made, where, keep):
            yield name, wrong, ''


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--keep', metavar='DIR', help='a new or an empty directory')
    args = parser.parse_args()
    with contextlib.ExitStack() as stack:
        where = args.keep
        if where:
            os.makedirs(where, exist_ok=True)
            if os.listdir(where):
                parser.error(f'--keep {where}: it is not empty; name a new or an empty directory')
        else:
            where = stack.enter_context(tempfile.TemporaryDirectory(prefix='dentry-wait.'))
        results = list(tests(os.path.abspath(where), args.keep))
    print(f'KTAP version 1\n1..{len(results)}')
    for number, (name, wrong, skip) in enumerate(results, 1):
        for line in wrong:
            print(f'# {json.dumps(line)[:200]}')
        print(f'{"not ok" if wrong else "ok"} {number} {name}' + (f' # SKIP {skip}' if skip else ''))
    failed = sum(bool(wrong) for _, wrong, _ in results)
    skipped = sum(bool(skip) for _, _, skip in results)
    print(f'{len(results) - failed - skipped} passed, {failed} failed, {skipped} skipped')
    return 1 if failed or not results else 0


if __name__ == '__main__':
    from dw.ending import run_main
    run_main(main)

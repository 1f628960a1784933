# SPDX-License-Identifier: GPL-2.0
"""Pictures of the instructions, drawn by gnuplot."""

import html
import os
import re
import subprocess

from .instructions import BEFORE, BOUND
from .saved import AFTER, KINDS, Trouble

# The kernels in the pictures: colour; kind and size of the points, width and dashes of the
# line.  posted is often where shared-table is, and so lets that be seen.
LOOKS = {BEFORE: ('#444444', 5, 0.9, 2, 1), 'shared-table': ('#0072b2', 13, 0.9, 2, 1),
         'posted': ('#d55e00', 8, 1.5, 2, 2), AFTER: ('#009e73', 7, 0.9, 3, 1)}
BARS = {AFTER: LOOKS[AFTER][0], BOUND: '#bbbbbb'}
LINES = list(LOOKS)             # the last is on top

HEAD = '''set terminal svg size 760,420 fixed noenhanced font "sans-serif,13" background "#ffffff"
set encoding utf8
set border 3 linecolor rgb "#444444"
set grid ytics linecolor rgb "#dddddd" linewidth 1
set tics nomirror
set key outside top center horizontal Left reverse samplen 3 width 2
'''


def draw(name, title, script):
    """A picture, as the text of an SVG file."""
    try:
        done = subprocess.run(['gnuplot', '-d'], check=False, input=HEAD + script,
                              encoding='utf-8', errors='replace', stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, env={**os.environ, 'LC_ALL': 'C.UTF-8'})
    except FileNotFoundError:
        raise Trouble('no gnuplot; run scripts/steps/deps, or install gnuplot-nox') from None
    svg = done.stdout
    if done.returncode or '</svg>' not in svg:
        raise Trouble(f'gnuplot: {name}.svg: '
                      f'{" ".join(done.stderr.split())[-200:] or "drew nothing"}')
    # Several are in one page, and there an id must be the only one.
    svg = re.sub(r'''\bid=(['"])''', rf'id=\1{name}-', svg)
    svg = re.sub(r'''href=(['"])#''', rf'href=\1#{name}-', svg)
    svg = svg.replace('url(#', f'url(#{name}-').replace('<svg', '<svg role="img"', 1)
    return re.sub(r'<title>.*?</title>', lambda _: f'<title>{html.escape(title)}</title>',
                  svg, count=1, flags=re.S)


def quoted(text):
    return '"' + re.sub(r'["\\$`]', '', text) + '"'


def block(number, points):
    """The points of one kernel; None is a gap in its line."""
    lines = [' '.join(map(str, point)) if point else '' for point in points]
    return '\n'.join([f'$data{number} << EOD', *lines, 'EOD', ''])


def tics(places):
    return '(' + ', '.join(f'{quoted(text)} {place}' for place, text in places) + ')'


def line_picture(name, title, labels, curves, scales, places):
    """@curves: {kernel: points}; @places: the tics of x, as (place, text)."""
    script = ''.join(block(number, points) for number, points in enumerate(curves.values()))
    script += (f'set xlabel {quoted(labels[0])}\nset ylabel {quoted(labels[1])}\n{scales}\n'
               f'set xtics {tics(places)}\n'
               f'set xrange [{places[0][0] * 0.7}:{places[-1][0] * 1.4}]\nplot ')
    script += ', '.join(
        '$data{} using 1:2 with linespoints title {} linecolor rgb "{}" pointtype {} '
        'pointsize {} linewidth {} dashtype {}'.format(number, quoted(kernel), *LOOKS[kernel])
        for number, kernel in enumerate(curves))
    return draw(name, title, script + '\n')


def per_waiter(bench, name, title, label):
    """Instructions for each of those who wait for one name."""
    curves, numbers = {}, set()
    for kernel in LINES:
        points = [(int(row.rpartition('-')[2]), row)
                  for row in bench.matching(name + r'-[1-9]\d*', kernel)]
        points = [(n, bench.median(row, kernel) / n) for n, row in sorted(points)]
        if points:
            curves[kernel] = points
            numbers.update(n for n, _ in points)
    if not curves:
        return None, []
    top = 1.15 * max(value for points in curves.values() for _, value in points)
    return line_picture(name, title, ('threads that wait for the name', label), curves,
                        f'set logscale x\nset yrange [0:{top}]',
                        [(n, f'{n}') for n in sorted(numbers)]), list(curves)


def unrelated(bench, title):
    """wake-1 while others wait for other names.  There is no 0 on a logarithmic scale; it
    has a place of its own, and no line leads there."""
    curves, numbers = {}, set()
    for kernel in LINES:
        points = sorted((int(row.rpartition('-')[2]), bench.median(row, kernel))
                        for row in bench.matching(r'wake-1-unrelated-[1-9]\d*', kernel))
        if points:
            curves[kernel] = points
            numbers.update(n for n, _ in points)
    if not curves:
        return None, []
    zero = min(numbers) / 8
    for kernel, points in curves.items():
        alone = bench.median('wake-1', kernel)
        curves[kernel] = [*([(zero, alone), None] if alone else []), *points]
    values = [point[1] for points in curves.values() for point in points if point]
    steps = [factor * 10 ** power for power in range(1, 12) for factor in (1, 2, 5)]
    steps = [step for step in steps if min(values) / 2 <= step <= max(values) * 2]
    scales = ('set logscale xy\n'
              f'set ytics {tics([(step, str(step)) for step in steps])}\n'
              f'set yrange [{min(values) / 1.5}:{max(values) * 1.5}]')
    return line_picture('unrelated', title,
                        ('threads that wait for other names', 'instructions in the waker'),
                        curves, scales,
                        [(zero, '0'), *((n, f'{n}') for n in sorted(numbers))]), list(curves)


def alone(bench, title):
    """What nobody waits for: instructions that are saved, in percent."""
    kernels = [kernel for kernel in BARS if bench.matching(KINDS['nobody waits'], kernel)]
    rows = bench.matching(KINDS['nobody waits'])
    if not kernels or not rows:
        return None, []
    width = 0.8 / len(kernels)
    script, plots, values = '', [], [0]
    for number, kernel in enumerate(kernels):
        points = []
        for place, row in enumerate(rows):
            ratio = bench.ratio(row, kernel)
            if ratio:
                saved, error = 100 * (1 - ratio), 100 * bench.error(row)
                points.append((place + (number - (len(kernels) - 1) / 2) * width, saved, error,
                               saved + error if saved >= 0 else saved - error,
                               f'{saved:.1f}'))
                values += [saved + error, saved - error]
        script += block(number, points)
        plots += [f'$data{number} using 1:2:3:({0.92 * width}) with boxerrorbars title '
                  f'{quoted(kernel)} linecolor rgb "{BARS[kernel]}" fillstyle solid noborder',
                  f'$data{number} using 1:4:5 with labels notitle offset 0,0.6 '
                  'font "sans-serif,10"']
    room = 0.12 * (max(values) - min(values))
    script += ('set ylabel "instructions saved, % of unpatched"\n'
               'set errorbars linecolor rgb "#000000" linewidth 1\nset xzeroaxis linetype 1 '
               f'linecolor rgb "{LOOKS[BEFORE][0]}" linewidth 2\nset border 2\n'
               f'set xtics scale 0 rotate by -30 {tics(enumerate(rows))}\n'
               f'set xrange [-0.7:{len(rows) - 0.3}]\n'
               f'set yrange [{min(values) - room if min(values) < 0 else 0}:'
               f'{max(values) + room}]\n'
               f'plot {", ".join(plots)}\n')
    return draw('alone', title, script), kernels

# SPDX-License-Identifier: GPL-2.0
"""The page of all that was measured."""

import os
import re
import shlex
import statistics

from dw.page import Page, listed
from static.show import show_stack, show_stores, show_structs, show_text

from .instructions import AGAIN, BEFORE, BOUND, LEAST
from .pictures import LINES, alone, per_waiter, unrelated
from .saved import (AFTER, KINDS, MADE_WITH, Saved, Trouble, are_entries, newest, read_about,
                    read_json, stamp)
from .variants import read_variants
from .wall import table as wall_table
from .wall import where as where_from


class Report:
    def __init__(self, args):
        if not os.path.isdir(args.results):
            raise Trouble(f'{args.results}: no such directory; run make bench')
        self.above = os.path.dirname(os.path.abspath(args.results))
        where = args.bench or newest(args.results, 'bench', 'bench.json', args.base)
        if where is None:
            raise Trouble(f'{args.results}: no <stamp>-bench of {args.base} with a bench.json; run '
                          f'make bench{self.behind({"release": args.base})}')
        self.bench = Saved(where)
        self.variants = read_variants(args.variants, self.bench.kernels)
        self.static_path = None
        self.static, self.wall = self.find_static(args), self.find_wall(args)
        self.page = Page()

    def find_static(self, args):
        path = args.static or os.path.join(self.bench.where, 'static.json')
        if not args.static and not os.path.exists(path):
            return None
        self.static_path = path
        return read_json(path, 'scripts/measure/bench-static --json', lambda what: isinstance(what, dict)
                         and all(isinstance(what.get(side), list) and
                                 all(isinstance(word, str) for word in what[side])
                                 for side in ('before', 'after')))

    @staticmethod
    def find_wall(args):
        where = args.wall or newest(args.results, 'wall', 'wall.json', args.base)
        if where is None:
            return None
        entries = read_json(os.path.join(where, 'wall.json'), 'scripts/measure/bench-wall',
                            are_entries(('median', 'ratio', 'low', 'high', 'rounds')))
        return where, entries, read_about(where)

    def command(self, script, *words):
        """In the form of the shell, with paths as who has another $O has them too."""
        words = [shlex.quote(word) for word in words]
        return ' '.join([script, *(re.sub('^' + re.escape(self.above) + '(?=/)', '$O', word)
                                   for word in words)])

    @staticmethod
    def settings(about):
        """The variables of a run, as words of the shell."""
        words, base, config = [], about.get('release', '6.12'), about.get('config', 'plain')
        if base.startswith('kdir-'):
            words = ['KDIR=DIR']
        elif base != '6.12':
            words = [f'BASE={base}']
        if config != 'plain':
            # User-mode Linux is a scenario here, and an architecture to who asks for it.
            words.append(f'{"ARCH" if config == "um" else "CONFIG"}={config}')
        return words

    def before(self, about):
        """What is said of them before a command of scripts/, and behind one of make."""
        return ''.join(f'{word} ' for word in self.settings(about))

    def behind(self, about):
        return ''.join(f' {word}' for word in self.settings(about))

    def bench_command(self, *kernels):
        return self.before(self.bench.about) + self.command('scripts/measure/bench', *kernels)

    def wall_command(self):
        _, entries, about = self.wall
        kernels = dict.fromkeys(entry['kernel'] for entry in entries)
        rounds = max((entry['rounds'] for entry in entries), default=0)
        return f'{self.before(about)}ROUNDS={rounds} ' + self.command(
            'scripts/measure/bench-wall', *(k for k in kernels if k != BEFORE))

    def static_command(self):
        return self.command('scripts/measure/bench-static', '--before', *self.static['before'],
                            '--after', *self.static['after'], '--json', 'FILE')

    def write_page(self):
        self.summary()
        self.show_pictures()
        self.compared()
        self.goals()
        self.main_kernels()
        self.show_variants()
        self.repeatability()
        self.all_rows()
        if self.static:
            self.show_static()
        if self.wall:
            self.show_wall()
        return self.page

    def summary(self):
        bench = self.bench
        judged = bench.judged(AFTER)
        missed = sum(not met for _, met in judged.values())
        self.page.text(
            f'Of its {len(judged)} goals the series meets {len(judged) - missed}'
            + (f', and **misses {missed}**.' if missed else '.') if judged else
            '**The series was not measured as a whole**, so no goal is judged.',
            'A missing name that nobody else looks up takes '
            f'{bench.ratio("negative", AFTER):.4f} of the instructions that it took.'
            if bench.median('negative', AFTER) else '',
            'All figures are instructions, of kernel and program, in a guest with one CPU '
            'whose clock QEMU has count them; they are not time. Ratios are those of medians '
            'to the unpatched kernel, if nothing else is said: below 1 is less. "none" is no '
            'difference that this instrument can tell.')

    def when(self, where, kind):
        made = stamp(where, kind)
        return made.strftime('%Y-%m-%d %H:%M UTC') if made else 'not known when'

    def compared(self):
        bench, page = self.bench, self.page
        about = bench.about
        words = self.behind(about)
        base = self.behind({**about, 'config': 'plain'})
        rest = [k for k in bench.kernels if k != AFTER]
        compiler = 'clang' if 'clang' in about['compiler'] else 'gcc'
        page.heading('What was compared')
        rows = [['what', 'which', 'command'],
                ['measured', f'{self.when(bench.where, "bench")}, {len(bench.samples)} guests',
                 f'`make bench{words}`'],
                ['', 'the kernels of that run', f'`{self.bench_command(*bench.kernels)}`'],
                [BEFORE, f'tree {about["base"]}',
                 f'`make tree{base} SERIES={about.get("before", "none")}`']]
        if AFTER in bench.kernels:
            rows.append([AFTER, f'tree {about["series"]}', f'`make tree{base}`'])
        if rest:
            rows.append(['variants', f'[{len(rest)} of them](#the-variants)',
                         f'`{self.bench_command("NAME...")}`'])
        rows += [['config', about['config'], f'`make build{words}`'],
                 ['compiler', about['compiler'], f'`{compiler} --version`'],
                 ['QEMU', about['machine'], '`qemu-system-x86_64 --version`']]
        if self.static:
            rows.append(['in bytes', 'two of these builds, as they were then',
                         f'`{self.static_command()}`'])
        if self.wall:
            rows += [['time', f'{self.when(self.wall[0], "wall")}',
                      f'`make bench-wall{self.behind(self.wall[2])}`'],
                     ['', 'the kernels of that run', f'`{self.wall_command()}`']]
        page.table(rows + [['this page', '', f'`make report{base}`']])
        if not self.static:
            page.text('Bytes of text, stack and structs were not compared: '
                      '`scripts/measure/bench-static --before BUILD TREE --after BUILD TREE --json '
                      'FILE`, then `scripts/measure/report --static FILE`.')
        if not self.wall:
            page.text(f'Time was not measured: `make bench-wall{base}`.')

    def all_goals(self):
        """The texts of the goals, each once, in order."""
        return list(dict.fromkeys(goal for kernel in [AFTER, *self.bench.kernels]
                                  if kernel != BOUND for goal in self.bench.judged(kernel)))

    def goals(self):
        bench, page = self.bench, self.page
        judged = bench.judged(AFTER)
        page.heading('The goals')
        if AFTER not in bench.kernels:
            page.text(f'The series was not measured: `{self.bench_command(AFTER)}`.')
        elif not judged:
            page.text('No goal is judged, since not all was measured that it takes; of the '
                      f'series these rows are not there: {listed(bench.missing(AFTER))}.')
        else:
            page.text('Of the series; those of the variants are [with them](#the-variants). '
                      'Where there is a row beside the figure it is the worst one.')
        if self.all_goals():
            page.table([['', 'goal', 'figure', 'verdict'],
                        *([str(number), goal, judged[goal][0], verdict(judged[goal][1])]
                          if goal in judged else [str(number), goal, '-', 'not judged']
                          for number, goal in enumerate(self.all_goals(), 1))])

    def main_kernels(self):
        bench, page = self.bench, self.page
        kernels = [kernel for kernel in (AFTER, BOUND) if kernel in bench.kernels]
        page.heading('The main kernels')
        page.text('`spread` is what is between the first and the third quartile of the values '
                  'of the kernel before it; `error` that of the instrument in this row, by how '
                  'much the unpatched kernel differs when it is run again, or half of its '
                  'spread.',
                  f'In `{BOUND}` nobody can sleep or be woken: it is the lower bound of the '
                  'rows in which nobody waits, and has no others.' if BOUND in kernels else '',
                  'Each row is described in the head of `selftests/bench/lookup_cost.cpp` or '
                  '`module/scale/scale.h`; `positive-hot` is the control, in which no lookup '
                  'begins.',
                  f'Command: `{self.bench_command(*kernels)}`.')
        head = ['row', 'runs', BEFORE, 'spread', 'error']
        for kernel in kernels:
            head += [kernel, 'spread', 'ratio']
        if len(kernels) == 2:
            head.append(f'{AFTER} to {BOUND}')
        rows = [head]
        for row in bench.rows:
            line = [row, bench.samples[BEFORE][row]['runs'], f'{bench.median(row, BEFORE):.1f}',
                    f'{bench.spread(row, BEFORE):.1f}', f'{100 * bench.error(row):.2f} %']
            for kernel in kernels:
                median = bench.median(row, kernel)
                line += ['-', '-', '-'] if median is None else [
                    f'{median:.1f}', f'{bench.spread(row, kernel):.1f}', bench.cell(row, kernel)]
            if len(kernels) == 2:
                both = [bench.median(row, kernel) for kernel in kernels]
                line.append('-' if None in both else f'{both[0] / both[1]:.4f}')
            rows.append(line)
        page.table(rows)

    def show_pictures(self):
        bench, page = self.bench, self.page
        page.heading('Pictures')
        waker = 'Instructions in the waker, for each that waits'
        back = 'Instructions until the last waiter is back, for each that waits'
        others = 'Instructions to wake one waiter while others wait for other names'
        nobody = 'What a lookup that nobody waits for saves'
        for name, title, (svg, drawn), wanted, rows, note in (
                ('alone', nobody, alone(bench, nobody), [AFTER, BOUND],
                 bench.matching(KINDS['nobody waits']),
                 '100 % less 100 times the ratio: the zero line is the unpatched kernel, the '
                 'thin lines are the error of the row. Below the line it would cost more.'),
                ('wake', waker, per_waiter(bench, 'wake', waker, 'instructions per waiter'),
                 LINES, bench.matching(KINDS['the waker']),
                 'Medians, divided by the number of waiters.'),
                ('return', back, per_waiter(bench, 'return', back, 'instructions per waiter'),
                 LINES, bench.matching(KINDS['until the last is back']),
                 'Medians, divided by the number of waiters.'),
                ('unrelated', others, unrelated(bench, others), LINES,
                 bench.matching(r'wake-1|wake-1-unrelated-\d+'),
                 'Medians; both scales are logarithmic, 0 has a place of its own.')):
            command = self.bench_command(*(kernel for kernel in wanted if kernel != BEFORE))
            if svg is None:
                page.text(f'{title}: no picture, as these rows were not measured: `{command}`.')
                continue
            page.picture(name, title, svg)
            absent = [kernel for kernel in wanted if kernel not in drawn]
            page.text(f'{title}.', note,
                      f'Not measured in this run: {listed(absent)}.' if absent else '',
                      f'Rows {listed(rows)} of [all rows](#all-rows-of-all-kernels). '
                      f'Command: `{command}`.')

    def show_variants(self):
        bench, page = self.bench, self.page
        page.heading('The variants')
        page.text('Each is a patch in a directory `variants/` and asks one question, or another '
                  'form of the change. It is compared to the series, or to the form or the '
                  'variant that it is one of; this and the question are what the patch says '
                  'now. For each kind of rows the lowest and the highest ratio to that are '
                  'shown, with the row, of those in which the two differ; a difference that is '
                  'not more than the error of the row, or half of the spread of either, is '
                  'none. All rows are [below](#all-rows-of-all-kernels).')
        rows = [['variant', 'question', 'compared to', *KINDS]]
        for variant in self.variants:
            line = [f'`{variant.name}`', variant.question, f'`{variant.of}`']
            if {variant.name, variant.of} <= set(bench.kernels):
                line += [bench.differences(pattern, variant.name, variant.of)
                         for pattern in KINDS.values()]
            else:
                line += ['not measured', *[''] * (len(KINDS) - 1)]
            rows.append(line)
        page.table(rows)
        measured = [v.name for v in self.variants if v.name in bench.kernels]
        absent = [v.name for v in self.variants if v.name not in bench.kernels]
        if measured:
            page.text(f'Command: `{self.bench_command(AFTER, *measured)}`.')
        if absent:
            page.text(f'Not measured in this run: `{self.bench_command(AFTER, *absent)}`.')
        for kernel in measured:
            if bench.missing(kernel):
                page.text(f'`{kernel}` has not measured {listed(bench.missing(kernel))}; see '
                          '`verdict.log` of that guest.')
        goals = self.all_goals()
        judged = {kernel: bench.judged(kernel) for kernel in bench.kernels if kernel != BOUND}
        if goals and len(judged) > 1:
            page.text('The goals are numbered as [above](#the-goals).')
            page.table([['kernel', *(f'goal {number}' for number in range(1, len(goals) + 1))],
                        *([f'`{kernel}`',
                           *(verdict(of[goal][1], of[goal][0]) if goal in of else 'not judged'
                             for goal in goals)] for kernel, of in judged.items())])

    def repeatability(self):
        bench, page = self.bench, self.page
        errors = sorted((bench.error(row), row) for row in bench.rows)
        page.heading('Repeatability of the instrument')
        page.items(
            f'Largest error of a row: {100 * errors[-1][0]:.2f} % (`{errors[-1][1]}`); median '
            f'of the {len(errors)} rows: '
            f'{100 * statistics.median(error for error, _ in errors):.2f} %. None is taken to '
            f'be less than {100 * LEAST:.2f} %.',
            *self.again(), *self.control())
        wide = []
        for row in bench.rows:
            own, kernel = max((bench.own_error(row, kernel), kernel) for kernel in bench.samples
                              if bench.median(row, kernel))
            if kernel not in (BEFORE, AGAIN) and own > 2 * bench.error(row):
                wide.append([row, f'{100 * bench.error(row):.2f} %', f'`{kernel}`',
                             f'{100 * own:.2f} %'])
        if wide:
            page.text('The error is that of the unpatched kernel. In these rows the values of '
                      'another one spread by more than twice that; differences which are not '
                      'larger are not told from chance there:')
            page.table([['row', 'error', 'kernel that spreads the most', 'half of its spread'],
                        *wide])

    def again(self):
        bench = self.bench
        ratios = [(abs(bench.ratio(row, AGAIN) - 1), row) for row in bench.rows
                  if bench.median(row, AGAIN)]
        if not ratios:
            yield 'The unpatched kernel was not run again, so the errors are too small.'
            return
        same = sum(difference == 0 for difference, _ in ratios)
        yield (f'The unpatched kernel, run again: in {same} of {len(ratios)} rows the very same '
               f'median; at most {100 * max(ratios)[0]:.2f} % off'
               + (f' (`{max(ratios)[1]}`).' if max(ratios)[0] else '.'))

    def control(self):
        ratios = [bench_ratio for kernel in self.bench.kernels
                  if self.bench.median('positive-hot', BEFORE)
                  and (bench_ratio := self.bench.ratio('positive-hot', kernel))]
        if ratios:
            yield (f'The control, `positive-hot`: {min(ratios):.4f} .. {max(ratios):.4f} in all '
                   'kernels; the change should not be seen there.')

    def all_rows(self):
        bench, page = self.bench, self.page
        page.heading('All rows of all kernels')
        page.text('The median of the unpatched kernel, and the ratios of the others to it. '
                  f'Command: `{self.bench_command(*bench.kernels)}`.')
        page.table([['row', BEFORE, 'error', *bench.kernels],
                    *([row, f'{bench.median(row, BEFORE):.1f}', f'{100 * bench.error(row):.2f} %',
                       *(bench.cell(row, kernel) for kernel in bench.kernels)]
                      for row in bench.rows)])

    def show_static(self):
        static, page = self.static, self.page
        page.heading('In bytes')
        page.text('What is in the two kernels, and not how they run: text, stack frames, '
                  'structs, and the lines of the cache that a lookup writes to. '
                  f'Command: `{self.static_command()}`.')
        try:
            cases = [[case['what'], dict(passed='met', failed='**missed**')
                      .get(case['status'], 'skipped')] for case in static['cases']]
            details = [line for part, lines in (
                ('text', show_text), ('stack', show_stack),
                ('structs', show_structs), ('stores', show_stores))
                       for line in lines(static[part])]
            notes = list(static.get('notes', []))
        except (KeyError, TypeError, ValueError, AttributeError):
            raise Trouble(f'{self.static_path}: is not what this scripts/measure/bench-static --json '
                          'writes; run it again') from None
        if notes:
            page.items(*notes)
        page.table([['what', 'verdict'], *cases])
        page.as_it_is(details[1:] if details and not details[0] else details)

    def show_wall(self):
        where, entries, about = self.wall
        page = self.page
        page.heading('Time of whole workloads')
        other = [word for word in MADE_WITH
                 if about[word] != self.bench.about[word]]
        page.text(f'Time {where_from(about["machine"])} with 2 CPUs, in ticks of the time '
                  'stamp counter. Measured '
                  f'{self.when(where, "wall")}; the interval is that of the ratio. Rows are '
                  'described in the head of `selftests/bench/lookup_workload.cpp`. '
                  f'Command: `{self.wall_command()}`.',
                  '**Not comparable with the rest of this page**: measured with another '
                  f'{listed(other, "")}.'
                  if other else '')
        page.table(wall_table(entries))


def verdict(met, figure=None):
    if met:
        return 'met'
    return '**missed**' + (f' {figure}' if figure else '')

# SPDX-License-Identifier: GPL-2.0
"""What a kernel complains about on its console, by the patterns of scripts/lib/splats."""

import os
import re

PATTERNS = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'splats')

CONSOLE = 'console.no_complaint_of_the_kernel'      # the case that is about it

# Behind the time, and with CONFIG_PRINTK_CALLER behind the thread or the CPU.  A program that
# has left its line unfinished may stand before it, and so may a line that has lost its end.
STAMP = re.compile(r'\[ *\d+\.\d{6}\](?:\[ *[TC]\d+\])? ')

# Lines of a complaint that say nothing themselves: they only begin a report.
RULER = re.compile(r'-\[ cut here')

ACCESS = re.compile(r'\] (?:race .*, with )?((?:read|write|read-write)(?: \([a-z, ]+\))?) '
                    r'to 0x[0-9a-f]+ (of \d+ bytes)')

# Heads of reports that may not say where: of a stall or a leak that is chance.
SOMEWHERE = re.compile(r'(?:\[ )?BUG|WARNING|INFO: t|watchdog: BUG|kernel BUG|Oops|general|Unable|Internal|list_|UBSAN|ODEBUG')
NAMED = re.compile(r'\w\+0x[0-9a-f]')

# A lock as lockdep prints it.  Those that a task holds have a number before them.
LOCK = re.compile(r'[0-9a-f]{8,16} \((.+)\)\{[^}]*\}-\{\d+:\d+\}, at: (\w+)')
LOCKS = 2               # as many are at odds

# A function in the trace of x86, arm64 or s390; those with a "?" are remains.
FUNCTION = re.compile(r' *(?:RIP: [0-9a-f]+:|pc : |Krnl PSW : .*\(|\(?\[<[0-9a-f]+>\] )?(\w+)(?:\.\S+)?\+0x[0-9a-f]+/')
# Those that only do for others what these have asked for: sleep, lock, allocate, complain.
LENT = re.compile(r'_*(?:dump_stack|switch_to|show_|sched_show|print_|lockdep_|might_|schedule|io_schedule|preempt_schedule|'
                  r'rt_mutex|rt_spin|rt_read|rt_write|rtlock|rwbase|rwsem|down_|mutex_lock|ww_mutex|wait_for_co|'
                  r'wait_on_bit|out_of_line_wait|bit_wait|raw_spin|raw_read|raw_write|native_queued|queued_|'
                  r'kmem_cache_alloc|kmalloc|kvmalloc|alloc_pages|slab_|list_(?:add|del)|ubsan_|warn|report_bug|'
                  r'handle_bug|exc_|asm_|do_trap|do_error_trap|die)')

LEAST = 10              # lines with a time stamp that any kernel prints
UNJUDGED = 'the console could not be judged: it has fewer than ten lines with a time stamp'


def read_pairs(path):
    """The lines LEFT<TAB>RIGHT of a file, but for comments."""
    with open(path, encoding='utf-8') as file:
        for number, line in enumerate(file, 1):
            if not line.strip() or line.startswith('#'):
                continue
            left, tab, right = line.rstrip('\n').partition('\t')
            if not tab or not left or not right.strip():
                raise ValueError(f'{path}:{number}: want REGEX, a tab, and a text')
            yield left, right.strip()


def read_patterns(path=PATTERNS):
    """One expression that matches the beginning of any complaint, behind its stamp."""
    return re.compile('|'.join(f'(?:{pattern})' for pattern, _ in read_pairs(path)))


def unstamped(line):
    return STAMP.sub('', line, count=1)


def kernel_lines(path):
    """The lines of the kernel on a console, each from its stamp on."""
    with open(path, encoding='utf-8', errors='replace') as file:
        for line in file.read().split('\n'):
            starts = [match.start() for match in STAMP.finditer(line)]
            for start, end in zip(starts, [*starts[1:], len(line)]):
                yield line[start:end].rstrip()


def race(lines, splat):
    """What the two sides of a data race, reported in the first of @lines, were at: that line
    only names functions."""
    accesses, values = [], ''
    for line in lines[1:80]:
        if access := ACCESS.search(line):
            accesses.append(f'{access[1]} {access[2]}')
        elif '] value changed: ' in line:
            values = ', ' + line.partition('value changed: ')[2]
        elif '] =====' in line or splat.match(unstamped(line)):
            break
    return ': ' + ' and '.join(sorted(accesses)) + values


def place(lines, splat):
    """What the report is about that begins in the first of @lines, if that does not say so: two
    reports of one kind are one complaint only if they are about the same locks, or come from the
    same function."""
    if NAMED.search(lines[0]) or not SOMEWHERE.match(unstamped(lines[0])):
        return ''
    locks, function = [], ''
    for line in map(unstamped, lines[1:80]):
        if splat.match(line):
            break
        if lock := LOCK.match(line):
            locks.append(f'{lock[1]} in {lock[2]}')
        elif not function and (called := FUNCTION.match(line)) and not LENT.match(called[1]):
            function = f' in {called[1]}'
    return ': ' + ' and '.join(locks[:LOCKS]) if locks else function


def complaints(path):
    """The lines by which a kernel complains; None if the console cannot be judged, for it is
    not there, is all but empty, or has no time stamps."""
    try:
        lines = list(kernel_lines(path))
    except FileNotFoundError:
        return None
    if len(lines) < LEAST:
        return None
    splat = read_patterns()
    return [line + (race if 'BUG: KCSAN: data-race' in line else place)(lines[number:], splat)
            for number, line in enumerate(lines) if splat.match(unstamped(line))]


def news(bad, known, reasons):
    """Those of the complaints @bad that are none of @known, but for what differs from run to run."""
    known = {normal(line, reasons) for line in known}
    return [line for line in bad if normal(line, reasons) not in known]


def normal(line, reasons):
    """A complaint without what differs from run to run.  Those that the file of reasons
    has one pattern for are the same one."""
    line = unstamped(line)
    for pattern, _ in reasons:
        if re.search(pattern, line):
            return pattern
    line = re.sub(r'\b(0x)?[0-9a-f]{8,16}\b', 'ADDRESS', line)
    line = re.sub(r'\+0x[0-9a-f]+/0x[0-9a-f]+', '', line)
    line = re.sub(r'\d+', 'N', line)
    sides = re.match(r'(BUG: KCSAN: data-race in )([^ :]*) / ([^ :]*)(.*)', line)
    if sides:
        line = sides[1] + ' / '.join(sorted([sides[2], sides[3]])) + sides[4]
    return line

# SPDX-License-Identifier: GPL-2.0
"""Lines that a lookup writes to, in a guest of each of two kernels."""

import collections
import os
import re
import shutil
import statistics
import subprocess

from static.kernel import CALLEE, Trouble, run

HERE = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
LINE = 64               # bytes of a cache line
LOOKUPS = 200           # on each filesystem
KNOWN = 40              # lines to which the guest writes twice, to test the plugin
GUEST_SECONDS = 300     # it takes about five


class NotHere(Exception):
    """Why no guest was run, in one line."""


def symbols(path):
    """[(address, name)] of the functions, by address."""
    found = []
    for line in run('nm', path).splitlines():
        words = line.split()
        if len(words) == 3 and words[1] in 'tTwW':
            found.append((int(words[0], 16), words[2]))
    return sorted(found)


def build_guest(tmp):
    """The plugin, and an initramfs with the one program that the guest runs."""
    flags = ['g++', '-std=c++20', '-O2', '-Wall', '-Wextra']
    run(*flags, '-shared', '-fPIC', '-o', f'{tmp}/plugin.so', f'{HERE}/stores/plugin.cpp')
    run(*flags, '-static', '-no-pie', f'-DLOOKUPS={LOOKUPS}', f'-DKNOWN={KNOWN}',
        '-o', f'{tmp}/init', f'{HERE}/stores/init.cpp')
    run('cpio', '--quiet', '-o', '-H', 'newc', '-F', f'{tmp}/initramfs.cpio', cwd=tmp,
        given='init\n')


def run_guest(kernel, tmp, watched):
    """Has the guest do its lookups; the lines that the plugin wrote."""
    image = os.path.join(kernel.build, 'arch/x86/boot/bzImage')
    out, console = (os.path.join(kernel.tmp, name) for name in ('stores', 'console'))
    if not os.path.isfile(image):
        raise NotHere(f'{kernel.build} has no arch/x86/boot/bzImage')
    if 'CONFIG_X86_64=y' not in kernel.config():
        raise NotHere(f'{kernel.build} is not for x86_64')
    command = ['setpriv', '--pdeathsig', 'KILL', 'qemu-system-x86_64', '-nodefaults',
               '-no-user-config', '-no-reboot', '-machine', 'q35', '-accel', 'tcg',
               '-cpu', 'max', '-smp', '1', '-m', '512', '-display', 'none',
               '-kernel', image, '-initrd', f'{tmp}/initramfs.cpio',
               '-append', 'console=ttyS0 panic=-1 oops=panic nokaslr kunit.enable=0',
               '-serial', f'file:{console}', '-plugin',
               ','.join([f'{tmp}/plugin.so', f'out={out}',
                         *(f'function={address:#x}' for address in watched)])]
    try:
        done = subprocess.run(command, check=False, timeout=GUEST_SECONDS,
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, encoding='utf-8', errors='replace')
    except subprocess.TimeoutExpired:
        raise NotHere(f'the guest timed out after {GUEST_SECONDS} s') from None
    if not os.path.exists(out):
        why = (done.stderr.splitlines() or [f'status {done.returncode}'])[0]
        raise NotHere(f'QEMU did not run the plugin: {why}')
    with open(console, encoding='utf-8', errors='replace') as file:
        said = re.findall(r'^stores: (.*)', file.read().replace('\r', ''), re.M)
    if said != ['all looked up']:
        raise NotHere(f'the guest did not do its lookups: {(said or ["it said nothing"])[0]}')
    with open(out, encoding='ascii') as file:
        return file.read().splitlines()


def one_call(words, thread_size):
    """Of one call: (lines on kernel stacks, {other line: who wrote first}, stores)."""
    lines, stacks = {}, set()
    for word in words[2:]:
        address, pc, *on_stack = word.split(':')
        if int(address, 16) >> 63:      # the kernel's
            lines[int(address, 16)] = int(pc, 16)
            if on_stack:
                stacks.add(int(address, 16) // thread_size)
    other = {line: pc for line, pc in lines.items() if line // thread_size not in stacks}
    return len(lines) - len(other), other, int(words[1])


def who(pc, table):
    low, high = 0, len(table)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if table[middle][0] <= pc else (low, middle)
    return table[low][1]


def summarize(calls, table):
    """The medians, and the one call that is closest to them in detail."""
    totals = [stack + len(other) for stack, other, _ in calls]
    median = statistics.median_low(totals)
    typical = calls[totals.index(median)]
    return {'calls': len(calls), 'lines': median, 'least': min(totals), 'most': max(totals),
            'on_stack': statistics.median_low(call[0] for call in calls),
            'other': statistics.median_low(len(call[1]) for call in calls),
            'stores': statistics.median_low(call[2] for call in calls),
            'other_first_written_by':
                dict(sorted(collections.Counter(who(pc, table)
                                                for pc in typical[1].values()).items()))}


def measure_stores(kernel, tmp, names, thread_size):
    """{'tmpfs: what': summary}, for a whole stat() and for functions within it."""
    table = symbols(os.path.join(kernel.build, 'vmlinux'))
    addresses = {name: address for address, name in table}
    probes = {name: address for address, name in symbols(f'{tmp}/init')}
    output = run_guest(kernel, tmp, [probes['probe_known'], probes['probe_stat'],
                                     *(addresses[name] for name in names)])
    calls = collections.defaultdict(list)
    last, done = {}, 0
    for line in output:
        words = line.split()
        last[int(words[0])] = words
        if words[0] == '0':
            counted = [sum(int(word.partition(':')[0], 16) >> 63 == 0 for word in words[2:]),
                       int(words[1])]
            if counted != [KNOWN, 2 * KNOWN]:
                raise NotHere(f'the plugin tells {counted[1]} stores to {counted[0]} lines '
                              f'of a function that makes {2 * KNOWN} to {KNOWN}')
        if words[0] != '1':
            continue
        # The functions that stat() calls have returned before it does.
        filesystem = 'tmpfs' if done < LOOKUPS else 'procfs'
        for number, what in enumerate(['stat()', *(f'{name}()' for name in names)], 1):
            if number in last:
                calls[f'{filesystem}: {what}'].append(one_call(last[number], thread_size))
        last, done = {}, done + 1
    if done != 2 * LOOKUPS:
        raise NotHere(f'the plugin saw {done} of {2 * LOOKUPS} lookups')
    return {what: summarize(those, table) for what, those in calls.items()}


def compare_stores(before, after, tmp, thread_size):
    for program in ('qemu-system-x86_64', 'g++', 'cpio', 'setpriv'):
        if not shutil.which(program):
            raise NotHere(f'no {program}; run scripts/steps/deps')
    both = [{name for _, name in symbols(os.path.join(kernel.build, 'vmlinux'))}
            for kernel in (before, after)]
    names = [name for name in ('__lookup_slow', CALLEE) if name in both[0] & both[1]]
    try:
        build_guest(tmp)
    except Trouble as error:
        raise NotHere(str(error)) from None
    sides = [measure_stores(kernel, tmp, names, size)
             for kernel, size in zip((before, after), thread_size)]
    return {what: [side.get(what) for side in sides]
            for what in sides[0] if what in sides[1]}

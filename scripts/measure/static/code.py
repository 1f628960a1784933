# SPDX-License-Identifier: GPL-2.0
"""Text and stacks of two kernels."""

import os
import re
import sys

from static.kernel import CALLEE, CORE, Trouble, run, sections_with_code


def bloat(tree, old, new):
    """What bloat-o-meter says: {kind: totals and the symbols that differ}."""
    tables, table = {}, None
    for line in run(sys.executable, os.path.join(tree, 'scripts/bloat-o-meter'), '-c',
                    old, new).splitlines():
        kind = re.match(r'(Function|Data|RO Data) +old +new +delta$', line)
        row = re.match(r'(\S+) +(\d+|-) +(\d+|-) +([+-]\d+)$', line)
        total = re.match(r'Total: Before=(\d+), After=(\d+)', line)
        if kind:
            table = tables[kind[1]] = {'symbols': {}}
        elif row and row[1].startswith('__UNIQUE_ID_'):
            pass    # the same under another number
        elif row:
            table['symbols'][row[1]] = [int(n) if n != '-' else 0 for n in row.groups()[1:3]]
        elif total:
            table.update(before=int(total[1]), after=int(total[2]))
    if set(tables) != {'Function', 'Data', 'RO Data'}:
        raise Trouble(f'{tree}/scripts/bloat-o-meter: answers in a way that is not known here')
    return tables


def measure_text(before, after, touched):
    sizes, missing = {}, []
    for path in touched:
        name = path[:-2] + '.o'
        if before.command(path) and after.command(path):
            sizes[name] = [sum(sections_with_code(os.path.join(k.build, name)).values())
                           for k in (before, after)]
        else:
            missing.append(path)
    both = [(os.path.join(before.build, name), os.path.join(after.build, name))
            for name in ('vmlinux', CORE[:-2] + '.o')]
    return {'code': sizes, 'not_built': missing,
            'vmlinux': bloat(after.tree, *both[0]), CORE: bloat(after.tree, *both[1])}


def frames(made):
    """{function: bytes}, from what -fstack-usage has left; of copies the largest."""
    sizes = {}
    with open(made[:-2] + '.su', encoding='utf-8') as file:
        for line in file:
            where, size, kind = line.rstrip('\n').split('\t')
            name = where.rpartition(':')[2].partition('.')[0]
            if kind != 'dynamic':       # which is without a bound
                sizes[name] = max(sizes.get(name, 0), int(size))
    return sizes


def call_sites(made):
    """{(caller, function that has it inlined, or the same)} of all calls of CALLEE."""
    found, code = set(), sections_with_code(made)
    section = None
    for line in run('objdump', '-r', made).splitlines():
        match = re.match(r'RELOCATION RECORDS FOR \[(.*)\]', line)
        section = match[1] if match else section
        match = re.match(rf'([0-9a-f]+) +R_\S+ +{CALLEE}(?:[-+]0x\w+)?$', line)
        if match and section in code:
            # The chain of inlined functions, the innermost first: a name and a place each.
            chain = run('addr2line', '-f', '-i', '-j', section, '-e', made,
                        '0x' + match[1]).splitlines()[::2]
            found.add((chain[0].partition('.')[0], chain[-1].partition('.')[0]))
    return found


def measure_stack(before, after, callers):
    """Rows of who calls, who has the frame, and how large it is before and after."""
    rows, not_built, not_found = [], [], []
    own = [frames(kernel.compile(CORE)).get(CALLEE) for kernel in (before, after)]
    for path in sorted(set(callers[0]) | set(callers[1])):
        made = [kernel.compile(path) for kernel in (before, after)]
        if None in made:
            not_built += [f'{path}: {name}()'
                          for name in sorted({**callers[0].get(path, {}),
                                              **callers[1].get(path, {})})]
            continue
        sizes = [frames(object) for object in made]
        sites = [call_sites(object) for object in made]
        for side, kernel in enumerate((before, after)):
            for caller in callers[side].get(path, {}):
                if caller not in {site[0] for site in sites[side]}:
                    not_found.append(f'{kernel.name}: {path}: {caller}()')
        for caller, holder in sorted(sites[0] | sites[1]):
            rows.append({
                'path': path, 'caller': caller, 'frame_of': holder,
                'lends_its_own_queue': callers[0].get(path, {}).get(caller, False),
                'calls': [(caller, holder) in side for side in sites],
                'bytes': [side.get(holder) for side in sizes]})
    return {CALLEE: own, 'callers': rows, 'not_built': not_built,
            'no_call_found': not_found}

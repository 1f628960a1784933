# SPDX-License-Identifier: GPL-2.0
"""The tables of what was measured."""

from static.kernel import CALLEE, CORE
from static.stores import LINE


def row(what, old, new, note=''):
    delta = '' if None in (old, new) else f'{new - old:+d}'
    old, new = ('-' if value is None else value for value in (old, new))
    return f'  {what:46} {old:>9} {new:>9} {delta:>8}{"  " if note else ""}{note}'


def heading(what, unit='bytes'):
    return f'\n{what:48} {"before":>9} {"after":>9} {"":>8}  {unit}'


def show_bloat(table, most):
    for kind in ('Function', 'Data', 'RO Data'):
        yield row(f'{kind}s, all' if kind == 'Function' else f'{kind}, all',
                  table[kind]['before'], table[kind]['after'])
        changed = sorted(table[kind]['symbols'].items(),
                         key=lambda item: -abs(item[1][1] - item[1][0]))
        for name, (old, new) in changed[:most]:
            yield row('  ' + name, old, new)
        if len(changed) > most:
            yield f'    and {len(changed) - most} more'


def show_text(text):
    yield heading('sections with code')
    for name, (old, new) in text['code'].items():
        yield row(name, old, new)
    for path in text['not_built']:
        yield f'  {path[:-2] + ".o":46} not built here'
    yield heading(f'{CORE[:-2]}.o, by bloat-o-meter')
    yield from show_bloat(text[CORE], 1000)
    yield heading('vmlinux, by bloat-o-meter')
    yield from show_bloat(text['vmlinux'], 12)


def show_stack(stack):
    own = stack[CALLEE]
    yield heading(f'stack of the callers of {CALLEE}()')
    for entry in stack['callers']:
        inlined = entry['caller'] != entry['frame_of']
        note = f"has {entry['caller']}() inlined" if inlined else ''
        yield row(f"{entry['path']}: {entry['frame_of']}", *entry['bytes'], note)
        if None not in entry['bytes'] + own:
            yield row(f'  with that of {CALLEE}', *map(sum, zip(entry['bytes'], own)))
    yield row(f'{CORE}: {CALLEE}', *own, 'itself')
    for what in stack['not_built']:
        yield f'  {what:46} not built here'


def show_structs(structs):
    for name, struct in structs['structs'].items():
        yield heading(f'struct {name}')
        yield row('size', *struct['bytes'])
        for field, (old, new) in struct['offsets'].items():
            change = 'new' if old is None else 'gone' if new is None else 'moved'
            yield row(f'  {field}', old, new, '' if old == new else change)
    for name, why in structs['not_compiled'].items():
        yield f'\nstruct {name}: does not compile with these configs: {why}'


def show_stores(stores):
    if isinstance(stores, str):
        return
    yield heading('lines written to by a lookup that nobody waits for', f'of {LINE} bytes')
    for what, (old, new) in stores.items():
        yield row(what, old['lines'], new['lines'],
                  f"{old['least']}..{old['most']}, {new['least']}..{new['most']} "
                  f"in {old['calls']} and {new['calls']} calls")
        yield row('  on kernel stacks', old['on_stack'], new['on_stack'])
        yield row('  elsewhere', old['other'], new['other'])
        yield row('  (stores)', old['stores'], new['stores'])
        tables = [side['other_first_written_by'] for side in (old, new)]
        for name in sorted({**tables[0], **tables[1]}):
            sides = [table.get(name, 0) for table in tables]
            if sides[0] != sides[1]:
                yield row(f'    elsewhere, first by {name}', *sides)

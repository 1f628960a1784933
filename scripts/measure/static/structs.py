# SPDX-License-Identifier: GPL-2.0
"""Sizes and offsets of structs in two kernels."""

import os
import re

from static.kernel import CORE, Trouble, run

# struct, and the headers that it takes
STRUCTS = [('dentry', ['linux/dcache.h']),
           ('wait_bit_queue_entry', ['linux/wait_bit.h']),
           ('nfs_unlinkdata', ['linux/nfs_fs.h', 'linux/nfs_xdr.h'])]


def debug_info(path):
    """The entries that readelf shows: {offset: (tag, attributes, children)}."""
    entries, stack, entry = {}, [], None
    for line in run('readelf', '--debug-dump=info', '-W', path).splitlines():
        begin = re.match(r' *<([0-9a-f]+)><([0-9a-f]+)>: Abbrev Number: \d+ \(DW_TAG_(\w+)\)',
                         line)
        attribute = re.match(r' +<[0-9a-f]+> +DW_AT_(\w+) *: (?:\([^)]*\):? )*(.*)', line)
        if begin:
            depth = int(begin[1], 16)
            entry = (begin[3], {}, [])
            entries[int(begin[2], 16)] = entry
            del stack[depth:]
            if stack:
                stack[-1][2].append(entry)
            stack.append(entry)
        elif attribute and entry:
            entry[1][attribute[1]] = attribute[2].strip()
    return entries


def fields(entries, struct, base=0):
    """{name: offset}; the members of what has no name are as good as the struct's own."""
    found = {}
    for tag, attributes, _ in struct[2]:
        if tag != 'member':
            continue
        at = base + int(attributes.get('data_member_location', '0'), 0)
        if 'data_bit_offset' in attributes:
            at = base + int(attributes['data_bit_offset'], 0) // 8
        if 'name' in attributes:
            found[attributes['name']] = at
        else:
            of_type = entries[int(attributes['type'].strip('<>'), 16)]
            found.update(fields(entries, of_type, at))
    return found


def measure_struct(kernel, name, headers):
    """(size, fields, THREAD_SIZE); Trouble if the headers do not compile here."""
    source = os.path.join(kernel.tmp, f'struct_{name}.c')
    made = source[:-2] + '.o'
    with open(source, 'w', encoding='ascii') as file:
        file.writelines(f'#include <{header}>\n' for header in headers)
        # A variable, since clang does not describe what is only pointed to.
        file.write('#include <linux/thread_info.h>\n'
                   f'struct {name} probe_{name};\n'
                   'char probe_thread_size[THREAD_SIZE];\n')
    run(*kernel.command(CORE), '-w', '-g', '-o', made, source, cwd=kernel.build)
    stack = [line.split() for line in run('nm', '-S', made).splitlines()
             if line.endswith(' probe_thread_size')]
    entries = debug_info(made)
    for entry in entries.values():
        tag, attributes, _ = entry
        if tag == 'structure_type' and attributes.get('name') == name and \
                'byte_size' in attributes:
            return int(attributes['byte_size'], 0), fields(entries, entry), int(stack[0][1], 16)
    raise Trouble(f'struct {name}: is not in the debug info')


def measure_structs(before, after):
    structs, skipped, stack = {}, {}, []
    for name, headers in STRUCTS:
        try:
            sides = [measure_struct(kernel, name, headers) for kernel in (before, after)]
        except Trouble as error:
            if name == 'dentry':
                raise
            skipped[name] = str(error)
            continue
        stack = [side[2] for side in sides]
        names = sorted({**sides[0][1], **sides[1][1]},
                       key=lambda field: (sides[1][1].get(field, sides[0][1].get(field)), field))
        structs[name] = {'bytes': [side[0] for side in sides],
                         'offsets': {field: [side[1].get(field) for side in sides]
                                     for field in names}}
    return {'structs': structs, 'not_compiled': skipped, 'thread_size': stack}

# SPDX-License-Identifier: GPL-2.0
"""Figures that programs and modules print into the results document while they measure."""

import re

LEFT_OUT = re.compile(r'\bleft out ([a-z0-9 -]+):')
COST = re.compile(r'\bcost ([a-z0-9-]+): ([0-9. ]+)$')
TORTURE = re.compile(r'lookup_torture: End of test: (.*)')
DISTURBED = re.compile(r'lookup_torture: disturbed by (.*)')


def read_costs(path):
    """{row: [values]} of lookup_cost, lookup_scale and lookup_workload; of a row that says that
    it cannot be measured, no values."""
    rows = {}
    with open(path, encoding='utf-8', errors='replace') as file:
        for line in file:
            if match := COST.search(line):
                rows[match[1]] = [float(value) for value in match[2].split()]
            if match := LEFT_OUT.search(line):
                rows.update({row: [] for row in match[1].split()})
    return rows


def read_torture(path):
    """(Whether lookup_torture found nothing wrong, {name: number}), as it said at its end,
    what has disturbed it included; (False, {}) if it did not come to its end."""
    with open(path, encoding='utf-8', errors='replace') as file:
        text = file.read()
    ends = TORTURE.findall(text)
    if not ends:
        return False, {}
    said = ' '.join(DISTURBED.findall(text)[-1:] + ends[-1:])
    return ends[-1].startswith('SUCCESS'), {name: int(number) for name, number in
                                            re.findall(r'\b(\w+)=(\d+)\b', said)}

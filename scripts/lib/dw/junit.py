# SPDX-License-Identifier: GPL-2.0
"""Cases -> junit.xml, for what shows results of tests."""

import re
import xml.etree.ElementTree as ET


def printable(text):
    """What XML can hold of it."""
    return re.sub('[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]', '?', text)


def write_junit(path, cases, counts, times):
    """@times: {suite: seconds}, where the suite as a whole has some."""
    root = ET.Element('testsuites')
    suites = {}
    for case in cases:
        name, _, rest = printable(case.name).partition('.')
        if name not in suites:
            suites[name] = ET.SubElement(root, 'testsuite', name=name)
        element = ET.SubElement(suites[name], 'testcase', classname=name, name=rest or name)
        if case.seconds is not None:
            element.set('time', f'{case.seconds:.3f}')
        if case.status == 'failed':
            failure = ET.SubElement(element, 'failure', message=printable(case.why))
            failure.text = printable('\n'.join(case.log))
        elif case.status == 'skipped':
            ET.SubElement(element, 'skipped', message=printable(case.why))
    for suite in suites.values():
        suite.set('tests', str(len(suite)))
        suite.set('failures', str(len(suite.findall('testcase/failure'))))
        suite.set('skipped', str(len(suite.findall('testcase/skipped'))))
        if suite.get('name') in times:
            suite.set('time', f'{float(times[suite.get("name")]):.3f}')
    root.set('time', f'{sum(map(float, times.values())):.3f}')
    root.set('tests', str(sum(counts.values())))
    root.set('failures', str(counts['failed']))
    ET.ElementTree(root).write(path, encoding='utf-8', xml_declaration=True)

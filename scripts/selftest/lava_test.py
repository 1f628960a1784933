#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Does LAVA take the job of make lava, and does it read all results from the console?  Prints
KTAP.

    scripts/selftest/lava_test.py
    scripts/selftest/lava_test.py --boot JOB

A job is written of files that are made up.  LAVA's own schema takes it, and refuses each job that
something is taken from or added to.  A console is read as LAVA does it, by the pattern of the job,
whatever part of it has come so far.  Without lava-common what it checks is skipped.

With --boot, QEMU is started as LAVA starts it by this job, one of scripts/port/lava, and has to be
read to its end without a failure; each result is printed.
"""

import argparse
import copy
import importlib.util
import os
import re
import subprocess
import sys
import tempfile

SCRIPTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(SCRIPTS, 'lib'))

# pylint: disable=wrong-import-position
from dw.ending import run_main
from dw.lava import ARCHES, BEGIN, END, PLAN, RESULT, WORDS
from dw.machines import MACHINES

PLAN_TEXT = 'insmod gatefs.ko\nkunit in_lookup_name 60 in_lookup_name_kunit.ko\n'

# What a guest says on its only line, with words of the kernel among it.
CONSOLE = '''\
[    0.1] Unknown kernel command line parameters
KTAP version 1
1..3
# running: in_lookup_name
  KTAP version 1
  1..2
  ok 1 same_name_waits
  ok 2 needs_a_probe # SKIP this kernel has none
ok 1 in_lookup_name
  KTAP version 1
  1..2
[    2.5] WARNING: CPU: 0 at fs/dcache.c: not ok 7 of what the kernel says
  # a.case: EXPECTATION FAILED at x.c:1
  not ok 1 a.case
  ok 2 b-case (0.1 s)
not ok 2 lookup_wait_test
ok 3 lookup_stress # SKIP no time
# end of plan
ok 4 nothing_behind_the_end
'''
READ = [('same_name_waits', 'pass'), ('needs_a_probe', 'skip'), ('in_lookup_name', 'pass'),
        ('a.case', 'fail'), ('b-case', 'pass'), ('lookup_wait_test', 'fail'),
        ('lookup_stress', 'skip')]


class Reader:
    """LAVA's: prompts, then the begin of the monitor, then results up to its end.  What comes
    first in all that is there counts, and is gone then."""

    def __init__(self, begin, start, end, pattern, words):
        self.steps, self.words = [begin, start], words
        self.end, self.pattern = re.compile(end), re.compile(pattern)
        self.there, self.found, self.over = '', [], False

    def take(self, text):
        self.there += text
        while not self.over:
            if self.steps:
                match = re.search(self.steps[0], self.there)
                if match:
                    self.steps.pop(0)
            else:
                matches = [m for m in (self.end.search(self.there),
                                       self.pattern.search(self.there)) if m]
                match = min(matches, key=lambda m: m.start(), default=None)
                if match and match.re is self.end:
                    self.over = True
                elif match:
                    self.found.append((match['test_case_id'], self.words[match['result']]))
            if not match:
                return
            self.there = self.there[match.end():]


def reader_of(job):
    boot, monitor = job['actions'][1]['boot'], job['actions'][2]['test']['monitors'][0]
    return Reader(boot['prompts'][0], monitor['start'], monitor['end'], monitor['pattern'],
                  monitor['fixupdict'])


def wrong_reading(size):
    """What is wrong if the console comes in parts of @size."""
    reader = Reader(BEGIN, PLAN, END, RESULT, WORDS)
    text = CONSOLE.replace('\n', '\r\n')
    for at in range(0, len(text), size):
        reader.take(text[at:at + size])
    if reader.found != READ:
        yield f'read {reader.found}, wanted {READ}'
    if not reader.over:
        yield 'the end was not seen'


def job_command(*words):
    return subprocess.run([os.path.join(SCRIPTS, 'port', 'lava-job'), *words], check=False,
                          capture_output=True, text=True)


def write_job(where, arch):
    """The job of made-up files, as it was written."""
    import yaml
    for name in ('image', 'initramfs', 'plan', 'cpio'):
        with open(os.path.join(where, name), 'w', encoding='ascii') as file:
            file.write(PLAN_TEXT if name == 'plan' else '#!/bin/sh\ncat "$1"\n')
    os.chmod(os.path.join(where, 'cpio'), 0o755)
    done = job_command('--name', 'made-up', '--out', where, '--url', 'https://lab.invalid/x/',
                       '--arch', arch, '--kernel', f'{where}/image', '--initramfs',
                       f'{where}/initramfs', '--gen-init-cpio', f'{where}/cpio', '--plan',
                       f'{where}/plan', '--append', 'kunit.filter_glob=*')
    if done.returncode:
        return None, done.stderr
    with open(os.path.join(where, 'job.yaml'), encoding='utf-8') as file:
        return yaml.safe_load(file), ''


def wrong_job(job, arch):
    kernel = job['actions'][0]['deploy']['images']['kernel']
    console = MACHINES[arch].console.split()[0].removeprefix('console=')
    for word in (f'results=/dev/{console}', f'console={console}', 'kunit.filter_glob=*'):
        if word not in kernel['image_arg']:
            yield f'{word} is not in {kernel["image_arg"]}'
    if kernel['url'] != 'https://lab.invalid/x/kernel':
        yield kernel['url']
    if job['metadata']['plan'] != PLAN_TEXT:
        yield f'the plan is {job["metadata"]["plan"]!r}'
    if (job['actions'][2]['test']['timeout']['minutes']) < 1:
        yield 'there is no time for the plan'


def edit(path, value):
    """A change of a job: what is at @path becomes @value, or goes if that is None."""
    def change(job):
        at = job
        for key in path[:-1]:
            at = at[key]
        if value is None:
            del at[path[-1]]
        else:
            at[path[-1]] = value
    return change


BROKEN = {
    'without a name': edit(['job_name'], None),
    'for no kind of device': edit(['device_type'], None),
    'without a time limit': edit(['timeouts', 'job'], None),
    'with a limit in no known unit': edit(['timeouts', 'job'], {'weeks': 1}),
    'whose action has more time than the job': edit(['timeouts', 'action'], {'hours': 99}),
    'that anybody at all may see': edit(['visibility'], 'everybody'),
    'with a setting that QEMU there does not have': edit(['context', 'colour'], 'red'),
    'that is deployed to nowhere': edit(['actions', 0, 'deploy', 'to'], 'nowhere'),
    'with a kernel from nowhere':
        edit(['actions', 0, 'deploy', 'images', 'kernel', 'url'], None),
    'with a word that LAVA does not know':
        edit(['actions', 0, 'deploy', 'images', 'kernel', 'checksum'], 'x'),
    'that is booted in no known way': edit(['actions', 1, 'boot', 'method'], 'by hand'),
    'whose prompt is nothing': edit(['actions', 1, 'boot', 'prompts'], ['']),
    'whose results have no pattern':
        edit(['actions', 2, 'test', 'monitors', 0, 'pattern'], None),
    'whose results mean what there is not':
        edit(['actions', 2, 'test', 'monitors', 0, 'fixupdict', 'ok'], 'fine'),
    'whose test has no monitor': edit(['actions', 2, 'test', 'monitors'], None),
    'without actions': edit(['actions'], None),
}


def tests_of_schema():
    """(name, what is wrong) of all that needs LAVA's schema."""
    import yaml
    with tempfile.TemporaryDirectory() as where:
        for arch in ARCHES:
            job, said = write_job(where, arch)
            yield f'LAVA takes the job for {arch}', [said] if said else list(wrong_job(job, arch))
        path = os.path.join(where, 'broken.yaml')
        for name, change in BROKEN.items():
            broken = copy.deepcopy(job)
            change(broken)
            with open(path, 'w', encoding='utf-8') as file:
                yaml.safe_dump(broken, file)
            done = job_command('--check', path)
            good = done.returncode == 1 and done.stderr.count('\n') == 1 and path in done.stderr
            yield f'LAVA takes no job {name}', [] if good else [f'{done.returncode} {done.stderr}']
        for name, text in (('that is no YAML', '{'), ('that is empty', '')):
            with open(path, 'w', encoding='utf-8') as file:
                file.write(text)
            done = job_command('--check', path)
            good = done.returncode == 1 and done.stderr.count('\n') == 1
            yield f'LAVA takes no job {name}', [] if good else [f'{done.returncode} {done.stderr}']


def has_lava():
    return importlib.util.find_spec('lava_common') is not None


def tests():
    for size in (1, 2, 3, 7, 64, 100000):
        yield f'all results are read from a console that comes in parts of {size}', \
            list(wrong_reading(size))
    if has_lava():
        yield from tests_of_schema()
    else:
        yield 'LAVA takes the job # SKIP install lava-common', []


def local(url):
    return url.removeprefix('file://')


def boot(path):
    """What LAVA's device type qemu makes of the job, without its network card."""
    import yaml
    with open(path, encoding='utf-8') as file:
        job = yaml.safe_load(file)
    context, images = job['context'], job['actions'][0]['deploy']['images']
    arch = {'amd64': 'x86_64', 'arm64': 'aarch64', 'i386': 'i386'}[context['arch']]
    words = [f'qemu-system-{arch}', '-nographic', '-nic', 'none', '-monitor', 'none', '-m',
             context['memory'], '-cpu', context['cpu'], '-machine', context['machine'],
             *context['extra_options']]
    command = ' '.join(map(str, words)) + ''.join(
        ' ' + image['image_arg'].format(**{name: local(image['url'])})
        for name, image in images.items())
    reader = reader_of(job)
    with subprocess.Popen(['sh', '-c', f'exec {command}'], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as guest:
        while not reader.over and (text := os.read(guest.stdout.fileno(), 4096)):
            reader.take(text.decode(errors='replace'))
        guest.kill()
    print('KTAP version 1')
    for number, (name, word) in enumerate(reader.found, 1):
        print(f'{"not ok" if word == "fail" else "ok"} {number} {name}'
              f'{" # SKIP" if word == "skip" else ""}')
    words = [word for _, word in reader.found]
    failed = words.count('fail') + (not reader.over)
    print(f'{words.count("pass")} passed, {failed} failed, {words.count("skip")} skipped')
    return 1 if failed or 'pass' not in words else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--boot', metavar='JOB', help='boot this job.yaml as LAVA does')
    args = parser.parse_args()
    if args.boot:
        return boot(args.boot)
    print('KTAP version 1')
    failed = skipped = number = 0
    for number, (name, wrong) in enumerate(tests(), 1):
        failed += bool(wrong)
        skipped += ' # SKIP ' in name
        print(f'{"not ok" if wrong else "ok"} {number} {name}')
        for line in wrong:
            print('\n'.join(f'# {part}' for part in line.splitlines()))
    print(f'1..{number}\n{number - failed - skipped} passed, {failed} failed, {skipped} skipped')
    return 1 if failed else 0


if __name__ == '__main__':
    run_main(main)

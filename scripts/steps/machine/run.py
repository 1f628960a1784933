# SPDX-License-Identifier: GPL-2.0
"""Runs a guest until its plan is over, it has died, or its time is up."""

import fnmatch
import functools
import os
import re
import shlex
import tempfile
import time

from dw import items
from dw.machines import MACHINES

from .initrd import make_initrd
from .qemu import Qemu, qemu_command
from .uml import Uml, uml_command

# Seconds, before the factor TIMEOUT.
DUMP = 4             # for the kernel's answers to sysrq when it has hung
SYSRQ = 0.2          # between a break and its key

PANIC = re.compile(rb'Kernel panic - not syncing|end Kernel panic')


class Progress:
    """How long the results have said nothing: of what takes hours a limit for the whole tells
    nothing of one test."""

    def __init__(self, now):
        self.length, self.since = 0, now

    def silent(self, document, now):
        if len(document) != self.length:
            self.length, self.since = len(document), now
        return now - self.since


class Doctor:
    """SIGUSR1 asks for a report of lookup_doctor, on the console: scripts/everyday/doctor."""

    def __init__(self):
        self.requested = False

    def request(self, *_):
        self.requested = True

    def pop_request(self):
        requested, self.requested = self.requested, False
        return requested


DOCTOR = Doctor()


def run_interactive(args, accel, plan):
    with tempfile.TemporaryDirectory(prefix='dentry-wait.') as tmp:
        command = qemu_command(args, accel, make_initrd(args, plan, tmp),
                               args.results, tmp, interactive=True)
        with Qemu(command, args.results, tmp, False, MACHINES[args.arch], terminal=True) as qemu:
            while qemu.process.poll() is None:
                qemu.pump()
                if DOCTOR.pop_request():
                    qemu.sysrq('L', 2 * SYSRQ)
                qemu.watch_for(0.02)
            return qemu.process.returncode


def first_of(names, globs):
    """The first name that a glob matches."""
    return next((name for name in names
                 if any(fnmatch.fnmatchcase(name, glob) for glob in globs)), None)


def told(status, why, until=None):
    return {'status': status, 'why': why, 'until': until}


def failed(kind, guest):
    """The same of a machine that did not run, whatever was in it."""
    name = 'user-mode Linux' if kind is Uml else 'QEMU'
    return {**told(1, f'{name} has failed: {guest.complaint()}'), 'machine_failed': True}


def run(args, accel, plan, where, limit, first_word, echo=False, live=None):
    """Returns what guest.json says: a status of 0, 1 or 124, a line about it, and the
    case for which it was ended, if it was."""
    with tempfile.TemporaryDirectory(prefix='dentry-wait.') as tmp:
        kind, make_command = Uml, uml_command
        if accel != 'uml':
            kind = functools.partial(Qemu, machine=MACHINES[args.arch])
            make_command = qemu_command
        command = make_command(args, accel, make_initrd(args, plan, tmp), where, tmp)
        with open(os.path.join(where, 'guest-command'), 'w', encoding='utf-8') as file:
            file.write(shlex.join(command) + '\n')
        begin = time.monotonic()
        progress = Progress(begin)
        with kind(command, where, tmp, echo) as guest:
            guest.live = live
            while True:
                guest.pump()
                if live:
                    live.show(guest.results(), time.monotonic() - begin)
                if DOCTOR.pop_request():
                    guest.sysrq('L', 2 * SYSRQ)
                took = time.monotonic() - begin
                alive = items.lives(guest.results())
                if guest.process.poll() is not None:
                    break
                until = first_of(guest.failed, args.until)
                if until:
                    return told(1, f'ended after {took:.1f} s, as {until} had failed', until)
                silent = progress.silent(guest.results(), begin + took)
                hung = args.progress and silent > args.progress * args.timeout
                if took > (limit if alive else first_word) or alive and hung:
                    guest.sysrq('Lwlt', DUMP * args.timeout)
                    if alive and hung:
                        return told(124, f'no test has begun or ended for {silent:.0f} s')
                    what = 'the plan was not over' if alive else 'guest_init did not appear'
                    return told(124, f'{what} after {took:.0f} s')
                guest.watch_for(0.02)
            guest.pump()
            if live:
                live.show(guest.results(), took)
            if items.is_over(guest.results()):
                return told(0, f'{took:.1f} s')
            if why := items.gave_up(guest.results()):
                return told(1, f'guest_init gave up: {why}')
            if PANIC.search(guest.console_tail):
                return told(1, f'the kernel panicked after {took:.1f} s')
            if guest.process.returncode:
                return failed(kind, guest)
            return told(1, f'the guest ended after {took:.1f} s, before its plan did')

# SPDX-License-Identifier: GPL-2.0
"""Who runs the guest: KVM if it works on this host, which is tried and remembered, or TCG."""

import copy
import json
import os
import tempfile

from dw.machines import MACHINES

from .initrd import refuse
from .run import run

PROBE = 15           # for guest_init to appear under KVM, before the factor TIMEOUT
KVM = '/dev/kvm'
PVM = '/sys/module/kvm_pvm'      # there if the KVM of this host is for guests that know of it
# CPU models to try with KVM, one after the other: QEMU fails where the host cannot hand on all
# that the first one asks for.
CPUS = ('max', 'max,-arch-capabilities', 'qemu64,-arch-capabilities')


# So often in a row, and it is the host: not the kernel, nor a machine that has much else to do.
HANGS = 2


def probe_kvm(args):
    """Boots something for a few seconds with each of CPUS until one works; returns what is to
    be remembered of this host, or a word on a guest that died, which tells of its kernel."""
    why = ''
    args = copy.copy(args)
    args.gdb = None         # which it would wait for
    for args.cpu in CPUS:
        with tempfile.TemporaryDirectory(prefix='dentry-wait.') as where:
            came = run(args, 'kvm', '', where, PROBE * args.timeout, PROBE * args.timeout)
        if came['status'] == 0:
            return {'works': True, 'cpu': args.cpu, 'why': why}
        if came['status'] == 124:
            if not os.path.isdir(PVM):
                return {'hung': f'a guest did not get to user space within {PROBE * args.timeout} s'}
            why = 'the KVM of this host is kvm_pvm: a guest without PVM support hangs after the BIOS'
            break
        if not came.get('machine_failed'):
            return came['why']
        why = f'-cpu {args.cpu}: {came["why"]}'
    return {'works': False, 'cpu': None, 'why': why}


def choose_accelerator(args):
    """Returns ('tcg' or 'kvm', why).  A /dev/kvm that opens can still be of no
    use: a guest may hang before its first instruction of kernel code.  So try,
    and remember what came of it for this host."""
    if args.icount:
        return 'tcg', 'counts instructions'
    if args.accel == 'tcg':
        return 'tcg', 'asked for'
    if args.accel == 'uml':
        return 'uml', 'a process on real CPUs'
    here, there = os.uname().machine, MACHINES[args.arch].name
    if here != there:
        why = f'the guest is {there}, this machine is {here}'
        if args.accel == 'kvm':
            refuse(f'ACCEL=kvm: {why}; use ACCEL=tcg')
        return 'tcg', why
    try:
        os.close(os.open(KVM, os.O_RDWR | os.O_CLOEXEC))
    except OSError as error:
        if args.accel == 'kvm':
            refuse(f'ACCEL=kvm: {KVM}: {error.strerror}; use ACCEL=tcg')
        return 'tcg', f'{KVM}: {error.strerror}'

    host = ' '.join([os.uname().release, os.uname().version, str(os.stat(KVM).st_rdev), *CPUS])
    try:
        with open(args.accel_cache, encoding='utf-8') as file:
            known = json.load(file)
    except (OSError, ValueError):
        known = {}
    if known.get('host') != host:
        known = {'hangs': 0}
    if 'works' not in known:
        found = probe_kvm(args)
        failed = found
        if isinstance(found, dict):
            failed = found.pop('hung', None)
            if failed:
                found['hangs'] = known['hangs'] + 1
                if found['hangs'] == HANGS:
                    found.update(works=False, cpu=None, why=f'{HANGS} times {failed}')
            found['host'] = host
            with open(args.accel_cache + '.new', 'w', encoding='utf-8') as file:
                json.dump(found, file)
            os.replace(args.accel_cache + '.new', args.accel_cache)
        if 'works' not in found:
            if args.accel == 'kvm':
                refuse(f'ACCEL=kvm: KVM failed ({failed}), perhaps because of this kernel; use ACCEL=tcg')
            return 'tcg', f'KVM failed ({failed}), perhaps because of this kernel; ACCEL=tcg silences this'
        known = found
    if known['works']:
        args.cpu = known['cpu']
        return 'kvm', 'a guest was booted with it' + \
            (f', {args.cpu}; {known["why"]}' if known['why'] else '')
    if args.accel == 'kvm':
        refuse(f'ACCEL=kvm: {known["why"]}; use ACCEL=tcg (remembered in {args.accel_cache})')
    return 'tcg', f'{KVM} opens, but {known["why"]} (remembered in {args.accel_cache}); ACCEL=tcg silences this'

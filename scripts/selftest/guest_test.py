#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Does scripts/steps/guest choose the right accelerator, and say why in one line?  A QEMU that is a
script of ours fails, hangs or boots, as the test wants.  And is each machine put together as its
kernel needs it?  Prints KTAP.

    scripts/selftest/guest_test.py
"""

import argparse
import contextlib
import io
import json
import os
import re
import signal
import sys
import tempfile
import threading
import types

SCRIPTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(SCRIPTS, name) for name in ('lib', 'steps')]

# pylint: disable=wrong-import-position
from dw.cases import print_cases
from machine import accelerator, qemu, run
from verdict_test import load

# What QEMU 7.2 says on an AMD host whose KVM does not know that register.
ABORTS = '''\
echo "$0: -chardev socket,id=console: info: QEMU waiting for connection on: x" >&2
echo "qemu-system-x86_64: error: failed to set MSR 0x10a to 0x69" >&2
echo "qemu-system-x86_64: kvm.c:3183: kvm_buf_set_msrs: Assertion \\`ret == n' failed." >&2
kill -ABRT $$
'''
BOOTS = '''\
for word; do case $word in file,id=results,path=*) results=${word##*path=} ;; esac; done
printf 'KTAP version 1\\n1..0\\n# end of plan\\n' > "$results"
'''
PANICS = '''\
for word; do case $word in file,id=results,path=*) results=${word##*path=} ;; esac; done
printf 'KTAP version 1\\n' > "$results"
'''
HANGS = 'exec sleep 60\n'
STOPS = PANICS + HANGS


# Nothing here answers, so nothing is waited for.
accelerator.KVM, accelerator.PROBE, qemu.CONNECT, run.DUMP = '/dev/null', 1, 0.1, 0.1
accelerator.PVM = '/nowhere'


class Bench:
    """A directory with a QEMU, and what guest makes of it."""

    def __init__(self, where):
        self.where = where
        self.calls = os.path.join(where, 'calls')
        os.environ['PATH'] = where + os.pathsep + os.environ['PATH']
        self.script('gen_init_cpio', '')
        with open(os.path.join(where, 'initramfs'), 'wb'):
            pass

    def script(self, name, text):
        path = os.path.join(self.where, name)
        with open(path, 'w', encoding='utf-8') as file:
            file.write('#!/bin/bash\n' + text)
        os.chmod(path, 0o755)

    def qemu(self, **by_cpu):
        """What QEMU does with -cpu max, with that without arch-capabilities, and with others."""
        cases = ''.join(f'{pattern}) {by_cpu.get(name, HANGS)} ;;\n' for name, pattern in (
            ('max', "max"), ('less', "max,*"), ('least', '*')))
        self.script('qemu-system-x86_64',
                    f'while [[ $1 != -cpu ]]; do words+=("$1"); shift; done\n'
                    f'echo "$2" >> {self.calls}\nset -- "${{words[@]}}" "$@"\n'
                    'for ((n = 1; n <= $#; n++)); do\n'
                    '[[ ${!n} != -cpu ]] || { n=$((n + 1)); cpu=${!n}; }\ndone\n'
                    f'case $cpu in\n{cases}esac\n')
        with contextlib.suppress(FileNotFoundError):
            os.remove(self.calls)
        with contextlib.suppress(FileNotFoundError):
            os.remove(os.path.join(self.where, 'accel.json'))

    def called(self):
        with contextlib.suppress(FileNotFoundError):
            with open(self.calls, encoding='utf-8') as file:
                return file.read().split()
        return []

    def remembered(self):
        with contextlib.suppress(FileNotFoundError):
            with open(os.path.join(self.where, 'accel.json'), encoding='utf-8') as file:
                return json.load(file)
        return {}

    def args(self, accel='auto', arch='x86_64', progress=0):
        return types.SimpleNamespace(
            accel=accel, accel_cache=os.path.join(self.where, 'accel.json'), icount=False,
            timeout=1, smp=1, memory=64, append=[], extra=[], until=[], coverage=False,
            gdb=None, disk=[], scratch=[], kernel='x', cpu='max', arch=arch, progress=progress,
            initramfs=os.path.join(self.where, 'initramfs'),
            gen_init_cpio=os.path.join(self.where, 'gen_init_cpio'))

    def ended(self, progress):
        """How a guest ends whose plan may take a minute."""
        return run.run(self.args(progress=progress), 'tcg', '', self.where, 60, 60)

    def chosen(self, accel='auto', arch='x86_64', gdb=None):
        """(accelerator, CPU, why); 'refused' if it did not go on."""
        args = self.args(accel, arch)
        args.gdb = gdb
        said = io.StringIO()
        with contextlib.redirect_stderr(said):
            try:
                which, why = accelerator.choose_accelerator(args)
            except SystemExit:
                return 'refused', None, said.getvalue()
        return which, args.cpu, why

    def command(self, arch, interactive=False):
        """What QEMU is called with, in one line: by TCG, with two CPUs and a disk."""
        args = types.SimpleNamespace(
            arch=arch, smp=2, memory=512, append=['more=1'], coverage=False, gdb=None,
            disk=['disk.img'], scratch=[], kernel='Image', cpu='host', icount=False)
        return ' '.join(qemu.qemu_command(args, 'tcg', 'initrd', '/results', '/tmp/x',
                                          interactive))


def machines(bench):
    """The machine of each architecture, and that a terminal has a console there."""
    command = bench.command('x86_64')
    yield 'the machine of x86-64 is a q35 with a 16550', \
        command.startswith('qemu-system-x86_64 ') and '-machine q35 ' in command and \
        'console=ttyS0 ' in command and '-device virtio-serial-pci ' in command, command
    command = bench.command('x86_64', interactive=True)
    yield 'a terminal has the first of two serial lines there', \
        'console=ttyS1 console=ttyS0 ' in command and \
        command.index('-serial mon:stdio') < command.index('-serial chardev:console'), command

    command = bench.command('arm64')
    yield 'that of arm64 is virt with a GICv3 and a PL011', \
        command.startswith('qemu-system-aarch64 ') and '-machine virt,gic-version=3 ' in command \
        and 'console=ttyAMA0 ' in command and '-kernel Image -initrd initrd ' in command, command
    yield 'by TCG with a thread for each CPU, whose pointers are signed in a cheap way', \
        '-accel tcg,thread=multi -cpu max,pauth-impdef=on -smp 2 ' in command, command
    yield 'results and disks are PCI devices there', \
        '-device virtio-serial-pci ' in command and \
        '-device virtio-blk-pci,drive=disk0' in command, command
    yield 'an oops ends it, and what is asked for is behind that', \
        'panic=-1 oops=panic loglevel=7 more=1' in command and '-no-reboot' in command, command
    command = bench.command('arm64', interactive=True)
    yield 'a terminal is a virtio console there, and the only serial line is ours', \
        'console=ttyAMA0 earlycon console=hvc0 ' in command and \
        '-device virtconsole,chardev=terminal' in command and 'mon:stdio' not in command and \
        '-serial chardev:console' in command, command

    command = bench.command('s390')
    yield 'that of s390 has channel devices, and a console of the SCLP', \
        command.startswith('qemu-system-s390x ') and '-machine s390-ccw-virtio ' in command and \
        '-device virtio-serial-ccw ' in command and '-device virtio-blk-ccw,' in command and \
        '-device sclpconsole,chardev=console' in command and ' -serial ' not in command and \
        'console=ttyS1 ' in command, command


def foreign(bench):
    """KVM runs what the host itself could."""
    here = os.uname()
    try:
        accelerator.os.uname = lambda: types.SimpleNamespace(
            machine='x86_64', release='1', version='1')
        bench.qemu(max=BOOTS)
        got = bench.chosen(arch='arm64')
        yield 'a machine of another architecture is emulated, and KVM is not tried', \
            got[::2] == ('tcg', 'the guest is aarch64, this machine is x86_64') and \
            not bench.called(), (got, bench.called())
        got = bench.chosen('kvm', 'arm64')
        yield 'and ACCEL=kvm is refused there', got[0] == 'refused' and \
            'ACCEL=kvm: the guest is aarch64' in got[2] and got[2].count('\n') == 1, got
    finally:
        accelerator.os.uname = lambda: here


def silent(bench):
    """A guest that hangs is ended before the time of hundreds of tests is over."""
    progress = run.Progress(100)
    got = [progress.silent(*at) for at in ((b'', 130), (b'x', 150), (b'x', 170), (b'xy', 180), (b'xy', 181))]
    yield 'a guest is silent since its results grew', got == [30, 0, 20, 0, 1], got
    bench.qemu(max=STOPS)
    got = bench.ended(1)
    yield 'one that is for too long hangs', got['status'] == 124 and \
        re.fullmatch('no test has begun or ended for [0-9]+ s', got['why']), got
    bench.qemu(max=BOOTS)
    got = bench.ended(1)
    yield 'one that ends does not', got['status'] == 0, got


def debugged(bench):
    """A guest that gdb has stopped has all the time that there is, and Ctrl-C is for gdb."""
    guest = load(os.path.join(SCRIPTS, 'steps', 'guest'))
    guest.BOOT, guest.MARGIN = 1, 0
    args = ['guest', '--accel', 'tcg', '--plan', '/dev/null', '--results', os.path.join(bench.where, 'debugged')]
    for name in ('kernel', 'initramfs', 'gen-init-cpio', 'accel-cache'):
        args += [f'--{name}', os.path.join(bench.where, name.replace('-', '_'))]

    def status(*more, interrupt=False):
        before = [(number, signal.getsignal(number)) for number in
                  (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)]
        timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
        sys.argv = [*args, *more]
        if interrupt:
            timer.start()
        try:
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                return guest.main()
        finally:
            timer.cancel()
            for number, handler in before:
                signal.signal(number, handler)

    bench.qemu(max='sleep 2\n' + BOOTS, less='sleep 2\n' + BOOTS, least='sleep 2\n' + BOOTS)
    got = status()
    yield 'a guest that says nothing in its time hangs', got == 124, got
    got = status('--gdb', 'x')
    yield 'one that gdb has stopped does not', got == 0, got
    got = status(interrupt=True)
    yield 'Ctrl-C ends a guest', got == 130, got
    got = status('--gdb', 'x', interrupt=True)
    yield 'but not that of gdb', got == 0, got


def tests(bench):
    """(name, whether it is so, what there is instead)."""
    qemu, chosen = bench.qemu, bench.chosen
    qemu(max=BOOTS)
    got = chosen()
    yield 'KVM that works is used, with all that the host has', got[:2] == ('kvm', 'max'), got
    chosen()
    yield 'and is tried once', bench.called() == ['max'], bench.called()

    qemu(max='[[ " $* " != *" -gdb "* ]] || sleep 60\n' + BOOTS)
    got = chosen(gdb='x')
    yield 'also by one that does not wait for gdb, before one that does', got[0] == 'kvm', got

    qemu(max=ABORTS, less=BOOTS)
    got = chosen()
    yield 'where QEMU fails with one CPU, the next one is tried without arch-capabilities', \
        got[:2] == ('kvm', 'max,-arch-capabilities'), got
    yield 'and the reason is the error of QEMU, in one short line', \
        'error: failed to set MSR 0x10a to 0x69' in got[2] and '\n' not in got[2] and \
        'info:' not in got[2] and len(got[2]) < 200, got
    again = chosen()
    yield 'what failed and what works is remembered', \
        again == got and len(bench.called()) == 2, (again, bench.called())

    qemu(max=ABORTS, less=ABORTS, least=ABORTS)
    got = chosen()
    yield 'where QEMU fails with all, TCG is used', got[0] == 'tcg', got
    yield 'and the last error is told, and how to silence it', \
        'failed to set MSR' in got[2] and got[2].endswith('ACCEL=tcg silences this') and \
        '\n' not in got[2] and 'kernel' not in got[2], got
    chosen()
    yield 'that is remembered, too', len(bench.called()) == 3 and \
        bench.remembered().get('works') is False, (bench.called(), bench.remembered())
    got = chosen('kvm')
    yield 'and is why ACCEL=kvm is refused', got[0] == 'refused' and \
        'ACCEL=kvm: -cpu qemu64' in got[2] and got[2].count('\n') == 1, got

    qemu(max=HANGS)
    got = chosen()
    yield 'a guest that hangs is not tried with other CPUs', \
        got[0] == 'tcg' and bench.called() == ['max'], (got, bench.called())
    yield 'and is told as such', 'did not get to user space within 1 s' in got[2], got
    yield 'but is tried again: the machine may have had much to do', \
        'works' not in bench.remembered(), bench.remembered()
    chosen()
    got = chosen()
    yield 'the second time in a row it is the host, and that is remembered', \
        bench.called() == ['max', 'max'] and bench.remembered().get('works') is False and \
        '2 times' in got[2], (got, bench.called(), bench.remembered())
    accelerator.PVM = bench.where
    qemu(max=ABORTS, less=HANGS)
    got = chosen()
    yield 'where the KVM of the host is kvm_pvm, that is the reason', \
        'kvm_pvm' in got[2] and 'user space' not in got[2], got
    yield 'which is remembered, and where', \
        bench.remembered().get('works') is False and f'(remembered in {bench.where}/accel.json)' in got[2], got
    accelerator.PVM = '/nowhere'

    qemu(max=PANICS)
    got = chosen()
    yield 'a guest that dies tells of its kernel, and is not remembered', \
        got[0] == 'tcg' and 'perhaps because of this kernel' in got[2] and \
        not bench.remembered(), got

    bench.script('gen_init_cpio', "echo \"unknown file type line 2: 'fil'\" >&2\n")
    qemu(max=BOOTS)
    got = chosen()
    yield 'an entry that gen_init_cpio leaves out ends it', \
        got[0] == 'refused' and 'unknown file type' in got[2], got


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    with tempfile.TemporaryDirectory(prefix='dentry-wait.') as where:
        bench = Bench(where)
        results = [*tests(bench), *machines(bench)]
        bench.script('gen_init_cpio', '')
        results += [*foreign(bench), *silent(bench), *debugged(bench)]
    return print_cases(results)


if __name__ == '__main__':
    from dw.ending import run_main
    run_main(main)

# SPDX-License-Identifier: GPL-2.0
"""A guest in QEMU."""

import os
import socket
import subprocess
import time

from dw.machines import MACHINES

from .running import Guest, ending

# The kernel command line, behind what names the console.  An oops ends the run at once, as a
# panic does: with panic=-1 the machine restarts, and with -no-reboot that ends QEMU.
APPEND = 'panic=-1 oops=panic loglevel=7'
CONNECT = 10         # for QEMU to make its sockets


class Qemu(Guest):
    """A machine, whose console and monitor are sockets that QEMU makes."""

    def __init__(self, command, where, tmp, echo, machine, terminal=False):
        super().__init__(where, echo)
        self.machine = machine
        self.stderr = open(os.path.join(tmp, 'stderr'), 'w+b')
        self.process = self.start(command,
                                  stdin=None if terminal else subprocess.DEVNULL,
                                  stdout=None if terminal else subprocess.DEVNULL,
                                  stderr=self.stderr, start_new_session=not terminal)
        self.console = self.connect(os.path.join(tmp, 'console'))
        self.monitor = self.connect(os.path.join(tmp, 'monitor'))

    def connect(self, path):
        """Connect to a socket that QEMU creates while it starts."""
        deadline = time.monotonic() + CONNECT
        while self.process.poll() is None and time.monotonic() < deadline:
            client = socket.socket(socket.AF_UNIX)
            try:
                client.connect(path)
                client.setblocking(False)
                return client
            except OSError:
                client.close()
                time.sleep(0.01)
        return None

    def press(self, key, seconds):
        """A break on the serial console, which the monitor sends, or what stands for it
        there, and the key."""
        attention = (self.console, self.machine.sysrq) if self.machine.sysrq else \
            (self.monitor, b'chardev-send-break console\n')
        for client, text in (attention, (self.console, key.encode())):
            try:
                if client:
                    client.sendall(text)
            except OSError:
                pass
            self.watch_for(seconds / 2)

    def complaint(self):
        """Why QEMU has failed, in one line: its last error, and how it ended."""
        self.stderr.seek(0)
        lines = [line.strip() for line in self.stderr.read().decode(errors='replace').split('\n')
                 if line.strip() and ': info: ' not in line and ': warning: ' not in line]
        said = [line for line in lines if 'error:' in line] or lines
        return '; '.join([*(said[-1:]), ending(self.process.returncode)]).removeprefix(
            f'{self.machine.qemu}: ')[:200]


def qemu_command(args, accel, initrd, where, tmp, interactive=False):
    accelerator = 'tcg,thread=multi' if accel == 'tcg' else 'kvm'
    if args.icount:
        accelerator = 'tcg,thread=single'
    machine = MACHINES[args.arch]
    consoles = [machine.console]
    if interactive:
        # The last one is what user space gets.
        consoles = [machine.second, machine.console] if machine.second else \
            [machine.console, 'console=hvc0']
    append = ' '.join([*consoles, APPEND, *args.append])
    command = [
        machine.qemu, '-nodefaults', '-no-user-config', '-no-reboot',
        *machine.options, '-accel', accelerator,
        '-cpu', args.cpu if accel == 'kvm' else machine.cpu,
        '-smp', str(args.smp), '-m', str(args.memory), '-display', 'none',
        '-kernel', args.kernel, '-initrd', initrd, '-append', append,
        '-device', f'virtio-serial-{machine.bus}',
        '-chardev', f'file,id=results,path={where}/results.ktap',
        '-device', 'virtserialport,chardev=results,name=results']
    if args.coverage:
        command += ['-chardev', f'file,id=coverage,path={where}/coverage.tar',
                    '-device', 'virtserialport,chardev=coverage,name=coverage']
    for number, disk in enumerate(args.disk):
        command += ['-drive', f'file={disk},format=raw,if=none,id=disk{number},readonly=on',
                    '-device', f'virtio-blk-{machine.bus},drive=disk{number}']
    for number, mib in enumerate(args.scratch):
        path = os.path.join(tmp, f'scratch{number}')
        with open(path, 'wb') as file:
            file.truncate(mib << 20)        # takes only what is written of it
        command += ['-drive', f'file={path},format=raw,if=none,id=scratch{number},cache=unsafe,discard=unmap',
                    '-device', f'virtio-blk-{machine.bus},drive=scratch{number}']
    if args.icount:
        # An instruction takes a nanosecond, also to rdtsc; nobody waits for a timer.
        # The date that ls prints should not depend on when that is.
        command += ['-icount', 'shift=0,sleep=off', '-rtc', 'base=2026-01-01,clock=vm']
    if args.gdb:
        command += ['-gdb', f'unix:{args.gdb},server=on,wait=off', '-S']
    wait = 'on'
    if interactive:
        # The terminal gets a port of its own; where that is a serial one, ours is the second.
        command += ['-serial', 'mon:stdio'] if machine.second else [
            '-chardev', 'stdio,id=terminal,mux=on,signal=off', '-mon', 'chardev=terminal',
            '-device', 'virtconsole,chardev=terminal']
        wait = 'off'
    return command + [
        '-chardev', f'socket,id=console,path={tmp}/console,server=on,wait={wait}',
        *machine.serial,
        '-chardev', f'socket,id=monitor,path={tmp}/monitor,server=on,wait=off',
        '-mon', 'chardev=monitor,mode=readline']

# SPDX-License-Identifier: GPL-2.0
"""A guest that is a process: user-mode Linux."""

import contextlib
import os
import socket
import struct

from .running import Guest, ending, receive


class Uml(Guest):
    """A kernel that is a process: its console and the port for the results are
    descriptors of ours, and its management console is a socket that it makes."""

    def __init__(self, command, where, tmp, echo):
        super().__init__(where, echo)
        self.mconsole = os.path.join(tmp, 'guest', 'mconsole')
        self.tmp = tmp
        with contextlib.ExitStack() as theirs:
            self.console, console = pair(theirs)
            self.port, port = pair(theirs)
            self.process = self.start([*command, f'ssl0=fd:{port.fileno()}'],
                                      stdin=console, stdout=console, stderr=console,
                                      pass_fds=[port.fileno()], start_new_session=True)
        with open(self.ktap, 'wb'):
            pass

    def pump(self):
        super().pump()
        with open(self.ktap, 'ab') as file:
            while data := receive(self.port):
                file.write(data)

    def press(self, key, seconds):
        """In the protocol of arch/um/drivers/mconsole.h: magic, version, length, text."""
        text = f'sysrq {key}'.encode()
        answer = os.path.join(self.tmp, 'answer')
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
            try:
                client.bind(answer)
                client.sendto(struct.pack('<III512s', 0xcafebabe, 2, len(text), text),
                              self.mconsole)
            except OSError:
                pass
            self.watch_for(seconds)
        with contextlib.suppress(FileNotFoundError):
            os.remove(answer)

    def complaint(self):
        return ending(self.process.returncode)


def pair(theirs):
    """Two ends; the second one is closed by the stack, once it has been handed over."""
    ours, other = socket.socketpair()
    ours.setblocking(False)
    return ours, theirs.enter_context(other)


def uml_command(args, _accel, initrd, _where, tmp):
    # Each virtual CPU is a thread; seccomp is what more than one of them needs.
    # "results" is no parameter of the kernel, so guest_init finds it in its environment.
    return [args.kernel, f'mem={args.memory}M', f'ncpus={args.smp}', 'seccomp=on', 'noreboot',
            f'initrd={initrd}', f'uml_dir={tmp}/', 'umid=guest', 'con=null',
            'con0=fd:0,fd:1', 'ssl=null', 'results=/dev/ttyS0', 'panic=-1', 'oops=panic',
            'loglevel=7', *args.append]

# SPDX-License-Identifier: GPL-2.0
"""A guest that runs, whatever its machine: its console, its results, its end."""

import os
import select
import signal
import subprocess
import sys
import time

from dw.console import Reader


class Guest:
    """A running guest.  Leaving the context ends it, however it is left."""

    def __init__(self, where, echo):
        self.echo = echo
        self.ktap = os.path.join(where, 'results.ktap')
        self.console_log = open(os.path.join(where, 'console.log'), 'wb')
        self.console_tail = b''
        self.live = None        # a Live, if somebody watches
        self.reader = Reader()
        self.line = ''          # of the console, as far as it has come
        self.failed = []        # the cases of KUnit that have failed
        # Set by those who start it, in this order.
        self.process = self.console = None

    @staticmethod
    def start(command, **options):
        """Killed with us even if we are killed by SIGKILL."""
        return subprocess.Popen(['setpriv', '--pdeathsig', 'KILL', *command], **options)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.pump()
        self.console_log.close()

    def pump(self):
        """Move what the console said into the log."""
        while data := self.console and receive(self.console):
            self.console_log.write(data)
            self.console_log.flush()
            self.console_tail = (self.console_tail + data)[-65536:]
            self.read_cases(data)
            if self.live:
                self.live.console(data)
            if self.echo:
                sys.stdout.buffer.write(data)
                sys.stdout.flush()
        if data == b'':
            self.console = None

    def read_cases(self, data):
        *lines, self.line = (self.line + data.decode(errors='replace')).split('\n')
        for line in lines:
            if not self.reader.begun(line) and (told := self.reader.ended(line)) \
                    and told.word == 'failed':
                self.failed.append(told.name)

    def results(self):
        try:
            with open(self.ktap, 'rb') as file:
                return file.read()
        except FileNotFoundError:
            return b''

    def sysrq(self, keys, seconds):
        """Have the kernel itself dump; this works when user space is dead."""
        for key in keys:
            self.press(key, seconds / len(keys))

    def watch_for(self, seconds):
        """Read as it comes: QEMU drops what its socket does not take, and the kernel writes
        byte by byte, each of which takes hundreds in there."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0 and self.process.poll() is None:
            if self.console:
                select.select([self.console], [], [], left)
            else:
                time.sleep(left)
            self.pump()


def receive(client):
    """What there is: bytes, b'' at the end, None if there is nothing at present."""
    try:
        return client.recv(65536)
    except BlockingIOError:
        return None
    except OSError:
        return b''


def ending(status):
    """How a process has ended, for people."""
    if status >= 0:
        return f'status {status}'
    try:
        return f'ended by {signal.Signals(-status).name}'
    except ValueError:
        return f'ended by signal {-status}'

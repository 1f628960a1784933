# SPDX-License-Identifier: GPL-2.0
"""How a program ends: without a traceback when its reader has gone or its user has had enough."""

import contextlib
import errno
import io
import os
import signal
import sys

INTERRUPTED = 130       # the status of a program, and of a guest, that its user has ended


class Pipe(io.RawIOBase):
    """A descriptor whose reader may close it, as `head` does.  The rest of the output is
    dropped then and the program goes on: its files and its exit status are still wanted."""

    def __init__(self, fd):
        super().__init__()
        self.fd, self.closed_by_reader = fd, False

    def writable(self):
        return True

    def fileno(self):
        return self.fd

    def isatty(self):
        return os.isatty(self.fd)

    def write(self, data):
        if not self.closed_by_reader:
            try:
                return os.write(self.fd, data)
            except OSError as error:
                if error.errno != errno.EPIPE:
                    raise
                self.closed_by_reader = True
        return len(data)


def quiet(stream):
    """The same stream for people, on a Pipe."""
    pipe = Pipe(stream.fileno())
    return io.TextIOWrapper(io.BufferedWriter(pipe), encoding=stream.encoding,
                            errors=stream.errors,
                            line_buffering=stream.line_buffering or pipe.isatty())


def run_main(main):
    """Call @main and exit with what it returns.  Ctrl-C ends the program with status 130, and
    SIGTERM and SIGHUP with 128 and their number, all in silence and with every context left."""
    def end(number, _frame):
        sys.exit(128 + number)

    for name in ('stdout', 'stderr'):
        with contextlib.suppress(OSError, ValueError, AttributeError):  # closed, or no file
            setattr(sys, name, quiet(getattr(sys, name)))
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, end)
    try:
        try:
            status = main()
        finally:
            # A second one comes when a group is told to end; what is left to do takes no time.
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
    except KeyboardInterrupt:
        status = INTERRUPTED
    try:
        sys.stdout.flush()
    except OSError as error:    # no space left: what was said did not arrive
        print(f'{os.path.basename(sys.argv[0])}: standard output: {error.strerror}',
              file=sys.stderr)
        status = status or 1
    sys.exit(status)

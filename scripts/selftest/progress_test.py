#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Is a person at a terminal told what goes on, and does a pipe stay as plain as it was?  Runs
scripts/steps/guest with a QEMU that is a script of ours, scripts/steps/verdict, and steps of
scripts/lib/progress.sh, each on a pseudo-terminal and on a pipe.  Prints KTAP.

    scripts/selftest/progress_test.py
"""

import argparse
import contextlib
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

SCRIPTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(SCRIPTS, 'lib'))

# pylint: disable=wrong-import-position
from dw.cases import print_cases
from dw.live import Watch

CONSOLE = b'''\
[    1.000000] # running: s.a
[    1.125000]     ok 1 a
[    1.125000] # running: s.b
[    2.125000][  T123]     not ok 2 b
[    2.130000] # running: s.c
[    2.140000]     ok 3 c # SKIP not here
'''
RESULTS = b'''\
KTAP version 1
1..2
# running: s
  KTAP version 1
  1..4
  ok 1 a
  not ok 2 b
  ok 3 c # SKIP not here
  ok 4 torn_on_the_console
not ok 1 s
# time: s 1.20 s
# running: t
  KTAP version 1
  1..2
  # running: x
  # time: x 0.250 s
  ok 1 x
  # running: y
  # y: lost # and gone
  # time: y 3.000 s
  not ok 2 y
not ok 2 t # exit status 1
# time: t 3.30 s
# end of plan
'''
WANTED = [('s.a', 'passed', .125), ('s.b', 'failed', 1.0), ('s.c', 'skipped', .01),
          ('s.torn_on_the_console', 'passed', None), ('t.x', 'passed', .25),
          ('t.y', 'failed', 3.0)]

OTHERS = b'''\
# running: o
  # running: a/b:c.sh
  # time: a/b:c.sh 1.500 s
  not ok 1 a/b:c.sh # hung
  # running: rename.sh
'''

# The results come when the console has been read, as with a serial line, which is slow.
QEMU = f'''\
#!/usr/bin/python3
import re, socket, sys, time
words = ' '.join(sys.argv)
def listen(name):
    server = socket.socket(socket.AF_UNIX)
    server.bind(re.search(name + r',path=([^, ]+)', words)[1])
    server.listen()
    return server
console, monitor = listen('id=console'), listen('id=monitor')
client, other = console.accept()[0], monitor.accept()[0]
client.sendall({CONSOLE!r})
path = re.search(r'file,id=results,path=([^, ]+)', words)[1]
while b' ok 3 c' not in open(path.replace('results.ktap', 'console.log'), 'rb').read():
    time.sleep(.01)
open(path, 'wb').write({RESULTS!r})
'''


def on_pipe(command, env):
    return subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          stdin=subprocess.DEVNULL, env=env).stdout.decode()


def on_terminal(command, env):
    ours, theirs = pty.openpty()
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs,
                          env=env) as process:
        os.close(theirs)
        data = b''
        while True:
            try:
                piece = os.read(ours, 4096)
            except OSError:
                break
            if not piece:
                break
            data += piece
        process.wait()
    os.close(ours)
    return data.decode().replace('\r\n', '\n')


def screen(text):
    """The text that is left to be read: a line that begins anew takes the place of another."""
    lines = []
    for line in re.sub(r'\x1b\[\d*m', '', text).split('\n'):
        last = line.split('\r\x1b[K')[-1]
        lines.append(last)
    return '\n'.join(lines)


class Bench:
    def __init__(self, where):
        self.where = where
        self.script('qemu-system-x86_64', QEMU)
        self.script('gen_init_cpio', '#!/bin/sh\n')
        for name in ('initramfs', 'plan'):
            with open(os.path.join(where, name), 'wb'):
                pass
        self.env = {'PATH': where + os.pathsep + os.environ['PATH'], 'TERM': 'xterm', 'O': where}

    def script(self, name, text):
        path = os.path.join(self.where, name)
        with open(path, 'w', encoding='utf-8') as file:
            file.write(text)
        os.chmod(path, 0o755)

    def guest(self, way, *options, **env):
        shutil.rmtree(f'{self.where}/run', ignore_errors=True)
        at = [f'{self.where}/{name}' for name in ('gen_init_cpio', 'initramfs', 'plan', 'run')]
        return re.sub(r'\d+\.\d s', 'N s', way(
            [sys.executable, f'{SCRIPTS}/steps/guest', '--kernel', 'x', '--gen-init-cpio', at[0],
             '--initramfs', at[1], '--plan', at[2], '--results', at[3], '--accel', 'tcg',
             '--accel-cache', f'{self.where}/accel.json', *options], {**self.env, **env}))

    def steps(self, way, script, **env):
        return way(['bash', '-c', f'. {SCRIPTS}/lib/lib.sh; . {SCRIPTS}/lib/progress.sh; {script}'],
                   {**self.env, **env})


PLAIN = 'guest      tcg (asked for), 2 CPUs\nguest      N s\n'


def watch(bench):
    del bench
    for size in (1, 7, 4096):
        watch_, told, given = Watch(), [], b''
        for at in range(0, len(CONSOLE), size):
            told += watch_.console(CONSOLE[at:at + size])
        for at in range(0, len(RESULTS), size):
            given += RESULTS[at:at + size]
            told += watch_.results(given)
        yield f'each case is told once, as it ends, in pieces of {size} bytes', told == WANTED, told
    watch_ = Watch()
    told = [*watch_.results(OTHERS)]
    yield 'a test of others has its whole name, and its time', \
        told == [('o.a/b:c.sh', 'failed', 1.5)], told
    yield 'also while it runs', watch_.at == 'o.rename.sh', watch_.at


def guests(bench):
    told = bench.guest(on_pipe)
    yield 'a guest on a pipe says what it has always said', told == PLAIN, told
    told = bench.guest(on_terminal, TERM='dumb')
    yield 'and so it does on a terminal that can do nothing', told == PLAIN, told
    told = bench.guest(on_pipe, '--tell')
    yield 'with --tell each case is a line, there as well', told.splitlines() == [
        'guest      tcg (asked for), 2 CPUs', '  ok   s.a  (0.12 s)', '  FAIL s.b  (1.00 s)',
        '  skip s.c  (0.01 s)', '  ok   s.torn_on_the_console', '  ok   t.x  (0.25 s)',
        '  FAIL t.y  (3.00 s)', 'guest      N s'], told
    told = bench.guest(on_terminal, '--last', '33')
    yield 'on a terminal each case is shown, with colour', \
        '  \x1b[32mok  \x1b[0m s.a  (0.12 s)\n' in told and \
        '  \x1b[31mFAIL\x1b[0m t.y  (3.00 s)\n' in told and \
        '  \x1b[33mskip\x1b[0m s.c  (0.01 s)\n' in told, told
    yield 'and the time that it took last time', re.search(r'guest      \d s, last time 33 s', told), told
    yield 'of the line that moves nothing is left', \
        screen(told).splitlines() == [
            'guest      tcg (asked for), 2 CPUs', '  ok   s.a  (0.12 s)', '  FAIL s.b  (1.00 s)',
            '  skip s.c  (0.01 s)', '  ok   s.torn_on_the_console', '  ok   t.x  (0.25 s)',
            '  FAIL t.y  (3.00 s)', 'guest      N s'], screen(told)
    told = bench.guest(on_terminal, NO_COLOR='1')
    yield 'NO_COLOR takes the colour and leaves the cases', \
        not re.search(r'\x1b\[\d+m', told) and '  ok   s.a  (0.12 s)\n' in told, told


def verdicts(bench):
    """Without its tree it fails, which is a summary with a failure, too."""
    bench.guest(on_pipe)
    command = [sys.executable, f'{SCRIPTS}/steps/verdict', f'{bench.where}/run', '--tree', '/nowhere']
    plain, there = on_pipe(command, bench.env), on_terminal(command, bench.env)
    yield 'a summary on a pipe has no colour', '\x1b' not in plain and 'passed, ' in plain, plain
    yield 'on a terminal it is the same, with colour', \
        there != plain and re.sub(r'\x1b\[\d+m', '', there) == plain and \
        re.search(r'\x1b\[31m\d+ passed, \d+ failed, \d+ skipped\x1b\[0m\n$', there), there
    with open(f'{bench.where}/run/summary.txt', encoding='utf-8') as file:
        yield 'summary.txt has none', '\x1b' not in file.read(), ''
    told = on_terminal(command, {**bench.env, 'NO_COLOR': '1'})
    yield 'nor has NO_COLOR', told == plain, told




def steps(bench):
    script = 'step x printf "one\\ntwo\\n"; step x sh -c "exit 3" || echo status $?'
    plain, there = bench.steps(on_pipe, script), bench.steps(on_terminal, script)
    yield 'a step on a pipe says what its command says', plain == 'one\ntwo\nstatus 3\n', plain
    yield 'and on a terminal, too, where its status counts as well', screen(there) == plain, there
    os.makedirs(f'{bench.where}/durations', exist_ok=True)
    with open(f'{bench.where}/durations/kernel-6.12-plain', 'w', encoding='utf-8') as file:
        file.write('33\n')
    there = bench.steps(on_terminal, 'step kernel sh -c "echo begun; sleep 2.5; echo over"; echo end')
    yield 'a step that takes its time is shown, with that of the last time', \
        re.search(r'\r\x1b\[Kkernel     \d+ s, last time 33 s', there), there
    yield 'and leaves nothing but what its command said', \
        screen(there) == 'begun\nover\nend\n', screen(there)
    with open(f'{bench.where}/durations/kernel-6.12-plain', encoding='utf-8') as file:
        kept = file.read()
        yield 'its time is kept for the next one', re.fullmatch(r'([2-9]|1\d)\n', kept), kept
    there = bench.steps(on_terminal, 'step "kernel again" sleep 1.5')
    yield 'that of a first build is not what another one is told', \
        re.search(r'\r\x1b\[Kkernel     \d+ s\r', there), there
    there = bench.steps(on_terminal, 'step kernel sleep 1.5', V='1')
    yield 'with V=1 nothing moves', there == '', there
    there = bench.steps(on_terminal, 'lock; step kernel sleep 1.2; exec 9>&-; flock -n $O/lock echo free',
                        O=f'{bench.where}/o')
    yield 'what moves does not hold the lock', screen(there).endswith('free\n'), there


# Waits for the first signal, and then has something to say to a pipe that is full.
TWICE = f'''
import signal, sys
sys.path.insert(0, {SCRIPTS + '/lib'!r})
from dw.ending import run_main
def main():
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        signal.pause()
    except KeyboardInterrupt:
        sys.stdout.write("last words")
        raise
run_main(main)
'''


WRITE, PAUSE = '1', '34'     # system calls of x86-64


def sleeps_in(pid, call):
    """Whether it does, within some seconds."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with open(f'/proc/{pid}/syscall', encoding='ascii') as file:
            if file.read().split()[0] == call:
                return True
        time.sleep(.01)
    return False


def endings(_bench):
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b'.' * 4096)
    os.set_blocking(writer, True)
    with subprocess.Popen([sys.executable, '-B', '-c', TWICE], stdout=writer,
                          stderr=subprocess.PIPE) as process:
        os.close(writer)
        stuck = sleeps_in(process.pid, PAUSE)
        process.send_signal(signal.SIGTERM)
        stuck = stuck and sleeps_in(process.pid, WRITE)
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGINT)
        said = b''
        while piece := os.read(reader, 1 << 16):
            said += piece
        errors, status = process.stderr.read().decode(), process.wait()
    os.close(reader)
    yield 'a program that is told to end twice ends in silence', \
        (stuck, errors, status, said.strip(b'.')) == (True, '', 130, b'last words'), \
        (stuck, errors, status, said[-20:])


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    with tempfile.TemporaryDirectory(prefix='dentry-wait.') as where:
        bench = Bench(where)
        results = [result for part in (watch, guests, verdicts, steps, endings) for result in part(bench)]
    return print_cases(results)


if __name__ == '__main__':
    from dw.ending import run_main
    run_main(main)

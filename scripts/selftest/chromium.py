# SPDX-License-Identifier: GPL-2.0
"""A headless Chromium that a test steers, by the protocol of its developer tools: two pipes, on
which each message is JSON with a NUL behind it."""

import json
import os
import select
import shutil
import subprocess
import tempfile
import time

PATIENCE = 60           # seconds for an answer, before the factor TIMEOUT


class Chromium:
    """Leaving the context ends it."""

    def __init__(self):
        self.number, self.rest, self.events = 0, b'', []
        self.patience = PATIENCE * int(os.environ.get('TIMEOUT') or 1)
        self.profile = self.process = self.to = self.answers = self.session = None

    @staticmethod
    def missing():
        """Why there is none, if so."""
        return '' if shutil.which('chromium') else 'no chromium; install that package of Debian'

    def __enter__(self):
        self.profile = tempfile.TemporaryDirectory(prefix='dentry-wait.')
        their_in, self.to = os.pipe()
        self.answers, their_out = os.pipe()
        # The numbers of its ends are 3 and 4.
        self.process = subprocess.Popen(
            ['setpriv', '--pdeathsig', 'KILL', 'bash', '-c',
             f'exec 3<&{their_in} 4>&{their_out} && exec "$@"', 'chromium',
             'chromium', '--headless', '--no-sandbox', '--disable-gpu', '--no-first-run',
             '--disable-dev-shm-usage', '--hide-scrollbars', '--remote-debugging-pipe',
             f'--user-data-dir={self.profile.name}', 'about:blank'],
            pass_fds=[their_in, their_out], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        os.close(their_in)
        os.close(their_out)
        target = self.call('Target.createTarget', url='about:blank')['targetId']
        self.session = self.call('Target.attachToTarget', targetId=target,
                                 flatten=True)['sessionId']
        for domain in ('Page', 'Runtime', 'Log'):
            self.call(f'{domain}.enable')
        return self

    def __exit__(self, *_):
        # All of its processes are in a session of their own.
        try:
            os.killpg(self.process.pid, 9)
        except ProcessLookupError:
            pass
        self.process.wait()
        os.close(self.to)
        os.close(self.answers)
        self.profile.cleanup()

    def message(self, deadline):
        while b'\0' not in self.rest:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.answers], [], [], left)[0]:
                raise TimeoutError(f'no answer of chromium within {self.patience} s')
            data = os.read(self.answers, 1 << 16)
            if not data:
                raise EOFError('chromium has ended')
            self.rest += data
        text, _, self.rest = self.rest.partition(b'\0')
        return json.loads(text)

    def call(self, method, **params):
        self.number += 1
        what = {'id': self.number, 'method': method, 'params': params}
        if self.session:
            what['sessionId'] = self.session
        data = json.dumps(what).encode() + b'\0'
        while data:
            data = data[os.write(self.to, data):]
        deadline = time.monotonic() + self.patience
        while (answer := self.message(deadline)).get('id') != self.number:
            self.events.append(answer)
        if 'error' in answer:
            raise RuntimeError(f'{method}: {answer["error"].get("message")}')
        return answer['result']

    def open(self, path, width, scheme):
        """Show a file as a screen of that width, in a light or dark scheme, does."""
        self.events = []
        self.call('Emulation.setDeviceMetricsOverride', width=width, height=900,
                  deviceScaleFactor=1, mobile=False)
        self.call('Emulation.setEmulatedMedia',
                  features=[{'name': 'prefers-color-scheme', 'value': scheme}])
        self.call('Page.navigate', url=f'file://{path}')
        deadline = time.monotonic() + self.patience
        while not any(event.get('method') == 'Page.loadEventFired' for event in self.events):
            self.events.append(self.message(deadline))

    def evaluate(self, script):
        answer = self.call('Runtime.evaluate', expression=script, returnByValue=True)
        if 'exceptionDetails' in answer:
            raise RuntimeError(answer['exceptionDetails']['exception'].get('description'))
        return answer['result'].get('value')

    def complaints(self):
        """Errors and warnings on its console since open(), and exceptions of the page."""
        for event in self.events:
            params = event.get('params', {})
            if event.get('method') == 'Runtime.consoleAPICalled' and \
                    params['type'] in ('error', 'warning', 'assert'):
                yield ' '.join(str(arg.get('value')) for arg in params['args'])
            elif event.get('method') == 'Runtime.exceptionThrown':
                yield params['exceptionDetails']['text']
            elif event.get('method') == 'Log.entryAdded' and \
                    params['entry']['level'] in ('error', 'warning'):
                yield params['entry']['text'] + ' ' + params['entry'].get('url', '')

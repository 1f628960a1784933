# SPDX-License-Identifier: GPL-2.0
"""A plan as a job of LAVA, and how LAVA reads its results."""

import math

from dw.items import plan_seconds
from dw.machines import MACHINES

# What LAVA calls the architectures of its device type qemu.
ARCHES = {'x86_64': 'amd64', 'i386': 'i386', 'arm64': 'arm64'}

# guest_init begins and ends its document so.
BEGIN, PLAN, END = 'KTAP version 1', r'1\.\.\d+', r'# end of plan|Kernel panic - not syncing'

# A result, from the end of the line before it to that of its own: what has come of it so far may
# be half of one.  There is one group for the word, so that a skip, an "ok" with SKIP behind it, is
# told by the first letter.
RESULT = (r'\n *(?P<result>not ok|o(?=k \d+ \S+[^\r\n]* # SKIP)|ok)k? \d+ '
          r'(?P<test_case_id>[-_a-zA-Z0-9.]+)(?: [^\r\n]*)?(?=[\r\n])')
WORDS = {'ok': 'pass', 'not ok': 'fail', 'o': 'skip'}

BOOT = 60            # seconds from the start of QEMU to the first word, before --timeout
DEPLOY = 5           # minutes to get the files


def minutes(seconds):
    return {'minutes': max(1, math.ceil(seconds / 60))}


def command_line(args):
    """Results go to the console, for which what is no parameter of the kernel is guest_init's."""
    console = MACHINES[args.arch].console
    line = next(word for word in console.split() if word.startswith('console='))
    # From warnings on: each line of the kernel can tear one of ours.
    return ' '.join([console, 'panic=-1', 'oops=panic', 'loglevel=4',
                     f'results=/dev/{line.removeprefix("console=")}', *args.append])


def make_job(args, plan):
    """The job; of @args, the options of scripts/port/lava-job."""
    machine = MACHINES[args.arch]
    run, boot = plan_seconds(plan), BOOT * args.timeout
    images = {name: {'url': f'{args.url.rstrip("/")}/{name}', 'sha256sum': args.digests[name]}
              for name in ('kernel', 'initrd')}
    images['kernel']['image_arg'] = f'-kernel {{kernel}} -append "{command_line(args)}"'
    images['initrd']['image_arg'] = '-initrd {initrd}'
    options = dict(zip(machine.options[::2], machine.options[1::2]))
    return {
        'job_name': f'dentry-wait {args.name}',
        'device_type': 'qemu',
        'visibility': 'public',
        'priority': 'medium',
        'timeouts': {'job': minutes(60 * DEPLOY + boot + run + 120),
                     'action': minutes(60 * DEPLOY), 'connection': minutes(120)},
        'context': {'arch': ARCHES[args.arch], 'cpu': machine.cpu,
                    'machine': options['-machine'], 'memory': args.memory,
                    'extra_options': ['-smp', args.smp, '-no-reboot']},
        'metadata': {'tree': args.tree, 'plan': plan},
        'actions': [
            {'deploy': {'to': 'tmpfs', 'timeout': {'minutes': DEPLOY}, 'images': images}},
            {'boot': {'method': 'qemu', 'media': 'tmpfs', 'timeout': minutes(boot),
                      'prompts': [BEGIN]}},
            {'test': {'timeout': minutes(run + boot), 'monitors': [
                {'name': 'dentry-wait', 'start': PLAN, 'end': END, 'pattern': RESULT,
                 'fixupdict': dict(WORDS)}]}},
        ],
    }

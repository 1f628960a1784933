# SPDX-License-Identifier: GPL-2.0
"""The initramfs of a guest: what was built, with the plan on top."""

import os
import shutil
import subprocess
import sys

from .running import ending


def refuse(why):
    """Nothing was run, and nothing is there to be judged."""
    print(f'guest: {why}', file=sys.stderr)
    sys.exit(2)


def make_initrd(args, plan, tmp):
    """Archives one after the other are one initramfs to the kernel."""
    path = os.path.join(tmp, 'initrd')
    plan_file = os.path.join(tmp, 'plan')
    spec = os.path.join(tmp, 'plan.list')
    with open(plan_file, 'w', encoding='ascii') as file:
        file.write(plan)
    with open(spec, 'w', encoding='ascii') as file:
        file.write(f'file /plan {plan_file} 644 0 0\n')
    with open(path, 'wb') as out:
        for archive in (args.initramfs, *args.extra):
            with open(archive, 'rb') as base:
                shutil.copyfileobj(base, out)
            out.write(b'\0' * (-out.tell() % 4))
        done = subprocess.run([args.gen_init_cpio, spec], check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        # It leaves out what it does not understand, and says so with a status of 0.
        if done.returncode or done.stderr:
            said = done.stderr.decode(errors='replace').strip().split('\n')[0]
            refuse(f'{args.gen_init_cpio}: {said or ending(done.returncode)}')
        out.write(done.stdout)
    return path

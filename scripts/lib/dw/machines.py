# SPDX-License-Identifier: GPL-2.0
"""The machines that QEMU can be: what its command line has to say of each."""

import typing


class Machine(typing.NamedTuple):
    """What QEMU has to be told of an architecture; scripts/steps/machines/ has what its kernel and
    its programs have to be told."""
    name: str                   # as os.uname() has it, and QEMU
    options: tuple
    cpu: str                    # that TCG emulates
    console: str                # for the kernel command line
    bus: str = 'pci'            # that its virtio devices are on
    # A second serial line: for a terminal, the first; without, a virtio console is.
    second: str = ''
    serial: tuple = ('-serial', 'chardev:console')
    # Which of its keys asks for sysrq; a break on the line if there is none.
    sysrq: bytes = b''

    @property
    def qemu(self):
        return f'qemu-system-{self.name}'


# By ARCH.  CPUs are those that have all that TCG can do, but what only makes it slow.
MACHINES = {
    'x86_64': Machine('x86_64', ('-machine', 'q35'), 'max', 'console=ttyS0 earlyprintk=ttyS0',
                      second='console=ttyS1'),
    'arm64': Machine('aarch64', ('-machine', 'virt,gic-version=3'), 'max,pauth-impdef=on',
                     'console=ttyAMA0 earlycon'),
    # Its terminal of the SCLP kind is the second one of its kinds: ttyS0 would be the other.
    's390': Machine('s390x', ('-machine', 's390-ccw-virtio'), 'max', 'console=ttyS1 earlyprintk',
                    bus='ccw', serial=('-device', 'sclpconsole,chardev=console'),
                    sysrq=b'\x0f'),
}
MACHINES['i386'] = MACHINES['x86_64']

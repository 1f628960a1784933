# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# With what a host makes results, by which scripts/lib/hosts.sh sees that a record is of before an
# update there.  Sourced by scripts/lib/hosts.sh and on-host; a host is sent it with host-probe.sh.

# A digest of the packages that kernels and guests are made of and by, in O= as well.
made() {
	{
		dpkg-query -W -f '${Package} ${Version}\n' 'linux-source-*' 'gcc*' 'clang*' 'qemu-system-*' 2> /dev/null || true
		find "$O/debs" -name 'linux-source-*' -printf '%P\n' 2> /dev/null | LC_ALL=C sort || true
	} | sha256sum | cut -c1-12
}

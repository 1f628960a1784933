# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# With what a host makes results, by which scripts/lib/hosts.sh sees that a record is of before an
# update there.  Sourced by scripts/lib/hosts.sh and on-host; a host is sent it with host-probe.sh.

# The packages that kernels and guests are made of and by: what is installed, and the newest of each
# in O=.  A line.
made() {
	{
		dpkg-query -W -f '${db:Status-Status} ${Package}=${Version}\n' \
			'linux-source-*' 'gcc*' 'clang*' 'qemu-system-*' 2> /dev/null | sed -n 's/^installed //p' || true
		find "$O/debs" -name 'linux-source-*_*' -printf '%P\n' 2> /dev/null | sort -V |
			awk -F _ '{ newest[$1] = $0 } END { for (name in newest) print newest[name] }' || true
	} | LC_ALL=C sort | paste -sd ' '
}

# made_as_now MADE PROBE: that host, of which PROBE has made=, still has all that MADE names.  It may have
# more by now, which other items have installed.
made_as_now() {
	[[ -z $(comm -23 <(tr ' ' '\n' < "$1" | LC_ALL=C sort) \
		<(sed -n 's/^made=//p' "$2" | tr ' ' '\n' | LC_ALL=C sort)) ]]
}

# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What a host is asked before any work is handed to it, by scripts/lib/hosts.sh, which sends
# this to a bash there, behind made.sh:
#
#	bash -s RUN [O]
#
# Takes O= there for this run, and prints O=, its CPUs, which machine it is and what made() says.  An O= in which
# something else runs, or that is not one of ours, is left alone, with one line that says so.

set -euo pipefail
RUN=$1
O=${2:-${XDG_CACHE_HOME:-$HOME/.cache}/dentry-wait}

trouble() {
	printf '%s\n' "$*" >&2
	exit 1
}

[[ $O == /* ]] || trouble "O=$O: want an absolute path"
for tool in tar gzip flock perl; do
	command -v "$tool" > /dev/null || trouble "there is no $tool; install it"
done
mkdir -p "$O" 2> /dev/null || trouble "O=$O: cannot be created"
[[ -f $O/lock || -z $(ls -A "$O") ]] ||
	trouble "O=$O is not empty and was not created by this tool; choose a new or an empty directory"
exec 9>> "$O/lock" || trouble "O=$O: cannot be written to"
flock -w 5 9 || trouble "O=$O is in use by another run ($(tail -n 1 "$O/lock"))"
mkdir -p "$O/hosts"
# Others read it without a lock.
if ! printf '%s\n' "$RUN" > "$O/hosts/run.new" 2> /dev/null; then
	rm -f "$O/hosts/run.new"
	trouble "O=$O: the disk is full"
fi
mv "$O/hosts/run.new" "$O/hosts/run"
printf 'O=%s\ncpus=%s\nmachine=%s\nmade=%s\n' "$(realpath "$O")" "$(nproc)" \
	"$(cat /etc/machine-id 2> /dev/null || hostname)" "$(made)"

# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the items of a run share on one host, when scripts/lib/on-host runs several of them at a
# time in one O=.  An item is what one of those scripts is called for with --one.  Sourced,
# after lib.sh.

# How many guests of a run are booted at the same time on this host.
: "${GUESTS:=2}"
# The run that an item belongs to.
: "${RUN:=$$}"

# alone NAME COMMAND...: while no other item runs COMMAND under this NAME.
alone() {
	local file=$O/hosts/$1.lock status=0 fd
	shift

	mkdir -p "$O/hosts"
	exec {fd}> "$file"
	flock "$fd"
	"$@" || status=$?
	exec {fd}>&-
	return "$status"
}

# once NAME COMMAND...: only the first item of this run does it, and the others wait for it.  If
# it fails, which it says in its last line, it fails for all of them, with that line.  COMMAND is
# not ended by what fails in it, and has to say so itself.
once() {
	alone "once-$1" once_alone "$@"
}

once_alone() {
	local file=$O/hosts/once-$1 why=
	shift

	if [[ ! -f $file || $(head -n 1 "$file") != "$RUN" ]]; then
		("$@") > "$file.log" 2>&1 || why=$(tail -n 1 "$file.log")${why:-.}
		printf '%s\n' "$RUN" "$why" > "$file"
	fi
	why=$(sed -n 2p "$file")
	[[ -z $why ]] || {
		printf '%s\n' "${why%.}" >&2
		return 1
	}
}

# as_one_guest COMMAND...: while fewer than $GUESTS others do.
as_one_guest() {
	local turn slot number status=0

	mkdir -p "$O/hosts"
	# One after the other looks for a place.
	exec {turn}> "$O/hosts/turn.lock"
	flock "$turn"
	for ((number = 1; ; number = number % GUESTS + 1)); do
		exec {slot}> "$O/hosts/guest-$number.lock"
		flock -w 0.2 "$slot" && break
		exec {slot}>&-
	done
	exec {turn}>&-
	"$@" || status=$?
	exec {slot}>&-
	return "$status"
}

# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Progress of a step, for a person at a terminal: how long it has taken so far, and how long it
# took last time.  On a pipe, with TERM=dumb and with V=1 nothing is said.  Sourced, after
# lib.sh.

TIMES=$O/durations		# for each step, kernel and guest the seconds of its last time;
				# those of NAME and of "NAME again" are kept apart
LEAST=2				# seconds: a step that is shorter had nothing to do

at_terminal() {
	[[ -t 1 && ${TERM:-dumb} != dumb && $V == 0 ]]
}

# The file for what $1 is the name of, on the kernel that runs or is built.
times_of() {
	printf '%s/%s-%s-%s\n' "$TIMES" "${1//[\/ ]/_}" "${STOCK:-$VARIANT}" "$CONFIG${CROSS:+-$ARCH}"
}

# How long it took last time, if that is known.
last_time() {
	local seconds
	seconds=$(cat "$(times_of "$1")" 2> /dev/null) || true
	[[ ! $seconds =~ ^[0-9]+$ ]] || printf '%s\n' "$seconds"
}

keep_time() {
	(($2 >= LEAST)) || return 0
	mkdir -p "$TIMES"
	printf '%d\n' "$2" > "$(times_of "$1")"
}

# tick NAME: says it each second, until this shell has ended or ends it.
tick() {
	local begin=$SECONDS last
	last=$(last_time "$1")
	while sleep 1 && kill -0 $$ 2> /dev/null; do
		printf '\r\033[K%-10s %d s%s' "${1%%[. ]*}" $((SECONDS - begin)) "${last:+, last time $last s}"
	done
}

TICKER=
end_tick() {
	[[ -n $TICKER ]] || return 0
	kill "$TICKER" 2> /dev/null || true
	wait "$TICKER" 2> /dev/null || true
	TICKER=
	trap - EXIT
	printf '\r\033[K'
}

# begin_tick NAME: the lock of $O, which this shell may have, is not for it.
begin_tick() {
	tick "$1" 9>&- &
	TICKER=$!
	trap end_tick EXIT
}

# step NAME COMMAND...: the lines of the command take the place of the one that moves.
step() {
	local name=$1 begin=$SECONDS status=0
	shift

	if ! at_terminal; then
		"$@"
		return
	fi
	begin_tick "$name"
	if [[ -t 2 ]]; then
		"$@" 2>&1 | sed -u $'s/^/\r\033[K/' || status=$?
	else
		"$@" | sed -u $'s/^/\r\033[K/' || status=$?
	fi
	end_tick
	((status != 0)) || keep_time "$name" $((SECONDS - begin))
	return "$status"
}

# silent_step NAME COMMAND...: the same of a command that says all it says to a log; it is run
# by this shell.
silent_step() {
	local name=$1 begin=$SECONDS status=0
	shift

	if ! at_terminal; then
		"$@"
		return
	fi
	begin_tick "$name"
	"$@" || status=$?
	end_tick
	((status != 0)) || keep_time "$name" $((SECONDS - begin))
	return "$status"
}

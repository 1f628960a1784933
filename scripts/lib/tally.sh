# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The last line of a command that tests something, "N passed, N failed, N skipped", for those
# that add up what others have said.  Sourced.

passed=0 failed=0 skipped=0

# Whether $1 is such a line; sets $PASSED, $FAILED and $SKIPPED.
read_tally() {
	[[ $1 =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]] || return
	PASSED=${BASH_REMATCH[1]} FAILED=${BASH_REMATCH[2]} SKIPPED=${BASH_REMATCH[3]}
}

# add_tally LINE: adds it to $passed, $failed and $skipped, which may be the caller's own.
add_tally() {
	read_tally "$1" || return
	passed=$((passed + PASSED)) failed=$((failed + FAILED)) skipped=$((skipped + SKIPPED))
}

# The last line of log $1 that is one, whatever was said behind it.
last_tally() {
	grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$1" | tail -n 1
}

# The results that log $1 of scripts/steps/run names, if it does.
results_of() {
	sed -n 's/^results: //p' "$1" | tail -n 1
}

say_tally() {
	printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
}

# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154	# set by the script
#
# What selftests/ does when something goes wrong around it.  Sourced, by scripts/selftest/errors.

selftests() {
	guest_items
}

# PID 1 of the guest, as a program of this machine.
guest_items() {
	g++ -std=c++20 -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64 -Iselftests -Iselftests/lib -Iselftests/guest -static \
		-Wl,--wrap=open64 -o "$tmp/guest_item" scripts/selftest/errors.d/guest_item.cpp \
		"$SELFTESTS"/{guest/guest_items,guest/guest_child,guest/guest_disturb,lib/fmt_static}.o
	says 'a setting of the plan that cannot be made ends the guest' '^died: set /nowhere: No such file' "$tmp/guest_item" set
	says 'results that a program has left in its pipe are taken, however slow the port is' \
		'^300 results, outcome 0, $' "$tmp/guest_item" results
	says 'an insmod that was killed is said to be that' '^0 results, outcome 1, insmod: killed by signal 9$' \
		"$tmp/guest_item" killed
	says 'a module that does not come to be loaded hangs, and PID 1 goes on' \
		'^0 results, outcome 3, hung in unknown_case: not over after 2 s$' timeout 30 "$tmp/guest_item" stuck
	says 'the kernel log of the time in which it was loaded is read' '^# x: begins # x: End of test: SUCCESS # rmmod no_such_module: ' \
		bash -c "'$tmp/guest_item' torture | grep '^#' | xargs; exit 1"
}

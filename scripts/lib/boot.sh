# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# How a guest is booted, by all who do so.  Sourced, after lib.sh.

# Sets $GUEST to the command: the kernel and the machine that the variables name, and whatever
# ends the shell that runs it ends the guest, too.  Of an option that is given again, as what
# is put behind it, the last one counts.
guest_command() {
	GUEST=(setpriv --pdeathsig TERM "$TOP/scripts/steps/guest"
		--arch "$ARCH" --kernel "$IMAGE" --initramfs "$INITRAMFS" --gen-init-cpio "$BUILD/usr/gen_init_cpio"
		--accel "$MACHINE" --accel-cache "$O/accel.json"
		--smp "$SMP" --memory "$MEMORY" --timeout "$TIMEOUT")
}

# What of the kernel command line follows from the variables, a word a line.
guest_words() {
	printf '%s\n' "kunit.filter_glob=$FILTER" "in_lookup_scene.bound_ms=$((2000 * TIMEOUT))" \
		"wait_var_locked.bound_ms=$((2000 * TIMEOUT))"
	# Debian's default leaves out those keys that a hang is told by.
	[[ -z $STOCK ]] || printf 'sysrq_always_enabled\n'
}

# boot PLAN RESULTS [OPTION...]: a guest that works through the plan.
boot() {
	guest_command
	"${GUEST[@]}" --plan "$1" --results "$2" "${@:3}"
}

# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2153,SC2154	# set by the script, and by lib.sh
#
# A machine that lacks something, interrupts, and what judges others.  Sourced, by
# scripts/selftest/errors.

# Commands in an environment that has PATH only, as cron, a unit of systemd and a container
# have it, do what they do else, and say no more than that.
bare() {
	local name=$1 text status=0
	shift

	text=$(env -i PATH="$PATH" O="$O" LOCKED="$O" BASE="$BASE" "$@" 2>&1 < /dev/null) || status=$?
	if ((status == 0)) && ! grep -qE 'HOME|Not_found|uninitialized|Traceback|unbound' <<< "$text"; then
		result ok "$((number + 1))" "with nothing but PATH: $name"
	else
		result 'not ok' "$((number + 1))" "with nothing but PATH: $name"
		printf '# status %d, said:\n' "$status"
		tail -n 8 <<< "$text" | sed 's/^/#   /'
	fi
}

environment() {
	printf 'set terminal svg\nplot x\n' > "$tmp/plot"
	bare 'the packages' scripts/steps/deps
	bare 'the tree' scripts/steps/tree
	bare 'checkpatch and git on the series' scripts/check/series lint
	bare 'the kernel' scripts/steps/kernel
	bare 'the modules' scripts/steps/modules
	bare 'the initramfs' scripts/steps/initramfs
	bare 'the plan' scripts/steps/plan all
	bare 'the verbs' make -s help
	bare 'spin and its compiler' scripts/check/model/run --trail NO_WAKE_IN_D_ADD
	# shellcheck disable=SC2016
	bare 'gnuplot, as make report has it' bash -c '. scripts/lib/lib.sh; gnuplot -d "$0" > /dev/null' "$tmp/plot"
	guest_command
	bare 'a guest' "${GUEST[@]}" --accel tcg --plan /dev/null --results "$tmp/bare"
}

machine() {
	local bin=$tmp/bin

	mkdir -p "$bin"
	printf '#!/bin/sh\nexit 100\n' > "$bin/apt-get"
	printf '#!/bin/sh\nexit 1\n' > "$bin/dpkg-query"
	cp "$bin/dpkg-query" "$bin/sudo"
	chmod +x "$bin"/*
	if ((EUID == 0)); then
		says 'without a network the missing packages are named' \
			'apt-get update failed: no network\? needed: .*qemu-system-x86' \
			env PATH="$bin:$PATH" scripts/steps/deps
	else
		says 'without root the line to paste is printed' \
			'run: sudo apt-get update && sudo apt-get install .*qemu-system-x86' \
			env PATH="$bin:$PATH" scripts/steps/deps
	fi
	says 'without QEMU the guest says so' 'no qemu-system-x86_64; run scripts/steps/deps' \
		env PATH="$bin" /usr/bin/python3 scripts/steps/guest --kernel x --initramfs x \
		--gen-init-cpio x --plan x --results "$tmp" --accel-cache x
	if [[ -w /dev/kvm ]] && grep -q '"works": false' "$O/accel.json" 2> /dev/null; then
		says 'a /dev/kvm that hangs is not used' 'ACCEL=kvm: .*; use ACCEL=tcg \(remembered in ' \
			env ACCEL=kvm scripts/steps/run kunit
	else
		result ok "$((number + 1))" 'a /dev/kvm that hangs is not used # SKIP it works, or is not there'
	fi
	if ((EUID == 0)) && mkdir "$tmp/full" && mount -t tmpfs -o size=8m none "$tmp/full" 2> /dev/null; then
		says 'too little space is noticed before anything is unpacked' \
			'MiB free, [0-9]+ needed' env O="$tmp/full" scripts/steps/tree
		umount "$tmp/full"
		mount -t tmpfs -o ro none "$tmp/full"
		says 'an O that is there and is read-only is named' \
			"^run: O=$tmp/full: cannot be written to" env O="$tmp/full" scripts/steps/run kunit
		umount "$tmp/full"
	else
		result ok "$((number + 1))" 'too little space is noticed before anything is unpacked # SKIP needs root'
		result ok "$((number + 1))" 'an O that is there and is read-only is named # SKIP needs root'
	fi
	says 'two runs in one O are refused' 'is in use by another run' env -u LOCKED WAIT=0 scripts/steps/run kunit
}

# Poll until a command succeeds, for ten seconds at most.
soon() {
	local until=$((SECONDS + 30 * TIMEOUT))
	until "$@" > /dev/null 2>&1; do
		((SECONDS < until)) || return
		sleep 0.1
	done
}

gone() {
	! kill -0 "$1" 2> /dev/null
}

# The QEMU that writes to directory $1.
qemu_of() {
	pgrep -f "qemu-system.*path=$1/results.ktap"
}

# An interrupt ends the guest, whatever it does just then.
interrupt() {
	local signal=$1 results=$tmp/interrupt-$1 run

	printf 'run sleep 60 /bin/sleep 60\n' > "$tmp/plan"
	guest_command
	setsid "${GUEST[@]}" --accel tcg --plan "$tmp/plan" --results "$results" \
		> "$tmp/guest.log" 2>&1 &
	run=$!
	if soon grep -q 'running: sleep' "$results/results.ktap" && qemu_of "$results" > /dev/null &&
	   kill "-$signal" "$run" && soon gone "$run" && grep -q 'the guest was ended' "$tmp/guest.log"; then
		result ok "$((number + 1))" "a guest that gets SIG$signal says that it was interrupted"
	else
		result 'not ok' "$((number + 1))" "a guest that gets SIG$signal says that it was interrupted"
	fi
	if ! qemu_of "$results" > /dev/null; then
		result ok "$((number + 1))" "and leaves no QEMU behind after SIG$signal"
	else
		result 'not ok' "$((number + 1))" "and leaves no QEMU behind after SIG$signal"
	fi
	kill -KILL "$run" 2> /dev/null || true
	wait
}

tools() {
	local tool
	for tool in lookup_wait_test lookup_fuse_test lookup_race_test lookup_stress lookup_bench \
		lookup_churn lookup_cost lookup_list lookup_served lookup_workload lookup_stress_ng \
		lookup_xfstests lookup_ltp lookup_kselftest; do
		says "$tool answers an unknown option with its usage and status 2" '^status 2$' \
			bash -c "'$SELFTESTS/$tool' --no-such-option; echo status \$?; exit 1"
	done
	says 'the case about all call sites brings the cases that hit them' '^nfs3_.* each_call_site_was_hit$' bash -c "
		'$SELFTESTS/lookup_filesystems_test' --list --filter 'each_call*' | grep -E '^(nfs3|each)_' | xargs; exit 1"
	says 'a glob of others as well leaves the rest out' '^0$' bash -c "
		'$SELFTESTS/lookup_filesystems_test' --list --filter '[!n]*' | grep -cE '^nfs|call_site'; exit 1"
	says 'of some filesystems there is none' '^0$' bash -c "
		'$SELFTESTS/lookup_filesystems_test' --list --filesystems nfs3 --filter '*' | grep -c call_site; exit 1"
	says 'lookup_xfstests wants one filesystem' '--filesystem wants one of ext4, xfs, nfs, cifs' \
		"$SELFTESTS/lookup_xfstests" --list
	says_what_check_says
	judges_stale_handles
}

# ESTALE of a name is no violation where it may be that, and only if the name was changed.
judges_stale_handles() {
	# stale NAME WHEN WANT WORD...
	stale() {
		says "lookup_stress: $1" "$3" bash -c "WHEN=$2 '$tmp/stale_handle' --dir '$tmp' --duration 1 $4; exit 1"
	}

	g++ -std=c++20 -D_FILE_OFFSET_BITS=64 -static -pthread -Wl,--wrap=fstatat64 -o "$tmp/stale_handle" \
		scripts/selftest/errors.d/stale_handle.cpp "$SELFTESTS"/stress/{lookup_stress,stress_*}.o \
		"$SELFTESTS"/lib/{ktap,ktap_child,options,fmt_static}.o
	stale 'ESTALE is a violation' changed '# no_impossible.*: stat of hot-[0-9]: Stale file handle' ''
	stale 'it is not where it may be that' changed '^# Totals: pass:1 fail:0 ' --may-be-stale
	stale 'but is counted' changed ', [1-9][0-9]* unjudged' --may-be-stale
	stale 'it is one of a name that nobody has changed' unchanged \
		'# no_impossible.*: stat of hot-[0-9]: Stale file handle' '--may-be-stale --threads 1'
}

# What `check` of xfstests has printed of a test is read as what it is.
says_what_check_says() {
	local log=$tmp/check.log
	# reads NAME TEST WANT [OPTION]
	reads() {
		says "xfstests: $1" "^$3" bash -c "
			'$SELFTESTS/lookup_xfstests' --read '$log' --group '$2'; exit 1"
	}

	printf '%s\n' 'FSTYP         -- ext4' '' 'generic/001         218s' 'generic/002 4s ...  3s' \
		'generic/003        [not run] no reflink here' \
		'generic/004        - output mismatch (see /r/generic/004.out.bad)' '    --- tests/generic/004.out' \
		'generic/005 2s ... ' '_check_dmesg: something found in dmesg (see /r/generic/005.dmesg)' \
		'generic/006 2s ... [failed, exit status 1]' 'generic/007 ' > "$log"
	reads 'seconds are a pass' generic/001 'passed generic/001: 218s$'
	reads 'those of before are none' generic/002 'passed generic/002: 4s ...  3s$'
	reads 'what is not run has a reason' generic/003 'not run generic/003: no reflink here$'
	reads 'a mismatch is a failure' generic/004 'failed generic/004: - output mismatch .* \| --- tests'
	reads 'so is a complaint behind the seconds of before' generic/005 'failed generic/005: 2s ... \| _check_dmesg'
	reads 'and a status' generic/006 'failed generic/006: .*exit status 1'
	reads 'and an end in the middle' generic/007 'failed generic/007: check ended in its middle'
}

# The commands that judge others, in a copy whose scripts/steps/run builds and boots nothing.
judges() {
	local dir=$tmp/judges
	# judged AS LINE GUEST [LINE]: results.ktap has the one, the console the other
	judged() {
		[[ -z $2 ]] || printf '%s\n' 'KTAP version 1' "$2" > "$dir/results.ktap"
		[[ -z ${4:-} ]] || printf '%s\n' "$4" > "$dir/console.log"
		says "a step of a bisection says $1 of $3" "^$1\$" bash -c "
			O=$tmp/judged-o KDIR=$TREE $dir/scripts/bisect-step > /dev/null 2>&1; echo \$?; exit 1"
	}

	mkdir -p "$dir" "$tmp/judged-o"
	cp -r "$TOP/scripts" "$TOP/patches" "$TOP/README.md" "$dir/"
	cat > "$dir/scripts/steps/run" <<- STUB
		#!/bin/sh
		[ "\$1" = suites ] || exit 0
		printf 'results: $dir\n0 passed, 1 failed, 0 skipped\n'
		exit 1
	STUB
	judged 125 '' 'a guest that left nothing'
	judged 125 '1..9' 'a guest that died before its first case'
	judged 1 '1..9' 'a guest that died in a case before that' '[    1.000000] # running: a.case'
	rm "$dir/console.log"
	judged 1 '# running: wait_var_locked' 'a guest in which a case failed'
	rm -r "$tmp/judged-o"
	mkdir -p "$tmp/judged-o"
	: > "$tmp/judged-o/lock"
	: > "$tmp/judged-o/results"
	judged 125 '' 'results that cannot be written'
	unset -f judged
	says 'make proof takes a new O=' '^ours$' bash -c "
		O=$tmp/proof-o $dir/scripts/check/proof table && [[ -f $tmp/proof-o/lock ]] && echo ours; exit 1"
}

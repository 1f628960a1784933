# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154	# set by the script
#
# What make xfstests, ltp and kselftest are told that cannot be.  Sourced, by scripts/selftest/errors.

# A command with variables that only the user has set: lib.sh gives the others what they are by
# themselves.
of_others() {
	env -u CONFIG -u FS -u GROUP -u XFSTESTS -u LTP "$@"
}

suites() {
	says 'make xfstests says what to get' 'make xfstests wants XFSTESTS=DIR, a checkout of xfstests-dev' \
		of_others scripts/check/suite xfstests
	says 'an XFSTESTS that is none is named' 'XFSTESTS=/tmp: that is not a checkout of xfstests-dev .*: it has no check' \
		of_others XFSTESTS=/tmp scripts/check/suite xfstests
	says 'so is one that is no path' 'XFSTESTS=nowhere: want an absolute path' of_others XFSTESTS=nowhere scripts/check/suite xfstests
	says 'make ltp says what to get' 'make ltp wants LTP=DIR, a checkout of ltp' of_others scripts/check/suite ltp
	mkdir -p "$tmp"/xfstests/{tests/generic,common}
	touch "$tmp"/xfstests/{check,common/rc}
	chmod 755 "$tmp/xfstests/check"
	says 'a filesystem that xfstests is not run on is named' "FS=vfat: no 'vfat'; there are: ext4 xfs nfs cifs" \
		of_others XFSTESTS="$tmp/xfstests" FS=vfat scripts/check/suite xfstests
	says 'its filesystems are asked about when it is there' 'make xfstests wants XFSTESTS=DIR' \
		of_others FS=cifs scripts/check/suite xfstests
	says 'and are not those of make filesystems' "^run: FS=cifs: no 'cifs'; there are: .*fuse " \
		of_others XFSTESTS="$tmp/xfstests" FS=cifs CONFIG=filesystems scripts/steps/run filesystems
	says 'a GROUP that cannot be one is named' 'GROUP=quick;dir: want names of groups' \
		of_others XFSTESTS="$tmp/xfstests" GROUP='quick;dir' scripts/check/suite xfstests
	says 'the base is not compared with itself' 'SERIES=none: that is what the series is compared to' \
		of_others XFSTESTS="$tmp/xfstests" SERIES=none scripts/check/suite xfstests
	says 'one guest has one filesystem' 'FS=ext4,nfs: one guest tests one filesystem' \
		of_others XFSTESTS="$tmp/xfstests" FS=ext4,nfs CONFIG=filesystems scripts/steps/run xfstests
	says 'nor is another kernel built for it' 'suite: CONFIG=debug: make xfstests has a kernel of its own' \
		of_others XFSTESTS="$tmp/xfstests" CONFIG=debug scripts/check/suite xfstests
	says 'nor one for another machine' "suite: ARCH=arm64: make xfstests runs on this machine's" \
		of_others XFSTESTS="$tmp/xfstests" ARCH=arm64 scripts/check/suite xfstests
	says 'make takes GUESTS, and there are two at most' '^suite: GUESTS=3: unknown value; one of: 1 2$' \
		of_others -u MAKELEVEL -u MAKEFLAGS make kselftest GUESTS=3
}

# What the programs say that run these suites, of which nothing but lists is there.
suite_programs() {
	local o=$tmp/suites-o ltp=$tmp/ltp list=$tmp/kselftest-list.txt

	mkdir -p "$ltp"/{runtest,include,testcases/bin,testcases/kernel/fs} "$o/suites"
	touch "$ltp/include/tst_test.h" "$o/lock"
	printf '%s\n' '# a comment' 'open01 open01' 'openfile01 openfile -f10' > "$ltp/runtest/fs"
	printf '%s\n' 'open01 export A=1; B=2 open01 -x' 'gone01 export A=1; B=2 gone01' 'gone02 gone02 -c' > "$ltp/runtest/syscalls"
	printf '%s\n' 'gone01 gone01' 'gone02 gone02' > "$ltp/runtest/sched"
	printf '%s\n' filesystems:a filesystems/epoll:b procfs:c > "$list"
	printf '#!/bin/sh\n' > "$ltp/testcases/bin/open01"
	chmod 755 "$ltp/testcases/bin/open01"
	printf '%s\n' '001 auto quick' '002 auto' > "$tmp/xfstests/tests/generic/group.list"
	ln -sfn "$SELFTESTS" "$o/selftests-x86_64"
	ln -sfn "$ltp" "$o/suites/ltp"
	# refuses NAME WANT PROGRAM WORD...: it ends with a 2, as wrong words do, and says one line
	refuses() {
		# shellcheck disable=SC2016  # the other shell expands them
		says "$1" "^2 1 $2" bash -c 'said=$("${@}" 2>&1 > /dev/null) || echo "$? $(wc -l <<< "$said") $said"; exit 1' - "${@:3}"
	}

	refuses 'lookup_ltp does not list a file that runtest/ has not' 'lookup_ltp: .*/runtest/typo: No such file' \
		"$SELFTESTS/lookup_ltp" --list --tests "$ltp/runtest" --group typo
	refuses 'nor one of which nothing is built' 'lookup_ltp: --group sched: none of its 2 tests is built, as gone01$' \
		"$SELFTESTS/lookup_ltp" --list --tests "$ltp/runtest" --group fs --group sched
	refuses 'nor lookup_kselftest a directory without tests' 'lookup_kselftest: --group proc: no such directory or program' \
		"$SELFTESTS/lookup_kselftest" --list --tests "$list" --group filesystems --group proc
	refuses 'nor lookup_xfstests a group' 'lookup_xfstests: .*/tests/ext4/group.list: No such file' \
		"$SELFTESTS/lookup_xfstests" --list --filesystem ext4 --tests "$tmp/xfstests/tests" --group quick
	mkdir -p "$tmp/xfstests/tests/ext4"
	touch "$tmp/xfstests/tests/ext4/group.list"
	refuses 'that no list has' 'lookup_xfstests: --group drr: no such group or test in generic and ext4 of' \
		"$SELFTESTS/lookup_xfstests" --list --filesystem ext4 --tests "$tmp/xfstests/tests" --group quick --group drr
	says 'a group that is there, and a test, are listed' '^generic/001 generic/002$' bash -c "
		'$SELFTESTS/lookup_xfstests' --list --filesystem ext4 --tests '$tmp/xfstests/tests' --group quick \
			--group generic/002 | xargs; exit 1"
	says 'a test that is in two groups is listed once' '^open01 openfile01 gone01 gone02$' \
		bash -c "'$SELFTESTS/lookup_ltp' --list --tests '$ltp/runtest' --group fs --group syscalls | xargs; exit 1"
	says 'tests that another guest has had are left out' '^filesystems/epoll:b$' \
		bash -c "'$SELFTESTS/lookup_kselftest' --list --tests '$list' --skip 1; exit 1"
	says 'which may be all' '^none$' bash -c "'$SELFTESTS/lookup_kselftest' --list --tests '$list' --skip 9 | grep . || echo none; exit 1"
	says 'a plan with such a group is none' '^lookup_ltp: .*/runtest/typo: No such file' \
		of_others O="$o" LTP="$ltp" GROUP=typo CONFIG=filesystems scripts/steps/plan ltp
	unset -f refuses
	g++ -std=c++20 -Iselftests/lib -Iselftests -static -pthread -Wl,--wrap=fork,--wrap=unshare,--wrap=mount,--wrap=kill \
		-o "$tmp/boxed_fork" scripts/selftest/errors.d/boxed_fork.cpp \
		"$SELFTESTS"/{suites/boxed,filesystems/server_root,lib/ktap,lib/ktap_child,lib/fmt_static}.o
	says 'a test whose first process cannot be made has failed' '^status 126$' "$tmp/boxed_fork" "$tmp/boxed.log"
	mkdir -p "$tmp/of-guest/servers/tmp/xfstests"
	g++ -std=c++20 -Iselftests/lib -Iselftests -static -pthread -o "$tmp/of-guest/check_stuck" scripts/selftest/errors.d/check_stuck.cpp \
		"$SELFTESTS"/{suites/xfstests_check,filesystems/server_root,lib/ktap,lib/ktap_child,lib/fmt_static}.o
	says 'behind a test of xfstests that cannot be ended the others were not reached' \
		'^# generic/001: not over after 0 s, and check cannot be killed not ok 1 generic/001 ok 2 generic/002 # SKIP not reached ok 3 generic/003 # SKIP not reached$' \
		bash -c "chroot '$tmp/of-guest' /check_stuck | grep -E '^((not )?ok|# generic)' | xargs; exit 1"
	judges_what_is_missing "$ltp/runtest" "$tmp/said-of-one"
}

# A program that is not there is neither a pass nor a failure: it would be that on both kernels.
judges_what_is_missing() {
	ended() {
		says "LTP: $1" "^$3" bash -c "'$SELFTESTS/lookup_ltp' --judge --tests '$runtest' --group syscalls --status $2; exit 1"
	}
	read_of() {
		local name=$1 want=$2
		shift 2
		printf '%s\n' 'TAP version 13' '1..1' '# selftests: proc: a' "$@" > "$log"
		says "kselftest: $name" "^$want" bash -c "'$SELFTESTS/lookup_kselftest' --read '$log'; exit 1"
	}
	local runtest=$1 log=$2

	ended 'a program that was not built is not run' 127 'not run gone01: not built: gone01$'
	ended 'whatever its words are' 127 'not run gone02: not built: gone02$'
	ended 'one that is there and says that has failed' 127 'failed open01: status 127'
	ended 'as has one with another status' 2 'failed gone01: status 2'
	ended 'that which does not apply is not run' 32 'not run open01: '
	ended 'and 0 is a pass' 0 'passed open01: '
	read_of 'one without its interpreter is not run' 'not run it: it, or its interpreter, is not there: .*exit=127: .*env: .*python9.*No such' \
		"# env: 'python9': No such file or directory" 'not ok 1 selftests: proc: a # exit=127'
	read_of 'nor is one that is missing' 'not run it: .*Warning: file .* is missing' \
		'# Warning: file proc/a is missing!' 'not ok 1 selftests: proc: a'
	read_of 'one that fails has failed' 'failed it: selftests: proc: a exit=1: not ok 1 x' \
		'# not ok 1 x' 'not ok 1 selftests: proc: a # exit=1'
	read_of 'what it skips is not run' 'not run it: SKIP no' '# SKIP no' 'ok 1 selftests: proc: a # SKIP'
	read_of 'and a pass is one' 'passed it' 'ok 1 selftests: proc: a'
	read_of 'of which nothing is said has failed' 'failed it: run_kselftest.sh says nothing'
	unset -f ended read_of
}

# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2153,SC2154	# set by the script, and by lib.sh
#
# Values of variables, and words of commands, that are wrong.  Sourced, by scripts/selftest/errors.

variables() {
	says 'an unknown base is named, with the known ones' \
		'BASE=9\.9: unknown value; one of: 6\.1 6\.12 .*: make try KDIR=PATH$' env BASE=9.9 scripts/steps/run kunit
	says 'a series that a base does not have is named, with those that it has' \
		'SERIES=mainline: BASE=6\.12 has no such series; it has: none apply .*, and N or NAME-N' \
		env BASE=6.12 SERIES=mainline scripts/steps/run kunit
	says 'so is one that only a part is wanted of' \
		'SERIES=mainline-2: BASE=6\.12 has no such series; it has: none apply ' \
		env BASE=6.12 SERIES=mainline-2 scripts/steps/run kunit
	says 'also of a base that has no series of its own' \
		'SERIES=apply: BASE=6\.1 has no such series; it has: none fix, and' \
		env BASE=6.1 scripts/steps/run kunit
	says 'so is one that would be a path' 'SERIES=\.\./7\.3: BASE=6\.12 has no such series' \
		env BASE=6.12 SERIES=../7.3 scripts/steps/run kunit
	says 'of a set that is one patch there is no second one' \
		'SERIES=control-2: patches/7\.3/control has 1 patches' \
		env BASE=7.3 SERIES=control-2 scripts/steps/run kunit
	says 'nor a ninth one of others' 'SERIES=9: patches/6\.12 has [0-9] patches' \
		env BASE=6.12 SERIES=9 scripts/steps/run kunit
	says 'a part of a series cannot be refreshed' 'refresh works on the tree of BASE with the whole' \
		env SERIES=2 scripts/check/series refresh
	says 'there are no bugs in what is not changed' \
		'BASE=6\.12 SERIES=none has no mutants: there is no scripts/check/mutants/none/' \
		env BASE=6.12 SERIES=none scripts/check/mutate
	says 'each patch is for a set, and the sets are named' \
		'SERIES=none: each patch of which set\? one of apply ' env SERIES=none scripts/check/series each
	says 'each patch is built on the base, and on no other tree' 'each works on the tree of BASE' \
		env KDIR="$TOP" scripts/check/series each
	says 'a package of nowhere is asked for with the usage' 'usage: scripts/steps/fetch SUITE PACKAGE' \
		scripts/steps/fetch
	says 'a KCONFIG that is not there is named' 'KCONFIG=/nowhere: no such file' \
		env KCONFIG=/nowhere scripts/steps/run kunit
	says 'a REV without a tree is refused' 'REV=HEAD needs KDIR=PATH' env REV=HEAD scripts/steps/run kunit
	says 'a tree to try has to be named' 'KDIR is not set; use: make try' scripts/port/try
	says 'a merge into nothing is refused' 'MERGE=1 needs KDIR=PATH' env MERGE=1 scripts/steps/run kunit
	says 'a step of a bisection without a tree ends it' '^129$' \
		bash -c 'scripts/bisect-step 2> /dev/null; echo $?; exit 1'
	says 'user-mode Linux is no machine to debug' 'ARCH=um: make gdb wants a machine' \
		env ARCH=um scripts/steps/run gdb
	says 'user-mode Linux does not count' 'ARCH=um cannot count instructions' \
		env ARCH=um scripts/measure/bench
	says 'an unknown architecture is named, with the known ones' \
		'ARCH=alpha: unknown value; one of: .*arm64 .*s390 .*x86_64 i386 um' \
		env ARCH=alpha scripts/steps/run kunit
	says 'so is one that would be a path' 'ARCH=\.\./configs/um: unknown value' \
		env ARCH=../configs/um scripts/steps/run kunit
	says 'instructions of another architecture are not counted' \
		'ARCH=arm64: what is counted are instructions of x86-64' env ARCH=arm64 scripts/measure/bench
	says 'nor has it the servers of this machine' 'ARCH=arm64: make filesystems runs on this' \
		env ARCH=arm64 CONFIG=filesystems scripts/steps/run filesystems
	says 'LAVA is not told of each machine' 'ARCH=s390: make lava writes jobs for x86_64, i386 and arm64 only' \
		env ARCH=s390 scripts/port/lava
	says 'nor is it a packaged kernel' 'STOCK=6\.1 is a kernel as Debian has built it: leave .*ARCH' \
		env ARCH=arm64 STOCK=6.1 scripts/steps/run selftests
	says 'an unknown filesystem is named, with the known ones' \
		"FS=nfs4,nfs5: no 'nfs5'; there are: .*fuse .*nfs4" env FS=nfs4,nfs5 scripts/steps/run kunit
	says 'a fix that a base does not have is named' "WITH=nowhere: no 'nowhere'; there are:" \
		env WITH=nowhere scripts/steps/run kunit
	says 'make filesystems has a kernel of its own' 'CONFIG=debug: make filesystems has a kernel' \
		env CONFIG=debug scripts/steps/run filesystems
	says 'an unknown accelerator is named, with the known ones' \
		'ACCEL=hvf: unknown value; one of: auto kvm tcg' env ACCEL=hvf scripts/steps/run kunit
	says 'an LLVM that is neither 1, a suffix nor a directory is refused' 'LLVM=19: want 1, -19 for' \
		env LLVM=19 scripts/steps/run kunit
	says 'an unknown config is named' 'CONFIG=none: unknown value' \
		env CONFIG=none scripts/steps/run kunit
	says 'TIMEOUT=0 is refused' 'TIMEOUT=0: want a whole number' \
		env TIMEOUT=0 scripts/steps/run kunit
	says 'a seed that is no number is refused' 'SEED=x: want a whole number' \
		env SEED=x scripts/steps/run kunit
	says 'a filter with a blank is refused' "FILTER='a b'" \
		env FILTER='a b' scripts/steps/run kunit
	says 'a relative O is refused' 'O=here: want an absolute path' \
		env O=here scripts/steps/run kunit
	# Nothing but the check, since a run that is not refused would fill the checkout.
	says 'the checkout is only read, so O= is not in there' \
		'is inside of this checkout, which is only read' \
		env O="$TOP/o" bash -c '. scripts/lib/lib.sh; check_variables'
	says 'nor does it lead there' 'is inside of this checkout, which is only read' \
		env O="$TOP/none/../o" bash -c '. scripts/lib/lib.sh; check_variables'
	says 'an unknown verb gets the usage' 'usage: scripts/steps/run' scripts/steps/run dance
	says 'a verb of make that there is not is told so' \
		'make kunti: there is no such verb; .make help. lists them' make kunti
	says 'a directory is no verb' 'make module: there is no such verb' make module
	says 'nor does make ignore a variable that there is not' \
		'DURATON: there is no such variable; .make help. lists them' \
		env -u MAKELEVEL -u MAKEFLAGS make help DURATON=5
	says 'a filter that matches nothing is told so before a kernel is built' \
		'run: FILTER=no\.such matches no case of make kunit; .make list. prints all' \
		env FILTER=no.such scripts/steps/run kunit
	says 'nor does a verb have the cases of another one' 'FILTER=lookup_race_test matches no case of make kunit' \
		env FILTER=lookup_race_test scripts/steps/run kunit
	says 'nor is an interface kept for one case' 'kabi: FILTER=lookup_wait_test: .* run as a whole here; leave FILTER out' \
		env O="$tmp/kabi-o" FILTER=lookup_wait_test scripts/check/kabi
	says 'an unknown mutant is named' 'no mutant nobody' scripts/check/mutate nobody
	says 'and so is a filter that matches none' 'FILTER=nobody\* matches no mutant of SERIES=apply; there are: ' \
		env FILTER='nobody*' scripts/check/mutate
	says 'an unknown scenario is named, with the known ones' \
		'no scenario nowhere; there are: plain .*rt-debug' scripts/check/matrix nowhere
	says 'an unknown stock kernel is named, with the known ones' \
		'no stock kernel nowhere; there are: 6\.1 6\.1-rt 6\.12 .*dkms' scripts/port/stock nowhere
	says 'and so it is to the other verbs' 'STOCK=nowhere: unknown value; one of: 6\.1 ' \
		env STOCK=nowhere scripts/steps/run selftests
	says 'and to dkms' 'no stock kernel nowhere; there are: 6\.1 ' scripts/port/stock-dkms nowhere
	says 'a stock kernel cannot have the series taken away' \
		'STOCK=6\.1 is a kernel as Debian has built it: leave .*SERIES' \
		env STOCK=6.1 SERIES=none scripts/steps/run selftests
	says 'a stock kernel is not built' 'STOCK=6\.1: there is nothing to build' \
		env STOCK=6.1 scripts/steps/kernel
	says 'a stock kernel has to be named' 'usage: STOCK=NAME scripts/port/stock-kernel' \
		scripts/port/stock-kernel
	says 'a root of nowhere is asked for with the usage' 'usage: scripts/port/in-root RELEASE' \
		scripts/port/in-root trixie
	says 'an unknown part of the proof is named, with the known ones' \
		'no part nothing; there are: all series mutants' scripts/check/proof nothing
	says 'an unknown kernel of the bench is named, with the known ones' \
		'no kernel nobody; there are: unpatched series posted' scripts/measure/bench nobody
	says 'the second series is compared to the first one only' \
		'no kernel posted; there are: apply readdir$' \
		env SERIES=readdir scripts/measure/bench posted
	says 'another form of the change is no series to compare with' \
		'SERIES=posted KUNIT=module: the bench compares with and without' \
		env SERIES=posted scripts/measure/bench
	says 'nor by the clock' 'no kernel posted; there are: apply readdir$' \
		env SERIES=readdir scripts/measure/bench-wall posted
	says 'the short bench takes one kernel' 'usage: .*or scripts/measure/bench --few \[KERNEL\],' \
		scripts/measure/bench --few series posted
	says 'an unknown switch of the model is named' 'NOTHING: no such switch' \
		scripts/check/model/run --trail NOTHING
	says 'an unknown litmus test is named, with the known ones' \
		'no test nobody; there are: bit-cleared-on-the-chain ' scripts/check/litmus nobody
	says 'a soak of no waits is refused' 'SOAK=0: want a whole number' \
		env SOAK=0 scripts/check/soak
	says 'a lab gets its files from an address' 'URL=lab/x: want the address of a directory' \
		env URL=lab/x scripts/port/lava
	says 'user-mode Linux is nothing for a lab' 'make lava is about a machine and a kernel that is built' \
		env ARCH=um scripts/port/lava
	unread 'make help says nothing if its reader has seen enough' make -s help
	says 'a doctor without a patient says so' 'no guest runs in O=' \
		env O="$tmp/nobody" scripts/everyday/doctor
}

# A FILTER that matches nothing is told so before a kernel is built, also by what boots no guest
# here, or boots it later.  In a copy that builds nothing, so that a build is an error.
filters() {
	local dir=$tmp/filters step

	mkdir "$dir"
	cp -r scripts patches kunit README.md "$dir/"
	for step in deps tree selftests; do
		printf '#!/bin/sh\n' > "$dir/scripts/steps/$step"
	done
	printf '%s\n' '#!/bin/sh' 'echo a kernel is built; exit 1' > "$dir/scripts/steps/kernel"
	says 'no job for a lab is without a case' '^run: FILTER=nobody matches no case of make all;' \
		env O="$tmp/filters-o" FILTER=nobody "$dir/scripts/port/lava"
	says 'nor does a soak wait for nothing' '^run: FILTER=nobody matches no case of make soak;' \
		env O="$tmp/filters-o" FILTER=nobody "$dir/scripts/check/soak"
	says 'nor a bisection' '^bisect-step: cannot be judged: run: FILTER=nobody matches no case of make suites;' \
		env O="$tmp/filters-o" FILTER=nobody KDIR="$TREE" "$dir/scripts/bisect-step"
	says 'nor is nothing measured' '^bench: FILTER=nobody matches nothing that is measured; there are: lookup_cost ' \
		env O="$tmp/filters-o" FILTER=nobody "$dir/scripts/measure/bench"
	says 'also of a few rows' '^bench: FILTER=lookup_workload matches nothing .*; there are: lookup_cost lookup_scale$' \
		env O="$tmp/filters-o" FILTER=lookup_workload "$dir/scripts/measure/bench" --few
	says 'nor by the clock' '^bench-wall: FILTER=nobody matches nothing that is measured; there are: lookup_workload$' \
		env O="$tmp/filters-o" FILTER=nobody "$dir/scripts/measure/bench-wall"
}

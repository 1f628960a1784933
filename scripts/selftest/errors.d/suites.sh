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

#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# run_kselftest.sh: the exit status is 0 although a test has failed.
#
# Package	linux-source-6.12 6.12.117-1~deb12u1: tools/testing/selftests/run_kselftest.sh
# Seen		A test that exits with 1 is reported as "not ok", and run_kselftest.sh exits
#		with 0.  That of 7.3.4 exits with 1 here, and has an option for the old way;
#		so the same call is green on the one tree and red on the other.
# Expected	A runner that says "not ok" and then fails, on all trees alike.
# So		What decides by the status has to read the results instead, on both.
#
#	findings/run-kselftest-exit-status.sh	exits with 1 if that has changed

set -euo pipefail

VERSION=6.12.117-1~deb12u1
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
cd "$WORK"

apt-get download -q "linux-source-6.12=$VERSION" > apt.log 2>&1 ||
	{ cat apt.log >&2; exit 2; }
dpkg-deb --fsys-tarfile linux-source-6.12_*.deb | tar -xO --wildcards '*/linux-source-6.12.tar.xz' |
	tar -xJ --strip-components=4 --wildcards '*/tools/testing/selftests/kselftest/*' '*/tools/testing/selftests/run_kselftest.sh'

# What "make install" of the selftests makes: a directory for each collection, and a list.
mkdir sample
printf '#!/bin/sh\nexit 1\n' > sample/fails.sh
chmod +x sample/fails.sh
echo sample:fails.sh > kselftest-list.txt

status=0
./run_kselftest.sh > out 2>&1 || status=$?
sed 's/^/    /' out
echo "run_kselftest.sh exits with $status"

if [[ $status != 0 ]] || ! grep -q '^not ok 1 selftests: sample: fails.sh # exit=1' out; then
	echo 'this is not what 6.12.117 did' >&2
	exit 1
fi

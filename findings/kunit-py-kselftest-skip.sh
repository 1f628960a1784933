#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# kunit.py parse: a kselftest that skips itself is an error.
#
# Package	linux-source-6.12 6.12.117-1~deb12u1: tools/testing/kunit/kunit.py and
#		tools/testing/selftests/kselftest.h; the same in 7.3.4
# Seen		ksft_exit_skip(), called before there is a plan, writes "1..0 # SKIP" and
#		exits with 4.  kunit.py reads that as "0 tests run!", counts an error and
#		exits with 1.
# Expected	Skipped.  Both tools are of one tree and both say that they speak (K)TAP,
#		in which a plan of 0 with SKIP is how a whole program is skipped.
# So		Such a plan has to be taken out, or turned into a case, before kunit.py
#		gets what a kselftest wrote.
#
#	findings/kunit-py-kselftest-skip.sh	exits with 1 if that has changed

set -euo pipefail

VERSION=6.12.117-1~deb12u1
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
cd "$WORK"

apt-get download -q "linux-source-6.12=$VERSION" > apt.log 2>&1 ||
	{ cat apt.log >&2; exit 2; }
dpkg-deb --fsys-tarfile linux-source-6.12_*.deb | tar -xO --wildcards '*/linux-source-6.12.tar.xz' |
	tar -xJ --strip-components=1 --wildcards '*/tools/testing/kunit/*' '*/tools/testing/selftests/kselftest.h'

cat > no_device.c << 'END'
#include "kselftest.h"

int main(void)
{
	ksft_print_header();
	ksft_exit_skip("no device\n");
}
END
gcc -I tools/testing/selftests -o no_device no_device.c

skipped=0 parsed=0
./no_device > ktap || skipped=$?
echo "the program exits with $skipped, having written"
sed 's/^/    /' ktap
python3 tools/testing/kunit/kunit.py parse ktap > out 2>&1 || parsed=$?
echo "kunit.py exits with $parsed, having written"
sed 's/^\[[0-9:]*\]/   /' out

if [[ $skipped != 4 || $parsed != 1 ]] || ! grep -qx '1..0 # SKIP no device' ktap ||
	! grep -q '0 tests run!' out || ! grep -q 'Ran 0 tests: errors: 1' out; then
	echo 'this is not what 6.12.117 did' >&2
	exit 1
fi

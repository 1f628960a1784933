#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# kunit.py parse: the exit status does not follow the results.
#
# Package	linux-source-6.12 6.12.117-1~deb12u1: tools/testing/kunit/kunit.py
# Seen		A suite that is "not ok", all of whose cases are "ok", exits with 0.
#		So does a plan of two whose results both have the number 1, which is
#		counted as an error.  A run in which every case was skipped exits with 1,
#		as a failed one does, though the suite itself is "ok".
# Expected	Documentation/dev-tools/ktap.rst: numbers go up by 1, the result line of a
#		parent is its overall result, and "skipped tests do not affect the result
#		of the parent test".  7.3.4 counts the first one as failed, and differs
#		in nothing else.
# So		A script that decides by this status has to read the results as well.
#
#	findings/kunit-py-exit-status.sh	exits with 1 if that has changed

set -euo pipefail

VERSION=6.12.117-1~deb12u1
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
cd "$WORK"

apt-get download -q "linux-source-6.12=$VERSION" > apt.log 2>&1 ||
	{ cat apt.log >&2; exit 2; }
dpkg-deb --fsys-tarfile linux-source-6.12_*.deb | tar -xO --wildcards '*/linux-source-6.12.tar.xz' |
	tar -xJ --strip-components=1 --wildcards '*/tools/testing/kunit/*'

# expect STATUS SUMMARY NAME: what kunit.py does with standard input.
changed=0
expect() {
	local status=0
	cat > "$3.ktap"
	python3 tools/testing/kunit/kunit.py parse "$3.ktap" > "$3.out" 2>&1 || status=$?
	printf '%-22s exit status %d: %s\n' "$3" "$status" "$(tail -n 1 "$3.out" | sed 's/^\[[0-9:]*\] //')"
	[[ $status == "$1" ]] && grep -qF "Testing complete. $2" "$3.out" || changed=1
}

expect 0 'Ran 1 tests: passed: 1' suite-not-ok << 'END'
KTAP version 1
1..1
    KTAP version 1
    1..1
    ok 1 case
not ok 1 suite
END

expect 0 'Ran 2 tests: passed: 2, errors: 1' same-number-twice << 'END'
KTAP version 1
1..2
ok 1 first
ok 1 second
END

expect 1 'Ran 2 tests: skipped: 2' all-skipped << 'END'
KTAP version 1
1..1
    KTAP version 1
    1..2
    ok 1 first # SKIP no device
    ok 2 second # SKIP no device
ok 1 suite
END

((changed == 0)) || { echo 'this is not what 6.12.117 did' >&2; exit 1; }

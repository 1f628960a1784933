#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# spin: the exit status is 0 although the model is wrong, or was not searched to its end.
#
# Package	spin 6.5.2+dfsg-1, with gcc
# Seen		The verifier that spin generates finds a violated assertion, says "errors: 1",
#		leaves a trail, and exits with 0; so does "spin -run".  It exits with 0, too,
#		where it says "max search depth too small", with "errors: 0" in the end: the
#		error, which lies behind that depth, was not found.
# Expected	A status other than 0 for a model that is wrong, and for a search that was cut off.
# So		A script has to look for "errors: 0" and for the warning about the depth.
#
#	findings/spin-exit-status.sh	exits with 1 if that has changed

set -euo pipefail

VERSION=6.5.2+dfsg-1
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
cd "$WORK"

apt-get download -q "spin=$VERSION" > apt.log 2>&1 || { cat apt.log >&2; exit 2; }
dpkg -x spin_*.deb root

# Counts to 100, which must not be.
cat > count.pml << 'END'
byte n;
active proctype counter()
{
	do
	:: n < 100 -> n++
	:: else -> break
	od;
	assert(n < 100)
}
END

# expect WHAT TEXT...: run the rest of the words, which is to exit with 0 and to say TEXT.
changed=0
expect() {
	local what=$1 text=$2 status=0
	shift 2
	"$@" > out 2>&1 || status=$?
	echo "$what: exit status $status"
	grep -E 'assertion violated|search depth too small|errors:' out | sed 's/^/    /'
	[[ $status == 0 ]] && grep -qF "$text" out || changed=1
}

root/usr/bin/spin -a count.pml > generated
gcc -o pan pan.c
expect 'pan' 'errors: 1' ./pan
[[ -s count.pml.trail ]] || changed=1
expect 'spin -run' 'errors: 1' root/usr/bin/spin -run count.pml
expect 'pan -m10' 'max search depth too small' ./pan -m10
grep -qF 'errors: 0' out || changed=1

((changed == 0)) || { echo 'this is not what spin 6.5.2 did' >&2; exit 1; }

#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# spatch: a function that has a scoped_guard() is left as it is, without a word.
#
# Package	coccinelle 1.1.1.deb-2+b1, with libpcre3 2:8.39-15
# Seen		A rule that renames a call is applied to one function of a file, and not to the
#		next one, where the call is below a scoped_guard() of <linux/cleanup.h>, with
#		braces or without.  spatch prints the change of the first and exits with 0.
#		Only --verbose-parsing tells that it could not parse the other two.  A file all
#		of whose calls are there gives no output at all, like one that has none.
# Expected	A message and a status other than 0 where a part of a file was not looked at.
# So		A semantic patch has to say "iterator name scoped_guard;" in a rule of its own,
#		and so for each such macro.  A script has to ask for --verbose-parsing and to
#		look for "BAD:".  A rule that finds nothing proves nothing before that.
#
#	findings/spatch-leaves-out-functions.sh		exits with 1 if that has changed

set -euo pipefail

WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
cd "$WORK"

apt-get download -q coccinelle=1.1.1.deb-2+b1 libpcre3=2:8.39-15 > apt.log 2>&1 ||
	{ cat apt.log >&2; exit 2; }
for package in *.deb; do
	dpkg -x "$package" packages
done
export COCCINELLE_HOME=$WORK/packages/usr/lib/coccinelle
LD_LIBRARY_PATH=$(find "$WORK/packages" -name 'libpcre.so.3' -printf '%h' -quit)
export LD_LIBRARY_PATH

cat > rename.cocci << 'END_OF_RULE'
@@
expression e;
@@
- old_name(e)
+ new_name(e)
END_OF_RULE
cat > declared.cocci << 'END_OF_RULE'
@is_followed_by_a_statement@
iterator name scoped_guard;
statement s;
@@
scoped_guard(...) s

END_OF_RULE
cat rename.cocci >> declared.cocci
cat > three.c << 'END_OF_SOURCE'
void plain(int n)
{
	old_name(n);
}

void with_braces(int n)
{
	scoped_guard(mutex, &lock) {
		old_name(n);
	}
}

void without_braces(int n)
{
	scoped_guard(mutex, &lock)
		old_name(n);
}
END_OF_SOURCE

# expect CALLS RULES [OPTION]: RULES change that many calls in three.c, and the status is 0.
changed=0
expect() {
	local calls=$1 rules=$2 status=0 found
	shift 2
	packages/usr/bin/spatch "$@" --sp-file "$rules" three.c > out 2> said || status=$?
	found=$(grep -c '^+.*new_name' out || true)
	echo "$rules $*: exit status $status, $found of 3 calls changed, \"BAD:\" said $(grep -c '^BAD:' said || true) times"
	[[ $status == 0 && $found == "$calls" ]] || changed=1
}

expect 1 rename.cocci
! grep -qi 'bad\|error' said || changed=1
expect 1 rename.cocci --verbose-parsing
grep -q '^BAD:.*scoped_guard' said || changed=1
expect 3 declared.cocci

((changed == 0)) || { echo 'this is not what spatch 1.1.1 did' >&2; exit 1; }

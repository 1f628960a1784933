#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# sparse: one error about types, and locks in the same file are not checked.
#
# Package	sparse 0.6.4-3
# Seen		A function that returns with a lock held is "context imbalance ... wrong count at
#		exit".  Another function below it, that compares a pointer which is __rcu with
#		one which is not, takes that warning away: there is the error about the types,
#		and nothing about the lock.  The exit status is 0 either way.
# Expected	Both messages, as gcc gives both, or a note that the locks were not checked.
# So		Where sparse has an error in a file of the kernel, be it in an inline function of
#		a header, it may not have looked at the locks of functions there.  Look twice:
#		once more with a <linux/compiler_types.h> that does not know of __rcu.
#
#	findings/sparse-error-hides-locks.sh	exits with 1 if that has changed

set -euo pipefail

WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
cd "$WORK"

apt-get download -q sparse=0.6.4-3 > apt.log 2>&1 || { cat apt.log >&2; exit 2; }
dpkg -x sparse_*.deb packages

cat > lock.c << 'END_OF_SOURCE'
extern void take(void) __attribute__((context(lock, 0, 1)));

static int keeps_it(void)
{
	take();
	return 0;
}

extern int caller(void);
int caller(void)
{
	return keeps_it();
}
END_OF_SOURCE
{
	cat lock.c
	cat << 'END_OF_SOURCE'

struct node {
	struct node __attribute__((noderef, address_space(__rcu))) *next;
};

extern int is_next(struct node *a, struct node *b);
int is_next(struct node *a, struct node *b)
{
	return a->next == b;
}
END_OF_SOURCE
} > lock-and-types.c

# expect FILE IMBALANCES ERRORS: how often sparse says the one and the other, with status 0.
changed=0
expect() {
	local file=$1 status=0 imbalances errors
	packages/usr/bin/sparse "$file" > out 2>&1 || status=$?
	imbalances=$(grep -c 'context imbalance' out || true)
	errors=$(grep -c 'error: incompatible types' out || true)
	echo "$file: exit status $status, context imbalance: $imbalances, error: $errors"
	[[ $status == 0 && $imbalances == "$2" && $errors == "$3" ]] || changed=1
}

expect lock.c 1 0
expect lock-and-types.c 0 1

((changed == 0)) || { echo 'this is not what sparse 0.6.4 did' >&2; exit 1; }

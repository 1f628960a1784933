# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2153,SC2154	# set by the script, and by lib.sh
#
# The port that knows both forms, compiled and run.  Sourced, by scripts/selftest/audit.

# Just enough of <linux/> for the header and its user.
stubs() {
	local header
	mkdir -p "$1/linux"
	cat > "$1/linux/dcache.h" <<- 'STUB'
		#ifndef STUB
		#define STUB
		#define NULL ((void *)0)
		#define static_assert(what, text) _Static_assert(what, text)
		typedef struct wait_queue_head { int x; } wait_queue_head_t;
		#define DECLARE_WAIT_QUEUE_HEAD_ONSTACK(name) wait_queue_head_t name = { 0 }
		struct dentry { struct dentry *d_parent; };
		struct qstr { const char *name; };
		#ifdef OLD
		struct dentry *d_alloc_parallel(struct dentry *, const struct qstr *,
						wait_queue_head_t *);
		#else
		struct dentry *d_alloc_parallel(struct dentry *, const struct qstr *);
		#endif
		#endif
	STUB
	for header in build_bug stddef wait; do
		printf '#include <linux/dcache.h>\n' > "$1/linux/$header.h"
	done
}

compiles() {
	gcc -std=gnu11 -O2 -Wall -Wextra -Werror -I"$tmp/stubs" "$@" -c -o /dev/null > "$tmp/log" 2>&1
}

# compile NAME yes|no ARGUMENTS...
compile() {
	local name=$1 wanted=$2 got=no
	shift 2
	if compiles "$@"; then
		got=yes
	fi
	is "$name" "$wanted" "$got"
}

# runs NAME yes|no DEFINES DIR: the port there gets its dentry in that form.
runs() {
	local got=no
	cat > "$tmp/main.c" <<- 'MAIN'
		#include <linux/dcache.h>
		struct dentry *user(struct dentry *parent, const struct qstr *name);
		static struct dentry parent = { 0 }, child = { &parent };
		#ifdef OLD
		struct dentry *d_alloc_parallel(struct dentry *dir, const struct qstr *name,
						wait_queue_head_t *wq)
		{
			return dir == &parent && name && wq ? &child : 0;
		}
		#else
		struct dentry *d_alloc_parallel(struct dentry *dir, const struct qstr *name)
		{
			return dir == &parent && name ? &child : 0;
		}
		#endif
		int main(void)
		{
			struct qstr name = { "x" };
			return user(&parent, &name) != &child;
		}
	MAIN
	# shellcheck disable=SC2086
	if gcc -std=gnu11 -O2 -I"$tmp/stubs" $3 "$tmp/main.c" "$4/sub/user.c" -o "$tmp/main" \
		> "$tmp/log" 2>&1 && "$tmp/main"; then
		got=yes
	fi
	is "$1" "$2" "$got"
}

both() {
	local dir=$tmp/both
	stubs "$tmp/stubs"
	mkdir -p "$dir/src/sub"
	cat > "$dir/src/sub/user.c" <<- 'USER'
		#include <linux/dcache.h>
		#include <linux/wait.h>

		struct dentry *user(struct dentry *parent, const struct qstr *name);

		struct dentry *user(struct dentry *parent, const struct qstr *name)
		{
			DECLARE_WAIT_QUEUE_HEAD_ONSTACK(wq);
			struct dentry *dentry = d_alloc_parallel(parent, name, &wq);

			return dentry->d_parent ? dentry : d_alloc_parallel(dentry,
									    name, &wq);
		}
	USER
	audit "$dir/src" BOTH=1
	is 'both: the calls are ported to one that knows both forms' \
		'call sites: 2 before, 2 ported, 0 left; 2 after, 0 of them in the new form and 2 in both' \
		"$(grep '^call sites' "$tmp/said")"
	cp -r "$dir/src" "$dir/ported"
	patch -d "$dir/ported" -p1 -F0 -s < "$tmp/patch" || true
	compile 'both: what was there compiles in the old form' yes -DOLD "$dir/src/sub/user.c"
	compile 'both: and not in the new one' no "$dir/src/sub/user.c"
	compile 'both: the port compiles in the old form' yes -DOLD "$dir/ported/sub/user.c"
	compile 'both: as it does in the new one' yes "$dir/ported/sub/user.c"
	runs 'both: the port works in the old form' yes -DOLD "$dir/ported"
	runs 'both: and in the new one' yes '' "$dir/ported"
	audit "$dir/ported" BOTH=1
	is 'both: it is not ported twice' 'patch: none, for there is nothing to port' \
		"$(grep '^patch' "$tmp/said")"
	audit "$dir/src"
	cp -r "$dir/src" "$dir/new"
	patch -d "$dir/new" -p1 -F0 -s < "$tmp/patch" || true
	compile 'the port to the new form compiles in that' yes "$dir/new/sub/user.c"
	compile 'and not in the old one' no -DOLD "$dir/new/sub/user.c"
}

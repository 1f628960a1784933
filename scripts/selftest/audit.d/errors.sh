# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2153,SC2154	# set by the script, and by lib.sh
#
# A bad SRC, OUT or BOTH, and a poor environment.  Sourced, by scripts/selftest/audit.

# says NAME REGEX: the last audit failed with that line, and no other.
says() {
	if ((status != 0)) && [[ $(wc -l < "$tmp/said") == 1 ]] && grep -qE -- "$2" "$tmp/said"; then
		result ok "$1"
	else
		result 'not ok' "$1" "status $status, wanted: $2, said:" "$(tail -n 3 "$tmp/said")"
	fi
}

errors() {
	mkdir "$tmp/empty" "$tmp/src"
	printf 'int x;\n' > "$tmp/src/x.c"
	audit ''
	says 'without SRC it says what is wanted' 'no SRC=; name the directory'
	audit /nowhere
	says 'a SRC that does not exist is named' 'SRC=/nowhere: no such file or directory'
	audit "$tmp/empty"
	says 'a SRC without C code is named' "SRC=$tmp/empty: no \.c file in there"
	audit "$tmp/src" OUT="$tmp/src/x.patch"
	says 'the patch is not written into SRC' 'inside of SRC=.*, which is only read'
	audit "$tmp/src" BOTH=2
	says 'a BOTH that is unknown is named' 'BOTH=2: unknown value; one of: 0 1'
	ln -s src "$tmp/link"
	audit "$tmp/src" OUT= O="$tmp/link/out"
	says 'nor through a link' "O=$tmp/link/out is inside of SRC=.*, which is only read"
	is 'and nothing is left in there' x.c "$(ls "$tmp/src")"
	mkdir "$tmp/bin"
	ln -s /usr/bin/* "$tmp/bin"
	rm "$tmp/bin/spatch"
	audit "$tmp/src" PATH="$tmp/bin"
	says 'without coccinelle it says what to install' 'no spatch; apt-get install .* coccinelle'
	mkfifo "$tmp/fifo"
	audit "$tmp/src" OUT="$tmp/fifo"
	says 'the patch does not replace what is no file' "OUT=$tmp/fifo is there, and is no patch of make audit"
	printf -- '--- a/mine\n+++ b/mine\n' > "$tmp/mine"
	audit "$tmp/src" OUT="$tmp/mine"
	says 'nor a patch of somebody else' "OUT=$tmp/mine is there, and is no patch of make audit"
	is 'and leaves them where they are' 'fifo --- a/mine' \
		"$([[ -p $tmp/fifo ]] && printf 'fifo ')$(head -n 1 "$tmp/mine")"
	audit /dev/null
	says 'a SRC that is a device is named' 'SRC=/dev/null: neither a directory nor a file'
	audit "$tmp/mine"
	says 'a SRC that is a file, but no C code, is named' "SRC=$tmp/mine: no \.c file"
	not_looked_at
	environment
	audit "$tmp/src"
	is 'a SRC that has nothing to do with it is no failure' \
		'0, 0 passed, 0 failed, 0 skipped' "$status, $(tail -n 1 "$tmp/said")"
}

# Environments as cron, systemd and containers have them, and a reader who has seen enough.
environment() {
	local src=$tmp/calls

	mkdir "$src"
	printf 'void f(struct dentry *p) { d = d_alloc_parallel(p, n, &wq); }\n' > "$src/x.c"
	status=0
	env -i PATH="$PATH" O="$tmp/o" SRC="$src" OUT="$tmp/patch" scripts/port/audit \
		> "$tmp/said" 2>&1 || status=$?
	is 'with nothing but PATH it does the same' '0, 1 passed, 0 failed, 0 skipped' \
		"$status, $(tail -n 1 "$tmp/said")"
	rm -f "$tmp/patch" "$tmp/pipe"
	mkfifo "$tmp/pipe"
	exec 3<> "$tmp/pipe"
	exec 4> "$tmp/pipe"
	exec 3>&-
	status=0
	env SRC="$src" OUT="$tmp/patch" scripts/port/audit 2> "$tmp/said" 1>&4 || status=$?
	exec 4>&-
	is 'a reader who has seen enough ends no audit, and gets no traceback' '0, , patch' \
		"$status, $(< "$tmp/said"), $(grep -o -m 1 patch <(ls "$tmp"))"
	rm -f "$tmp/patch"
	kernels "$src"
}

# The audit's words about d_set_d_op() are true of the kernel at hand.
kernels() {
	local src=$1 tree=$tmp/kernel advice="s/.*writes ->d_flags without ->d_lock; //p"

	printf 'void g(struct dentry *d) { d_set_d_op(d, &ops); }\n' > "$src/x.c"
	mkdir -p "$tree/fs/ours" "$tree/include/linux" "$tmp/headers"
	printf 'EXPORT_SYMBOL(set_default_d_op);\n' > "$tree/fs/dcache.c"
	printf 'struct dentry *d_splice_alias_ops(struct inode *, struct dentry *);\n' \
		> "$tree/include/linux/dcache.h"
	audit "$src" KDIR="$tree"
	is 'advice on d_set_d_op() names what the kernel exports' \
		'this kernel exports set_default_d_op(), to be called for the superblock before its first dentry; d_splice_alias_ops() is for what is no module' \
		"$(sed -n "$advice" "$tmp/said")"
	printf '0x12345678\tset_default_d_op\tvmlinux\tEXPORT_SYMBOL\t\n' > "$tmp/headers/Module.symvers"
	audit "$src" KDIR="$tmp/headers"
	is 'also where only its headers are there' \
		'this kernel exports set_default_d_op(), to be called for the superblock before its first dentry' \
		"$(sed -n "$advice" "$tmp/said")"
	printf 'EXPORT_SYMBOL(d_set_d_op);\n' > "$tree/fs/dcache.c"
	cp "$src/x.c" "$tree/fs/ours/"
	audit "$tree/fs/ours"
	is 'and in a tree of its own that exports nothing else it says so' \
		'this kernel exports nothing for that; set ->s_d_op of the superblock before its first dentry; d_splice_alias_ops() is for what is no module' \
		"$(sed -n "$advice" "$tmp/said")"
	audit "$src" KDIR=/nowhere
	says 'a KDIR that is not there is named' 'KDIR=/nowhere: no such directory'
}

# A file that cannot be read fails, and a patch that cannot be written leaves none.
not_looked_at() {
	local src=$tmp/links old='void f(void) { d = d_alloc_parallel(p, n, &wq); }'

	mkdir "$src" "$tmp/shared"
	printf 'int y;\n' > "$src/y.c"
	printf '%s\n' "$old" > "$tmp/shared/z.c"
	ln -s ../shared "$src/more"
	audit "$src"
	is 'code behind a link to a directory is named, and fails' \
		"1, more:1: is a symbolic link to a directory, which is not looked at; audit it by itself: SRC=$tmp/shared" \
		"$status, $(grep '^more' "$tmp/said")"
	is 'and where no call was seen, none is said to be left' \
		'patch: none, for there is nothing to port' "$(grep '^patch' "$tmp/said")"
	rm "$src/more"
	ln -s . "$src/self"
	ln -s nowhere.c "$src/x.c"
	audit "$src"
	is 'so is a link to nothing; one to what is looked at is not' \
		'1, x.c:1: is no file, or a symbolic link to nothing; it cannot be looked at' \
		"$status, $(grep -E '^(x|self)' "$tmp/said")"
	rm "$src/x.c"
	printf '%s\n' "$old" > "$src/calls.inc"
	audit "$src"
	is 'so is a call in what is neither .c nor .h' '1, calls.inc:1' \
		"$status, $(grep -o '^calls.inc:1' "$tmp/said")"
	mv "$src/calls.inc" "$src/calls.inl"
	audit "$src"
	is 'however such a file is called' '1, calls.inl:1' \
		"$status, $(grep -o '^calls.inl:1' "$tmp/said")"
	rm "$src/calls.inl"
	cp "$tmp/shared/z.c" "$src"
	printf 'd_alloc_parallel() without a wait queue, by make audit\n\n--- that of before\n' > "$tmp/patch"
	mkdir "$tmp/patch.new"
	audit "$src"
	is 'a patch that cannot be written says so, and the one of before stays' \
		'2, no patch was written, --- that of before' \
		"$status, $(grep -o 'no patch was written' "$tmp/said"), $(tail -n 1 "$tmp/patch")"
	rmdir "$tmp/patch.new"
	rm "$tmp/patch"
}

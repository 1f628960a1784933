# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2153,SC2154	# set by the script, and by lib.sh
#
# The cases of scripts/port/audit.d/cases/.  Sourced, by scripts/selftest/audit.

# Each mistake in how the audit judged a case, one line each.
wrong_with() {
	local file=$1 ported=$2 verb text count
	while IFS=: read -r verb text; do
		text=${text# }
		case $verb in
		says) grep -qE -- "$text" "$tmp/said" || printf 'not said: %s\n' "$text" ;;
		silent) ! grep -m 1 -E -- "$text" "$tmp/said" ;;
		has) grep -qE -- "$text" "$ported" || printf 'not in the result: %s\n' "$text" ;;
		lacks) ! sed '1,/^ \*\/$/d' "$ported" | grep -m 1 -E -- "$text" ;;
		last)
			count=$(tail -n 1 "$tmp/said")
			[[ $count == "$text" ]] || printf 'last line: %s\n' "$count"
			[[ $text == *' 0 failed'* ]] || ((status == 1)) || printf 'status %d\n' "$status"
			[[ $text != *' 0 failed'* ]] || ((status == 0)) || printf 'status %d\n' "$status"
			;;
		esac || true
	done < <(sed -n '/^ \*\/$/q; s/^ \* \([a-z]*: \)/\1/p' "$file")
}

cases() {
	local file name dir wrong
	for file in scripts/port/audit.d/cases/*.c; do
		name=$(sed -n '3{s/^ \* //p;q}' "$file")
		dir=$tmp/${file##*/}.dir
		mkdir "$dir" "$dir/src"
		# Not in the case's own words: those of its head.
		cp "$file" "$dir/src/"
		# Files that belong to it are in a directory of its name.
		[[ ! -d ${file%.c} ]] || cp "${file%.c}"/* "$dir/src/"
		audit "$dir/src"
		cp -r "$dir/src" "$dir/ported"
		wrong=''
		if [[ -f $tmp/patch ]]; then
			patch -d "$dir/ported" -p1 -F0 -s < "$tmp/patch" > "$tmp/log" 2>&1 ||
				wrong="the patch does not apply: $(< "$tmp/log")"
		fi
		wrong+=$(wrong_with "$file" "$dir/ported/${file##*/}")
		is "$name" '' "$wrong"
	done
	member_elsewhere
}

# A member of a struct that another file defines, and a third one uses.
member_elsewhere() {
	local src=$tmp/member said='s/.*lent in look_up(): \([^;]*\).*/\1/p'

	mkdir "$src"
	printf '%s\n' 'struct it { int count; wait_queue_head_t wq; };' \
		'struct it *IT(struct inode *inode);' > "$tmp/it.h"
	printf '%s\n' '#include "it.h"' 'struct dentry *look_up(struct it *it, struct dentry *p)' \
		'{' '	return d_alloc_parallel(p, &p->d_name, &it->wq);' '}' > "$src/dir.c"
	cp "$tmp/it.h" "$src/it.h"
	printf 'void wake(struct inode *inode) { wake_up_all(&IT(inode)->wq); }\n' > "$src/file.c"
	audit "$src"
	is 'a member that is used in a file that does not name its struct stays' \
		'kept, for it can be that which is used in file.c' \
		"$(sed -n "$said" "$tmp/said" | sed 's/, in .*//')"
	mv "$src/file.c" "$src/file.inc"
	audit "$src"
	is 'so does one that is used in what is neither .c nor .h' \
		'kept, for it can be that which is named in file.inc' \
		"$(sed -n "$said" "$tmp/said" | sed 's/, which is.*//')"
	printf '/* wq: see above */\n' > "$src/file.inc"
	audit "$src"
	is 'a comment in there does not count' 'removed, and what initialises it' \
		"$(sed -n "$said" "$tmp/said")"
	rm "$src/file.inc"
	sed 's/$/\r/' "$tmp/it.h" > "$src/it.h"
	audit "$src"
	is 'so does one that is in a file with CR LF' 'kept, for it.h has lines that end in CR LF' \
		"$(sed -n "$said" "$tmp/said")"
	ln -sf ../it.h "$src/it.h"
	audit "$src"
	is 'and one that is behind a symbolic link' \
		'kept, for it.h is a symbolic link, through which patch does not go' \
		"$(sed -n "$said" "$tmp/said")"
	cp --remove-destination "$tmp/it.h" "$src/it.h"
	audit "$src"
	is 'and in a plain file it goes' 'removed, and what initialises it' \
		"$(sed -n "$said" "$tmp/said")"
}

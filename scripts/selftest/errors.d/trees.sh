# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2153,SC2154	# set by the script, and by lib.sh
#
# Trees of users: what they have, what fits, what is merged.  Sourced, by scripts/selftest/errors.

# The commit of $TREE that the series stands on.
without_the_series() {
	git -C "$TREE" rev-list --reverse HEAD | sed -n "$(($(below | wc -l) + 1))p"
}

# Whether base $1 is a stand-in, made of the source that BASE is.
stands_on_ours() {
	[[ ! -d $PATCHES/control && -d $TOP/patches/$1/control ]] &&
		grep -qxF "$(grep '^package=' "$TOP/scripts/steps/bases/$BASE")" "$TOP/scripts/steps/bases/$1"
}

# A directory that passes for a kernel tree: the files that the series touches.
small_tree() {
	local commit=$1 dir=$2 file

	mkdir -p "$dir"
	while read -r file; do
		mkdir -p "$dir/$(dirname "$file")"
		git -C "$TREE" show "$commit:$file" > "$dir/$file"
	done < <(series | xargs sed -n -E 's,^\+\+\+ b/,,p' | sort -u; printf 'Makefile\n')
}

# A repository $2 with a commit of the files in $1, one of which it does not have.
partial_clone() {
	local from=$1 to=$2 oid

	git init -q "$to"
	cp -r "$from/." "$to/"
	git -C "$to" add -A
	git -C "$to" -c user.name=nobody -c user.email=nobody@example.org commit -q -m partial
	oid=$(git -C "$to" rev-parse HEAD:fs/namei.c)
	rm "$to/.git/objects/${oid:0:2}/${oid:2}"
}

trees() {
	local base before tree version
	base=$(without_the_series)

	says 'a KDIR that does not exist is no kernel tree' 'KDIR=/nowhere: not a Linux source tree' \
		env KDIR=/nowhere scripts/steps/tree
	says 'a directory without a kernel is no kernel tree' 'not a Linux source tree' \
		env KDIR="$tmp" scripts/steps/tree
	small_tree HEAD "$tmp/done"
	partial_clone "$tmp/done" "$tmp/partial"
	says 'a partial clone is told so, with a file that it lacks' \
		'REV=HEAD of KDIR=.*partial lacks 1 files, fs/namei\.c for one: it is a partial clone' \
		env KDIR="$tmp/partial" REV=HEAD O="$tmp/o" scripts/steps/tree
	says 'a tree that has the change is told so, and which form it is' \
		'done has the change already: .* \(.* struct dentry\); SERIES=none tests it' \
		env KDIR="$tmp/done" O="$tmp/o" scripts/steps/tree
	forms
	says 'and what of it can be tried' "does not fit patches/${BASE/./\\.}: has the change already" \
		env KDIR="$tmp/done" O="$tmp/o" bash -c 'scripts/port/try fits; exit 1'
	says 'but what takes it out is made for such trees' \
		'does not fit on [^:]*: 0001-control-.*patch: .*fs/dcache\.c: Hunk' \
		env KDIR="$tmp/done" O="$tmp/o" BASE=7.3 SERIES=control scripts/steps/tree
	says 'a KDIR is only read, so O= is not in there' 'is inside of KDIR=.*, which is only read' \
		env KDIR="$tmp/done" O="$tmp/done/o" scripts/steps/tree
	ln -s ./done "$tmp/link"
	says 'nor does it lead there' 'is inside of KDIR=.*, which is only read' \
		env KDIR="$tmp/done" O="$tmp/link/o" SERIES=none scripts/steps/tree
	printf '*.o\n# Debian packaging: all that is new\n/*\n!/debian/\n' > "$tmp/done/.gitignore"
	env KDIR="$tmp/done" O="$tmp/o" SERIES=none scripts/steps/tree > /dev/null
	tree=$(echo "$tmp"/o/kdir-*/linux)
	touch "$tree/fs/new.c" "$tree/fs/new.o"
	says 'a new file in a tree is yours, also where git does not look at it' \
		"changes of yours are in $tree;" env O="$tmp/o" scripts/everyday/clean
	says 'make reset names it' 'reset +dropped your changes of fs/new\.c$' \
		env KDIR="$tmp/done" O="$tmp/o" SERIES=none bash -c 'scripts/steps/tree reset; exit 1'
	says 'until you drop it, and what was built there is none' 'not there' \
		bash -c "[[ -e '$tree/fs/new.o' && ! -e '$tree/fs/new.c' ]] &&
			O='$tmp/o' scripts/everyday/clean && echo not there; exit 1"
	git -C "$tmp/done" init -q
	touch "$tmp/done/fs/new.c" "$tmp/done/fs/new.o"
	env KDIR="$tmp/done" O="$tmp/o" SERIES=none scripts/steps/tree > /dev/null
	git -C "$tree" -c user.name=x -c user.email=x commit -q --allow-empty -m x
	says 'and commits of yours, which are kept' "your commits are kept: git -C $tree log [0-9a-f]{12}$" \
		env KDIR="$tmp/done" O="$tmp/o" SERIES=none bash -c 'scripts/steps/tree reset; exit 1'
	says 'one in your own tree is read, and what was built there is not' 'there' \
		bash -c "[[ -e '$tree/fs/new.c' && ! -e '$tree/fs/new.o' ]] && echo there; exit 1"
	for version in 6.18 7.1; do
		stands_on_ours "$version" || continue
		small_tree "$base" "$tmp/$version"
		cat patches/$version/control/*.patch | patch -d "$tmp/$version" -p1 -s
		says "a tree with the lines of $version gets the set for that" \
			"fits +patches/${version/./\\.}$" env KDIR="$tmp/$version" O="$tmp/o" \
			bash -c 'scripts/port/try fits; exit 1'
	done
	small_tree "$base" "$tmp/other"
	sed -i 's/add_wait_queue(dentry->d_wait, &wait);/something_else();/' "$tmp/other/fs/dcache.c"
	before=$(digest "$tmp/other")
	says 'a hunk that does not fit is named' \
		'000[123]-dcache.*patch: fs/dcache.c: Hunk #[0-9]+ FAILED at [0-9]+' \
		env KDIR="$tmp/other" O="$tmp/o" scripts/steps/tree
	says 'and the tree is as it was' 'same' bash -c "
		. scripts/lib/lib.sh; [[ \$(digest '$tmp/other') == $before ]] && echo same; exit 1"
}

# A tree that has another form of the change, or two of them, is told so.
forms() {
	local dir=$tmp/forms set file

	while read -r set; do
		if [[ $set == @(apply|control) ]] || ! is_form "$BASE" "$set" || as_shipped "$set"; then
			continue
		fi
		rm -rf "$dir"
		while read -r file; do
			mkdir -p "$(dirname "$dir/$file")"
			git -C "$TREE" show "$(without_the_series):$file" > "$dir/$file"
		done < <(patches_in "$PATCHES/$set" | xargs sed -n -E 's,^--- a/,,p' | sort -u
			printf '%s\n' Makefile fs/dcache.c include/linux/dcache.h)
		patches_in "$PATCHES/$set" | xargs cat | patch -d "$dir" -p1 -s
		says "and so is one that has $set" "forms has the change already: SERIES=$set " \
			env KDIR="$dir" O="$tmp/o" SERIES=apply scripts/steps/tree
	done < <(sets_of "$BASE")
	rm -rf "$dir"
	cp -r "$tmp/done" "$dir"
	printf '#define DCACHE_LOCK_WAITER 1\n' >> "$dir/include/linux/dcache.h"
	says 'of a tree with two forms both are named' \
		'forms has 2 forms of the change, SERIES=posted \(DCACHE_LOCK_WAITER\) and .*; take all but one out' \
		env KDIR="$dir" O="$tmp/o" scripts/steps/tree
}

# A tree that differs near what the series changes, but not in it.  This takes the base
# as well, so it is done where that is; what is read of the tree does not stay there.
merge() {
	local kdir=$tmp/near set=patches/

	# Others are merged with the first set that can be.
	[[ $BASE != 6.12 ]] || set='patches/6\.12$'
	small_tree "$(without_the_series)" "$kdir"
	sed -i 's#^.*= d_lookup(dir, &nd->last);$#&\t/* not in the base */#' "$kdir/fs/namei.c"
	says 'a tree in which only the context differs can be merged with' \
		"merges +$set" env KDIR="$kdir" bash -c 'scripts/port/try fits; exit 1'
	sed -i 's/add_wait_queue(dentry->d_wait, &wait);/something_else();/' "$kdir/fs/dcache.c"
	says 'one in which more does is not, and the file is named' \
		'cannot be merged into .*: 000[123]-dcache.*: conflicts in fs/dcache\.c; nothing was changed' \
		env KDIR="$kdir" MERGE=1 scripts/steps/tree check
	git --git-dir="$REPO" for-each-ref --format='delete %(refname)' 'refs/base/kdir-*' |
		git --git-dir="$REPO" update-ref --stdin
}

# A patch whose hunk ends its file, and a tree whose file goes on behind that.
ends() {
	local project=$tmp/ends

	cp -r "$TOP" "$project"
	rm "$project/patches/$BASE"/0*.patch
	mkdir "$tmp/diff"
	git -C "$TREE" show HEAD:fs/namei.c > "$tmp/diff/a.c"
	{ cat "$tmp/diff/a.c"; printf '/* the end */\n'; } > "$tmp/diff/b.c"
	{
		printf 'From: A <a@a>\nDate: Thu, 1 Jan 1970 00:00:00 +0000\nSubject: [PATCH] end\n\nend\n---\n'
		diff -u --label a/fs/namei.c --label b/fs/namei.c "$tmp/diff/a.c" "$tmp/diff/b.c" || true
	} > "$project/patches/$BASE/0001-end.patch"
	small_tree HEAD "$tmp/longer"
	git -C "$TREE" show "$(without_the_series):include/linux/dcache.h" > "$tmp/longer/include/linux/dcache.h"
	printf 'int more;\n' | cat "$tmp/diff/a.c" - > "$tmp/longer/fs/namei.c"
	says 'a hunk that ends its file, and so fits at no offset, is told as such' \
		'fs/namei\.c: Hunk #1 FAILED at [0-9]+, which ends its file, so it fits there only' \
		env KDIR="$tmp/longer" O="$tmp/o" "$project/scripts/steps/tree"
}

# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Which patches there are for a base, which of them SERIES names, which form of the change
# a tree has, and which mutants go on top.  Sourced, by lib.sh.

patches_in() {
	find "$1" -maxdepth 1 -name '[0-9]*.patch' ! -name '0000-*' | sort
}

# The sets of patches that base $1 has, a line each, by the SERIES that names them.
sets_of() {
	local dir
	for dir in "$TOP/patches/$1" "$TOP/patches/$1"/*/; do
		compgen -G "$dir/[0-9]*.patch" > /dev/null || continue
		dir=${dir%/}
		if [[ $dir == "$TOP/patches/$1" ]]; then
			dir=apply
		fi
		printf '%s\n' "${dir##*/}"
	done
}

# Whether base $1 has set $2.
has_set() {
	sets_of "$1" | grep -xF -- "$2" > /dev/null
}

check_series() {
	local count

	[[ $SERIES != none ]] || return 0
	has_set "$BASE" "$FORM" ||
		die "SERIES=$SERIES: BASE=$BASE has no such series; it has: none $(sets_of "$BASE" | paste -sd ' '), and N or NAME-N for the first N patches"
	count=$(patches_in "$SET" | wc -l)
	[[ -z $FIRST ]] || ((FIRST <= count)) ||
		die "SERIES=$SERIES: ${SET#"$TOP"/} has $count patches"
}

# Whether the patches of set $1 are made for the base as it is shipped, although there is a
# control/: scripts/steps/bases/ says so.
as_shipped() {
	grep -qxF -- "# as shipped: $1" "$TOP/scripts/steps/bases/$BASE"
}

# Whether what SERIES names is made for a kernel in which a wait queue is lent.
wants_lent_queue() {
	[[ $FORM != none && $FORM != control ]] && ! as_shipped "$FORM"
}

# The set of base $1 that set $2 goes on from, where that is not the base alone:
# scripts/steps/bases/ says so.
set_below() {
	sed -n "s/^# $2 goes on from: //p" "$TOP/scripts/steps/bases/$1"
}

# Whether set $2 of base $1 is a form of the change, and not one that goes on from another,
# or that is about something else: scripts/steps/bases/ says so.
is_form() {
	[[ -z $(set_below "$1" "$2") ]] &&
		! grep -qxF -- "# no form of the change: $2" "$TOP/scripts/steps/bases/$1"
}

# The sets that go on the base before the patches that SERIES names.  Nobody wants
# control on a tree of their own.
below() {
	local set
	set=$(set_below "$BASE" "$FORM")
	if [[ -n $set ]]; then
		patches_in "$PATCHES$([[ $set == apply ]] || printf '/%s' "$set")"
	elif [[ $BEFORE == control && -z $KDIR ]] && wants_lent_queue; then
		patches_in "$PATCHES/control"
	fi
}

# The fixes that WITH names, but for one that SERIES names as well.
fixes() {
	local name sets_below
	IFS=, read -r -a sets_below <<< "$WITH"
	for name in "${sets_below[@]}"; do
		[[ $name == "$FORM" ]] || patches_in "$PATCHES/$name"
	done
}

# All that WITH and SERIES ask for, in order, without the cover letter.
series() {
	fixes
	[[ $SERIES != none ]] || return 0
	below
	patches_in "$SET" | head -n "${FIRST:-9999}"
}

# Which forms of the change a tree has, a line each: the SERIES that makes such a tree, or
# another word, a tab, and by what that is told.  "$@" is a command that prints the file
# of the tree whose name is put behind it.
forms_in() {
	local header ci found=()

	header=$("$@" include/linux/dcache.h 2> /dev/null) || return 0
	in_header() {
		grep -qE -- "$1" <<< "$header"
	}
	! in_header '\<DCACHE_LOCK_WAITER\>' || found+=($'posted\tDCACHE_LOCK_WAITER')
	! in_header '\<DCACHE_LOOKUP_WAITERS\>' || found+=($'shipped\tDCACHE_LOOKUP_WAITERS')
	if in_header '\<d_lookup_waiters;' && in_header __GENKSYMS__; then
		found+=($'kabi\ta list of waiters that genksyms does not see')
	elif in_header '\<d_lookup_waiters;'; then
		found+=($'apply\ta list of waiters in struct dentry')
	fi
	if ((${#found[@]} == 0)) && in_header '\<d_alloc_parallel\(' &&
	   ! in_header '\<wait_queue_head_t \*d_wait;'; then
		found+=($'other\tno d_wait in struct dentry')
	elif ((${#found[@]} == 0)); then
		ci=$("$@" fs/dcache.c 2> /dev/null | sed -n '/^struct dentry \*d_add_ci(/,/^}/p') || true
		[[ $ci != *WAIT_QUEUE_HEAD_ONSTACK* ]] ||
			found+=($'fix\ta wait queue of its own in d_add_ci()')
	fi
	unset -f in_header
	((${#found[@]} == 0)) || printf '%s\n' "${found[@]}"
}

series_digest() {
	series | xargs -r cat | sha256sum | cut -c1-64
}

# git as we need it, whatever the user's configuration says.

# The directory of the list that FORM has.
mutants_dir() {
	if [[ $FORM == apply ]]; then
		printf '%s\n' "$TOP/scripts/check/mutants"
	else
		printf '%s\n' "$TOP/scripts/check/mutants/$FORM"
	fi
}

# Why nobody puts mutants into what SERIES and BASE name, if so.
no_mutants() {
	if [[ ! -d $(mutants_dir) ]]; then
		printf 'there is no scripts/check/mutants/%s/\n' "$FORM"
	fi
	sed -n 's/^# no mutants: //p' "$TOP/scripts/steps/bases/$BASE"
}

# The names in that list, a line each.
mutant_names() {
	find "$(mutants_dir)" -maxdepth 1 -name '*.patch' -printf '%f\n' | sort | sed 's/\.patch$//'
}

# The file of mutant $1: that for this base, if it has one.
mutant_patch() {
	local dir
	dir=$(mutants_dir)
	if [[ -f $dir/$BASE/$1.patch ]]; then
		printf '%s\n' "$dir/$BASE/$1.patch"
	else
		printf '%s\n' "$dir/$1.patch"
	fi
}

# Value of KEY $1 of mutant $2, on one line.
mutant_value() {
	sed -n "/^--- /q; /^$1: /,/^[A-Z][a-z0-9. ]*: \\|^\$/p" "$(mutants_dir)/$2.patch" |
		sed "2,\${/^[A-Z][a-z0-9. ]*: /d;}; s/^$1: //" | paste -sd ' ' | sed 's/ *$//'
}

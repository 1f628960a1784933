# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2153,SC2154	# set by the script, and by lib.sh
#
# Whole kernels: the callers of 6.12, and all of fs/.  Sourced, by scripts/selftest/audit.

# export_base NAME DIR PATH...: the newest base of that name
export_base() {
	local name=$1 dir=$2 ref
	shift 2
	ref=$(git --git-dir="$REPO" for-each-ref --sort=-version:refname --count=1 \
		--format='%(refname)' "refs/base/linux-source-$name-*" 2> /dev/null) || true
	[[ -n $ref ]] || return
	mkdir -p "$dir"
	git --git-dir="$REPO" archive "$ref" "$@" | tar -x -C "$dir"
}

# A group of findings as file and function.
found() {
	sed -n "/^$1:\$/,/:\$/s/^\([^:]*\):[0-9]*: .* in \([a-z_0-9]*\)().*/\1 \2/p" "$tmp/said" | sort
}

# nothing_to_port NAME CALLS
nothing_to_port() {
	is "$1: there is nothing to port" \
		"0, call sites: $2 before, 0 ported, 0 left; $2 after, $2 of them in the new form" \
		"$status, $(grep '^call sites' "$tmp/said")"
	is "$1: there are no calls in the old form, and no files that failed" '' \
		"$(sed -n '/^calls in the old form/,/:$/p; /^not ported/,/:$/p' "$tmp/said")"
}

# all_callers NAME: what the last audit, of a tree with those of 6.12, has to have said.
all_callers() {
	is "$1: all callers are found and ported, and nothing else is" "$CALLERS" \
		"$(found 'calls in the old form')"
	is "$1: and counted" \
		'0, call sites: 11 before, 11 ported, 0 left; 11 after, 11 of them in the new form' \
		"$status, $(grep '^call sites' "$tmp/said")"
	is "$1: nine queues and one in a struct lose their use" 10 \
		"$(sed -n '/^wait queues/,/:$/p' "$tmp/said" | grep -c ': removed')"
	is "$1: no lookup is taken to be left open" '' "$(grep -E '^[^ ]+:[0-9]+:.* lookup ' "$tmp/said")"
}

# The callers alone, and the header that has the struct.
callers() {
	local tree=$tmp/callers series=$tmp/series file files different='' mutant

	mapfile -t files < <({ printf '%s\n' "$CALLERS" 'include/linux/nfs_xdr.h'; } | cut -d' ' -f1 | sort -u)
	if ! export_base 6.12 "$tree" "${files[@]}"; then
		result ok "the callers of 6.12 # SKIP no 6.12 in $REPO; make tree puts it there"
		return
	fi
	audit "$tree"
	all_callers 'the callers of 6.12'

	cp -r "$tree" "$series"
	git -C "$series" init -q
	while read -r file; do
		git -C "$series" apply "${files[@]/#/--include=}" "$file"
	done < <(patches_in "$TOP/patches/6.12")
	patch -d "$tree" -p1 -F0 -s < "$tmp/patch" || different='the patch does not apply'
	for file in "${files[@]}"; do
		[[ $file == fs/dcache.c ]] || cmp -s "$tree/$file" "$series/$file" || different+=" $file"
	done
	is 'the port of the callers is what the series makes of them' '' "$different"

	audit "$series"
	nothing_to_port 'the callers with the series' 11

	# Bugs that the suites find, too.
	for mutant in lookup_open procfs-readdir sysctl-readdir; do
		file=scripts/check/mutants/$mutant-forgets-d_lookup_done.patch
		rm -rf "$tmp/mutant"
		cp -r "$series" "$tmp/mutant"
		patch -d "$tmp/mutant" -p1 -s < "$file"
		audit "$tmp/mutant/$(sed -n 's,^+++ b/,,p' "$file")"
		is "mutant $mutant-forgets-d_lookup_done is found" 1 "$(grep -cE '^[^ ]+:[0-9]+:.* lookup ' "$tmp/said")"
	done
}

# audit_tree NAME PATH...: all of fs/ of a base
audit_tree() {
	local name=$1 begin=$SECONDS
	shift
	if ! export_base "$name" "$tmp/$name" fs "$@"; then
		result ok "$name # SKIP no $name in $REPO; make tree BASE=$name puts it there"
		return 1
	fi
	audit "$tmp/$name"
	printf '# audit of %s: %d s\n' "$name" $((SECONDS - begin))
}

trees() {
	if audit_tree 6.12 include/linux/nfs_xdr.h; then
		all_callers 6.12
	fi
	if audit_tree 7.3; then
		nothing_to_port 7.3 11
	fi
}

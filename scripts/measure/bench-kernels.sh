# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The kernels that scripts/measure/bench and scripts/measure/bench-wall compare: unpatched, series,
# as-shipped, another set of the base, such as posted, by the SERIES that names it, or a name
# in patches/BASE/variants/ or in variants/ of another set, which goes on top of that set.
# as-shipped is the base as it is where that has a form of the change already, and unpatched
# is then what it was without.
#
# With the SERIES of a set that goes on from another one, such as readdir, there are only the
# two, by the SERIES that names them: apply and readdir, or mainline and readdir.  Sourced,
# after lib.sh.

. "$TOP/scripts/lib/boot.sh"

# The names of the kernel that the others are compared to and of the one that is measured;
# how the first one is built.
BELOW=$(set_below "$BASE" "$FORM")
COMPARED=${BELOW:-unpatched}
MEASURED=${BELOW:+$FORM}
: "${MEASURED:=series}"
COMPARED_TO=("SERIES=${BELOW:-$BEFORE}" KUNIT=module)

# The sets that are compared beside the series: control is what they are compared to, kabi
# compiles to what the series does, and fix only concerns d_add_ci().
other_sets() {
	local set
	while read -r set; do
		[[ $set == @(apply|control|kabi|fix) ]] || ! is_form "$BASE" "$set" || printf '%s\n' "$set"
	done < <(sets_of "$BASE")
}

variant_files() {
	find "$PATCHES" -mindepth 2 -maxdepth 3 -path '*/variants/*.patch' | sort
}

# The file of variant $1, if there is one.
variant_file() {
	variant_files | grep -m 1 -F -- "/$1.patch" || true
}

# The set that kernel $1 is, or is a variant of.
set_of_kernel() {
	local file
	if [[ $1 != apply && $1 != control ]] && has_set "$BASE" "$1"; then
		printf '%s\n' "$1"
		return
	fi
	file=$(variant_file "$1")
	file=${file#"$PATCHES"/}
	if [[ $file == variants/* ]]; then
		printf 'apply\n'
	else
		printf '%s\n' "${file%%/*}"
	fi
}

# Where that set is built.
work_of() {
	path_of WORK "SERIES=$(set_of_kernel "$1")"
}

# The kernels that scripts/check/patched makes of a variant.
kept() {
	printf '%s/variants/%s\n' "$(work_of "$1")" "$1"
}

# From here on, the base is the one that the suites run on; a set that others go on from is
# the one that they run on by itself.
compare_with_suites() {
	[[ -n $BELOW ]] || COMPARED_TO=(SERIES=none KUNIT=built-in)
}

# kernel NAME, initramfs NAME: the files.  A name may be unpatched-again, or what $COMPARED is
# in its place: the same once more, for what the instrument makes of it.
kernel() {
	case $1 in
	"$COMPARED" | "$COMPARED-again") path_of IMAGE "${COMPARED_TO[@]}" ;;
	as-shipped) path_of IMAGE SERIES=none ;;
	"$MEASURED") printf '%s\n' "$IMAGE" ;;
	*)
		if [[ -n $(variant_file "$1") ]]; then
			printf '%s.bzImage\n' "$(kept "$1")"
		else
			path_of IMAGE "SERIES=$(set_of_kernel "$1")"
		fi
		;;
	esac
}

initramfs() {
	case $1 in
	"$COMPARED" | "$COMPARED-again") path_of INITRAMFS "${COMPARED_TO[@]}" ;;
	as-shipped) path_of INITRAMFS SERIES=none ;;
	"$MEASURED") printf '%s\n' "$INITRAMFS" ;;
	*)
		if [[ -n $(variant_file "$1") && -f $(kept "$1").cpio.gz ]]; then
			printf '%s.cpio.gz\n' "$(kept "$1")"
		else
			path_of INITRAMFS "SERIES=$(set_of_kernel "$1")"
		fi
		;;
	esac
}

# measured NAME PLAN WHERE [OPTION...]: boot kernel NAME and leave what it said in WHERE.
measured() {
	boot "$2" "$3" --kernel "$(kernel "$1")" --initramfs "$(initramfs "$1")" "${@:4}" > "$3/guest.log"
}

all_kernels() {
	printf '%s\n' "$COMPARED" "$MEASURED"
	[[ -z $BELOW ]] || return 0
	! has_form_as_shipped || printf 'as-shipped\n'
	other_sets
	variant_files | sed 's,.*/,,; s/\.patch$//'
}

# Whether the base has a form of the change as it is: there are sets that go on from it.
has_form_as_shipped() {
	grep -q '^# as shipped: ' "$TOP/scripts/steps/bases/$BASE"
}

# check_kernels NAME...: there are such, and nothing was asked for that builds others.
check_kernels() {
	local name
	[[ ($SERIES == apply || $SERIES == "${BELOW:+$FORM}") && $KUNIT == module ]] ||
		die "SERIES=$SERIES KUNIT=$KUNIT: the bench compares with and without a series: leave KUNIT alone, and SERIES, or name a set that goes on from another one, such as readdir"
	for name; do
		all_kernels | grep -xF -- "$name" > /dev/null ||
			misused "no kernel $name; there are: $(all_kernels | paste -sd ' ')"
	done
}

# What plan $1 has that measures, as FILTER= names it.
measuring() {
	"$TOP/scripts/steps/plan" "$1" | awk '$1 == "run" || $1 == "torture" { print $2 }'
}

# check_filter PLAN: FILTER leaves something of it.  This is asked before hours of building.
check_filter() {
	[[ $FILTER == '*' || -n $(measuring "$1") ]] ||
		die "FILTER=$FILTER matches nothing that is measured; there are: $(FILTER='*' measuring "$1" | paste -sd ' ')"
}

# What kernel $1 needs.
build_kernel() {
	local set

	case $1 in
	"$COMPARED" | "$COMPARED-again") env "${COMPARED_TO[@]}" "$TOP/scripts/steps/run" build ;;
	"$MEASURED") "$TOP/scripts/steps/run" build ;;
	as-shipped) SERIES=none "$TOP/scripts/steps/run" build ;;
	*)
		set=$(set_of_kernel "$1")
		# That of the series was built before, and may have a variant in it.
		[[ $set == apply ]] || SERIES=$set "$TOP/scripts/steps/run" build || return
		[[ -z $(variant_file "$1") ]] ||
			SERIES=$set "$TOP/scripts/check/patched" "$(variant_file "$1")" "$(kept "$1")"
		;;
	esac
}

build() {
	local name set

	build_kernel "$COMPARED"
	build_kernel "$MEASURED"
	for name; do
		[[ $name == "$COMPARED" || $name == "$MEASURED" ]] || build_kernel "$name"
	done
	# The kernel without variants, of each set that variants were built of.
	for set in apply $(other_sets); do
		name=$(path_of WORK "SERIES=$set")
		[[ ! -d $name/build || -f $name/kernel.stamp ]] ||
			SERIES=$set "$TOP/scripts/steps/kernel" > /dev/null
	done
}

# tree_of DIR: the tree that is checked out there, with a digest of edits and new files: they are
# in the kernel, too.
tree_of() {
	local edits
	edits=$({ git -C "$1" diff HEAD; (cd "$1" && files_in . -o | xargs -0 -r sha256sum); } | sha256sum)
	[[ $edits != "$(sha256sum < /dev/null)" ]] || edits=
	printf '%s%s\n' "$(git -C "$1" rev-parse 'HEAD^{tree}')" "${edits:+ with edits ${edits:0:12}}"
}

# What counts of kernel $1 depend on, but for its patches, which are the same on all hosts.
made_by() {
	local where
	case $1 in
	"$COMPARED" | "$COMPARED-again") where=$(path_of TREE "${COMPARED_TO[@]}") ;;
	as-shipped) where=$(path_of TREE SERIES=none) ;;
	"$MEASURED") where=$TREE ;;
	*) where=$(path_of TREE "SERIES=$(set_of_kernel "$1")") ;;
	esac
	# The first commit is the source as Debian has it.
	printf 'source %s\n' "$(git -C "$where" rev-parse "$(git -C "$where" rev-list --max-parents=0 HEAD | tail -n 1)^{tree}")"
	about_machine
}

# The kernels that were compared.
about() {
	printf 'release %s\n' "${KDIR_ID:-$BASE}"
	printf 'before %s\n' "${COMPARED_TO[0]#SERIES=}"
	printf 'base %s\n' "$(tree_of "$(path_of TREE "${COMPARED_TO[@]}")")"
	printf 'series %s\n' "$(tree_of "$TREE")"
	printf 'variants %s\n' "$(cd "$PATCHES" && digest .)"
	printf 'config %s\n' "$CONFIG"
	about_machine
}

# What counts depend on beside the kernel.
about_machine() {
	printf 'compiler %s\n' "$(compiler)"
	if [[ $MACHINE == uml ]]; then
		printf 'machine user-mode Linux\n'
	else
		printf 'machine %s\n' "$(qemu-system-x86_64 --version | head -n 1)"
	fi
}

# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The kernels that scripts/bench and scripts/bench-wall compare: unpatched, series,
# as-shipped, or a name in patches/BASE/variants/.  as-shipped is the base as it is where
# that has a form of the change already, and unpatched is then what it was without.
# Sourced, after lib.sh.

KEPT=$WORK/variants		# what scripts/patched makes of each
# shellcheck disable=SC2153
SHIPPED=$O/$VARIANT-unpatched/$KERNEL
UNPATCHED=$O/$VARIANT-${BEFORE/none/unpatched}/$KERNEL
UNPATCHED_KUNIT=module

# From here on, the base is the one that the suites run on.
compare_with_suites() {
	UNPATCHED=$O/$VARIANT-unpatched-kunit/$KERNEL
	BEFORE=none
	UNPATCHED_KUNIT=built-in
}

# kernel NAME, initramfs NAME: the files.  A name may be unpatched-again: the same once
# more, for what the instrument makes of it.
kernel() {
	case $1 in
	unpatched*) printf '%s\n' "$UNPATCHED/build${IMAGE#"$BUILD"}" ;;
	as-shipped) printf '%s\n' "$SHIPPED/build${IMAGE#"$BUILD"}" ;;
	series) printf '%s\n' "$IMAGE" ;;
	*) printf '%s\n' "$KEPT/$1.bzImage" ;;
	esac
}

initramfs() {
	if [[ $1 == unpatched* ]]; then
		printf '%s\n' "$UNPATCHED/initramfs.cpio.gz"
	elif [[ $1 == as-shipped ]]; then
		printf '%s\n' "$SHIPPED/initramfs.cpio.gz"
	elif [[ -f $KEPT/$1.cpio.gz ]]; then
		printf '%s\n' "$KEPT/$1.cpio.gz"
	else
		printf '%s\n' "$INITRAMFS"
	fi
}

all_kernels() {
	printf 'unpatched\nseries\n'
	[[ ! -d $PATCHES/mainline ]] || printf 'as-shipped\n'
	find "$PATCHES/variants" -name '*.patch' -printf '%f\n' 2> /dev/null | sort | sed 's/\.patch$//'
}

# check_kernels NAME...: there are such, and nothing was asked for that builds others.
check_kernels() {
	local name
	[[ $SERIES == apply && $KUNIT == module ]] || die "the bench compares with and without the series: leave SERIES and KUNIT alone"
	for name; do
		[[ $name == unpatched || $name == series || -f $PATCHES/variants/$name.patch ||
			($name == as-shipped && -d $PATCHES/mainline) ]] ||
			die "no kernel $name; there are: $(all_kernels | paste -sd ' ')"
	done
}

build() {
	local name
	SERIES=$BEFORE KUNIT=$UNPATCHED_KUNIT "$TOP/scripts/run" build
	"$TOP/scripts/run" build
	for name; do
		[[ $name != as-shipped ]] || SERIES=none "$TOP/scripts/run" build
		[[ $name == unpatched* || $name == series || $name == as-shipped ]] ||
			"$TOP/scripts/patched" "$PATCHES/variants/$name.patch" "$KEPT/$name"
	done
	[[ -f $WORK/kernel.stamp ]] || "$TOP/scripts/kernel" > /dev/null
}

# What was compared, and with what.
about() {
	printf 'base %s\n' "$(git -C "$UNPATCHED/../linux" rev-parse 'HEAD^{tree}')"
	printf 'series %s\n' "$(git -C "$TREE" rev-parse 'HEAD^{tree}')"
	[[ ! -d $PATCHES/variants ]] || printf 'variants %s\n' "$(cd "$PATCHES" && digest variants)"
	printf 'config %s\n' "$CONFIG"
	printf 'compiler %s\n' "$(compiler)"
	if [[ $MACHINE == uml ]]; then
		printf 'machine user-mode Linux\n'
	else
		printf 'machine %s\n' "$(qemu-system-x86_64 --version | head -n 1)"
	fi
}

# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The one place that says where anything is: source -> tree -> kernel -> guest -> results.
# The paths follow from the variables of variables.sh and from nothing else, and nothing is
# made here.  Sourced, by lib.sh.

# of_machine KEY: what $MACHINE_FILE says of it in a comment of the form "# KEY: value".
of_machine() {
	sed -n "s/^# $1: //p" "$MACHINE_FILE"
}

# Sets all paths from the variables.
# shellcheck disable=SC2034
set_paths() {
	if [[ -n $KDIR ]]; then
		KDIR=$(realpath -m -- "$KDIR")
		KDIR_ID=kdir-$(sha256sum <<< "$KDIR" | cut -c1-8)
		VARIANT=$KDIR_ID
	else
		VARIANT=$BASE
	fi

	# $SERIES taken apart: which set of patches, and how many of it, if not all.
	FORM=$SERIES FIRST=
	if [[ $SERIES =~ ^(([a-z][a-z-]*)-)?([1-9][0-9]?)$ ]]; then
		FORM=${BASH_REMATCH[2]:-apply} FIRST=${BASH_REMATCH[3]}
	fi
	case $FORM in
	apply) ;;
	none) VARIANT+=-unpatched ;;
	*) VARIANT+=-$FORM ;;
	esac
	VARIANT+=${FIRST:+-partial}${WITH:+-with-${WITH//,/-}}
	[[ $KUNIT != built-in ]] || VARIANT+=-kunit

	# The machine that $ARCH is; user-mode Linux is none.
	MACHINE_FILE=$TOP/scripts/steps/machines/x86_64
	[[ $ARCH == i386 || ! -f $TOP/scripts/steps/machines/$ARCH ]] ||
		MACHINE_FILE=$TOP/scripts/steps/machines/$ARCH
	# The prefix of the tools that build for another machine than this one.
	TRIPLET=$(of_machine triplet)
	CROSS=${TRIPLET:+$TRIPLET-}

	# A scenario that sets nothing in the kernel has the kernel of plain.
	KERNEL=plain
	if grep -qs '^CONFIG_' /dev/null "${SCENARIO[@]}" || [[ -n $LLVM ]]; then
		KERNEL=$CONFIG
	fi
	KERNEL+=${KCONFIG:+-yours}${CROSS:+-$ARCH}

	REPO=$O/linux.git		# every base tree, as one commit each
	DIR=$O/$VARIANT
	TREE=$DIR/linux			# the work tree: the base and the series
	WORK=$DIR/$KERNEL
	KERNEL_STEP=scripts/steps/kernel	# what makes $BUILD
	[[ -z $STOCK ]] || WORK=$O/stock/$STOCK KERNEL_STEP=scripts/port/stock-kernel
	BUILD=$WORK/build		# the kernel
	IMAGE=$BUILD/$(of_machine image)	# what is booted
	MACHINE=$ACCEL			# who runs it
	[[ $ARCH != um ]] || IMAGE=$BUILD/linux MACHINE=uml
	EXT=$WORK/ext${PATCHED:+-patched}	# copies of module/ and kunit/, built
	SELFTESTS=$O/selftests-${ARCH/um/x86_64}	# the C++ programs
	BUSYBOX=/bin/busybox			# and the shell beside them
	[[ -z $CROSS ]] || BUSYBOX=$O/busybox-$ARCH
	INITRAMFS=$WORK/initramfs${PATCHED:+-patched}.cpio
	SERVERS=$O/roots/servers.squashfs	# a disk with real servers: scripts/steps/servers
	RESULTS=$O/results
	# scripts/lib/on-host sends what one item of a run leaves there, and nothing else.
	[[ -z ${ITEM:-} ]] || RESULTS=$O/hosts/items/$ITEM/results

	PATCHES=$TOP/patches/$BASE
	SET=$PATCHES			# where the patches are that SERIES names
	[[ $FORM == apply || $FORM == none ]] || SET+=/$FORM
	BEFORE=none			# the SERIES that is compared to: without any of it
	[[ ! -d $PATCHES/control ]] || BEFORE=control
}

# A disk with that suite of others: scripts/steps/suite makes it.
suite_image() {
	printf '%s\n' "$O/roots/$1.squashfs"
}

# path_of NAME [VARIABLE=VALUE...]: path NAME as it is for a user who sets these variables as
# well, or instead.
path_of() (
	wanted=$1
	shift
	unset "${NOT_ASKED_FOR[@]}"
	for word; do
		declare "$word"
	done
	settle_variables
	set_paths
	declare -n value=$wanted
	printf '%s\n' "$value"
)

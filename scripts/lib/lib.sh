# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The things that every step needs: one run at a time, git, stamps, and the make of the kernel.
# Sourced.  variables.sh has what a user may set, paths.sh the paths that follow from that,
# sets.sh which patches that names.

set -euo pipefail

# shellcheck source=scripts/lib/usage.sh
. "$(dirname "${BASH_SOURCE[0]}")/usage.sh"
export LC_ALL=C
# Some tools want to know where their user is at home; cron and systemd do not say it.
if [[ -z ${HOME:-} ]]; then
	HOME=$(getent passwd "$(id -u)" | cut -d: -f6) || HOME=
	[[ -d $HOME ]] || HOME=/var/tmp
	export HOME
fi
# A git hook or an alias that runs us must not point us at its repository.
# shellcheck disable=SC2086
unset ${!GIT_@}

# One line: what, where, what to do.
die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# One line a step: its name, what it did, how long it took.
say() {
	printf '%-10s %s\n' "$1" "$2"
}

# shellcheck source=scripts/lib/variables.sh
. "$TOP/scripts/lib/variables.sh"

# make hands O=, V=, -j and the rest on in MAKEFLAGS, to every make below.  Only
# the number of jobs is meant for those.
JOBS=$(nproc)
if [[ ${MAKEFLAGS:-} =~ (^|[[:space:]])-j([0-9]+) ]]; then
	JOBS=${BASH_REMATCH[2]}
fi
unset MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL

# The name of the run that has the lock, for others that find it locked.
CALLED_AS="${0##*/}${*:+ $*}"

# One run at a time in one $O.  A step that another step started has its lock.
# Everything in $O is ours to remove: so never take a directory that has been there.
lock() {
	if [[ ${LOCKED:-} == "$O" ]]; then
		return
	fi
	mkdir -p "$O" || die "O=$O: cannot be created; choose another O="
	# Another run may make the lock between the first two.
	[[ -f $O/lock || -z $(ls -A "$O") || -f $O/lock ]] ||
		die "O=$O is not empty and was not created by this tool; choose a new or an empty directory"
	[[ -w $O ]] || die "O=$O: cannot be written to; choose another O="
	exec 9>> "$O/lock"
	if ! flock -n 9; then
		[[ $WAIT == 1 ]] ||
			die "O=$O is in use by another run ($(cat "$O/lock")); WAIT=1 waits for it, or give this one another O="
		say lock "O=$O is in use by $(cat "$O/lock"); waiting"
		flock 9
	fi
	printf 'pid %s, %s, since %s\n' $$ "$CALLED_AS" "$(date -u +'%H:%M:%S UTC')" > "$O/lock"
	export LOCKED=$O
}

# $PATCHED is set while scripts/check/patched builds modules with the headers of its patch.
: "${PATCHED:=}"
# shellcheck source=scripts/lib/paths.sh
. "$TOP/scripts/lib/paths.sh"
set_paths

# shellcheck source=scripts/lib/sets.sh
. "$TOP/scripts/lib/sets.sh"

# No gc: it goes on in the background, and would keep our lock.
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_COUNT=3
export GIT_CONFIG_KEY_0=gc.auto GIT_CONFIG_VALUE_0=0
export GIT_CONFIG_KEY_1=maintenance.auto GIT_CONFIG_VALUE_1=false
# KDIR may be somebody else's; we read it.
export GIT_CONFIG_KEY_2=safe.directory GIT_CONFIG_VALUE_2='*'
export GIT_COMMITTER_NAME=dentry-wait GIT_COMMITTER_EMAIL=dentry-wait@localhost

# The sources in the directories that are named, or of module/ and kunit/, whatever was built
# beside them.
module_sources() {
	(($#)) || set -- module kunit
	find "$@" -type f \( -name '*.[ch]' -o -name 'Kbuild' -o -name 'Makefile' \
		-o -name '*.mk' -o -name 'Kconfig' -o -name '.kunitconfig' \) \
		! -name '*.mod.c' -print0
}

# The files in git work tree $1, each with a NUL behind it: -o for those that are new,
# and that no .gitignore names; -c for those that are not.  The .gitignore of Debian's
# source ends with lines by which git ignores all that is new, which we do not.  A
# repository in there is none of ours.
files_in() {
	local ignored=()

	mapfile -t ignored < <(sed -n '/^# Debian packaging/q; /^[^#]/s/^/--exclude=/p' \
		"$1/.gitignore" 2> /dev/null)
	# The last one that matches counts, and these before any file: nothing at the top
	# is ignored, but for what the rest of that file says.
	git -C "$1" ls-files -z "${@:2}" --exclude-standard --exclude='!/*' "${ignored[@]}" |
		{ grep -zv '/$' || true; }
}

# Whether the user has done something in $1/linux since scripts/steps/tree made it.
changed_by_user() {
	[[ $(git -C "$1/linux" rev-parse HEAD) != "$(sed -n 's/^head=//p' "$1/tree.state")" ||
		-n $(git -C "$1/linux" status --porcelain -uno | head -n 1) ||
		-n $(files_in "$1/linux" -o | tr '\0' '\n' | head -n 1) ]]
}

# A digest of the contents of files and directories, and of their names.
digest() {
	find "$@" -type f -print0 | sort -z | xargs -0 -r sha256sum | sha256sum |
		cut -c1-64
}

# Whether stamp file $1 holds $2, i.e. the step need not be done again.
stamped() {
	[[ -f $1 && $(< "$1") == "$2" ]]
}

# A stamp is written when its step is over, so no half-done step has one.
stamp() {
	printf '%s\n' "$2" > "$1.new"
	mv "$1.new" "$1"
}

# Free space on the file system of $O, in MiB.
need_space() {
	local free
	mkdir -p "$O" || die "O=$O: cannot be created; choose another O="
	free=$(df --output=avail -m "$O" | tail -n 1)
	((free >= $1)) ||
		die "O=$O: $((free)) MiB free, $1 needed for $2; make room or choose another O="
}

# The objects of the .c files on standard input, a line each.  Some files are included by
# another one, as those of kernel/sched/ are, and are a part of its object.
objects_of() {
	local file
	while read -r file; do
		git -C "$TREE" grep -lF "#include \"${file##*/}\"" -- "${file%/*}/*.c" ||
			printf '%s\n' "$file"
	done | sed 's/\.c$/.o/' | sort -u
}

# The objects of the files that the series touches.
touched_objects() {
	[[ $SERIES != none ]] || return 0
	series | xargs -r sed -n -E 's,^\+\+\+ b/(.*\.c)$,\1,p' | sort -u | objects_of | xargs
}

# pack LIST OUT: what gen_init_cpio of the kernel makes of a list.  It leaves out an entry
# that it does not understand, and says so with a status of 0.  Not compressed: an emulated
# CPU takes longer than all the rest of the boot to undo that.
pack() {
	"$BUILD/usr/gen_init_cpio" "$1" 2> "$2.log" > "$2.new" ||
		die "$2: gen_init_cpio: $(head -n 1 "$2.log")"
	[[ ! -s $2.log ]] || die "$2: gen_init_cpio: $(head -n 1 "$2.log"); see $1"
	rm "$2.log"
	mv "$2.new" "$2"
}

# Whether the kernel has KUnit at all.
has_kunit() {
	[[ ! -f $BUILD/.config ]] || grep -q '^CONFIG_KUNIT=' "$BUILD/.config"
}

# Whether the library of the kernel's torture tests is a module, which lookup_torture needs then.
torture_is_module() {
	[[ -f $BUILD/kernel/torture.ko ]] && grep -qx 'CONFIG_TORTURE_TEST=m' "$BUILD/.config"
}

# Words for make if the scenario has a list of what KCSAN watches, a line each.  The
# barriers of the rest count all the same, or what they order looks like a race; those of
# the entry code and of KCSAN itself cannot.
kcsan_watches() {
	local objects
	objects=$(sed -n 's/^# watched by KCSAN: //p' /dev/null "${SCENARIO[@]}" | xargs)
	[[ -n $objects ]] || return 0
	printf '%s\n' "KCSAN_SANITIZE=\$(if \$(filter $objects,\$(obj)/\$(target-stem).o),y,n)" \
		"KCSAN_INSTRUMENT_BARRIERS=\$(if \$(filter-out kernel/entry/% kernel/kcsan/%,\$(filter kernel/% lib/% mm/% fs/% drivers/%,\$(obj)/)),y,n)"
}

# The make that builds kernels and modules in $TREE, or modules with the headers of a
# stock kernel, which name the compiler themselves.
kmake() {
	local args=(-C "$TREE" "O=$BUILD" "ARCH=$ARCH" "-j$JOBS" ${CROSS:+"CROSS_COMPILE=$CROSS"})
	local inside=() root

	if [[ -n $STOCK ]]; then
		args=(-C "$BUILD" "-j$JOBS")
		root=$(sed -n 's/^root=//p' "$STOCK_FILE")
		[[ -z $root ]] || inside=("$TOP/scripts/port/in-root" "$root")
	elif [[ -n $LLVM ]]; then
		args+=("LLVM=$LLVM")
	fi
	if [[ -n $CC ]]; then
		args+=("CC=$CC")
	elif [[ -z $LLVM$STOCK ]] && command -v ccache > /dev/null; then
		args+=("CC=ccache ${CROSS}gcc" "HOSTCC=ccache gcc")
	fi
	if [[ -n $C ]]; then
		args+=("C=$C")
	fi
	if [[ -n $W ]]; then
		args+=("W=$W")
	fi
	# The files that the series touches, of a kernel that is measured.
	if grep -qs '^CONFIG_GCOV_KERNEL=y' "$BUILD/.config"; then
		args+=("GCOV_PROFILE=\$(if \$(filter $(touched_objects),\$(obj)/\$(target-stem).o),y)")
	fi
	# QEMU, which is the device, writes to the rings: to KCSAN that is a race.
	if grep -qs '^CONFIG_KCSAN=y' "$BUILD/.config"; then
		args+=("KCSAN_SANITIZE_virtio_ring.o=n")
		mapfile -t -O "${#args[@]}" args < <(kcsan_watches)
	fi
	if [[ $V == 1 ]]; then
		args+=(V=1)
	else
		args+=(-s)
	fi
	# Not with CCACHE_DEPEND, which takes a third less for what is not in the cache: it does not see
	# .incbin, and has an image get the kernel that was compressed for another one of that length.
	KBUILD_BUILD_TIMESTAMP='1970-01-01' KBUILD_BUILD_USER=dentry-wait \
		KBUILD_BUILD_HOST=localhost "${inside[@]}" make "${args[@]}" "$@"
}

# run_here PROGRAM WORD...: one of those in $SELFTESTS for what it does without a guest; the
# instructions may be those of another machine.
run_here() {
	local user
	user=$(of_machine user)
	${user:+"$user"} "$@"
}

compiler() {
	case $LLVM in
	'') ${CC:-${CROSS}gcc} --version ;;
	1) clang --version ;;
	-*) "clang$LLVM" --version ;;
	*) "${LLVM}clang" --version ;;
	esac | head -n 1
}

# ---- mutants: the rules are in the head of scripts/check/mutate ---------------------

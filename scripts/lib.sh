# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What every step needs to know: the variables that a user may set, the paths
# that follow from them, and how to say that something is wrong.  Sourced.

set -euo pipefail

# shellcheck source=scripts/usage.sh
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

# ---- variables -----------------------------------------------------------
# Their meaning and their defaults; `make help` prints this table.

# BASE      base tree of the series: a name in scripts/bases/
# KDIR      your own kernel tree instead, git or unpacked; it is only read
# REV       a commit of KDIR, instead of what lies there
# MERGE     1: where the context of a hunk differs in KDIR, merge, with the base of the
#           series as the common ancestor; read what comes of it
# SERIES    apply: patches/BASE/ on top; none: the tree as it is; NAME: patches/BASE/NAME/
#           instead, another form of the change; N or NAME-N: the first N patches of these.
#           posted: as it was posted and reviewed; fix: no more than d_add_ci() needs;
#           mainline: goes on from the form that 7.2 took; readdir: the second series, on
#           top of the first one; control: only what lies below the others, which takes
#           that form out, or makes the base a stand-in
# KUNIT     module, or built-in: the suites as part of the kernel
# CONFIG    plain, or a name in scripts/configs/: a fragment merged on top
# KCONFIG   a .config of yours to start from, instead of as little as possible; modules
#           that it asks for are built, but not put into the guest
# STOCK     a name in scripts/stocks/: a packaged kernel of Debian's instead of one that is
#           built here; see make stock
# O         where everything is built and kept, outside of all source trees
# FILTER    glob SUITE[.CASE]: run only what matches
# SEED      seed of everything random, 1..2^63-1; default: drawn, and printed
# DURATION  seconds that a stress or torture run lasts
# THREADS   threads of a stress run
# TIMEOUT   factor by which all time limits are stretched
# ACCEL     auto, kvm or tcg
# SMP       CPUs of the guest
# MEMORY    of the guest, in MiB
# SOAK      contended waits that make soak goes on to
# SRC       make audit: the filesystem to look at, a directory or a .c file; it is only read
# OUT       make audit: where the patch goes; default: a file in $O/audit
# BOTH      make audit: 1: port to a call that knows the old form and the new one
# FS        make filesystems: only these, separated by commas; default: all
# WITH      sets in patches/BASE/ that go on the base first, below SERIES, separated by
#           commas: fixes of what the tests found in other files.  make filesystems has
#           nfs by default, all else has none
# WAIT      1: if another run has O, wait until it is over, instead of an error
# V         1: show the commands of the builds and the guest's console
: "${BASE:=6.12}" "${KDIR:=}" "${REV:=}" "${MERGE:=0}" "${KCONFIG:=}" "${SERIES:=apply}" "${CONFIG:=plain}" "${STOCK:=}"

# A script that calls another one with another CONFIG hands on what its user has
# asked for, and not what it has made of that itself: $DEFAULTED is a list of that,
# as NAME=value.
for word in ${DEFAULTED:-}; do
	name=${word%%=*}
	if [[ ${!name:-} == "${word#*=}" ]]; then
		unset "$name"
	fi
done
# User-mode Linux is an architecture to the kernel, and a scenario here.
if [[ ${ARCH:-} == um && $CONFIG == plain ]]; then
	CONFIG=um
fi
not_asked_for=()
for name in SMP TIMEOUT MEMORY SOAK ARCH LLVM KUNIT; do
	[[ -n ${!name:-} ]] || not_asked_for+=("$name")
done

# The files that scenario $1 consists of, the most special one last: it says of what
# others it is a variant in a comment of the form "# on top of NAME".
scenario_files() {
	local file=$TOP/scripts/configs/$1 below
	[[ -f $file ]] || return 0
	below=$(sed -n 's/^# on top of //p' "$file")
	[[ -z $below ]] || scenario_files "$below"
	printf '%s\n' "$file"
}
mapfile -t SCENARIO < <(scenario_files "$CONFIG")
STOCK_FILE=$TOP/scripts/stocks/$STOCK
[[ -n $STOCK && -f $STOCK_FILE ]] || STOCK_FILE=/dev/null

# It may want other defaults than those below, and so may a stock kernel: they have them
# in comments of the form "# make NAME=value...".
scenario_defaults() {
	local name value
	while IFS='=' read -r name value; do
		[[ ! $name =~ ^[A-Z]+$ ]] || [[ -n ${!name:-} ]] || printf -v "$name" '%s' "$value"
	done < <(cat "$STOCK_FILE" "${SCENARIO[@]}" | sed -n 's/^# make //p' | tac | tr ' ' '\n')
}
scenario_defaults

: "${KUNIT:=module}" "${FILTER:=*}" "${SEED:=}"
# As the suites in_lookup_* were called when they were one.
[[ $FILTER != dcache_in_lookup?(.*) ]] || FILTER="in_lookup_*${FILTER#dcache_in_lookup}"
: "${DURATION:=}" "${THREADS:=}" "${TIMEOUT:=1}" "${ACCEL:=auto}" "${SMP:=2}"
: "${SRC:=}" "${OUT:=}" "${BOTH:=0}" "${FS:=}" "${WITH:=}"
: "${WAIT:=0}" "${MEMORY:=1024}" "${SOAK:=100000000}" "${V:=0}" "${C:=}" "${W:=}" "${ARCH:=x86_64}" "${LLVM:=}" "${CC:=}"
DEFAULTED=
for name in "${not_asked_for[@]}"; do
	DEFAULTED+=" $name=${!name}"
done
export DEFAULTED
DEFAULT_O=${XDG_CACHE_HOME:-$HOME/.cache}/dentry-wait
: "${O:=$DEFAULT_O}"

one_of() {
	local name=$1 value=$2 word
	shift 2
	for word; do
		[[ $value == "$word" ]] && return
	done
	die "$name=$value: unknown value; one of: $*"
}

# check_words NAME VALUE WORDS: VALUE has words of WORDS only, separated by commas.
check_words() {
	local word words_of_list
	IFS=, read -r -a words_of_list <<< "$2"
	for word in "${words_of_list[@]}"; do
		grep -qxF -- "$word" <<< "$3" ||
			die "$1=$2: no '$word'; there are: $(xargs <<< "$3")"
	done
}

# What make filesystems knows: the tables of selftests/ have a line each.
filesystem_names() {
	sed -nE 's/^\t\t(\{|disk\()"([a-z0-9]+)", .*/\2/p' "$TOP"/selftests/fs_*.cpp
}

whole_number() {
	[[ $2 =~ ^[1-9][0-9]{0,17}$ ]] || die "$1=$2: want a whole number from 1"
}

check_variables() {
	local bases=("$TOP"/scripts/bases/*) configs=("$TOP"/scripts/configs/*)
	local stocks=("$TOP"/scripts/stocks/*)

	one_of BASE "$BASE" "${bases[@]##*/}"
	one_of CONFIG "$CONFIG" plain "${configs[@]##*/}"
	if [[ -n $STOCK ]]; then
		one_of STOCK "$STOCK" "${stocks[@]##*/}"
		[[ -z $KDIR$KCONFIG$LLVM$CC && $SERIES == apply && $KERNEL == plain &&
			$KUNIT == module && $ARCH == x86_64 ]] ||
			die "STOCK=$STOCK is a kernel as Debian has built it: leave KDIR, KCONFIG, SERIES, KUNIT, ARCH, LLVM, CC and any CONFIG that changes the kernel"
	fi
	check_series
	check_words FS "$FS" "$(filesystem_names)"
	check_words WITH "$WITH" "$(sets_of "$BASE" | grep -vxF apply)"
	one_of KUNIT "$KUNIT" module built-in
	one_of ACCEL "$ACCEL" auto kvm tcg
	one_of ARCH "$ARCH" x86_64 i386 um
	one_of V "$V" 0 1
	one_of WAIT "$WAIT" 0 1
	one_of MERGE "$MERGE" 0 1
	[[ $MERGE == 0 || -n $KDIR ]] || die "MERGE=1 needs KDIR=PATH, the tree to merge into"
	[[ $LLVM =~ ^(1|-[0-9]+|/.*/)?$ ]] ||
		die "LLVM=$LLVM: want 1, -19 for clang-19, or the directory of clang with a / behind it"
	whole_number TIMEOUT "$TIMEOUT"
	whole_number SMP "$SMP"
	whole_number MEMORY "$MEMORY"
	whole_number SOAK "$SOAK"
	[[ -z $SEED ]] || whole_number SEED "$SEED"
	[[ -z $DURATION ]] || whole_number DURATION "$DURATION"
	[[ -z $THREADS ]] || whole_number THREADS "$THREADS"
	[[ -n $FILTER && $FILTER != *[[:space:]]* ]] ||
		die "FILTER='$FILTER': want SUITE[.CASE], globs, without blanks"
	[[ $O == /* && $O != *[[:space:]:,]* ]] ||
		die "O=$O: want an absolute path without blanks, colons and commas"
	[[ $TOP != *[[:space:]]* ]] ||
		die "$TOP: make cannot work below a path with blanks; move this elsewhere"
	[[ -z $KCONFIG || (-f $KCONFIG && $KCONFIG == /*) ]] ||
		die "KCONFIG=$KCONFIG: no such file; name a .config by its absolute path"
	[[ -z $REV || -n $KDIR ]] || die "REV=$REV needs KDIR=PATH, a git tree that has that commit"
	[[ -z $KDIR || $(realpath -m -- "$O")/ != "$KDIR"/* ]] ||
		die "O=$O is inside of KDIR=$KDIR, which is only read; choose another O="
}

# make hands O=, V=, -j and the rest on in MAKEFLAGS, to every make below.  Only
# the number of jobs is meant for those.
JOBS=$(nproc)
if [[ ${MAKEFLAGS:-} =~ (^|[[:space:]])-j([0-9]+) ]]; then
	JOBS=${BASH_REMATCH[2]}
fi
unset MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL

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
if [[ -n $FIRST ]]; then
	VARIANT+=-partial
fi
if [[ -n $WITH ]]; then
	VARIANT+=-with-${WITH//,/-}
fi
if [[ $KUNIT == built-in ]]; then
	VARIANT+=-kunit
fi

# The name of the run that has the lock, for others that find it locked.
CALLED_AS="${0##*/}${*:+ $*}"

# One run at a time in one $O.  A step that another step started has its lock.
# What is in $O is ours to remove: so never take a directory that has been there.
lock() {
	if [[ ${LOCKED:-} == "$O" ]]; then
		return
	fi
	mkdir -p "$O" || die "O=$O: cannot be created; choose another O="
	[[ -f $O/lock || -z $(ls -A "$O") ]] ||
		die "O=$O is not empty and was not created by this tool; choose a new or an empty directory"
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

# ---- paths: source -> tree -> kernel -> guest -> results -------------------

# A scenario that sets nothing in the kernel has the kernel of plain.
KERNEL=plain
if grep -qs '^CONFIG_' /dev/null "${SCENARIO[@]}" || [[ -n $LLVM ]]; then
	KERNEL=$CONFIG
fi
if [[ -n $KCONFIG ]]; then
	KERNEL+=-yours
fi

# $PATCHED is set while scripts/patched builds modules with the headers of its patch.
: "${PATCHED:=}"
# shellcheck disable=SC2034
{
REPO=$O/linux.git		# every base tree, as one commit each
DIR=$O/$VARIANT
TREE=$DIR/linux			# the work tree: the base and the series
WORK=$DIR/$KERNEL
[[ -z $STOCK ]] || WORK=$O/stock/$STOCK
BUILD=$WORK/build		# the kernel
IMAGE=$BUILD/arch/x86/boot/bzImage	# what is booted
EXT=$WORK/ext${PATCHED:+-patched}	# copies of module/ and kunit/, built
SELFTESTS=$O/selftests-${ARCH/um/x86_64}	# the C++ programs
INITRAMFS=$WORK/initramfs${PATCHED:+-patched}.cpio.gz
SERVERS=$O/roots/servers.squashfs	# a disk with real servers: scripts/servers
RESULTS=$O/results
PATCHES=$TOP/patches/$BASE
SET=$PATCHES			# where the patches are that SERIES names
BEFORE=none			# the SERIES that is compared to: without any of it
}
MACHINE=$ACCEL			# who runs it
if [[ $ARCH == um ]]; then
	# shellcheck disable=SC2034
	IMAGE=$BUILD/linux MACHINE=uml
fi
if [[ $FORM != apply && $FORM != none ]]; then
	SET+=/$FORM
fi
if [[ -d $PATCHES/control ]]; then
	BEFORE=control
fi

export TOP O BASE KDIR REV MERGE KCONFIG SERIES CONFIG STOCK KUNIT FILTER SEED DURATION THREADS TIMEOUT ACCEL SMP \
	MEMORY SOAK WAIT V C W ARCH LLVM CC FS WITH

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
# control/: scripts/bases/ says so.
as_shipped() {
	grep -qxF -- "# as shipped: $1" "$TOP/scripts/bases/$BASE"
}

# Whether what SERIES names is made for a kernel in which a wait queue is lent.
wants_lent_queue() {
	[[ $FORM != none && $FORM != control ]] && ! as_shipped "$FORM"
}

# The set of base $1 that set $2 goes on from, where that is not the base alone:
# scripts/bases/ says so.
set_below() {
	sed -n "s/^# $2 goes on from: //p" "$TOP/scripts/bases/$1"
}

# What has to go on the base before the patches that SERIES names can.  Nobody wants
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

# The fixes that WITH names.
fixes() {
	local name sets_below
	IFS=, read -r -a sets_below <<< "$WITH"
	for name in "${sets_below[@]}"; do
		patches_in "$PATCHES/$name"
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
# No gc: it goes on in the background, and would keep our lock.
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_COUNT=3
export GIT_CONFIG_KEY_0=gc.auto GIT_CONFIG_VALUE_0=0
export GIT_CONFIG_KEY_1=maintenance.auto GIT_CONFIG_VALUE_1=false
# KDIR may be somebody else's; we read it.
export GIT_CONFIG_KEY_2=safe.directory GIT_CONFIG_VALUE_2='*'
export GIT_COMMITTER_NAME=dentry-wait GIT_COMMITTER_EMAIL=dentry-wait@localhost

# The sources of module/ and kunit/, whatever was built beside them.
module_sources() {
	find module kunit -type f \( -name '*.[ch]' -o -name 'Kbuild' -o -name 'Makefile' \
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

# Whether the user has done something in $1/linux since scripts/tree made it.
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
# that it does not understand, and says so with a status of 0.
pack() {
	"$BUILD/usr/gen_init_cpio" "$1" 2> "$2.log" | gzip -1 > "$2.new" ||
		die "$2: gen_init_cpio: $(head -n 1 "$2.log")"
	[[ ! -s $2.log ]] || die "$2: gen_init_cpio: $(head -n 1 "$2.log"); see $1"
	rm "$2.log"
	mv "$2.new" "$2"
}

# Whether the kernel has KUnit at all.
has_kunit() {
	[[ ! -f $BUILD/.config ]] || grep -q '^CONFIG_KUNIT=' "$BUILD/.config"
}

# What make is told if the scenario has a list of what KCSAN watches, a line each.  The
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
	local args=(-C "$TREE" "O=$BUILD" "ARCH=$ARCH" "-j$JOBS") inside=() root

	if [[ -n $STOCK ]]; then
		args=(-C "$BUILD" "-j$JOBS")
		root=$(sed -n 's/^root=//p' "$STOCK_FILE")
		[[ -z $root ]] || inside=("$TOP/scripts/in-root" "$root")
	elif [[ -n $LLVM ]]; then
		args+=("LLVM=$LLVM")
	fi
	if [[ -n $CC ]]; then
		args+=("CC=$CC")
	elif [[ -z $LLVM$STOCK ]] && command -v ccache > /dev/null; then
		args+=("CC=ccache gcc" "HOSTCC=ccache gcc")
	fi
	if [[ -n $C ]]; then
		args+=("C=$C")
	fi
	if [[ -n $W ]]; then
		args+=("W=$W")
	fi
	# Of a kernel that is measured, those files that the series touches.
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
	KBUILD_BUILD_TIMESTAMP='1970-01-01' KBUILD_BUILD_USER=dentry-wait \
		KBUILD_BUILD_HOST=localhost "${inside[@]}" make "${args[@]}" "$@"
}

compiler() {
	case $LLVM in
	'') ${CC:-gcc} --version ;;
	1) clang --version ;;
	-*) "clang$LLVM" --version ;;
	*) "${LLVM}clang" --version ;;
	esac | head -n 1
}

# ---- mutants: the rules are in the head of scripts/mutate ---------------------

# The directory of the list that FORM has.
mutants_dir() {
	if [[ $FORM == apply ]]; then
		printf '%s\n' "$TOP/scripts/mutants"
	else
		printf '%s\n' "$TOP/scripts/mutants/$FORM"
	fi
}

# Why nobody puts mutants into what SERIES and BASE name, if so.
no_mutants() {
	if [[ ! -d $(mutants_dir) ]]; then
		printf 'there is no scripts/mutants/%s/\n' "$FORM"
	fi
	sed -n 's/^# no mutants: //p' "$TOP/scripts/bases/$BASE"
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

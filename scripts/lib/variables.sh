# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The variables that a user may set, their defaults, and what is wrong with their values.
# Sourced, by lib.sh.

# ---- variables -----------------------------------------------------------
# Their meaning and their defaults; `make help` prints this table.

# BASE      base tree of the series: a name in scripts/steps/bases/
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
# CONFIG    plain, or a name in scripts/steps/configs/: a fragment merged on top
# KCONFIG   a .config of yours to start from, instead of as little as possible; modules
#           that it asks for are built, but not put into the guest
# STOCK     a name in scripts/port/stocks/: a packaged kernel of Debian's instead of one that is
#           built here; see make stock
# ARCH      x86_64, i386 (with CONFIG=x86-32), um, or another name in scripts/steps/machines/: what
#           the kernel is built for and the guest is; LLVM=1 builds the kernel by clang
# O         where everything is built and kept, outside of all source trees
# FILTER    glob SUITE[.CASE]: run only what matches; of make mutants it is a glob for a
#           mutant's name
# SEED      seed of everything random, 1..2^63-1; default: drawn, and printed.  make soak: one run
#           with that seed, which counts for nothing
# DURATION  seconds that a stress or torture run lasts
# THREADS   threads of a stress run
# TIMEOUT   factor by which all time limits are stretched
# ACCEL     auto, kvm or tcg
# SMP       CPUs of the guest
# MEMORY    of the guest, in MiB
# SOAK      contended waits that make soak goes on to
# SRC       make audit: the filesystem to look at, a directory or a .c file; it is only read
# OUT       make audit: where the patch goes; default: a file in $O/audit
# URL       make lava: where the lab gets the files of the job from; default: file://$O/lava/...
# BOTH      make audit: 1: port to a call that knows the old form and the new one
# FS        make filesystems: only these, separated by commas; default: all.  make xfstests: one or
#           more of ext4, xfs, nfs, cifs, overlay, tmpfs; default: ext4
# XFSTESTS  make xfstests: your checkout of xfstests; it is only read
# LTP       make ltp: your checkout of LTP; it is only read
# GROUP     make xfstests: groups of tests, or tests, separated by commas; default: quick.
#           make ltp: names of files of its runtest/; default: names, those about names.
#           make kselftest: directories of tools/testing/selftests/, each with those below it;
#           there are filesystems, the default, proc and openat2
# GUESTS    make xfstests, ltp and kselftest: 2: both kernels beside each other; 1: one after the
#           other, the default where there is one CPU
# WITH      sets in patches/BASE/ that go on the base first, below SERIES, separated by
#           commas: fixes of what the tests found in other files.  CONFIG=filesystems has
#           nfs by default, all else has none; WITH= is none there, too
# HOSTS     make matrix, mutants, soak and bench: a file of hosts that do the work, as
#           scripts/lib/hosts.sh describes it; localhost: this machine, handed out in the same way
# WAIT      1: if another run has O, wait until it is over, instead of an error
# V         1: show the commands of the builds and the guest's console
: "${BASE:=6.12}" "${KDIR:=}" "${REV:=}" "${MERGE:=0}" "${KCONFIG:=}" "${SERIES:=apply}" "${CONFIG:=plain}" "${STOCK:=}"

# Variables for which scenarios and stock kernels have other defaults.
VARYING=(SMP TIMEOUT MEMORY SOAK ARCH LLVM KUNIT WITH)

# Whether variable $1 has a value that somebody wants.  No fix at all is one.
wanted() {
	[[ -n ${!1:-} || ($1 == WITH && -v WITH) ]]
}

# The files that scenario $1 consists of, the most special one last: it says of what
# others it is a variant in comments of the form "# on top of NAME".
scenario_files() {
	local file=$TOP/scripts/steps/configs/$1 below
	[[ -f $file ]] || return 0
	while read -r below; do
		scenario_files "$below"
	done < <(sed -n 's/^# on top of //p' "$file")
	printf '%s\n' "$file"
}

# Gives $VARYING the values that the scenario, the stock kernel or we have for them, unless
# the user has asked for others.  The two have theirs in comments "# make NAME=value...".
settle_variables() {
	local name value

	# User-mode Linux is an architecture to the kernel, and a scenario here.
	if [[ ${ARCH:-} == um && $CONFIG == plain ]]; then
		CONFIG=um
	fi
	mapfile -t SCENARIO < <(scenario_files "$CONFIG")
	STOCK_FILE=$TOP/scripts/port/stocks/$STOCK
	[[ -n $STOCK && -f $STOCK_FILE ]] || STOCK_FILE=/dev/null
	while IFS='=' read -r name value; do
		[[ ! $name =~ ^[A-Z]+$ ]] || wanted "$name" || printf -v "$name" '%s' "$value"
	done < <(cat "$STOCK_FILE" "${SCENARIO[@]}" | sed -n 's/^# make //p' | tac | tr ' ' '\n')
	: "${SMP:=2}" "${TIMEOUT:=1}" "${MEMORY:=1024}" "${SOAK:=100000000}" "${ARCH:=x86_64}" \
		"${LLVM:=}" "${KUNIT:=module}" "${WITH:=}"
}

# A script that calls another one hands on what its user has asked for, and not what it has
# made of that itself, which is another matter with another CONFIG.
NOT_ASKED_FOR=()
for name in "${VARYING[@]}"; do
	wanted "$name" || NOT_ASKED_FOR+=("$name")
done
settle_variables
export "${VARYING[@]}"
((${#NOT_ASKED_FOR[@]} == 0)) || export -n "${NOT_ASKED_FOR[@]}"

: "${FILTER:=*}" "${SEED:=}" "${DURATION:=}" "${THREADS:=}" "${ACCEL:=auto}"
# As the suites in_lookup_* were called when they were one.
[[ $FILTER != dcache_in_lookup?(.*) ]] || FILTER="in_lookup_*${FILTER#dcache_in_lookup}"
: "${SRC:=}" "${OUT:=}" "${URL:=}" "${BOTH:=0}" "${FS:=}" "${XFSTESTS:=}" "${LTP:=}" "${GROUP:=}" "${HOSTS:=}" "${WAIT:=0}" "${V:=0}" "${C:=}" "${W:=}" "${CC:=}"
DEFAULT_O=${XDG_CACHE_HOME:-$HOME/.cache}/dentry-wait
: "${O:=$DEFAULT_O}"

export TOP O HOSTS BASE KDIR REV MERGE KCONFIG SERIES CONFIG STOCK FILTER SEED DURATION THREADS ACCEL WAIT V C W CC FS XFSTESTS LTP GROUP

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

# The filesystems that make filesystems knows: the tables of selftests/ have a line each.
filesystem_names() {
	sed -nE 's/^\t\t(disk\()?\{"([a-z0-9_]+)", .*/\2/p' "$TOP"/selftests/filesystems/fs_*.cpp
}

# check_own_kernel VERB: of a verb whose guest has the kernel and the root of real filesystems.
check_own_kernel() {
	[[ $CONFIG == filesystems?(-*) ]] ||
		die "CONFIG=$CONFIG: make $1 has a kernel of its own, filesystems or filesystems-*; leave CONFIG, KCONFIG and STOCK away"
	[[ $ARCH == x86_64 ]] ||
		die "ARCH=$ARCH: make $1 runs on this machine's architecture only; leave ARCH away"
}

# Seconds, before the factor TIMEOUT, in which a test of a suite of others has ended or was ended:
# twice the most that selftests/suites/ gives one.
# shellcheck disable=SC2034  # for scripts/steps/plan and run
TEST_OF_OTHERS=1800

# check_suite NAME: what the variables of a suite of others have to be.  Sets what
# scripts/steps/suites/NAME has, and the defaults of GROUP and FS.
check_suite() {
	local suite=$1 file
	# shellcheck source=/dev/null
	. "$TOP/scripts/steps/suites/$suite"
	if [[ $SOURCE != TREE ]]; then
		[[ -n ${!SOURCE} ]] || die "make $suite wants $SOURCE=DIR, $WHAT"
		[[ ${!SOURCE} == /* && ${!SOURCE} != *[[:space:]]* ]] ||
			die "$SOURCE=${!SOURCE}: want an absolute path without blanks"
		for file in "${FILES[@]}"; do
			[[ -e ${!SOURCE}/$file ]] || die "$SOURCE=${!SOURCE}: that is not $WHAT: it has no $file"
		done
	fi
	check_own_kernel "$suite"
	: "${GROUP:=$GROUPS_BY_ITSELF}" "${FS:=ext4}"
	[[ $GROUP =~ ^[a-z0-9_./-]+(,[a-z0-9_./-]+)*$ ]] ||
		die "GROUP=$GROUP: want names of groups, separated by commas, as $GROUPS_BY_ITSELF"
	check_words FS "$FS" "$FILESYSTEMS"
}

# check_fs VERB: the names of filesystems are those of the verb; check_suite knows those of others.
check_fs() {
	[[ $1 == @(build|xfstests|ltp|kselftest) ]] || check_words FS "$FS" "$(filesystem_names)"
}

# no_hosts VERB: what it does is not handed out.
no_hosts() {
	[[ -z $HOSTS ]] || die "HOSTS=$HOSTS: $1 runs on one machine; make matrix, mutants, soak and bench take HOSTS"
}

whole_number() {
	[[ $2 =~ ^[1-9][0-9]{0,17}$ ]] || die "$1=$2: want a whole number from 1"
}

check_variables() {
	local bases=("$TOP"/scripts/steps/bases/*) configs=("$TOP"/scripts/steps/configs/*)
	local stocks=("$TOP"/scripts/port/stocks/*) machines=("$TOP"/scripts/steps/machines/*)

	# Somebody with a tree of another version has read of BASE first.
	[[ $BASE != */* && -f $TOP/scripts/steps/bases/$BASE ]] ||
		die "BASE=$BASE: unknown value; one of: ${bases[*]##*/}; for a tree of yours: make try KDIR=PATH"
	one_of CONFIG "$CONFIG" plain "${configs[@]##*/}"
	if [[ -n $STOCK ]]; then
		one_of STOCK "$STOCK" "${stocks[@]##*/}"
		[[ -z $KDIR$KCONFIG$LLVM$CC && $SERIES == apply && $KERNEL == plain &&
			$KUNIT == module && $ARCH == x86_64 ]] ||
			die "STOCK=$STOCK is a kernel as Debian has built it: leave KDIR, KCONFIG, SERIES, KUNIT, ARCH, LLVM, CC and any CONFIG that changes the kernel"
	fi
	check_series
	check_words WITH "$WITH" "$(sets_of "$BASE" | grep -vxF apply)"
	one_of KUNIT "$KUNIT" module built-in
	one_of ACCEL "$ACCEL" auto kvm tcg
	one_of ARCH "$ARCH" "${machines[@]##*/}" i386 um
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
	# By realpath, since .. and links lead there, too.
	[[ $(realpath -m -- "$O")/ != "$(realpath -- "$TOP")"/* ]] ||
		die "O=$O is inside of this checkout, which is only read; choose another O="
	[[ $TOP != *[[:space:]]* ]] ||
		die "$TOP: make cannot work below a path with blanks; move this elsewhere"
	[[ -z $KCONFIG || (-f $KCONFIG && $KCONFIG == /*) ]] ||
		die "KCONFIG=$KCONFIG: no such file; name a .config by its absolute path"
	[[ -z $REV || -n $KDIR ]] || die "REV=$REV needs KDIR=PATH, a git tree that has that commit"
	[[ -z $KDIR || $(realpath -m -- "$O")/ != "$KDIR"/* ]] ||
		die "O=$O is inside of KDIR=$KDIR, which is only read; choose another O="
}

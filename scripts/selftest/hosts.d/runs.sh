# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154,SC2016	# set by the script; text for other shells
#
# Runs with HOSTS=, and what happens to them.  Sourced, by scripts/selftest/hosts.

SCENARIOS=(plain s1 s2 s3)

# The copy: its scenarios do nothing, and a run says that it passed.  In an O= with a file "hold" it
# does not end before it is gone, with "fill" it fills the disk, with "lose" it fails.
make_copy() {
	mkdir -p "$tmp/top"
	cp -r "$TOP"/{scripts,module,kunit,selftests,patches,Makefile,Kconfig.fragment} "$tmp/top/"
	rm "$tmp/top/scripts/steps/configs/"*
	touch "${SCENARIOS[@]/#/$tmp/top/scripts/steps/configs/}"
	rm "$tmp/top/scripts/steps/configs/plain"
	printf '%s\n' '#!/bin/sh' > "$tmp/top/scripts/steps/deps"
	cat > "$tmp/top/scripts/steps/run" <<- 'END'
		#!/usr/bin/env bash
		. "$(dirname "$0")/../lib/lib.sh"
		. "$TOP/scripts/lib/tally.sh"
		mkdir -p "$WORK" "$EXT/module"
		printf 'as it is\n' | tee "$WORK/kernel.stamp" > "$EXT/module/lookup_torture.ko"
		mkdir -p "${IMAGE%/*}" "$BUILD/usr" "$TREE"
		touch "$IMAGE" "$INITRAMFS" "$BUILD/usr/gen_init_cpio" "$BUILD/.config" "$BUILD/vmlinux"
		[[ -d $TREE/.git ]] || git -C "$TREE" init -q
		# Another version of the source.
		[[ ! -f $O/other ]] || { touch "$TREE/other"; git -C "$TREE" add other; }
		git -C "$TREE" -c user.name=x -c user.email=x@x commit -q --allow-empty -m x
		[[ $1 != build ]] || exit 0
		results=$RESULTS/$(date -u +%Y%m%dT%H%M%SZ)-$1-$$
		mkdir -p "$results"
		printf 'make %s CONFIG=%s O=%s\n' "$1" "$CONFIG" "$O" > "$results/summary.txt"
		printf '1\n' > "$results/seed"
		printf '# lookup_torture: End of test: SUCCESS slept=40 lookups=100\n' > "$results/results.ktap"
		printf '%d\n' "$$" > "$O/running"
		printf '%s\n' "$CONFIG" >> "$O/ran"
		# In the environment, not as lib.sh has it.
		printf 'FS=%s WITH%s\n' "$FS" "$(printenv WITH | sed 's/^/=/')" >> "$O/settings"
		ln -sfn "${results##*/}" "$RESULTS/latest"
		while [[ -f $O/hold ]]; do
			sleep 0.05
		done
		[[ ! -f $O/fill ]] || { cat /dev/zero > "$O/full" || printf '0 passed, 1 failed, 0 skipped\n'; exit 1; } 2> /dev/null
		rm -f "$O/running"
		printf 'results: %s\n' "$results"
		[[ ! -f $O/lose ]] || { printf 'failed: x.y: it is lost\n0 passed, 1 failed, 0 skipped\n'; exit 1; }
		passed=1
		say_tally
	END
}

# What else builds or boots, for make bench and make mutants: a kernel is a word, and a guest finds
# as many instructions in each.
make_builders() {
	local script

	for script in steps/tree steps/kernel measure/stress-ng-cpio; do
		printf '%s\n' '#!/bin/sh' > "$tmp/top/scripts/$script"
	done
	for script in steps/verdict measure/bench-static; do
		printf '%s\n' '#!/bin/sh' "[ ! -f \"\$O/lose-${script#*/}\" ] || { printf '0 passed, 1 failed, 0 skipped\n'; exit 1; }" \
			'printf "1 passed, 0 failed, 0 skipped\n"' > "$tmp/top/scripts/$script"
	done
	printf '%s\n' '#!/bin/sh' 'printf "none run\n"' > "$tmp/top/scripts/steps/plan"
	cat > "$tmp/top/scripts/steps/guest" <<- 'END'
		#!/usr/bin/env bash
		while (($#)); do
			case $1 in
			--results) results=$2 ;;
			--kernel) kernel=$2 ;;
			esac
			shift
		done
		printf '%s\n' "$kernel" >> "$O/ran"
		printf '%s\n' 'KTAP version 1' '# cost negative: 100 100 100' > "$results/results.ktap"
		# What judges mutants reads this: each is found by the case that is about it.
		name=${results##*/mutant-}
		[[ ! -f $O/dies-in-$name ]] || exit 1
		if [[ $name == none* ]]; then
			status=passed
		else
			status=failed
		fi
		printf '{"tests": [{"name": "%s", "status": "%s", "why": "", "log": []}], "counts": {"passed": 1}, "guest": {"why": ""}}\n' \
			"suite.$name" "$status" > "$results/results.json"
		: > "$results/console.log"
	END
}

# A list of both hosts, each with an O= that is new.
both() {
	rm -rf "$tmp"/{a,b,o}
	mkdir -p "$tmp"/{a,b,o}
	touch "$tmp"/{a,b,o}/lock
	printf '%s\n' "# O=$tmp/a" "$(login 127.0.0.2)" "# O=$tmp/b" "$(login 127.0.0.3)" > "$tmp/hosts"
}

# drive COMMAND...: in an environment with nothing of ours, what it says is in $tmp/said.
drive() {
	env -i --default-signal=INT PATH="$PATH" HOME="$tmp" O="$tmp/o" HOSTS="$tmp/hosts" TIMEOUT="$TIMEOUT" \
		timeout $((240 * TIMEOUT)) "$@" \
		> "$tmp/said" 2>&1 < /dev/null
}

matrix() {
	drive "$@" "$tmp/top/scripts/check/matrix"
}

# How often the hosts have run scenarios in all.
ran() {
	{ cat "$tmp"/{a,b,o}/ran 2> /dev/null || true; } | wc -l
}

# Each scenario has results here, and none is on a host any more.
results_are_here() {
	local name

	for name in "${SCENARIOS[@]}"; do
		[[ -f $tmp/o/results/matrix-$name.log ]] || return
		grep -rqx "make scenario CONFIG=$name O=$tmp/o" "$tmp/o/results" --include summary.txt || return
	done
	[[ -z $(find "$tmp"/{a,b}/results "$tmp"/{a,b}/hosts/items -mindepth 1 2> /dev/null) ]]
}

# No host that stayed was without an item while there was one.  From the end of one to the begin of
# the next some hundredths of a second pass, and these take less than one.
hosts_were_busy() {
	awk '/^schedule / && /while work was left/ { seen++; sub(/.*idle /, ""); if ($1 > $4 / 3) bad = 1 }
		END { exit bad || !seen }' "$tmp/said"
}

two_hosts() {
	both
	result 'a matrix on two hosts passes' "$(matrix || cat "$tmp/said")"
	holds 'as one verdict' says '4 passed, 0 failed, 0 skipped'
	holds 'both have worked' test -s "$tmp/a/ran" -a -s "$tmp/b/ran"
	holds 'each scenario was run once' test "$(sort "$tmp"/{a,b}/ran | uniq | wc -l) $(ran)" = "4 4"
	holds 'results are here, as if they had been run here' results_are_here
	holds 'no host was idle while work was left' hosts_were_busy
	holds 'no record is left' test -z "$(ls -d "$tmp/o/hosts/"matrix-* 2> /dev/null)"
}

one_is_killed() {
	local pid item

	both
	touch "$tmp/b/hold"
	matrix &
	pid=$!
	soon 'a host is in the middle of an item' test -s "$tmp/b/running"
	item=$(cat "$tmp/b/running" || true)
	make_key stranger
	# Somebody else has its address by the time that it is asked for the next item: who hands them
	# out would else find nobody there, and ask no more.
	pkill -STOP -f "parallel .*--sshloginfile $tmp/"
	kill_server 127.0.0.3
	begin_server 127.0.0.3 stranger
	pkill -CONT -f "parallel .*--sshloginfile $tmp/"
	holds 'it is killed, and all the same all is done' wait "$pid"
	holds 'as one verdict' says '4 passed, 0 failed, 0 skipped'
	holds 'its item was done on the other one' grep -qxF -- "$(cat "$tmp/b/ran")" "$tmp/a/ran"
	holds 'and it is named' grep -q '^hosts  *127\.0\.0\.3: ' "$tmp/said"
	soon 'what it ran has ended' gone "$item"
	holds 'a stranger at its address gets nothing' test "$(wc -l < "$tmp/b/ran")" = 1
	holds 'but is named' grep -q '^hosts  *127\.0\.0\.3: .*Host key verification failed' "$tmp/said"
	holds 'the other one was not idle meanwhile' hosts_were_busy
	kill_server 127.0.0.3
	begin_server 127.0.0.3
}

# So many have a verdict.
are_done() {
	[[ $(find "$tmp"/o/hosts/matrix-*/done -type f | wc -l) == "$1" ]]
}

fails() {
	! "$@"
}

interrupted() {
	local pid items before

	both
	touch "$tmp/b/hold"
	matrix setsid &
	pid=$!
	soon 'a host has done some, and one is in the middle' test -s "$tmp/b/running" -a -s "$tmp/a/ran"
	items=$(cat "$tmp/b/running" || true)
	# All but that one.
	soon 'and the others are done' are_done 3
	# As a terminal does it.
	kill -INT -- "-$(pgrep -P "$(pgrep -P "$pid")")"
	wait "$pid" || true
	soon 'Ctrl-C ends what the hosts run' gone "$items"
	holds 'and all that hands out' test -z "$(pgrep -f "$tmp/o/hosts/matrix")"
	rm -f "$tmp/b/hold"
	before=$(ran)
	# It is another record.
	result 'another run passes' "$(matrix env WITH= || cat "$tmp/said")"
	holds 'and does all of it' test "$(ran)" = $((before + 4))
	before=$(ran)
	result 'the next run passes' "$(matrix || cat "$tmp/said")"
	holds 'as one verdict' says '4 passed, 0 failed, 0 skipped'
	holds 'and has done what was missing only' test "$(ran)" = $((before + 1))
	holds 'which it said' grep -q '^hosts  *3 of 4 were done before; 1 are left' "$tmp/said"
}

# The source of the kernels comes in a package of another version meanwhile.
updated() {
	local pid before

	both
	mkdir -p "$tmp"/{a,b}/debs/suite
	touch "$tmp/b/hold" "$tmp"/{a,b}/debs/suite/linux-source-1_1.deb
	matrix setsid &
	pid=$!
	soon 'a host is in the middle of an item' test -s "$tmp/b/running"
	soon 'and the others are done' are_done 3
	kill -INT -- "-$(pgrep -P "$(pgrep -P "$pid")")"
	wait "$pid" || true
	rm -f "$tmp/b/hold"
	before=$(ran)
	printf 'gcc=12 suite/linux-source-1_1.deb\n' > "$tmp/made-before"
	printf 'made=gcc-multilib=12 gcc=12 suite/linux-source-1_1.deb\n' > "$tmp/probe-now"
	holds 'what an item has added to a host is no update' made_as_now "$tmp/made-before" "$tmp/probe-now"
	printf 'made=gcc=13 suite/linux-source-1_1.deb\n' > "$tmp/probe-now"
	holds 'another version is' fails made_as_now "$tmp/made-before" "$tmp/probe-now"
	touch "$tmp"/{a,b}/debs/suite/linux-source-1_2.deb
	result 'behind an update of its hosts a run passes' "$(matrix || cat "$tmp/said")"
	holds 'as one verdict' says '4 passed, 0 failed, 0 skipped'
	holds 'and has done all of it' test "$(ran)" = $((before + 4))
}

# What the user has asked for, and none at all is something.
settings() {
	both
	result 'a run with settings passes' "$(matrix env FS=nfs4 WITH= || cat "$tmp/said")"
	holds 'which each host has' test "$(sort -u "$tmp"/{a,b}/settings)" = 'FS=nfs4 WITH='
	both
	result 'and so does one without' "$(matrix || cat "$tmp/said")"
	holds 'where none has them' test "$(sort -u "$tmp"/{a,b}/settings)" = 'FS= WITH'
}

full_disk() {
	both
	if ((EUID != 0)) || ! mount -t tmpfs -o size=24m none "$tmp/b" 2> /dev/null; then
		result 'an item on a full disk is done elsewhere # SKIP needs root' ''
		return
	fi
	touch "$tmp/b/lock" "$tmp/b/fill"
	result 'an item on a full disk is done elsewhere' "$(matrix || cat "$tmp/said")"
	holds 'as one verdict' says '4 passed, 0 failed, 0 skipped'
	holds 'and the disk is named' grep -qE "^hosts  *127\.0\.0\.3: .*O=$tmp/b: .*(full|MiB free)" "$tmp/said"
	umount "$tmp/b"
}

# Both are killed: all that was not done is named, and can be done later.
nobody_left() {
	local pid

	both
	touch "$tmp"/{a,b}/hold
	matrix &
	pid=$!
	soon 'both hosts are in the middle of an item' test -s "$tmp/a/running" -a -s "$tmp/b/running"
	kill_server 127.0.0.2
	kill_server 127.0.0.3
	holds 'with no host left it fails' fails wait "$pid"
	holds 'each item counts as failed' says '0 passed, 4 failed, 0 skipped'
	holds 'and is named, with the reason' test "$(grep -cE '^  FAIL  *(plain|s[1-3]): not done: 127\.0\.0\.[23]: .*(Connection refused|closed by remote host)\.? \(status' "$tmp/said")" = 4
	begin_server 127.0.0.2
	begin_server 127.0.0.3
	rm "$tmp"/{a,b}/hold
	result 'once they are there again it passes' "$(matrix || cat "$tmp/said")"
	holds 'as one verdict' says '4 passed, 0 failed, 0 skipped'
}

many_waits() {
	local kept

	both
	result 'a soak on two hosts goes on until there are enough waits' \
		"$(drive env SOAK=120 "$tmp/top/scripts/check/soak" || cat "$tmp/said")"
	holds 'as one verdict' says '1 passed, 0 failed, 0 skipped'
	holds 'a line a run is kept' test "$(awk '{ sum += $3 } END { print sum }' "$tmp"/o/soak/*)" = "$((40 * $(ran)))"
	holds 'which both have had' test -s "$tmp/a/ran" -a -s "$tmp/b/ran"
	holds 'and of which nothing else is' test -z "$(find "$tmp/o/results" -name '*-soak-*' -o -name latest)"
	both
	touch "$tmp/a/lose"
	holds 'a run that loses one ends it' fails drive env SOAK=100000 "$tmp/top/scripts/check/soak"
	holds 'and is shown' grep -q '^failed: x.y: it is lost' "$tmp/said"
	holds 'as what it is' grep -q '^soak: a run failed after [0-9]* waits, .*/o/soak/.*\.failed is its log' "$tmp/said"
	holds 'and kept' grep -q '^failed: x.y: it is lost' "$(echo "$tmp"/o/soak/*.failed)"
	rm "$tmp/a/lose"
	holds 'nothing goes on from there on hosts' fails drive env SOAK=120 "$tmp/top/scripts/check/soak"
	holds 'nor here' fails drive env -u HOSTS SOAK=120 "$tmp/top/scripts/check/soak"
	holds 'which is said' grep -q '^soak: a run failed after [0-9]* waits: .*remove it to go on' "$tmp/said"
	rm "$tmp"/o/soak/*.failed
	kept=$(find "$tmp/o/results" -name '*-soak-*' | wc -l)
	result 'and once that is explained it does' \
		"$(drive env -u HOSTS SOAK=240 "$tmp/top/scripts/check/soak" || cat "$tmp/said")"
	holds 'and keeps what the last run has left' test -d "$tmp/o/results/latest/"
	holds 'and that only' test "$(find "$tmp/o/results" -name '*-soak-*' | wc -l)" = $((kept + 1))
}

# A failure is a verdict, and nobody asks another host for a better one.
a_failure() {
	both
	touch "$tmp/a/lose" "$tmp/b/lose"
	holds 'failures on hosts are failures' fails matrix
	holds 'as one verdict' says '0 passed, 4 failed, 0 skipped'
	holds 'with what failed' test "$(grep -c 'failed: x.y: it is lost' "$tmp/said")" = 4
	holds 'and each was run once' test "$(ran)" = 4
}

# The cost of each kernel, and one table of them.
many_kernels() {
	both
	result 'a bench on two hosts passes' \
		"$(drive "$tmp/top/scripts/measure/bench" series posted || cat "$tmp/said")"
	holds 'as one verdict, with that of the builds' says '5 passed, 0 failed, 0 skipped'
	holds 'with one table' test -s "$(echo "$tmp"/o/results/*-bench/table.md)"
	holds 'of guests of both hosts' test "$(ran)" = 4 -a -s "$tmp/a/ran" -a -s "$tmp/b/ran"
	both
	touch "$tmp"/{a,b}/lose-verdict
	holds 'guests that do not pass are failures' fails drive "$tmp/top/scripts/measure/bench" series
	holds 'which are named' grep -q '^failed: unpatched-again: its guest did not pass; see .*/o/results/.*/verdict.log$' "$tmp/said"
	holds 'and counted' says '1 passed, 3 failed, 0 skipped'
	both
	touch "$tmp"/{a,b}/lose-bench-static
	holds 'and so are builds that have become worse' fails drive "$tmp/top/scripts/measure/bench" series
	holds 'in the last line' says '3 passed, 1 failed, 0 skipped'
	both
	touch "$tmp/b/other"
	holds 'hosts with another source are not compared' fails drive "$tmp/top/scripts/measure/bench" series
	holds 'and that is what is said' grep -q '^bench: the hosts differ, .*source .*;source ' "$tmp/said"
	both
	mkdir -p "$tmp/bin"
	printf '%s\n' '#!/bin/sh' 'echo "gcc of another kind"' > "$tmp/bin/gcc"
	chmod +x "$tmp/bin/gcc"
	kill_server 127.0.0.3
	begin_server 127.0.0.3 host-127.0.0.3 "SetEnv PATH=$tmp/bin:$PATH"
	holds 'hosts with different compilers are not compared' fails drive "$tmp/top/scripts/measure/bench" series
	holds 'and that is said' grep -q '^bench: the hosts differ, .*another kind' "$tmp/said"
	kill_server 127.0.0.3
	begin_server 127.0.0.3
}

# The same without other machines: what came of it is in one line, and what it was of is kept.
kernels_here() {
	local bench=(env -u HOSTS "$tmp/top/scripts/measure/bench") tree=$tmp/o/6.12/linux

	both
	result 'a bench on this machine passes' "$(drive "${bench[@]}" series || cat "$tmp/said")"
	holds 'as one verdict, with that of the builds' says '4 passed, 0 failed, 0 skipped'
	holds 'which is the only one' test "$(grep -c ' passed, ' "$tmp/said")" = 1
	holds 'it keeps which trees it was of' grep -qE '^series [0-9a-f]{40}$' "$(echo "$tmp"/o/results/*-bench/about)"
	rm -r "$tmp"/o/results/*
	touch "$tmp/o/lose-bench-static" "$tree/new"
	holds 'one whose builds have become worse fails' fails drive "${bench[@]}" series
	holds 'in the last line' says '3 passed, 1 failed, 0 skipped'
	holds 'edits are told' grep -qE '^series [0-9a-f]{40} with edits [0-9a-f]{12}$' "$(echo "$tmp"/o/results/*-bench/about)"
	rm -r "$tmp"/o/results/*
	touch "$tmp/o/lose-verdict"
	holds 'a short one fails if a guest does not pass' fails drive "${bench[@]}" --few
	holds 'and is not taken for a whole one' test -d "$(echo "$tmp"/o/results/*-bench-few)"
	holds 'in which a guest that did not is named' grep -q '^failed: series: its guest did not pass; see ' "$tmp/said"
}

# Bugs, each of which is a kernel and a guest.
many_mutants() {
	local names=(one one-again two three) name

	both
	rm "$tmp"/top/scripts/check/mutants/*.patch
	for name in "${names[@]}"; do
		printf '%s\n' 'A bug.' '' "Killed by: suite.$name" '' '--- a/x' > "$tmp/top/scripts/check/mutants/$name.patch"
	done
	printf '%s\n' '#!/bin/sh' ': > "$2.bzImage"' > "$tmp/top/scripts/check/patched"
	result 'mutants on two hosts are found' "$(drive "$tmp/top/scripts/check/mutate" || cat "$tmp/said")"
	holds 'as one verdict' says '4 passed, 0 failed, 0 skipped'
	holds 'the results of each are here' test "$(printf '%s\n' "$tmp"/o/results/mutant-*/mutant.json | wc -l)" = 4
	holds 'each host has looked at its kernel without one, as many guests as it has at a time' \
		test "$(grep -c 'none' "$tmp/a/ran") $(grep -c none "$tmp/b/ran")" = "$(nproc) $(nproc)"
	without_a_verdict
}

# What was found of a mutant before is nothing that its last try has found.
without_a_verdict() {
	printf '%s\n' '#!/bin/sh' '[ "${2##*/}" != three ] || exit 1' ': > "$2.bzImage"' > "$tmp/top/scripts/check/patched"
	touch "$tmp/o/dies-in-two"
	holds 'a mutant that is not built has failed, and so has one whose guest leaves nothing' \
		fails drive env -u HOSTS "$tmp/top/scripts/check/mutate" one two three
	holds 'as one verdict' says '1 passed, 2 failed, 0 skipped'
	holds 'which is what is kept of them' \
		test "$(cd "$tmp/o/results" && grep -l '"failed", "lines": \["no verdict"\]' mutant-*/mutant.json | xargs)" = 'mutant-three/mutant.json mutant-two/mutant.json'
	holds 'with what it is of' \
		test "$(grep -l '"BASE=6.12 SERIES=apply CONFIG=plain"' "$tmp"/o/results/mutant-*/mutant.json | wc -l)" = 4
}

this_machine() {
	both
	printf ':\n' > "$tmp/hosts"
	result 'this machine is a host without ssh' "$(matrix || cat "$tmp/said")"
	holds 'as one verdict' says '4 passed, 0 failed, 0 skipped'
	holds 'in the same O=' test "$(wc -l < "$tmp/o/ran")" = 4
	result 'as it is without a list' "$(drive env HOSTS=localhost "$tmp/top/scripts/check/matrix" s1 || cat "$tmp/said")"
	holds 'as one verdict' says '1 passed, 0 failed, 0 skipped'
}

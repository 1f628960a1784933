# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154	# set by the script
#
# What selftests/ does when something goes wrong around it.  Sourced, by scripts/selftest/errors.

selftests() {
	guest_items
	sleepers
	numbers
	places_for_results
	limits
	leftovers
}

# PID 1 of the guest, as a program of this machine.
guest_items() {
	g++ -std=c++20 -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64 -Iselftests -Iselftests/lib -Iselftests/guest -static \
		-Wl,--wrap=open64 -o "$tmp/guest_item" scripts/selftest/errors.d/guest_item.cpp \
		"$SELFTESTS"/{guest/guest_items,guest/guest_child,guest/guest_disturb,lib/fmt_static}.o
	says 'a setting of the plan that cannot be made ends the guest' '^died: set /nowhere: No such file' "$tmp/guest_item" set
	says 'results that a program has left in its pipe are taken, however slow the port is' \
		'^300 results, outcome 0, $' "$tmp/guest_item" results
	says 'an insmod that was killed is said to be that' '^0 results, outcome 1, insmod: killed by signal 9$' \
		"$tmp/guest_item" killed
	says 'a module that does not come to be loaded hangs, and PID 1 goes on' \
		'^0 results, outcome 3, hung in unknown_case: not over after 2 s$' timeout 30 "$tmp/guest_item" stuck
	says 'the kernel log of the time in which it was loaded is read' '^# x: begins # x: End of test: SUCCESS # rmmod no_such_module: ' \
		bash -c "'$tmp/guest_item' torture | grep '^#' | xargs; exit 1"
}

# Whether a thread sleeps is unknown only if nobody may know.
sleepers() {
	g++ -std=c++20 -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64 -Iselftests/lib -static -pthread -Wl,--wrap=open64 \
		-o "$tmp/parked" scripts/selftest/errors.d/parked.cpp "$SELFTESTS/lib/fmt_static.o"
	says 'a thread that cannot be read when one looks last does not sleep' '^no$' "$tmp/parked" 1
	says 'one that never can may do so' '^unknown$' "$tmp/parked" 0
}

# A number is decimal digits, and not too many.
numbers() {
	local text
	for text in 10x 0x10 ' 3' 18446744073709551616; do
		says "'$text' is no number" "^lookup_bench: --skip: $text is not a whole number from 0 to 18446744073709551615" \
			"$SELFTESTS/lookup_bench" --list --skip "$text"
	done
	says '010 is ten' '^0$' bash -c "
		diff <('$SELFTESTS/lookup_wait_test' --list --skip 010) <('$SELFTESTS/lookup_wait_test' --list --skip 10); echo \$?; exit 1"
	says 'no samples are not asked for' '^lookup_cost: --batches: 0 is not a whole number from 1' \
		"$SELFTESTS/lookup_cost" --list --batches 0
	says 'nor are no runs' '^lookup_workload: --runs: 0 is not a whole number from 1' \
		"$SELFTESTS/lookup_workload" --list --runs 0
}

# Whether results can be kept is found out first, and what cannot be kept is at least said.
places_for_results() {
	# wants NAME REGEX FILE: of the status, and all that is said
	wants() {
		# shellcheck disable=SC2016  # the other shell expands them
		says "$1" "$2" bash -c 'said=$("$@" 2>&1) || echo "$? $(paste -sd " " <<< "$said")"; exit 1' - \
			"$SELFTESTS/lookup_bench" --dir "$tmp/bench" --threads 1 --mode positive --runs 1 --duration 0.02 --json "$3"
	}

	mkdir -p "$tmp/bench"
	wants 'without a place for results nothing is measured' '^2 lookup_bench: --json /nowhere/x: No such file or directory$' /nowhere/x
	wants 'results that cannot be written are a failure, and are counted' \
		'^1 KTAP .* # Totals: pass:1 fail:0 .* lookup_bench: --json /dev/full: No space left on device$' /dev/full
	unset -f wants
}

# Each of them is stretched, or the opposite.
limits() {
	g++ -std=c++20 -Iselftests/lib -static -pthread -o "$tmp/slow_exit" scripts/selftest/errors.d/slow_exit.cpp \
		"$SELFTESTS"/lib/{ktap,ktap_child,fmt_static}.o
	says 'a process may take its time to end' '^ok 1 late$' bash -c "'$tmp/slow_exit' 1; exit 1"
	says 'which --timeout-scale is about, too' '^# late: passed, but its process did not exit$' "$tmp/slow_exit" 0.1
}

# What a run that was killed or failed has left behind is in the way of none.
leftovers() {
	local bench=("$SELFTESTS/lookup_bench" --dir "$tmp/bench" --threads 1 --mode positive --runs 1 --duration 0.02 --seed 7)

	mkdir -p "$tmp/bench"
	touch "$tmp"/bench/bench-7-{0..63}
	says 'lookup_bench: files of a run that was killed are made anew, and removed' '^1 0$' bash -c "
		echo \$(${bench[*]@Q} | grep -c '^ok 1 ') \$(ls '$tmp/bench' | wc -l); exit 1"
	rm -f "$tmp"/bench/*
	mkdir "$tmp/bench/bench-7-5"
	says 'it does not look up less because a file cannot be made' '^# bench_of_.*/bench-7-5: File exists$' "${bench[@]}"
	says 'and leaves none then' '^bench-7-5$' bash -c "ls '$tmp/bench' | xargs; exit 1"
	no_name_is_in_the_way
	no_idle_process_is_left
}

no_name_is_in_the_way() {
	local name='lookup_workload: nor is a name of another row in the way' dir

	if [[ $(stat -f -c %T /dev/shm) != tmpfs ]] || ! dir=$(mktemp -d /dev/shm/dentry-wait.XXXXXX); then
		result ok "$((number + 1))" "$name # SKIP no tmpfs at /dev/shm"
		return
	fi
	touch "$dir/workload-0"
	says "$name" '^ok 1 workload_threads-cold-1$' bash -c "
		'$SELFTESTS/lookup_workload' --dir '$dir' --rows threads-cold-1 --runs 1; exit 1"
	rm -r "$dir"
}

# raced [PGREP-OPTION...]: its processes.
raced() {
	pgrep "$@" -f "^$tmp/raced "
}

# none_is_raced: and none of them is left.
none_is_raced() {
	! raced
}

# raced_is_held RUN: its case is stopped, and has a process.  Each of these lives for less than a
# millisecond if it is not, so one who looks for it by chance may never see it.
raced_is_held() {
	local child

	child=$(raced -P "$1") || return
	kill -STOP "$child"
	raced -P "$child" && return
	kill -CONT "$child"
	return 1
}

no_idle_process_is_left() {
	local name='a case that is killed leaves no process' run

	if (($(nproc) < 2)); then
		result ok "$((number + 1))" "$name # SKIP a race needs two CPUs"
		return
	fi
	cp "$SELFTESTS/lookup_race_test" "$tmp/raced"
	"$tmp/raced" --filter '*_of_a_new_process_*' --duration 20 > "$tmp/raced.log" &
	run=$!
	if soon raced_is_held "$run" && kill -KILL "$run" && soon none_is_raced; then
		result ok "$((number + 1))" "$name"
	else
		result 'not ok' "$((number + 1))" "$name"
		raced | xargs -r kill -KILL
	fi
	wait "$run" 2> /dev/null || true
}

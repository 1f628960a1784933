# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# HOSTS=FILE: the items of a run are handed out to hosts by GNU parallel, over ssh.  Sourced, after
# lib.sh, tally.sh and progress.sh.
#
# FILE is what `parallel --sshloginfile` takes, a host a line, and what is said of O= there:
#
#	# O=/scratch/dentry-wait
#	[CPUS/][USER@]HOST
#	[CPUS/]ssh OPTION... [USER@]HOST
#	[CPUS/]:
#
# A line "# O=DIR" holds for the hosts below it; without one, or with "# O=", it is the default
# of the user who logs in, ~/.cache/dentry-wait.  ":" is this machine, without ssh and with the
# O= of this run; HOSTS=localhost is a FILE with that line.  CPUS instead of those that it has.
# A machine may be in there several times under names of ssh_config, with an O= for each.
#
# A host has the source of Debian, bash, perl, tar and gzip, and root or sudo; all else is
# installed there as it is here.  It has a copy of this checkout in $O/hosts/checkout, and builds
# what it needs, or has it from last time.
#
# The record of what is done, $O/hosts/VERB-KEY/ on this side, is of this checkout and these
# variables, and an item in it of the packages of a host.  It is kept until all is done, so that
# another run does what is missing.

# shellcheck source=scripts/lib/made.sh
. "$TOP/scripts/lib/made.sh"

# What the hosts are told of what the user has asked for.
TOLD=(BASE SERIES CONFIG KUNIT FILTER SEED DURATION THREADS TIMEOUT ACCEL SMP MEMORY ARCH LLVM CC C W WITH FS
	PATIENCE)

# Whether the user has asked for that of variable $1 which it is.
asked_for() {
	[[ " ${NOT_ASKED_FOR[*]} " != *" $1 "* ]] && wanted "$1"
}

# The login of each host as it is written, its CPUs, its O=; by the name that it has in what is said.
declare -A LOGIN_OF=() CPUS_OF=() O_OF=()
NAMES=()

# Reads $HOSTS.
read_hosts() {
	local line number=0 where='' words name login cpus other text

	[[ -z $KDIR$KCONFIG$STOCK ]] || die "HOSTS=$HOSTS: the hosts have no KDIR, KCONFIG and STOCK of yours; leave them away"
	if [[ $HOSTS == localhost && ! -e $HOSTS ]]; then
		text=:
	else
		[[ -f $HOSTS && -r $HOSTS ]] || die "HOSTS=$HOSTS: no such file; its form is in scripts/lib/hosts.sh"
		text=$(< "$HOSTS")
	fi
	while IFS= read -r line; do
		number=$((number + 1))
		if [[ $line =~ ^[[:space:]]*#[[:space:]]*O=(.*)$ ]]; then
			where=${BASH_REMATCH[1]%"${BASH_REMATCH[1]##*[![:space:]]}"}
			[[ -z $where || ($where == /* && $where != *[[:space:]:,]*) ]] ||
				die "HOSTS=$HOSTS:$number: O=$where: want an absolute path without blanks, colons and commas"
			continue
		fi
		[[ $line =~ ^[[:space:]]*(([0-9]+)/)?([^#[:space:]].*[^[:space:]]|[^#[:space:]])[[:space:]]*$ ]] || {
			[[ $line =~ ^[[:space:]]*(#.*)?$ ]] || die "HOSTS=$HOSTS:$number: '$line' is no host"
			continue
		}
		cpus=${BASH_REMATCH[2]} login=${BASH_REMATCH[3]}
		[[ $cpus != 0* || -z $cpus ]] || die "HOSTS=$HOSTS:$number: '$line': want a number of CPUs from 1"
		read -ra words <<< "$login"
		((${#words[@]} == 1)) || [[ ${words[0]} == ?(*/)ssh ]] ||
			die "HOSTS=$HOSTS:$number: '$line': want a host, or ssh OPTION... HOST"
		[[ ${words[-1]} == : || ${words[-1]} =~ ^([A-Za-z0-9_.-]+@)?[A-Za-z0-9][A-Za-z0-9_.:-]*$ ]] ||
			die "HOSTS=$HOSTS:$number: '$line': '${words[-1]}' is no host"
		# What parallel takes for a host, whatever the login is.
		name=${words[-1]##*@} name=${name//:/-}
		[[ ${words[-1]} != : ]] || name=localhost
		for other in "${NAMES[@]}"; do
			[[ ${LOGIN_OF[$other]} != "${words[*]}" ]] || die "HOSTS=$HOSTS:$number: $login is there twice"
		done
		while [[ -n ${LOGIN_OF[$name]:-} ]]; do
			name+=-too
		done
		NAMES+=("$name")
		LOGIN_OF[$name]=${words[*]} CPUS_OF[$name]=$cpus O_OF[$name]=$where
	done <<< "$text"
	((${#NAMES[@]} > 0)) || die "HOSTS=$HOSTS: there is no host in it; its form is in scripts/lib/hosts.sh"
}

# Sets $SSH to the command that reaches host $1.  It never asks anything, and a host that does
# not answer any more is given up after a minute.
ssh_to() {
	local words
	read -ra words <<< "${LOGIN_OF[$1]}"
	((${#words[@]} > 1)) || words=(ssh "${words[0]}")
	SSH=("${words[@]:0:${#words[@]}-1}" -o BatchMode=yes -o ConnectTimeout=30 -o ServerAliveInterval=15
		-o ServerAliveCountMax=4 "${words[-1]}")
}

# Why ssh to host $1 failed with status $2: what it said is in file $3.
why_not_reached() {
	local host=${LOGIN_OF[$1]##* } last
	last=$(grep -v '^[[:space:]]*$' "$3" | tail -n 1) || true
	if (($2 != 255)); then
		printf '%s\n' "${last:-it has ended with status $2}"
	elif grep -q 'IDENTIFICATION HAS CHANGED' "$3"; then
		# It says the command itself, with the file and the port.
		printf 'its key has changed; if that is as it should be: %s\n' \
			"$(grep -om 1 'ssh-keygen -f .*' "$3" | tr -d '\r' | grep . || printf "ssh-keygen -R '%s'" "${host##*@}")"
	elif grep -q 'Host key verification failed' "$3"; then
		printf 'its key is not known here; compare it: %s\n' "${LOGIN_OF[$1]/#"$host"/ssh $host}"
	elif grep -q 'Permission denied' "$3"; then
		printf 'it takes none of your keys, and asking for a password is not done; ssh-copy-id, or ssh-add\n'
	else
		printf 'cannot be reached: %s\n' "${last#ssh: }"
	fi
}

# Ask host $1 for its O=; what is wrong goes to $rec/wrong-$1.
ask_host() {
	local name=$1 status=0

	if [[ ${LOGIN_OF[$name]} == : ]]; then
		printf '%s\n' "$RUN" > "$O/hosts/run"
		printf 'O=%s\ncpus=%s\nmachine=%s\nmade=%s\n' "$O" "$(nproc)" \
			"$(cat /etc/machine-id 2> /dev/null || hostname)" "$(made)" > "$rec/probe-$name"
		return
	fi
	ssh_to "$name"
	setpriv --pdeathsig TERM "${SSH[@]}" bash -s "$RUN" "${O_OF[$name]}" < <(cat "$TOP"/scripts/lib/{made,host-probe}.sh) \
		> "$rec/probe-$name" 2> "$rec/said-$name" || status=$?
	((status == 0)) || why_not_reached "$name" "$status" "$rec/said-$name" > "$rec/wrong-$name"
}

# Send the checkout to host $1.
send_checkout() {
	local name=$1 status=0

	[[ ${LOGIN_OF[$name]} != : ]] || return 0
	ssh_to "$name"
	tar -c -z -C "$TOP" --exclude=./.git --exclude=__pycache__ . |
		setpriv --pdeathsig TERM "${SSH[@]}" \
		"cd '$(probed O "$name")/hosts' && rm -rf checkout.new && mkdir checkout.new && tar -x -z -C checkout.new && rm -rf checkout && mv checkout.new checkout" \
		2> "$rec/said-$name" || status=$?
	((status == 0)) || why_not_reached "$name" "$status" "$rec/said-$name" > "$rec/wrong-$name"
}

# COMMAND of each host, at the same time; a line for each that something is wrong with.
all_hosts() {
	local name bad=0
	for name in "${NAMES[@]}"; do
		"$1" "$name" &
	done
	wait
	for name in "${NAMES[@]}"; do
		[[ ! -s $rec/wrong-$name ]] || {
			printf '%s: HOSTS=%s: %s: %s\n' "${0##*/}" "$HOSTS" "$name" "$(head -n 1 "$rec/wrong-$name")" >&2
			bad=1
		}
	done
	((bad == 0)) || exit 1
}

# Value of KEY $1 that host $2 has answered.
probed() {
	sed -n "s/^$1=//p" "$rec/probe-$2"
}

# All hosts are there, and are different ones; or a line for each that is not, and the end.
take_hosts() {
	local name same

	rm -f "$rec"/{probe,said,wrong,host}-*
	all_hosts ask_host
	same=$(for name in "${NAMES[@]}"; do
		printf '%s %s\n' "$(probed machine "$name") $(probed O "$name")" "$name"
	done | sort | awk 'seen[$1 " " $2] { print seen[$1 " " $2], "and", $3, "are one machine with one O=" $2; exit }
		{ seen[$1 " " $2] = $3 }')
	[[ -z $same ]] || die "HOSTS=$HOSTS: $same"
	all_hosts send_checkout
}

# The hosts for parallel, each with how many items it has at a time, by expression $1; and for scripts/lib/over-ssh how each is reached.
write_hosts() {
	local name cpus slots variable settings checkout

	for name in "${NAMES[@]}"; do
		cpus=${CPUS_OF[$name]:-$(probed cpus "$name")}
		slots=$(($1))
		((slots >= 1)) || slots=1
		printf '%d/%s\n' "$slots" "$name"
		SSH=() checkout=$(probed O "$name")/hosts/checkout
		if [[ ${LOGIN_OF[$name]} == : ]]; then
			checkout=$TOP
		else
			ssh_to "$name"
		fi
		settings=("O=$(probed O "$name")" "RUN=$RUN" "GUESTS=$cpus" "CHECKOUT=$checkout")
		for variable in "${TOLD[@]}"; do
			! asked_for "$variable" || settings+=("$variable=${!variable}")
		done
		declare -p settings SSH | sed 's/^declare -a settings=/SETTINGS=/; s/^declare -a SSH=/LOGIN=/' > "$rec/host-$name"
	done > "$rec/hosts"
	cp "$rec/hosts" "$rec/left"
}

# What is handed out is made of these.
key_of_run() {
	local variable
	{
		(cd "$TOP" && find Makefile Kconfig.fragment module kunit selftests scripts patches \
			-name __pycache__ -prune -o -type f ! -name '*.md' -print0 | sort -z | xargs -0 sha256sum)
		for variable in "${TOLD[@]}"; do
			! asked_for "$variable" || printf '%s=%s\n' "$variable" "${!variable}"
		done
	} | sha256sum | cut -c1-12
}

# begin_hosts VERB: the hosts that read_hosts has read are taken, and $rec is the record.
begin_hosts() {
	verb=$1 rec=$O/hosts/$1-$(key_of_run)
	RUN=$(hostname)-$$-$(date +%s)
	NEED="parallel openssh-client" "$TOP/scripts/steps/deps" > /dev/null
	mkdir -p "$rec/done" "$rec/made" "$rec/out"
	rm -f "$rec"/{attempts,trouble,joblog,left.lock}
	touch "$rec"/{attempts,trouble}
	take_hosts
}

# Whether one of the hosts would make item $1 with the same.
some_host_made() {
	local probe
	for probe in "$rec"/probe-*; do
		! made_as_now "$rec/made/$1" "$probe" || return 0
	done
	return 1
}

# What has come of item $1, the archive of which is $rec/out/$1, becomes ours: what it said is
# in $rec/done/$1, its results are in $INTO.  A host's O= in what people read is told as ours.
collect() {
	local name=$1 new=$rec/new entry target there file
	there=$(probed O "$2")
	rm -rf "$new"
	mkdir "$new"
	tar -x -z -f "$rec/out/$name" -C "$new" 2> /dev/null && [[ -f $new/said && -f $new/made ]] || return
	mkdir -p "$INTO"
	while IFS= read -r -d '' file; do
		sed -i "s,$there/hosts/items/$name/results,$INTO,g; s,\bO=\(.\?\)$there\b,O=\1$O,g" "$file"
	done < <(find "$new" -type f \( -name said -o -name '*.log' -o -name summary.txt -o -name '*.json' \
		-o -name junit.xml \) ! -name console.log -print0)
	for entry in "$new"/results/*; do
		[[ -e $entry || -L $entry ]] || continue
		target=${entry##*/}
		# Two hosts may have begun in the same second.
		while [[ $target == [0-9]*Z-* && -e $INTO/$target && ! -L $INTO/$target ]]; do
			grep -rlF "$INTO/$target" "$new" | xargs -r sed -i "s,$INTO/$target\b,&x,g"
			target+=x
		done
		rm -rf "${INTO:?}/$target"
		mv "$entry" "$INTO/$target"
	done
	mv "$new/made" "$rec/made/$name"
	mv "$new/said" "$rec/done/$name"
	rm -rf "$new" "$rec/out/$name"{,.err,.seq}
}

# Show what came of item $1, and add it up.
show_item() {
	sed '$d' "$rec/done/$1"
	add_tally "$(tail -n 1 "$rec/done/$1")"
}

# Say what went wrong on a host since the last time, once.
show_trouble() {
	local item host why
	while IFS=$'\t' read -r item host why; do
		[[ -z ${told[$host$why]:-} ]] || continue
		told[$host$why]=1
		say hosts "$host: ${names[item - 1]:-item $item}: $why; if it can be, it is done elsewhere"
	done < <(tail -n "+$((troubles + 1))" "$rec/trouble")
	troubles=$(wc -l < "$rec/trouble")
}

# Those that took longest last time first, so that no host is left with a long one at the end.
longest_first() {
	local name
	for name; do
		printf '%s %s\n' "$(last_time "$verb-$name" | grep . || printf 999999)" "$name"
	done | sort -k1,1nr -s | sed 's/^[0-9]* //'
}

# hand_out SCRIPT SLOTS [NAME...]: SCRIPT --one NAME of each on one of the hosts, which has SLOTS
# of them at a time, an expression in which $cpus is that of the host.  What has a verdict from
# an earlier run is not done again, if one of the hosts would make it with the same packages.  $INTO is where results go, $when_done what is called with
# each name behind show_item, if any, $equal whether all take the same time.  Sets $missing to what
# could not be done.
hand_out() {
	local script=$1 slots=$2 name names=() pid seq host seconds status _
	local -A told=()
	local troubles=0
	shift 2

	missing=()
	: "${INTO:=$RESULTS}"
	for name; do
		if [[ -f $rec/done/$name ]] && some_host_made "$name"; then
			show_item "$name"
		else
			rm -f "$rec/done/$name"
			names+=("$name")
		fi
	done
	((${#names[@]} == $#)) || say hosts "$(($# - ${#names[@]})) of $# were done before; ${#names[@]} are left"
	((${#names[@]} > 0)) || return 0
	[[ -n ${equal:-} ]] || mapfile -t names < <(longest_first "${names[@]}")
	write_hosts "$slots"
	rm -f "$rec/joblog"
	printf '%s\n' "${names[@]}" > "$rec/names"
	# 9 is the lock of $O, which a host's O= is not; what runs here has it by $LOCKED.
	setpriv --pdeathsig TERM parallel --will-cite --plain --sshloginfile "$rec/left" --jobs 100% \
		--ssh "$TOP/scripts/lib/over-ssh $rec" --retries ${#NAMES[@]} --termseq TERM,10000,KILL,25 \
		--joblog "$rec/joblog" --results "$rec/out/{}" ${HALT:+--halt "$HALT"} \
		-a "$rec/names" "\"\$CHECKOUT\"/scripts/lib/on-host $script {}" > /dev/null 2> "$rec/parallel.log" < /dev/null &
	pid=$!
	# shellcheck disable=SC2064  # it is this one, whatever comes
	trap "kill $pid 2> /dev/null; wait $pid" EXIT
	while IFS=$'\t' read -r seq host _ seconds _ _ status _; do
		[[ $seq != Seq ]] || continue
		name=${names[seq - 1]}
		show_trouble
		if [[ $status != 0 ]]; then
			continue
		elif ! collect "$name" "$host"; then
			printf '%d\t%s\twhat it sent is no whole archive\n' "$seq" "$host" >> "$rec/trouble"
		else
			show_item "$name"
			[[ -n ${equal:-} ]] || keep_time "$verb-$name" "${seconds%%.*}"
			[[ -z ${when_done:-} ]] || "$when_done" "$name"
		fi
	done < <(tail --pid="$pid" -n +1 -F "$rec/joblog" 2> /dev/null)
	wait "$pid" || true
	trap - EXIT
	show_trouble
	for name in "${names[@]}"; do
		[[ -f $rec/done/$name ]] || missing+=("$name")
	done
}

# Why item $1 was not done, as the last host has said, or parallel.
why_missing() {
	local why
	why=$(awk -F '\t' -v item="$(grep -nxF -- "$1" "$rec/names" | cut -d: -f1)" \
		'$1 == item { said = $2 ": " $3 } END { print said }' "$rec/trouble")
	[[ -n $why ]] || why=$(tail -n 1 "$rec/parallel.log" | sed 's/^parallel: //')
	printf '%s\n' "${why:-it was not begun}"
}

# The end of a run of HOSTS=: what no host could do is named, and counts as failed.  A record that
# is whole is not kept.
end_hosts() {
	local name

	[[ ! -s $rec/attempts ]] || "$TOP/scripts/lib/schedule" "$rec"
	if ((${#missing[@]} == 0)); then
		rm -rf "$rec"
		return
	fi
	for name in "${missing[@]}"; do
		printf '  FAIL       %s: not done: %s\n' "$name" "$(why_missing "$name")"
		failed=$((failed + 1))
	done
	say hosts "the same command does only what is missing: ${#missing[@]} of $(($(find "$rec/done" -type f | wc -l) + ${#missing[@]}))"
}

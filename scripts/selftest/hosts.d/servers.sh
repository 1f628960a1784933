# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154	# set by the script
#
# Hosts that are servers on loopback addresses: sshd with keys made for it.  Sourced, by
# scripts/selftest/hosts and scripts/selftest/errors.

declare -A SERVER=()	# the process of each address
PORT=

# A port that nobody has on these addresses.
free_port() {
	python3 - <<- 'END'
	import socket
	with socket.socket() as one:
	    one.bind(('127.0.0.2', 0))
	    print(one.getsockname()[1])
	END
}

# A key of that name, for a host or for us.
make_key() {
	rm -f "$tmp/ssh/$1" "$tmp/ssh/$1.pub"
	ssh-keygen -q -t ed25519 -N '' -C "$1" -f "$tmp/ssh/$1"
}

# begin_server ADDRESS [KEY [LINE]]: with that key of its own, in place of the one that is known to
# us, and with a LINE of sshd_config.
begin_server() {
	local address=$1 until=$((SECONDS + 60 * TIMEOUT))

	cat > "$tmp/ssh/sshd-$address" <<- END
		ListenAddress $address:$PORT
		HostKey $tmp/ssh/${2:-host-$address}
		AuthorizedKeysFile $tmp/ssh/ours.pub
		PidFile none
		StrictModes no
		UsePAM no
		PasswordAuthentication yes
		KbdInteractiveAuthentication no
		PermitRootLogin yes
		${3:-}
	END
	((EUID != 0)) || mkdir -p /run/sshd
	/usr/sbin/sshd -D -e -f "$tmp/ssh/sshd-$address" 2> "$tmp/ssh/log-$address" &
	SERVER[$address]=$!
	until grep -q '^Server listening' "$tmp/ssh/log-$address" 2> /dev/null; do
		if ((SECONDS >= until)) || ! kill -0 "${SERVER[$address]}"; then
			cat "$tmp/ssh/log-$address" >&2
			die "sshd did not start on $address:$PORT"
		fi
		sleep 0.05
	done
}

# kill_server ADDRESS: as if the machine had gone: the server, and whatever serves a login; what a
# login has started is told nothing.
kill_server() {
	local pids
	mapfile -t pids < <(pgrep -P "${SERVER[$1]}")
	((${#pids[@]} == 0)) || mapfile -t -O "${#pids[@]}" pids < <(pgrep -x sshd -P "$(IFS=, && printf '%s' "${pids[*]}")")
	kill -KILL "${SERVER[$1]}" "${pids[@]}" 2> /dev/null || true
	wait "${SERVER[$1]}" 2> /dev/null || true
	unset "SERVER[$1]"
}

begin_servers() {
	local address

	mkdir -p "$tmp/ssh"
	PORT=$(free_port)
	make_key ours
	make_key nobody
	for address in 127.0.0.2 127.0.0.3; do
		make_key "host-$address"
		printf '[%s]:%d %s\n' "$address" "$PORT" "$(cut -d ' ' -f 1,2 "$tmp/ssh/host-$address.pub")"
		begin_server "$address"
	done > "$tmp/ssh/known_hosts"
}

end_servers() {
	local address
	for address in "${!SERVER[@]}"; do
		kill_server "$address"
	done
}

# login ADDRESS [OPTION...]: a line of HOSTS for it.
login() {
	printf 'ssh -F none -p %d -i %s -o IdentitiesOnly=yes -o UserKnownHostsFile=%s %s%s\n' "$PORT" \
		"$tmp/ssh/${KEY:-ours}" "$tmp/ssh/${KNOWN:-known_hosts}" "${*:2}${2:+ }" "$(id -un)@$1"
}

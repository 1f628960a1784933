# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154	# set by the script
#
# What is wrong with HOSTS=, and with the hosts in it.  Sourced, by scripts/selftest/errors.

# hosts_say NAME REGEX LINE...: of a file with these lines.
hosts_say() {
	local name=$1 regex=$2
	shift 2
	printf '%s\n' "$@" > "$tmp/hosts"
	says "$name" "$regex" timeout $((60 * TIMEOUT)) env -u LOCKED O="$tmp/hosts-o" HOSTS="$tmp/hosts" scripts/check/matrix plain
}

# One line, nothing else, and no password is asked for at a terminal either.
never_asks() {
	local status=0
	printf '%s\n' "$(KEY=nobody login 127.0.0.2)" > "$tmp/hosts"
	env -u LOCKED O="$tmp/hosts-o" HOSTS="$tmp/hosts" timeout $((30 * TIMEOUT)) \
		script -qec 'scripts/check/matrix plain' "$tmp/typed" > /dev/null 2>&1 < /dev/null || status=$?
	if ((status != 0 && status != 124)) && grep -q 'it takes none of your keys' "$tmp/typed" && ! grep -qi 'password:' "$tmp/typed"; then
		result ok "$((number + 1))" 'nor does it at a terminal'
	else
		result 'not ok' "$((number + 1))" 'nor does it at a terminal'
		tail -n 8 "$tmp/typed" | sed 's/^/#   /'
	fi
}

hosts() {
	local good

	says 'a HOSTS that is not there is named' 'HOSTS=/nowhere: no such file; its form is in' \
		env HOSTS=/nowhere scripts/check/matrix plain
	says 'HOSTS is for some verbs' 'HOSTS=/nowhere: make kunit runs on one machine; make matrix, mutants, soak and bench take' \
		env HOSTS=/nowhere scripts/steps/run kunit
	says 'a tree of yours is on no host' 'HOSTS=/nowhere: the hosts have no KDIR' \
		env HOSTS=/nowhere KDIR="$TOP" scripts/check/matrix plain
	NEED="openssh-server parallel" "$TOP/scripts/steps/deps" > /dev/null
	begin_servers
	good=$(login 127.0.0.2)
	hosts_say 'a HOSTS without a host is refused' 'matrix: HOSTS=.*: there is no host in it' '# O=/tmp' '' '# nobody'
	hosts_say 'so is one with a host twice' "HOSTS=.*:3: .*127\.0\.0\.2 is there twice" "$good" '' "2/$good"
	hosts_say 'so is a line that is no host' "HOSTS=.*:1: 'rsh there': want a host, or ssh OPTION" 'rsh there'
	hosts_say 'and an O= that is no path' "HOSTS=.*:1: O=here: want an absolute path" '# O=here' "$good"
	hosts_say 'and no CPUs' 'HOSTS=.*:1: .*: want a number of CPUs from 1' "0/$good"
	hosts_say 'two names of one machine with one O= are noticed' \
		'HOSTS=.*: 127\.0\.0\.2 and 127\.0\.0\.3 are one machine with one O=' \
		"# O=$tmp/same" "$good" "$(login 127.0.0.3)"
	hosts_say 'a host that cannot be reached is named' \
		'^matrix: HOSTS=.*: 127\.0\.0\.4: cannot be reached: .*Connection refused' "# O=$tmp/there" "$(login 127.0.0.4)"
	hosts_say 'one that has no name either' \
		'^matrix: HOSTS=.*: no-such\.invalid: cannot be reached: Could not resolve' "$(login no-such.invalid)"
	hosts_say 'one that would ask for a password is named, and does not ask' \
		'^matrix: HOSTS=.*: 127\.0\.0\.2: it takes none of your keys' "$(KEY=nobody login 127.0.0.2)"
	never_asks
	sed "s,^\(\[127\.0\.0\.2\].* \)[^ ]*$,\1$(cut -d ' ' -f 2 "$tmp/ssh/nobody.pub")," "$tmp/ssh/known_hosts" > "$tmp/ssh/changed"
	hosts_say 'one whose key has changed is named' "^matrix: HOSTS=.*: 127\.0\.0\.2: its key has changed; .*ssh-keygen -f .*changed.* -R .*127\.0\.0\.2.*:$PORT" \
		"$(KNOWN=changed login 127.0.0.2)"
	: > "$tmp/ssh/none"
	hosts_say 'so is one whose key is not known' '^matrix: HOSTS=.*: 127\.0\.0\.2: its key is not known here; compare it: ssh ' \
		"$(KNOWN=none login 127.0.0.2)"
	mkdir -p "$tmp/theirs"
	: > "$tmp/theirs/file"
	hosts_say 'an O= that is not ours is left alone there' '127\.0\.0\.2: O=.*theirs is not empty and was not created by' \
		"# O=$tmp/theirs" "$good"
	end_servers
}

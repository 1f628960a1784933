# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# How a script answers -h and --help, and words that it does not take.  Sourced, by lib.sh
# before anything else is done, and by what does not need lib.sh.

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

# The status of a script that was called in a wrong way.
: "${USAGE_STATUS:=2}"

# The comment at the head of a script is its manual.
print_head() {
	sed -n '1d; /^# SPDX/d; /^#/!q; s/^#$//; s/^# //; s/^#\t/\t/; p' "$0" | sed '1{/^$/d}'
}

if [[ ${1:-} == -h || ${1:-} == --help ]]; then
	# Somebody may read its first line only; and this is no verdict on anything.
	trap '' PIPE
	trap - EXIT
	print_head 2> /dev/null || true
	exit 0
fi

# One line: what is wrong with the words, and which there are.
misused() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit "$USAGE_STATUS"
}

# A synopsis as an expression for words, each with a 0x1f behind it.  In a synopsis
#
#	a|b		is one of these words
#	NAME		is any word that does not begin with a -
#	NAME...		is one or more of these
#	COMMAND...	is a command, whose words are its own business
#	[...]		may be left out
synopsis_to_regex() {
	local token regex='' sep=$'\x1f' synopsis=${1//[/ [ }

	for token in ${synopsis//]/ ] }; do
		case $token in
		'[') regex+='(' ;;
		']') regex+=')?' ;;
		COMMAND...) regex+="[^-$sep][^$sep]*$sep([^$sep]*$sep)*" ;;
		[A-Z]*...) regex+="([^-$sep][^$sep]*$sep)+" ;;
		[A-Z]*) regex+="[^-$sep][^$sep]*$sep" ;;
		*) regex+="($token)$sep" ;;
		esac
	done
	printf '^%s$' "$regex"
}

# takes SYNOPSIS... -- WORD...: the words fit one of the synopses, or this is the end, before
# anything was made, built or removed.
takes() {
	local synopses=() synopsis words='' usage path noglob

	while [[ $1 != -- ]]; do
		synopses+=("$1")
		shift
	done
	shift
	(($# == 0)) || words=$(printf '%s\x1f' "$@")
	[[ -o noglob ]] && noglob=yes
	set -f
	for synopsis in "${synopses[@]}"; do
		[[ ! $words =~ $(synopsis_to_regex "$synopsis") ]] || {
			[[ -n ${noglob:-} ]] || set +f
			return 0
		}
	done
	path=$(realpath -- "$0")
	for synopsis in "${synopses[@]}"; do
		usage+="${usage:+, or }${path#"$TOP"/}${synopsis:+ $synopsis}"
	done
	if (($# > 0)); then
		misused "cannot take ${*@Q}; usage: $usage"
	fi
	misused "something is missing; usage: $usage"
}

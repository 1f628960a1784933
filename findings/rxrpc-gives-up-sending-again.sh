#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# rxrpc: a request that is lost three times is never sent again, and its call goes on.
#
# Packages	linux-binary-7.3.4+deb13-amd64 and linux-modules-7.3.4+deb13-amd64, 7.3.4-1~bpo13+1
#		of trixie-backports; linux-image-6.12.117+deb12-amd64-unsigned
#		6.12.117-1~deb12u1; busybox-static 1:1.35.0-4+deb12u1+b1.  Needs
#		qemu-system-x86_64, cpio and a gcc that links statically
# Seen		A call of one packet, whose server answers pings and has not got that packet.
#		7.3.4 sends it after 0, 1.0 and 1.2 s, and not once in the 28 s behind that, in
#		which it goes on to send pings.  6.12.117 sends it again each 0.8 s or so.
# Expected	That it is sent again, less and less often, until the call is over: the source
#		names RFC 8985 for its timers, and that leaves it to the RTO of TCP, which is
#		armed again each time (RFC 6298, 5.4 to 5.6).  In 7.3.4 the timer is armed
#		behind a probe, and not behind what an RTO has sent.
# So		On 7.3 a call to a server that is alive does not end if its request has been lost
#		three times: one of kafs waits for it with the directory locked.
#
#	findings/rxrpc-gives-up-sending-again.sh	exits with 1 if that has changed

set -euo pipefail

OLD=6.12.117+deb12-amd64
NEW=7.3.4+deb13-amd64
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
cd "$WORK"

# Backports of the next release are no source of this machine: they are asked for apart, from
# where it has its own.
mkdir -p apt/etc/apt.conf.d apt/etc/preferences.d apt/etc/trusted.gpg.d apt/lists/partial \
	apt/cache/archives/partial
# shellcheck disable=SC2016  # apt expands these
mirror=$(apt-get indextargets --format '$(ORIGIN) $(RELEASE) $(REPO_URI)' |
	awk '$1 == "Debian" && $2 ~ /^[a-z]+$/ { print $3; exit }')
[[ $mirror ]] || { echo 'apt knows no mirror of Debian; run apt-get update' >&2; exit 2; }
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie-backports main" \
	> apt/etc/sources.list
cat > apt/apt.conf << END
Dir::Etc "$WORK/apt/etc";
Dir::State "$WORK/apt";
Dir::State::status "/dev/null";
Dir::Cache "$WORK/apt/cache";
APT::Sandbox::User "$(id -un)";
END
{
	apt-get download -q "linux-image-$OLD-unsigned=6.12.117-1~deb12u1" \
		busybox-static=1:1.35.0-4+deb12u1+b1
	APT_CONFIG=apt/apt.conf apt-get update -q
	APT_CONFIG=apt/apt.conf apt-get download -q {"linux-binary-$NEW","linux-modules-$NEW"}=7.3.4-1~bpo13+1
} > apt.log 2>&1 || { cat apt.log >&2; exit 2; }
for package in *.deb; do
	dpkg -x "$package" packages
done

# The client, and a server that gets no request: its port of UDP.
cat > call.c << 'END'
#include <arpa/inet.h>
#include <endian.h>
#include <linux/rxrpc.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>

#define SECONDS		30

/* What is on the wire, in big endian. */
struct header {
	uint32_t epoch, cid, call, seq, serial;
	uint8_t type, flags, status, security;
	uint16_t checksum, service;
} __attribute__((packed));

struct ack {
	struct header header;
	uint16_t room, skew;
	uint32_t first, previous, serial;
	uint8_t reason, count, padding[3];
	uint32_t most, mtu, window, jumbo;
} __attribute__((packed));

enum { TYPE_DATA = 1, TYPE_ACK = 2, REASON_PING = 6, REASON_ANSWER = 7 };

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

/* The answer of who has no packet of this call yet. */
static struct ack answer_to(const struct ack *ping)
{
	static uint32_t serial;

	return (struct ack){
		.header = { .epoch = ping->header.epoch, .cid = ping->header.cid,
			    .call = ping->header.call, .serial = htobe32(++serial),
			    .type = TYPE_ACK, .service = ping->header.service },
		.room = htobe16(32), .first = htobe32(1), .serial = ping->header.serial,
		.reason = REASON_ANSWER, .most = htobe32(1444), .mtu = htobe32(1444),
		.window = htobe32(32), .jumbo = htobe32(1),
	};
}

int main(void)
{
	struct sockaddr_in port = { .sin_family = AF_INET, .sin_port = htobe16(7001),
				    .sin_addr.s_addr = htobe32(INADDR_LOOPBACK) };
	struct sockaddr_rxrpc server = { .srx_family = AF_RXRPC, .srx_service = 1,
					 .transport_type = SOCK_DGRAM,
					 .transport_len = sizeof(port), .transport.sin = port };
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(unsigned long))];
	} id = { .header = { .cmsg_len = CMSG_LEN(sizeof(unsigned long)),
			     .cmsg_level = SOL_RXRPC, .cmsg_type = RXRPC_USER_CALL_ID } };
	struct iovec request = { "request", 7 };
	struct msghdr message = { .msg_name = &server, .msg_namelen = sizeof(server),
				  .msg_iov = &request, .msg_iovlen = 1, .msg_control = &id,
				  .msg_controllen = sizeof(id) };
	int udp = socket(AF_INET, SOCK_DGRAM, 0);
	int client = socket(AF_RXRPC, SOCK_DGRAM, PF_INET);
	struct pollfd wait = { .fd = udp, .events = POLLIN };
	double begin = now(), at;

	if (bind(udp, (struct sockaddr *)&port, sizeof(port)) || sendmsg(client, &message, 0) < 0) {
		perror("said: call");
		return 1;
	}
	while ((at = now() - begin) < SECONDS) {
		struct sockaddr_in from;
		socklen_t length = sizeof(from);
		struct ack packet = {}, answer;

		if (poll(&wait, 1, (SECONDS - at) * 1000 + 1) < 1 ||
		    recvfrom(udp, &packet, sizeof(packet), 0, (struct sockaddr *)&from, &length) < 0)
			continue;
		at = now() - begin;
		if (packet.header.type == TYPE_DATA) {
			printf("said: request %.1f\n", at);
		} else if (packet.header.type == TYPE_ACK && packet.reason == REASON_PING) {
			printf("said: ping %.1f\n", at);
			answer = answer_to(&packet);
			sendto(udp, &answer, sizeof(answer), 0, (struct sockaddr *)&from, length);
		} else {
			printf("said: other %.1f\n", at);
		}
	}
	return 0;
}
END
gcc -O2 -Wall -static -o call call.c

# boot RELEASE KERNEL MODULE...: what the guest says, whose modules are in the order in which they
# need each other.
boot() {
	local release=$1 kernel=$2 module
	shift 2
	rm -rf root
	mkdir -p root/bin
	cp packages/bin/busybox root/bin
	cp call root
	for module; do
		find packages -path "*/$release/*" -name "$module.ko.xz" -exec xz -dc {} + > "root/$module.ko"
	done
	cat > root/init <<- END
		#!/bin/busybox sh
		/bin/busybox ip link set lo up
		for module in $*; do
			/bin/busybox insmod /\$module.ko || echo "said: no \$module"
		done
		/call
		/bin/busybox poweroff -f
	END
	chmod +x root/init
	(cd root && find . | cpio -o -H newc --quiet) > initramfs
	timeout 300 qemu-system-x86_64 -accel tcg -cpu max -m 512 -display none -serial stdio -no-reboot \
		-kernel "$kernel" -initrd initramfs -append 'console=ttyS0 quiet panic=-1' < /dev/null |
		tr -d '\r' | sed -n 's/^said: //p'
}

# late WORD FILE: how many of these there were more than ten seconds after the call began.
late() {
	awk -v word="$1" '$1 == word && $2 > 10 { count++ } END { print count + 0 }' "$2"
}

boot "$OLD" "packages/boot/vmlinuz-$OLD" udp_tunnel ip6_udp_tunnel pcbc fcrypt rxrpc > old
boot "$NEW" "packages/usr/lib/modules/$NEW/vmlinuz" udp_tunnel ip6_udp_tunnel libdes krb5 rxrpc > new

for guest in old new; do
	printf '%s: requests after %s s; later than 10 s: %d requests, %d pings; other packets: %d\n' \
		"$guest" "$(awk '$1 == "request" && ++n <= 5 { print $2 }' "$guest" | paste -sd ' ')" \
		"$(late request "$guest")" "$(late ping "$guest")" "$(grep -cv '^request \|^ping ' "$guest" || true)"
	(($(late ping "$guest") > 10)) || { echo "$guest: it does not ping, so nothing can be told" >&2; exit 1; }
done
(($(late request old) > 10)) || { echo '6.12.117 does not go on' >&2; exit 1; }
(($(late request new) == 0 && $(grep -c '^request ' new) > 1)) || { echo '7.3.4 does go on' >&2; exit 1; }

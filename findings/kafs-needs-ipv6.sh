#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# kafs: where IPv6 is disabled there is no AFS, over IPv4 neither.
#
# Package	linux-image-6.12.117+deb12-amd64-unsigned 6.12.117-1~deb12u1, with
#		busybox-static 1:1.35.0-4+deb12u1+b1; needs qemu-system-x86_64 and cpio
# Seen		With ipv6.disable=1 on the command line of the kernel, inserting kafs fails
#		with EAFNOSUPPORT (97), "kAFS: failed to register: -97", and there is no
#		filesystem "afs".  rxrpc itself loads.  Without that word both load.
# Expected	A client for cells that have addresses of IPv4, as rxrpc would be.  kafs
#		opens one socket for both, of AF_INET6, and has no other.  A kernel without
#		CONFIG_IPV6 that has kafs built in says the same once, while it boots.
# So		"ipv6.disable=1" takes AFS away, whatever addresses the servers have;
#		net.ipv6.conf.all.disable_ipv6=1 is another thing and was not tried.
#
#	findings/kafs-needs-ipv6.sh	exits with 1 if that has changed

set -euo pipefail

RELEASE=6.12.117+deb12-amd64
VERSION=6.12.117-1~deb12u1
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
cd "$WORK"

apt-get download -q "linux-image-$RELEASE-unsigned=$VERSION" busybox-static=1:1.35.0-4+deb12u1+b1 \
	> apt.log 2>&1 || { cat apt.log >&2; exit 2; }
for package in *.deb; do
	dpkg -x "$package" packages
done

# In the order in which they need each other.
MODULES='netfs dns_resolver udp_tunnel ip6_udp_tunnel pcbc fcrypt rxrpc kafs'
mkdir -p root/bin root/proc
cp packages/bin/busybox root/bin
for module in $MODULES; do
	find "packages/lib/modules/$RELEASE" -name "$module.ko.xz" -exec xz -dc {} + > "root/$module.ko"
done
cat > root/init << END
#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
for module in $MODULES; do
	/bin/busybox insmod /\$module.ko
	echo "said: \$module \$?"
done
echo "said: filesystems called afs \$(/bin/busybox grep -cw afs /proc/filesystems)"
/bin/busybox dmesg | /bin/busybox sed -n 's/.*kAFS/said: kAFS/p' | /bin/busybox uniq
/bin/busybox poweroff -f
END
chmod +x root/init
(cd root && find . | cpio -o -H newc --quiet) > initramfs

# boot WORD...: what the guest says with these words on its command line.
boot() {
	timeout 300 qemu-system-x86_64 -accel tcg -cpu max -m 512 -display none -serial stdio -no-reboot \
		-kernel "packages/boot/vmlinuz-$RELEASE" -initrd initramfs \
		-append "console=ttyS0 quiet panic=-1 $*" < /dev/null | tr -d '\r' | sed -n 's/^said: //p'
}

boot > with
boot ipv6.disable=1 > without
echo 'with IPv6:'
sed 's/^/    /' with
echo 'with ipv6.disable=1:'
sed 's/^/    /' without

for line in 'rxrpc 0' 'kafs 0' 'filesystems called afs 1'; do
	grep -qx "$line" with || { echo "with IPv6 there is no \"$line\"" >&2; exit 1; }
done
for line in 'rxrpc 0' 'kafs 97' 'filesystems called afs 0' 'kAFS: failed to register: -97'; do
	grep -qx "$line" without || { echo "without IPv6 there is no \"$line\"" >&2; exit 1; }
done

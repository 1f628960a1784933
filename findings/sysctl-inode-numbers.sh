#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# /proc/sys: a file gets another inode number when it falls out of the cache.
#
# Package	linux-image-6.12.117+deb12-amd64-unsigned 6.12.117-1~deb12u1, with
#		busybox-static 1:1.35.0-4+deb12u1+b1; needs qemu-system-x86_64 and cpio
# Seen		stat() of /proc/sys/kernel/ostype gives another number once its dentry was
#		dropped from the cache, though nobody has changed anything.  While the file
#		is open the number stays.  /proc/cmdline and /proc/sys itself keep theirs.
# Expected	One number for one file as long as it is there, as in the rest of /proc that
#		does not belong to a process.
# So		A tool that compares st_ino to see whether a file was replaced is wrong
#		there under pressure on memory, and a test that compares d_ino of getdents()
#		with st_ino has to keep the dentry in the cache.
#
#	findings/sysctl-inode-numbers.sh	exits with 1 if that has changed

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

mkdir -p root/bin root/proc
cp packages/bin/busybox root/bin
cat > root/init << 'END'
#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
number() {
	/bin/busybox stat -c %i $1
}
# pressure FILE: fill the cache and drop it, until the number of FILE is another one, or often.
# Once is not enough: what was used lately survives, and the last few of a filesystem do.
pressure() {
	round=0
	while [ $round -lt 50 ] && [ "$(number $1)" = $before ]; do
		/bin/busybox ls -lR /proc/sys > /dev/null
		echo 2 > /proc/sys/vm/drop_caches
		round=$((round + 1))
	done
}
for file in /proc/sys/kernel/ostype /proc/sys /proc/cmdline; do
	before=$(number $file)
	exec 3< $file
	pressure $file
	echo "said: $file open $before $(number $file)"
	exec 3<&-
	pressure $file
	echo "said: $file closed $before $(number $file)"
done
/bin/busybox poweroff -f
END
chmod +x root/init
(cd root && find . | cpio -o -H newc --quiet) > initramfs

timeout 300 qemu-system-x86_64 -accel tcg -cpu max -m 512 -display none -serial stdio -no-reboot \
	-kernel "packages/boot/vmlinuz-$RELEASE" -initrd initramfs \
	-append 'console=ttyS0 quiet panic=-1' < /dev/null | tr -d '\r' | sed -n 's/^said: //p' | tee out

# The numbers themselves differ from boot to boot.
seen=$(awk '{ print $1, $2, $3 == $4 ? "same" : "another" }' out)
[[ $seen == '/proc/sys/kernel/ostype open same
/proc/sys/kernel/ostype closed another
/proc/sys open same
/proc/sys closed same
/proc/cmdline open same
/proc/cmdline closed same' ]] || {
	printf 'this is not what 6.12.117 did:\n%s\n' "$seen" >&2
	exit 1
}

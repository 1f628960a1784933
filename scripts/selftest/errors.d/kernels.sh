# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2153,SC2154	# set by the script, and by lib.sh
#
# Packages, compilers and configs that a kernel cannot be built of.  Sourced, by
# scripts/selftest/errors.

# package NAME DEPENDS [FILE...]: one for the stock kernel of stock(), which is already there.
package() {
	local name=$1 depends=$2 file
	shift 2

	rm -rf "$tmp/package"
	mkdir -p "$tmp/package/DEBIAN"
	printf 'Package: %s\nVersion: 1\nArchitecture: all\nMaintainer: nobody\nDescription: test\n' \
		"$name" > "$tmp/package/DEBIAN/control"
	[[ -z $depends ]] || printf 'Depends: %s\n' "$depends" >> "$tmp/package/DEBIAN/control"
	for file; do
		mkdir -p "$tmp/package/${file%/*}"
		printf 'nothing\n' > "$tmp/package/$file"
	done
	dpkg-deb -Zgzip --root-owner-group -b "$tmp/package" "$O/debs/test-suite/${name}_1_all.deb" > /dev/null
}

# A stock kernel made of packages that are not what they should be.
stock() {
	local headers=usr/src/linux-headers-1.0-test

	cp -r "$TOP" "$tmp/stock"
	printf 'suite=test-suite\nimage=linux-image-test\nheaders=linux-headers-test\n' \
		> "$tmp/stock/scripts/port/stocks/test"
	mkdir -p "$O/debs/test-suite"
	package linux-image-test linux-image-1.0-test
	package linux-headers-test ''
	package linux-image-1.0-test '' boot/vmlinuz-1.0-test lib/modules/1.0-test/modules.order
	says 'a headers package without headers is told' \
		'test: no headers of one kernel in the packages that linux-headers-test needs' \
		env STOCK=test "$tmp/stock/scripts/port/stock-kernel"
	package linux-headers-test 'linux-base, linux-headers-1.0-test (= 1)'
	package linux-headers-1.0-test '' "$headers/.config" "$headers/Makefile"
	says 'and a kernel without the modules that the guest needs' 'test: 1.0-test has no virtio_pci' \
		env STOCK=test "$tmp/stock/scripts/port/stock-kernel"
	package linux-image-1.0-test '' lib/modules/1.0-test/modules.order
	says 'and an image without a kernel' \
		'test: no kernel 1.0-test in the packages that linux-image-test needs' \
		env STOCK=test "$tmp/stock/scripts/port/stock-kernel"
	says 'and none of them counts as unpacked' "modules: $O/stock/test/build is not built" \
		env STOCK=test "$tmp/stock/scripts/steps/modules"
	rm -rf "$tmp/stock" "$O/debs/test-suite" "$O/stock/test"
}

# Tools that are too old, and tools that leave something out.
programs() {
	local bin=$tmp/llvm

	mkdir -p "$bin" "$tmp/cpio/usr"
	printf '#!/bin/sh\necho "Debian clang version 11.1.0"\n' > "$bin/clang"
	printf '#!/bin/sh\necho "unknown file type line 2: fil" >&2\n' > "$tmp/cpio/usr/gen_init_cpio"
	chmod +x "$bin/clang" "$tmp/cpio/usr/gen_init_cpio"
	says 'an LLVM that the tree is too new for is told before anything is built' \
		"^kernel: LLVM=$bin/ is 11\.1\.0; this tree needs LLVM [0-9.]+ or newer: LLVM=-[0-9]+ for clang-[0-9]+\$" \
		env LLVM="$bin/" scripts/steps/kernel
	says 'so is one that is not there' \
		'^kernel: LLVM=/nowhere/: no such clang; this tree needs LLVM [0-9.]+ or newer' \
		env LLVM=/nowhere/ scripts/steps/kernel
	says 'an entry that gen_init_cpio leaves out is told' \
		"$tmp/cpio/out: gen_init_cpio: unknown file type line 2: fil; see $tmp/cpio/list\$" \
		bash -c ". scripts/lib/lib.sh; BUILD=$tmp/cpio; pack '$tmp/cpio/list' '$tmp/cpio/out'"
}

# A copy of this project with a symbol that no Kconfig has.
config() {
	cp -r "$TOP" "$tmp/project"
	printf 'CONFIG_NO_SUCH_SYMBOL=y\n' > "$tmp/project/scripts/steps/configs/impossible"
	says 'a symbol that does not land is named' \
		'dropped these symbols: CONFIG_NO_SUCH_SYMBOL=y' \
		env CONFIG=impossible "$tmp/project/scripts/steps/kernel"
	rm -rf "$DIR/impossible"
}

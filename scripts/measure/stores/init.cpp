// SPDX-License-Identifier: GPL-2.0
/*
 * For scripts/measure/bench-static: PID 1 of a guest that does nothing but to stat() names
 * that are not there, each a new one, first on tmpfs and then on procfs.  A lookup
 * on tmpfs ends in d_add(), one on procfs in d_lookup_done().  Before that it calls a
 * function whose stores are known, to tell a plugin that counts from one that does not.
 *
 * The machine is reset at the end, for qemu -no-reboot.
 */
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <unistd.h>

#if !defined(LOOKUPS) || !defined(KNOWN)
#error "want -DLOOKUPS=NUMBER, of each filesystem, and -DKNOWN=NUMBER, of lines"
#endif

namespace {
alignas(64) volatile char known[64 * KNOWN];
alignas(64) volatile char only_read[64 * KNOWN];
} /* namespace */

/*
 * The plugin watches these: they must stay functions, and be entered by a call.  The
 * first one writes twice to each line of known[], and nowhere else.
 */
extern "C" [[gnu::noinline, gnu::noipa]] void probe_known()
{
	for (int i = 0; i < KNOWN; i++) {
		known[64 * i] = 1;
		known[64 * i + 63] = only_read[64 * i];
	}
}

extern "C" [[gnu::noinline, gnu::noipa]] int probe_stat(const char *name)
{
	struct stat st;

	return ::lstat(name, &st) == 0 ? 0 : errno;
}

namespace {

[[noreturn]] void end(const char *what)
{
	std::printf("stores: %s\n", what);
	std::fflush(stdout);
	::reboot(RB_AUTOBOOT);
	std::abort();
}

void look_up(const char *type)
{
	std::array<char, 32> where{}, name{};

	std::snprintf(where.data(), where.size(), "/%s", type);
	if ((::mkdir(where.data(), 0700) < 0 && errno != EEXIST) ||
	    ::mount(type, where.data(), type, 0, nullptr) < 0 || ::chdir(where.data()) < 0)
		end(std::strerror(errno));
	for (int i = 0; i < LOOKUPS; i++) {
		std::snprintf(name.data(), name.size(), "not-there-%06d", i);
		if (probe_stat(name.data()) != ENOENT)
			end("a name was there that cannot be");
	}
}

} /* namespace */

int main()
{
	probe_known();
	look_up("tmpfs");
	look_up("proc");
	end("all looked up");
}

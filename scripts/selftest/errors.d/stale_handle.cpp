// SPDX-License-Identifier: GPL-2.0
/*
 * lookup_stress on a directory where stat() of a hot name ends in ESTALE now and then: with
 * WHEN=changed after the name was changed meanwhile, with WHEN=unchanged at once.  Linked with what
 * selftests/stress/ has become, by scripts/selftest/errors.d/machine.sh.
 */
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <sched.h>
#include <sys/stat.h>

extern "C" {
/* fstatat() with _FILE_OFFSET_BITS=64 */
int __real_fstatat64(int at, const char *name, struct stat *st, int flags);
int __wrap_fstatat64(int at, const char *name, struct stat *st, int flags)
{
	static const bool changed = !std::strcmp(std::getenv("WHEN"), "changed");
	static std::atomic<unsigned> calls{0};
	const auto inode = [&] { return __real_fstatat64(at, name, st, flags) ? 0 : st->st_ino; };

	if (std::strncmp(name, "hot-", 4) || ++calls % 64)
		return __real_fstatat64(at, name, st, flags);
	const auto before = inode();

	/* Nobody changes it any more once the time of lookup_stress is up. */
	for (unsigned tries = 0; changed && inode() == before; tries++) {
		if (tries == 100000)
			return __real_fstatat64(at, name, st, flags);
		::sched_yield();
	}
	errno = ESTALE;
	return -1;
}
}

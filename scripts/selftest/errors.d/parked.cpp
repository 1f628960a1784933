// SPDX-License-Identifier: GPL-2.0
/*
 * A thread in state D, of which /proc tells where it sleeps in the first looks only, or never: is it
 * known that it does not sleep where it should?  Built by scripts/selftest/errors.d/selftests.sh.
 */
#include "parked.hpp"

#include <cstdio>
#include <cstdlib>
#include <sys/mman.h>

/* How many looks tell it. */
static int readable;

static int file_of(std::string_view text)
{
	const int fd = ::memfd_create("proc", 0);

	if (::write(fd, text.data(), text.size()) < 0 || ::lseek(fd, 0, SEEK_SET) < 0)
		std::abort();
	return fd;
}

extern "C" int __wrap_open64(const char *path, int, ...)
{
	const std::string_view file(path);

	if (file.ends_with("/stat"))
		return file_of("7 (x) D 1");
	if (file.ends_with("/wchan") && readable-- > 0)
		return file_of("folio_wait_bit");
	errno = EACCES;
	return -1;
}

int main(int, char **argv)
{
	readable = std::atoi(argv[1]);
	const parked verdict = wait_parked(7, 7, std::chrono::milliseconds(50)).verdict;

	std::puts(verdict == parked::yes ? "yes" : verdict == parked::no ? "no" : "unknown");
	return 1;
}

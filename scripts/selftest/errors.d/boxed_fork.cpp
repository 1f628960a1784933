// SPDX-License-Identifier: GPL-2.0
/*
 * A boxed program of which the first process cannot be made: the status says so, and nobody is
 * killed.  Linked with what selftests/suites/boxed.cpp has become, by scripts/selftest/errors.d/suites.sh.
 */
#include "suites/boxed.hpp"

#include <cerrno>
#include <cstdio>
#include <sys/wait.h>
#include <unistd.h>

/* The second fork() is the one in question, and nothing else needs root then. */
static int forks;

extern "C" {
pid_t __real_fork();
pid_t __wrap_fork()
{
	if (!forks++)
		return __real_fork();
	errno = EAGAIN;
	return -1;
}
int __wrap_unshare(int) { return 0; }
int __wrap_mount(const char *, const char *, const char *, unsigned long, const void *) { return 0; }
int __wrap_kill(pid_t, int)
{
	::_exit(99);
}
}

int main(int, char **argv)
{
	int status = 0;

	::waitpid(start_boxed({{"true"}, "/", {}}, argv[1]), &status, 0);
	std::printf("status %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
	return 1;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * PID 1 of the guest, without a guest: an item of the plan in which something goes wrong, and what
 * comes of it.  Linked with what selftests/guest/ has become, but for its port, by
 * scripts/selftest/errors.d/selftests.sh.
 */
#define main guest_main
#include "guest/guest_init.cpp"
#undef main

#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <fcntl.h>

namespace {

std::string how;
int records[2];		/* of the kernel log, by packets */
unsigned results;

} // namespace

extern "C" int __real_open64(const char *path, int flags, ...);
extern "C" int __wrap_open64(const char *path, int flags, ...)
{
	va_list more;

	va_start(more, flags);
	const mode_t mode = va_arg(more, mode_t);
	va_end(more);
	return std::string_view(path) == "/dev/kmsg" ? records[0] : __real_open64(path, flags, mode);
}

/* The port: a slow one. */
void report(std::string_view) {}
void nested(std::string_view line)
{
	results += line.starts_with("ok ") && line.ends_with("_length");
	if (how == "results")
		usleep(5000);
	else
		std::printf("%s\n", std::string(line).c_str());
}
void console(std::string_view) {}
bool put(const char *, std::string_view)
{
	errno = ENOENT;
	return false;
}
int open_port(std::string_view) { return -1; }
void open_results() {}
void die(std::string_view what)
{
	std::printf("died: %s: %s\n", std::string(what).c_str(), strerror(errno));
	std::exit(1);
}
void restart()
{
	_exit(2);
}

int load_module(const fs::path &, const Words &)
{
	if (how == "killed")
		raise(SIGKILL);
	while (how == "stuck")
		pause();
	for (const std::string text : { "6,1,1,-;x: begins\n", "6,2,2,-;y: no\n", "6,3,3,-;x: End of test: SUCCESS\n" })
		if (write(records[1], text.data(), text.size()) < 0)
			return errno;
	return 0;
}

int main(int, char **argv)
{
	how = argv[1];
	if (pipe2(records, O_NONBLOCK | O_DIRECT | O_CLOEXEC))
		return 99;
	open_kernel_log();
	if (how == "set") {
		prepare({{"set", "/nowhere", "1"}});
		return 0;
	}
	const Result result = run_item(
		how == "results" ? Words{"run", "x", "60", "/usr/bin/awk",
			"BEGIN { print \"1..300\"; for (n = 1; n <= 300; n++) print \"ok\", n, \"a_case_with_a_name_of_some_length\" }"} :
		how == "killed" ? Words{"kunit", "x", "60", "x.ko"} : Words{"torture", "x", "2", "no_such_module.ko"});

	std::printf("%u results, outcome %d, %s\n", results, static_cast<int>(result.outcome), result.why.c_str());
	return 1;
}

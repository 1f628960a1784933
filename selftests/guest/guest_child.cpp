// SPDX-License-Identifier: GPL-2.0
/*
 * Wrong would be: to wait for a child that sleeps for ever, and to lose results that one has left
 * in its pipe.
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>

#include <fmt/format.h>

#include "guest_child.hpp"
#include "guest_port.hpp"

namespace {

using Clock = std::chrono::steady_clock;

/* For the rest in the pipe of a child that has ended, after each piece of it. */
constexpr auto drain_time = std::chrono::milliseconds(200);
/* How long the dumps may take to reach the console. */
constexpr auto dump_time = std::chrono::milliseconds(1500);

int kmsg = -1;		/* the kernel log, read from its beginning */

} // namespace

void open_kernel_log()
{
	kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (kmsg < 0)
		die("open the kernel log");
}

void read_kernel_log(const OnLine &fn)
{
	char record[8192];
	ssize_t n;

	while ((n = read(kmsg, record, sizeof(record))) > 0 || errno == EPIPE) {
		if (n <= 0)
			continue;	/* EPIPE: records were overwritten */
		std::string_view text(record, n);

		text = text.substr(0, text.find('\n'));
		if (const auto at = text.find(';'); at != text.npos)
			fn(text.substr(at + 1));
	}
}

void dump_kernel_state()
{
	console("dumping blocked tasks and all CPUs");
	put("/proc/sysrq-trigger", "w");
	put("/proc/sysrq-trigger", "l");
	poll(nullptr, 0, dump_time.count());
}

Ended in_child(std::chrono::seconds limit, const std::function<int()> &body, const OnLine &line,
	       const OnLine &log)
{
	int out[2];

	if (pipe2(out, O_CLOEXEC))
		die("pipe");
	const pid_t child = fork();

	if (child < 0)
		die("fork");
	if (!child) {
		setsid();
		dup2(out[1], STDOUT_FILENO);
		_exit(body());
	}
	close(out[1]);

	const auto deadline = Clock::now() + limit;
	std::optional<Clock::time_point> drain;
	std::string pending;
	Ended ended;
	bool eof = false;

	/* A stuck grandchild can keep the pipe open, so the end of the child
	 * is the end, with or without an end of its output; but a port is slow, and
	 * what the child has said before is still to be had.
	 */
	while (!(ended.in_time && (eof || Clock::now() > *drain))) {
		pollfd pfd = { eof ? -1 : out[0], POLLIN, 0 };
		char buf[4096];

		if (poll(&pfd, 1, 10) > 0) {
			const ssize_t n = read(out[0], buf, sizeof(buf));

			eof = n == 0;
			pending.append(buf, n > 0 ? n : 0);
			for (size_t at; (at = pending.find('\n')) != pending.npos;) {
				line(std::string_view(pending).substr(0, at));
				pending.erase(0, at + 1);
			}
			if (ended.in_time && n > 0 && Clock::now() < deadline)
				drain = Clock::now() + drain_time;
		}
		read_kernel_log(log);
		if (!ended.in_time &&
		    waitpid(child, &ended.status, WNOHANG) == child) {
			ended.in_time = true;
			drain = Clock::now() + drain_time;
		}
		if (!ended.in_time && Clock::now() > deadline) {
			dump_kernel_state();
			kill(-child, SIGKILL);
			break;
		}
	}
	if (!pending.empty())
		line(pending);
	close(out[0]);
	return ended;
}

std::string reason_of(int status)
{
	return WIFSIGNALED(status) ? fmt::format("killed by signal {}", WTERMSIG(status)) :
	       strerror(WEXITSTATUS(status));
}

// SPDX-License-Identifier: GPL-2.0
/*
 * A process for each disturbance writes to its file, again and again.  It is one of its own, since
 * it may sleep in there: /sys/power/state comes back when user space has been frozen and
 * thawed, or when that was given up.
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fstream>
#include <vector>

#include <fmt/format.h>

#include "guest_disturb.hpp"

namespace {

using Clock = std::chrono::steady_clock;

/* Longer than the freezer tries (pm_freeze_timeout). */
constexpr auto end_time = std::chrono::seconds(40);

/* A write here is not to do more than that: nobody would wake the machine. */
constexpr const char *power_state = "/sys/power/state";
constexpr const char *power_test = "/sys/power/pm_test";
constexpr const char *freezer_only = "[freezer]";

struct Disturbance {
	std::string of, file, value;
	int interval = 0;	/* ms */
	pid_t child = -1;
	int said = -1;		/* what it says before it gives up */
};

std::vector<Disturbance> disturbances;

bool freezes_only()
{
	std::ifstream file(power_test);

	for (std::string word; file >> word;)
		if (word == freezer_only)
			return true;
	return false;
}

[[noreturn]] void give_up(int to, const std::string &why)
{
	const ssize_t n = write(to, why.data(), why.size());

	_exit(n < 0 ? 2 : 1);
}

[[noreturn]] void disturb(const Disturbance &what, int to)
{
	if (what.file == power_state && !freezes_only())
		give_up(to, fmt::format("{} does not say {}", power_test, freezer_only));
	for (;;) {
		poll(nullptr, 0, what.interval);
		const int fd = open(what.file.c_str(), O_WRONLY | O_CLOEXEC);

		if (fd < 0 || write(fd, what.value.data(), what.value.size()) < 0)
			give_up(to, fmt::format("{} > {}: {}", what.value, what.file,
						strerror(errno)));
		close(fd);
	}
}

void begin(Disturbance &what)
{
	int out[2];

	if (pipe2(out, O_CLOEXEC))
		die("pipe");
	what.child = fork();
	if (what.child < 0)
		die("fork");
	if (!what.child)
		disturb(what, out[1]);
	close(out[1]);
	what.said = out[0];
}

/* Only its own end can be a failure: it goes on until it is ended. */
std::string end(const Disturbance &what)
{
	const auto deadline = Clock::now() + end_time;
	char buf[256];
	int status;

	kill(what.child, SIGTERM);
	while (waitpid(what.child, &status, WNOHANG) != what.child) {
		if (Clock::now() > deadline)
			return fmt::format("{} > {} does not come back", what.value, what.file);
		poll(nullptr, 0, 10);
	}
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM)
		return "";
	const ssize_t n = read(what.said, buf, sizeof(buf));

	if (n > 0)
		return std::string(buf, n);
	return fmt::format("{} > {}: it ended with status {:#x}", what.value, what.file, status);
}

} // namespace

void add_disturbance(const Words &item)
{
	Disturbance what = { item.at(1), item.at(2), item.at(3) };
	const std::string &interval = item.at(4);

	std::from_chars(interval.data(), interval.data() + interval.size(), what.interval);
	disturbances.push_back(what);
}

void begin_disturbing(const std::string &name)
{
	for (auto &what : disturbances)
		if (what.of == name)
			begin(what);
}

std::string end_disturbing()
{
	std::string wrong;

	for (auto &what : disturbances) {
		if (what.child < 0)
			continue;
		const std::string why = end(what);

		close(what.said);
		what.child = -1;
		if (!why.empty())
			wrong += (wrong.empty() ? "" : "; ") + why;
	}
	return wrong;
}

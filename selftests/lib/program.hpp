/* SPDX-License-Identifier: GPL-2.0 */
/* Programs that a test starts, and what they have printed. */
#pragma once

#include "unique_fd.hpp"

#include <cstring>
#include <fmt/format.h>
#include <string>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <vector>

constexpr const char *stress_ng = "/bin/stress-ng";

/* Whatever it is open for, and wherever its position is. */
inline std::string contents(const unique_fd &fd)
{
	return read_file(fmt::format("/proc/self/fd/{}", fd.get())).value_or("");
}

inline std::string last_line(std::string text)
{
	while (!text.empty() && text.back() == '\n')
		text.pop_back();
	return text.empty() ? "it printed nothing" : text.substr(text.rfind('\n') + 1);
}

/* For execve(): valid as long as @words. */
inline std::vector<char *> argv_of(std::vector<std::string> &words)
{
	std::vector<char *> argv;

	for (std::string &word : words)
		argv.push_back(word.data());
	argv.push_back(nullptr);
	return argv;
}

/* At the same addresses each time, with the same environment, and not without us. */
inline pid_t start_program(const std::vector<char *> &argv, int out)
{
	static const char *const environment[] = {"PATH=/bin", "LC_ALL=C", "TZ=UTC0", nullptr};
	const pid_t child = ::fork();

	if (child < 0)
		throw errno_error("fork");
	if (child > 0)
		return child;
	::prctl(PR_SET_PDEATHSIG, SIGKILL);
	::personality(ADDR_NO_RANDOMIZE);
	::dup2(out, STDOUT_FILENO);
	::dup2(out, STDERR_FILENO);
	::execve(argv[0], argv.data(), const_cast<char *const *>(environment));
	::dprintf(STDERR_FILENO, "%s\n", std::strerror(errno));
	::_exit(127);
}

/*
 * The operations that stress-ng --metrics-brief says @stressor has done:
 * stress-ng: metrc: [PID] dentry 2000 ...
 */
inline uint64_t operations_of(const std::string &printed, const std::string &stressor)
{
	const std::string mark = "] " + stressor + " ";
	const size_t at = printed.find(mark);

	return at == std::string::npos ? 0 : std::strtoull(printed.c_str() + at + mark.size(), nullptr, 10);
}

// SPDX-License-Identifier: GPL-2.0
/* See xfstests_check.hpp. */
#include "xfstests_check.hpp"

#include "boxed.hpp"
#include "crew.hpp"
#include "filesystems/server_root.hpp"

#include <algorithm>
#include <csignal>
#include <fmt/ranges.h>
#include <fstream>
#include <poll.h>
#include <regex>
#include <set>
#include <sstream>
#include <stdexcept>

namespace xfstests {
namespace {

const std::string config_file = state + "/config";	/* in the root */
const std::string log_file = server_root + state + "/check.log";
const std::string pid_file = server_root + state + "/check.pid";
const std::string stuck_file = server_root + state + "/check.stuck";	/* if it could not be ended */

void start(ktap::test_case &t, const job &job, size_t index)
{
	if (!read_file(server_root + config_file))
		write_file(server_root + config_file, job.set_up(t));
	arguments words = {"./check", "--exact-order"};

	words.insert(words.end(), job.options.begin(), job.options.end());
	words.insert(words.end(), job.tests.begin() + index, job.tests.end());
	write_file(pid_file, fmt::format("{}", start_boxed({words, home, {"HOST_OPTIONS=" + config_file}},
							   log_file)));
}

pid_t running()
{
	const pid_t pid = std::atoi(read_file(pid_file).value_or("").c_str());

	return boxed_runs(pid) ? pid : 0;
}

/* False if something of it sleeps for good.  It has the disks, so no other one can run beside it. */
bool end(ktap::test_case &t)
{
	const pid_t pid = running();
	const bool gone = !pid || end_boxed(pid, t.bound(crew::bound));

	if (!gone)
		write_file(stuck_file, "");
	::unlink(pid_file.c_str());
	::unlink(log_file.c_str());
	return gone;
}

} /* namespace */

std::optional<outcome> outcome_of(const std::string &printed, const std::string &name, bool over)
{
	const std::string all = "\n" + printed;
	size_t at = all.find("\n" + name + " ");

	if (at == all.npos)
		return {};
	at += 1 + name.size();
	/* The next test's name, or the summary, stands at the beginning of a line. */
	static const std::regex next("\n([a-z0-9]+/[0-9]+ |Ran: |Not run: )");
	std::smatch found;
	const std::string rest = all.substr(at);
	const bool ended = std::regex_search(rest, found, next);

	if (!ended && !over)
		return {};
	std::string text = ended ? rest.substr(0, found.position()) : rest;

	text.erase(0, text.find_first_not_of(" \t\n"));
	text.erase(text.find_last_not_of(" \t\n") + 1);
	if (std::regex_match(text, std::regex("([0-9]+s \\.\\.\\.\\s+)?[0-9]+s")))
		return outcome{'P', text};
	if (const size_t mark = text.find("[not run] "); mark != text.npos)
		return outcome{'S', one_paragraph(text.substr(mark + 10))};
	return outcome{'F', text.empty() ? "check ended in its middle" : one_paragraph(text)};
}

std::vector<std::string> tests_of(const std::string &tests, const std::vector<std::string> &dirs,
				  const std::vector<std::string> &groups)
{
	std::vector<std::string> all;
	std::set<std::string> found;

	for (const std::string &dir : dirs) {
		std::ifstream file(tests + "/" + dir + "/group.list");

		if (!file)
			throw errno_error(tests + "/" + dir + "/group.list");
		for (std::string line; std::getline(file, line);) {
			std::istringstream words(line);
			std::string number, group;

			if (!(words >> number) || number[0] == '#')
				continue;
			const std::string name = dir + "/" + number;
			std::set<std::string> of_test = {name};

			while (words >> group)
				of_test.insert(group);
			bool wanted = false;

			for (const std::string &one : groups)
				if (of_test.count(one)) {
					found.insert(one);
					wanted = true;
				}
			if (wanted)
				all.push_back(name);
		}
	}
	for (const std::string &one : groups)
		if (!found.count(one))
			throw std::runtime_error(fmt::format("--group {}: no such group or test in {} of {}", one,
							     fmt::join(dirs, " and "), tests));
	return all;
}

void run(ktap::test_case &t, const job &job, size_t index, std::chrono::milliseconds limit)
{
	const std::string &name = job.tests[index];
	const auto said = [] { return read_file(log_file).value_or(""); };
	std::optional<outcome> result;

	/* With these words another guest goes on behind it: scripts/check/suite-table. */
	if (read_file(stuck_file))
		t.skip("not reached");

	/* It has gone on to this one, unless it ended before or was ended. */
	if (!running() && !outcome_of(said(), name, true))
		start(t, job, index);
	const auto deadline = std::chrono::steady_clock::now() + limit;
	bool over = false;

	/* A test takes seconds, and who looks has the CPUs that it runs on. */
	while (!result && !over && std::chrono::steady_clock::now() < deadline) {
		::poll(nullptr, 0, 100);
		over = !running();
		result = outcome_of(said(), name, over);
	}
	if (!result && !over) {
		const char *left = end(t) ? "" : ", and check cannot be killed";

		t.fail("not over after {} s{}", limit.count() / 1000, left);
	}
	if (!result) {
		const std::string words = one_paragraph(said());

		::unlink(log_file.c_str());
		t.fail("check has not come to it: {}", words);
	}
	conclude(t, *result);
	t.note("{}: {}", name, result->text);
}

} /* namespace xfstests */

// SPDX-License-Identifier: GPL-2.0
/*
 * Runs one item of the plan, in a child, with a limit: a test that sleeps for
 * ever sleeps in state D, so it can be neither killed nor waited for.  Nothing
 * here waits without bound.
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "doctor.hpp"
#include "guest_child.hpp"
#include "guest_disturb.hpp"
#include "guest_items.hpp"
#include "guest_port.hpp"

namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::seconds;

/* The KTAP that the current item has printed so far. */
struct {
	bool header = false;
	size_t planned = 0, results = 0;
} printed;

/* A line of the item's own KTAP. */
void child_line(std::string_view text)
{
	if (text.starts_with("KTAP version"))
		printed.header = true;
	else if (text.starts_with("1.."))
		std::from_chars(text.data() + 3, text.data() + text.size(),
				printed.planned);
	else if (text.starts_with("ok ") || text.starts_with("not ok "))
		printed.results++;
	nested(text);
}

/* The one result of an item that prints no KTAP of its own, and how long it took. */
void only_result(const char *name, Clock::time_point begin, std::string_view why, bool ok)
{
	const std::chrono::duration<double> took = Clock::now() - begin;

	child_line(fmt::format("# time: {} {:.3f} s", name, took.count()));
	child_line(fmt::format("{}ok 1 {}{}{}", ok ? "" : "not ", name, why.empty() ? "" : " # ",
			       why));
}

/* Every test announces a case before it begins it, so a hung one has a name. */
std::string running_case;

void note_running_case(std::string_view text)
{
	constexpr std::string_view mark = "# running: ";

	if (const auto at = text.find(mark); at != text.npos)
		running_case = text.substr(at + mark.size());
}

/* ---- the items of the plan ---------------------------------------------- */

/*
 * The item ended, or did not, without the results that it had planned.  Fail the
 * case that it was in, by name, so that it is counted and can be rerun, and fill
 * up the rest: a parser would take our own result for one of the missing.
 */
std::string fill_up(const std::string &name, std::string_view why)
{
	std::string in = running_case;

	if (in.starts_with(name + "."))
		in.erase(0, name.size() + 1);
	if (in.empty())
		in = "unknown_case";
	if (!printed.header)
		child_line("KTAP version 1");
	if (!printed.planned)
		child_line("1..1");
	if (printed.results < printed.planned)
		child_line(fmt::format("not ok {} {} # {}", printed.results + 1, in, why));
	while (printed.results < printed.planned)
		child_line(fmt::format("ok {0} case_{0} # SKIP not reached",
				       printed.results + 1));
	return in;
}

/* The verdict of lookup_doctor on the hang, as comments on the result that follows. */
void ask_doctor()
{
	const auto body = [] { return write_doctor_report(STDOUT_FILENO); };
	const auto line = [](std::string_view text) {
		child_line(fmt::format("# {}", text));
	};

	if (!in_child(doctor_time, body, line, note_running_case).in_time)
		child_line("# doctor: no answer");
}

Result hung(const std::string &name, Seconds limit)
{
	ask_doctor();
	const std::string in = fill_up(name, "hung");

	return { Outcome::hang, fmt::format("hung in {}: not over after {} s", in,
					    limit.count()) };
}

/* The suite's own document is indented by four, ours by two. */
Result kunit_results(const std::string &name)
{
	std::ifstream file("/sys/kernel/debug/kunit/" + name + "/results");
	std::optional<Result> result;

	for (std::string line; std::getline(file, line);) {
		if (line.starts_with("    "))
			child_line(line.substr(4));
		else if (line.starts_with("not ok "))
			result = { Outcome::fail, "" };
		else if (line.starts_with("ok "))
			result = line.find("# SKIP") == line.npos ?
				Result{ Outcome::pass, "" } :
				Result{ Outcome::skip, "every case was skipped" };
		else if (!line.empty() && !line.starts_with("KTAP ") &&
			 !line.starts_with("1.."))
			child_line("  # " + line);	/* why a case has failed */
	}
	if (result)
		return *result;
	/* It leaves nothing behind if the filter has left nothing of it. */
	std::ifstream filter("/sys/module/kunit/parameters/filter_glob");
	std::string glob;

	std::getline(filter, glob);
	if (glob.empty() || glob == "*")
		return { Outcome::fail, "it left no results in debugfs" };
	return { Outcome::skip, "FILTER matches no case of it" };
}

/* Loads what the words of an item name. */
Ended insmod(Seconds limit, const Words &words, const OnLine &log)
{
	const auto body = [&] {
		return load_module(words[0], { words.begin() + 1, words.end() });
	};

	return in_child(limit, body, [](std::string_view) {}, log);
}

Result run_kunit(const std::string &name, Seconds limit,
		 const Words &words)
{
	if (words[0] != "-") {
		const Ended ended = insmod(limit, words, note_running_case);

		if (!ended.in_time)
			return hung(name, limit);
		if (ended.status)
			return { Outcome::fail, "insmod: " + reason_of(ended.status) };
	}
	return kunit_results(name);
}

Result run_program(const std::string &name, Seconds limit,
		   const Words &words)
{
	const auto body = [&] {
		std::vector<char *> argv;

		for (const auto &word : words)
			argv.push_back(const_cast<char *>(word.c_str()));
		argv.push_back(nullptr);
		/* Progress would leave lines that the kernel then goes on with. */
		setenv("TERM", "dumb", 1);
		execv(argv[0], argv.data());
		return 127;
	};
	const auto line = [](std::string_view text) {
		note_running_case(text);
		child_line(text);
	};
	const Ended ended = in_child(limit, body, line, note_running_case);

	if (!ended.in_time)
		return hung(name, limit);
	if (WIFSIGNALED(ended.status) || printed.results < printed.planned)
		fill_up(name, "did not finish");
	if (WIFSIGNALED(ended.status))
		return { Outcome::fail, reason_of(ended.status) };
	switch (const int status = WEXITSTATUS(ended.status)) {
	case 0:
		return { Outcome::pass, "" };
	case 4:
		return { Outcome::skip, "every case was skipped" };
	case 127:
		return { Outcome::fail, "could not be started" };
	default:
		return { Outcome::fail, fmt::format("exit status {}", status) };
	}
}

/* Its thread prints "End of test: SUCCESS" or "End of test: FAILURE". */
Result run_torture(const std::string &name, Seconds limit,
		   const Words &words)
{
	const auto begin = Clock::now(), deadline = begin + limit;
	std::optional<bool> success;
	std::vector<std::string> while_loading;
	const auto line = [&](std::string_view text) {
		if (!text.starts_with(name))
			return;
		child_line(fmt::format("# {}", text));
		if (text.find("End of test: SUCCESS") != text.npos)
			success = true;
		else if (text.find("End of test: FAILURE") != text.npos)
			success = false;
	};
	const Ended loaded = insmod(limit, words, [&](std::string_view text) {
		while_loading.emplace_back(text);
	});

	if (!loaded.in_time)
		return hung(name, limit);
	if (loaded.status)
		return { Outcome::fail, "insmod: " + reason_of(loaded.status) };
	child_line("KTAP version 1");
	child_line("1..1");
	begin_disturbing(name);
	for (const std::string &text : while_loading)
		line(text);
	while (!success && Clock::now() < deadline) {
		read_kernel_log(line);
		poll(nullptr, 0, 50);
	}
	if (!success) {
		dump_kernel_state();
		return hung(name, limit);
	}
	if (const std::string wrong = end_disturbing(); !wrong.empty()) {
		child_line("# disturbance: " + wrong);
		success = false;
	}
	const std::string module = words[0].substr(0, words[0].rfind(".ko"));

	const auto rmmod = [&] {
		return syscall(SYS_delete_module, module.c_str(), O_NONBLOCK) ? errno : 0;
	};
	/* The limit of the guest as a whole has no room for more. */
	const auto rest = std::chrono::duration_cast<Seconds>(deadline - Clock::now());
	const Ended removed = in_child(std::max(rest, Seconds(10)), rmmod, [](std::string_view) {}, note_running_case);

	if (!removed.in_time)
		return hung(name, limit);
	if (removed.status) {
		child_line(fmt::format("# rmmod {}: {}", module, reason_of(removed.status)));
		success = false;
	}
	only_result("end_of_test", begin, "", *success);
	return { *success ? Outcome::pass : Outcome::fail, "" };
}

/*
 * The kernel looks for memory that nothing points to.  It reports an object that it has
 * seen unchanged in two scans, and that was minimum_age old when the last of them began.
 */
constexpr auto minimum_age = std::chrono::milliseconds(5000);	/* MSECS_MIN_AGE there */
constexpr size_t most_lines = 400;	/* of its report, to be shown */

/* Returns 0 or an errno; prints the report. */
int scan_for_leaks(const char *file)
{
	const int fd = open(file, O_RDWR | O_CLOEXEC);
	char buf[4096];
	ssize_t n;

	if (fd < 0)
		return errno;
	for (const bool last : { false, true }) {
		if (write(fd, "scan", 4) != 4)
			return errno;
		if (!last)
			poll(nullptr, 0, minimum_age.count() + 500);
	}
	lseek(fd, 0, SEEK_SET);
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		if (write(STDOUT_FILENO, buf, n) != n)
			return errno;
	return n < 0 ? errno : 0;
}

Result run_kmemleak(const std::string &name, Seconds limit)
{
	const auto body = [] { return scan_for_leaks("/sys/kernel/debug/kmemleak"); };
	size_t objects = 0, lines = 0;
	const auto line = [&](std::string_view text) {
		objects += text.starts_with("unreferenced object");
		if (++lines <= most_lines)
			child_line(fmt::format("# {}", text));
	};

	constexpr const char *claim = "nothing_is_left_that_nothing_points_to";
	const auto begin = Clock::now();

	child_line("KTAP version 1");
	child_line("1..1");
	running_case = name + "." + claim;
	const Ended ended = in_child(limit, body, line, note_running_case);

	if (!ended.in_time)
		return hung(name, limit);
	std::string why;

	if (ended.status)
		why = "no scan: " + reason_of(ended.status);
	else if (objects)
		why = fmt::format("{} object{}", objects, objects > 1 ? "s" : "");
	only_result(claim, begin, why, why.empty());
	return { why.empty() ? Outcome::pass : Outcome::fail, why };
}

} // namespace

bool is_test(const Words &item)
{
	return item[0] == "skip" || item[0] == "kunit" || item[0] == "run" ||
	       item[0] == "torture" || item[0] == "kmemleak";
}

Result run_item(const Words &item)
{
	const std::string &name = item.at(1), &seconds = item.at(2);
	const Words rest(item.begin() + 3, item.end());
	long limit = 0;

	std::from_chars(seconds.data(), seconds.data() + seconds.size(), limit);
	running_case.clear();
	printed = {};
	if (item[0] == "skip")
		return { Outcome::skip, fmt::format("{}", fmt::join(rest, " ")) };
	if (item[0] == "kunit")
		return run_kunit(name, Seconds(limit), rest);
	if (item[0] == "kmemleak")
		return run_kmemleak(name, Seconds(limit));
	if (item[0] == "torture")
		return run_torture(name, Seconds(limit), rest);
	return run_program(name, Seconds(limit), rest);
}

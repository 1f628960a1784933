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

#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>

#include <fmt/format.h>

#include "doctor.hpp"
#include "guest_disturb.hpp"
#include "guest_items.hpp"
#include "guest_port.hpp"

namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::seconds;

/* For the rest in the pipe of a child that has ended. */
constexpr auto drain_time = std::chrono::milliseconds(200);
/* How long the dumps may take to reach the console. */
constexpr auto dump_time = std::chrono::milliseconds(1500);

int kmsg = -1;		/* the kernel log, read from its beginning */

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

/* ---- the kernel log ----------------------------------------------------- */

/* Calls @fn with the text of each record that has come since the last call. */
void read_kmsg(const std::function<void(std::string_view)> &fn)
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

/* Every test announces a case before it begins it, so a hung one has a name. */
std::string running_case;

void note_running_case(std::string_view text)
{
	constexpr std::string_view mark = "# running: ";

	if (const auto at = text.find(mark); at != text.npos)
		running_case = text.substr(at + mark.size());
}

void dump_kernel_state()
{
	console("dumping blocked tasks and all CPUs");
	put("/proc/sysrq-trigger", "w");
	put("/proc/sysrq-trigger", "l");
	poll(nullptr, 0, dump_time.count());
}

/* ---- children ----------------------------------------------------------- */

struct Ended {
	bool in_time = false;
	int status = 0;		/* of waitpid(), if in_time */
};

/*
 * Runs @body in a child and hands each line of its output to @line.  A child
 * that is not over in time is killed, but may be past that: it is not waited
 * for.
 */
Ended in_child(Seconds limit, const std::function<int()> &body,
	       const std::function<void(std::string_view)> &line)
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
	 * is the end, with or without an end of its output.
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
		}
		read_kmsg(note_running_case);
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

	if (!in_child(doctor_time, body, line).in_time)
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

Result run_kunit(const std::string &name, Seconds limit,
		 const Words &words)
{
	if (words[0] != "-") {
		const auto body = [&] {
			return load_module(words[0], { words.begin() + 1, words.end() });
		};
		const Ended ended = in_child(limit, body, [](std::string_view) {});

		if (!ended.in_time)
			return hung(name, limit);
		if (ended.status)
			return { Outcome::fail, fmt::format("insmod: {}",
				 strerror(WEXITSTATUS(ended.status))) };
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
	const Ended ended = in_child(limit, body, line);

	if (!ended.in_time)
		return hung(name, limit);
	if (WIFSIGNALED(ended.status) || printed.results < printed.planned)
		fill_up(name, "did not finish");
	if (WIFSIGNALED(ended.status))
		return { Outcome::fail, fmt::format("killed by signal {}",
						    WTERMSIG(ended.status)) };
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

	if (const int err = load_module(words[0], { words.begin() + 1, words.end() }))
		return { Outcome::fail, fmt::format("insmod: {}", strerror(err)) };
	child_line("KTAP version 1");
	child_line("1..1");
	begin_disturbing(name);
	while (!success && Clock::now() < deadline) {
		read_kmsg([&](std::string_view text) {
			if (!text.starts_with(name))
				return;
			child_line(fmt::format("# {}", text));
			if (text.find("End of test: SUCCESS") != text.npos)
				success = true;
			else if (text.find("End of test: FAILURE") != text.npos)
				success = false;
		});
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

	if (syscall(SYS_delete_module, module.c_str(), O_NONBLOCK)) {
		child_line(fmt::format("# rmmod {}: {}", module, strerror(errno)));
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
	const Ended ended = in_child(limit, body, line);

	if (!ended.in_time)
		return hung(name, limit);
	std::string why;

	if (ended.status)
		why = fmt::format("no scan: {}", strerror(WEXITSTATUS(ended.status)));
	else if (objects)
		why = fmt::format("{} object{}", objects, objects > 1 ? "s" : "");
	only_result(claim, begin, why, why.empty());
	return { why.empty() ? Outcome::pass : Outcome::fail, why };
}

} // namespace

void open_kernel_log()
{
	kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (kmsg < 0)
		die("open the kernel log");
}

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

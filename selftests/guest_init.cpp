// SPDX-License-Identifier: GPL-2.0
/*
 * PID 1 of the test guest.  It mounts what the tests need, works through /plan
 * item by item, writes one KTAP document to the virtio port "results", which
 * nothing else writes to, and restarts the machine, which ends QEMU.
 *
 * /plan is written by scripts/guest, one item a line, blank-separated words:
 *
 *	insmod	FILE [PARAM...]			a module that the tests need
 *	kunit	NAME SECONDS FILE [PARAM...]	a KUnit suite NAME in module FILE, or
 *						built in, if FILE is "-"
 *	run	NAME SECONDS PROGRAM [ARG...]	a program that prints KTAP
 *	torture	NAME SECONDS FILE [PARAM...]	a torture module: its end line is
 *						the verdict
 *	shell					an interactive shell on the console
 *
 * A kunit, run or torture item becomes one top-level result, with the item's
 * own KTAP nested below.  An item that is not over after SECONDS has hung: the
 * blocked tasks and all CPUs are dumped to the console by sysrq and, since the
 * kernel cannot be trusted any more, the rest is not run.
 *
 * A test that sleeps for ever sleeps in state D, so it can be neither killed
 * nor waited for: items run in children, and nothing here waits without bound.
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/format.h>

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::seconds;

/* What a child that has ended may still have in the pipe. */
constexpr auto drain_time = std::chrono::milliseconds(200);
/* How long the dumps may take to reach the console. */
constexpr auto dump_time = std::chrono::milliseconds(1500);

int results = -1;	/* the virtio port */
int kmsg = -1;		/* the kernel log, read from its beginning */

void write_all(int fd, std::string_view text)
{
	while (!text.empty()) {
		const ssize_t n = write(fd, text.data(), text.size());

		if (n < 0 && errno != EINTR)
			return;
		if (n > 0)
			text.remove_prefix(n);
	}
}

void report(std::string_view line)
{
	write_all(results, fmt::format("{}\n", line));
}

void nested(std::string_view line)
{
	report(fmt::format("  {}", line));
}

void console(std::string_view line)
{
	write_all(STDERR_FILENO, fmt::format("guest_init: {}\n", line));
}

[[noreturn]] void restart()
{
	sync();
	reboot(RB_AUTOBOOT);
	_exit(1);	/* panics, which also ends QEMU */
}

[[noreturn]] void die(std::string_view what)
{
	const std::string why = fmt::format("{}: {}", what, strerror(errno));

	console(why);
	if (results >= 0)
		report("Bail out! " + why);
	restart();
}

void put(const char *path, std::string_view text)
{
	const int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text.data(), text.size()) < 0)
		console(fmt::format("{}: {}", path, strerror(errno)));
	if (fd >= 0)
		close(fd);
}

/* ---- what the tests need ------------------------------------------------ */

void mount_one(const char *type, const char *where, const char *options = "")
{
	fs::create_directories(where);
	if (mount(type, where, type, 0, options))
		die(fmt::format("mount {} on {}", type, where));
}

void mount_filesystems()
{
	mount_one("proc", "/proc");
	mount_one("sysfs", "/sys");
	mount_one("devtmpfs", "/dev");
	mount_one("debugfs", "/sys/kernel/debug");
	mount_one("tmpfs", "/tmp");
	mount_one("tmpfs", "/mnt");
	mount_one("tmpfs", "/mnt/tmpfs");
	mount_one("tmpfs", "/mnt/layers");
	for (const char *dir : {"lower", "upper", "work"})
		fs::create_directories(fs::path("/mnt/layers") / dir);
	mount_one("overlay", "/mnt/overlay",
		  "lowerdir=/mnt/layers/lower,upperdir=/mnt/layers/upper,"
		  "workdir=/mnt/layers/work");
}

int open_results_port()
{
	for (const auto &port : fs::directory_iterator("/sys/class/virtio-ports")) {
		std::ifstream name(port.path() / "name");
		std::string text;

		if (std::getline(name, text) && text == "results")
			return open(("/dev" / port.path().filename()).c_str(),
				    O_WRONLY | O_CLOEXEC);
	}
	errno = ENODEV;
	return -1;
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

/* Returns 0 or an errno. */
int load_module(const std::string &file, const std::vector<std::string> &params)
{
	std::string joined;

	for (const auto &param : params)
		joined += param + " ";
	const int fd = open(("/modules/" + file).c_str(), O_RDONLY | O_CLOEXEC);
	const bool ok = fd >= 0 && !syscall(SYS_finit_module, fd, joined.c_str(), 0);
	const int err = ok ? 0 : errno;

	if (err)
		console(fmt::format("insmod {}: {}", file, strerror(err)));
	if (fd >= 0)
		close(fd);
	return err;
}

/* ---- the items of the plan ---------------------------------------------- */

enum class Outcome { pass, fail, skip, hang };

struct Result {
	Outcome outcome;
	std::string why;
};

Result hung(const std::string &name, Seconds limit)
{
	std::string in = running_case;

	if (in.starts_with(name + "."))
		in.erase(0, name.size() + 1);
	/* A failed case of its name, so that it is counted and can be rerun. */
	if (!in.empty())
		nested(fmt::format("not ok 1 {} # hung", in));
	return { Outcome::hang, fmt::format("hung{}{}: not over after {} s",
					    in.empty() ? "" : " in ", in,
					    limit.count()) };
}

/* The suite's own document is indented by four, ours by two. */
Result kunit_results(const std::string &name)
{
	std::ifstream file("/sys/kernel/debug/kunit/" + name + "/results");
	std::optional<Result> result;

	for (std::string line; std::getline(file, line);) {
		if (line.starts_with("    "))
			nested(line.substr(4));
		else if (line.starts_with("not ok "))
			result = { Outcome::fail, "" };
		else if (line.starts_with("ok "))
			result = line.find("# SKIP") == line.npos ?
				Result{ Outcome::pass, "" } :
				Result{ Outcome::skip, "every case was skipped" };
	}
	return result.value_or(Result{ Outcome::skip, "no case of it was selected" });
}

Result run_kunit(const std::string &name, Seconds limit,
		 const std::vector<std::string> &words)
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
		   const std::vector<std::string> &words)
{
	const auto body = [&] {
		std::vector<char *> argv;

		for (const auto &word : words)
			argv.push_back(const_cast<char *>(word.c_str()));
		argv.push_back(nullptr);
		execv(argv[0], argv.data());
		return 127;
	};
	const auto line = [](std::string_view text) {
		note_running_case(text);
		nested(text);
	};
	const Ended ended = in_child(limit, body, line);

	if (!ended.in_time)
		return hung(name, limit);
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
		   const std::vector<std::string> &words)
{
	const auto deadline = Clock::now() + limit;
	std::optional<bool> success;

	if (const int err = load_module(words[0], { words.begin() + 1, words.end() }))
		return { Outcome::fail, fmt::format("insmod: {}", strerror(err)) };
	nested("KTAP version 1");
	nested("1..1");
	while (!success && Clock::now() < deadline) {
		read_kmsg([&](std::string_view text) {
			if (!text.starts_with(name))
				return;
			nested(fmt::format("# {}", text));
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
	const std::string module = words[0].substr(0, words[0].rfind(".ko"));

	if (syscall(SYS_delete_module, module.c_str(), O_NONBLOCK)) {
		nested(fmt::format("# rmmod {}: {}", module, strerror(errno)));
		success = false;
	}
	nested(fmt::format("{} 1 end_of_test", *success ? "ok" : "not ok"));
	return { *success ? Outcome::pass : Outcome::fail, "" };
}

void run_shell()
{
	const pid_t child = fork();

	if (!child) {
		setsid();
		const int tty = open("/dev/ttyS0", O_RDWR);

		for (int fd : {0, 1, 2})
			dup2(tty, fd);
		ioctl(0, TIOCSCTTY, 0);
		put("/proc/sys/kernel/printk", "4");
		setenv("PS1", "guest# ", 1);
		setenv("PATH", "/bin:/selftests", 1);
		execl("/bin/busybox", "sh", nullptr);
		_exit(127);
	}
	waitpid(child, nullptr, 0);
}

/* ---- the plan ----------------------------------------------------------- */

using Words = std::vector<std::string>;

std::vector<Words> read_plan()
{
	std::vector<Words> plan;
	std::ifstream file("/plan");

	for (std::string line; std::getline(file, line);) {
		std::istringstream in(line);
		Words words;

		for (std::string word; in >> word;)
			words.push_back(word);
		if (!words.empty())
			plan.push_back(words);
	}
	return plan;
}

bool is_test(const Words &item)
{
	return item[0] == "kunit" || item[0] == "run" || item[0] == "torture";
}

Result run_item(const Words &item)
{
	const std::string &name = item.at(1), &seconds = item.at(2);
	const Words rest(item.begin() + 3, item.end());
	long limit = 0;

	std::from_chars(seconds.data(), seconds.data() + seconds.size(), limit);
	running_case.clear();
	if (item[0] == "kunit")
		return run_kunit(name, Seconds(limit), rest);
	if (item[0] == "torture")
		return run_torture(name, Seconds(limit), rest);
	return run_program(name, Seconds(limit), rest);
}

void prepare(const Words &item)
{
	if (item[0] == "insmod" &&
	    !load_module(item.at(1), { item.begin() + 2, item.end() }) &&
	    item[1] == "gatefs.ko")
		mount_one("gatefs", "/mnt/gatefs");
	if (item[0] == "shell")
		run_shell();
}

void run_plan(const std::vector<Words> &plan)
{
	size_t tests = 0, number = 0;
	std::string lost;	/* the item that the kernel hung in */

	for (const auto &item : plan)
		tests += is_test(item);
	report("KTAP version 1");
	report(fmt::format("1..{}", tests));

	for (const auto &item : plan) {
		if (!is_test(item)) {
			prepare(item);
			continue;
		}
		const std::string &name = item.at(1);
		const auto begin = Clock::now();
		Result result = { Outcome::skip, "the kernel hung in " + lost };

		console("running " + name);
		report("# running: " + name);
		if (lost.empty())
			result = run_item(item);
		if (result.outcome == Outcome::hang)
			lost = name;

		const bool ok = result.outcome == Outcome::pass ||
				result.outcome == Outcome::skip;
		const char *sep = result.outcome == Outcome::skip ? " # SKIP " :
				  result.why.empty() ? "" : " # ";
		const std::chrono::duration<double> took = Clock::now() - begin;

		report(fmt::format("{}ok {} {}{}{}", ok ? "" : "not ", ++number,
				   name, sep, result.why));
		report(fmt::format("# time: {} {:.2f} s", name, took.count()));
	}
	report("# end of plan");
}

} // namespace

int main()
{
	mount_filesystems();
	/* Later than any test's own bound, which tells more than this does. */
	put("/proc/sys/kernel/hung_task_timeout_secs", "60");
	put("/proc/sys/kernel/printk", "7");
	results = open_results_port();
	if (results < 0)
		die("open the results port");
	kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (kmsg < 0)
		die("open the kernel log");
	run_plan(read_plan());
	restart();
}

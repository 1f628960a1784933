// SPDX-License-Identifier: GPL-2.0
/*
 * PID 1 of the test guest.  It mounts what the tests need, works through /plan
 * item by item, writes one KTAP document to the virtio port "results", or to what its
 * environment calls that, which nothing else writes to, and restarts the machine, which
 * ends QEMU.
 *
 * /plan is written by scripts/steps/guest, one item a line, blank-separated words:
 *
 *	insmod	FILE [PARAM...]			a module that the tests need
 *	set	FILE VALUE			a setting that the tests need
 *	disturb	NAME FILE VALUE MS		while the torture item NAME runs, VALUE is
 *						written to FILE every MS milliseconds
 *	servers	DIR				the root on the first disk, which the
 *						tests need: shown at DIR, where it can
 *						be written to and nothing of it is kept
 *	skip	NAME 0 REASON...		a test that this kernel cannot run
 *	kunit	NAME SECONDS FILE [PARAM...]	a KUnit suite NAME in module FILE, or
 *						built in, if FILE is "-"
 *	run	NAME SECONDS PROGRAM [ARG...]	a program that prints KTAP
 *	torture	NAME SECONDS FILE [PARAM...]	a torture module: its end line is
 *						the verdict
 *	kmemleak NAME SECONDS			what the kernel has lost of its memory
 *	shell					an interactive shell on the console
 *	coverage				hand what gcov has counted over, to the
 *						port "coverage"
 *
 * Modules are loaded and settings are made first; before all, those that the kernel
 * itself is short of, if /drivers/list names any.  A skip, kunit, run, torture or
 * kmemleak item becomes one top-level result, with the item's own KTAP nested below.  An item
 * that is not over after SECONDS has hung: the blocked tasks and all CPUs are dumped
 * to the console by sysrq and, since the kernel cannot be trusted any more, the rest
 * is not run.
 */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "guest_child.hpp"
#include "guest_disturb.hpp"
#include "guest_items.hpp"
#include "guest_port.hpp"

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

/* ---- what the tests need ------------------------------------------------ */

/* In the order of that list, which is one in which they can be loaded. */
void load_drivers()
{
	std::ifstream list("/drivers/list");

	for (std::string file; list >> file;) {
		errno = load_module("/drivers/" + file, {});
		if (errno)
			die("insmod " + file);
	}
}

void mount_one(const char *type, const char *where, const char *options = "")
{
	fs::create_directories(where);
	if (mount(type, where, type, 0, options))
		die(fmt::format("mount {} on {}", type, where));
}

/* It goes on in the background, and returns when its filesystem can be used. */
void start_fuse_server(const char *source, const char *where)
{
	constexpr const char *program = "/selftests/lookup_fuse_server";
	int status = 0;

	for (const char *dir : {source, where})
		fs::create_directories(dir);
	const pid_t child = fork();

	if (!child) {
		execl(program, program, source, where, nullptr);
		_exit(127);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		die(program);
	if (status) {
		/* The reason is on the console, if it got as far as that. */
		errno = EIO;
		die(fmt::format("{} ended with status {:#x}", program, status));
	}
}

void mount_filesystems()
{
	mount_one("proc", "/proc");
	mount_one("sysfs", "/sys");
	mount_one("devtmpfs", "/dev");
	/* The kernel makes the nodes; without these a script that writes to /dev/stdout makes a file. */
	fs::create_symlink("/proc/self/fd", "/dev/fd");
	for (const auto &[name, number] : {std::pair{"stdin", 0}, {"stdout", 1}, {"stderr", 2}})
		fs::create_symlink(fmt::format("/proc/self/fd/{}", number), fmt::format("/dev/{}", name));
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
	start_fuse_server("/mnt/layers/mirrored", "/mnt/fuse");
}

/* The disk is read only, so a layer of memory is over it. */
void mount_servers(const std::string &dir)
{
	const std::string disk = "/mnt/servers.disk", layer = "/mnt/servers.layer";

	fs::create_directories(disk);
	if (mount("/dev/vda", disk.c_str(), "squashfs", MS_RDONLY, nullptr))
		die("mount /dev/vda, the root with the servers");
	mount_one("tmpfs", layer.c_str());
	for (const char *sub : {"/upper", "/work"})
		fs::create_directories(layer + sub);
	mount_one("overlay", dir.c_str(), fmt::format("lowerdir={},upperdir={}/upper,workdir={}/work",
						      disk, layer, layer).c_str());
	for (const char *from : {"/proc", "/sys", "/dev"})
		if (mount(from, (dir + from).c_str(), nullptr, MS_BIND | MS_REC, nullptr))
			die(fmt::format("mount {} in {}", from, dir));
	for (const char *where : {"/run", "/tmp", "/dev/shm"})
		mount_one("tmpfs", (dir + where).c_str());
}

/* /dev/console itself cannot be the terminal that ^C comes from; the last one is behind it. */
std::string console_device()
{
	std::ifstream active("/sys/class/tty/console/active");
	std::string name, last = "ttyS0";

	while (active >> name)
		last = name;
	return "/dev/" + last;
}

void run_shell()
{
	const pid_t child = fork();

	if (!child) {
		setsid();
		const int tty = open(console_device().c_str(), O_RDWR);

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

/*
 * gcov's files have no size until they are read, so they are copied before they are
 * packed.
 */
void hand_coverage_over()
{
	const fs::path from = "/sys/kernel/debug/gcov", to = "/tmp/gcov";
	const pid_t child = fork();

	if (child) {
		waitpid(child, nullptr, 0);
		return;
	}
	for (const auto &entry : fs::recursive_directory_iterator(from)) {
		if (entry.path().extension() != ".gcda")
			continue;
		const fs::path copy = to / fs::relative(entry.path(), from);

		fs::create_directories(copy.parent_path());
		std::ofstream(copy, std::ios::binary) <<
			std::ifstream(entry.path(), std::ios::binary).rdbuf();
	}
	dup2(open_port("coverage"), STDOUT_FILENO);
	execl("/bin/busybox", "tar", "-c", "-C", to.c_str(), ".", nullptr);
	_exit(127);
}

/* ---- the plan ----------------------------------------------------------- */

/*
 * All that the kernel says is judged.  A case may have made it quiet, and was then killed.  It may
 * have left a lookup behind as well, so this makes none but the first time.
 */
void be_loud()
{
	static const int fd = open("/proc/sys/kernel/printk", O_WRONLY | O_CLOEXEC);

	if (pwrite(fd, "7", 1, 0) != 1)
		die("/proc/sys/kernel/printk");
}

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

/* All that a test needs must be there, or tests would be skipped for want of it. */
void prepare(const std::vector<Words> &plan)
{
	for (const auto &item : plan) {
		if (item[0] == "set" && !put(item.at(1).c_str(), item.at(2)))
			die("set " + item[1]);
		if (item[0] == "disturb")
			add_disturbance(item);
		if (item[0] == "servers")
			mount_servers(item.at(1));
		if (item[0] != "insmod")
			continue;
		errno = load_module(item.at(1), { item.begin() + 2, item.end() });
		if (errno)
			die("insmod " + item[1]);
		if (item[1] == "gatefs.ko")
			mount_one("gatefs", "/mnt/gatefs");
	}
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
		if (item[0] == "shell")
			run_shell();
		if (item[0] == "coverage")
			hand_coverage_over();
		if (!is_test(item))
			continue;
		const std::string &name = item.at(1);
		const auto begin = Clock::now();
		Result result = { Outcome::skip, "the kernel hung in " + lost };

		console("running " + name);
		report("# running: " + name);
		if (lost.empty()) {
			be_loud();
			result = run_item(item);
		}
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
	load_drivers();
	mount_filesystems();
	/* Later than any test's own bound, which tells more than this does. */
	put("/proc/sys/kernel/hung_task_timeout_secs", "60");
	be_loud();
	open_results();
	open_kernel_log();

	const std::vector<Words> plan = read_plan();

	prepare(plan);
	run_plan(plan);
	restart();
}

// SPDX-License-Identifier: GPL-2.0
/*
 * How long stat() of a process in /proc takes while processes come and go and others list
 * them, by the time stamp counter.
 *
 *   stat-procfs-p99   the 99th percentile
 *   stat-procfs-p50   the median
 *
 * Four threads list /proc, again and again.  One makes processes and ends them, 32 of which
 * live at a time; for each eighth it opens a name that is not there with O_CREAT, for which the
 * kernel locks /proc for writing.  One more, which is measured, asks for the youngest process: it
 * goes to sleep if it needs the lock or if one who lists is about to look that name up.  It
 * comes first on its CPU, so that only the kernel makes it wait.  A run in which it never
 * slept fails, since such a run says nothing about waiting; so does one in which half of the
 * processes had ended before they were found.
 */
#include "counted.hpp"
#include "options.hpp"

#include <atomic>
#include <csignal>
#include <deque>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace {

struct churn_config {
	uint64_t runs = 5, readers = 4, stats = 4000;
};

constexpr size_t alive = 32;

/* What goes on meanwhile; it ends with this. */
class disturbance {
public:
	explicit disturbance(uint64_t readers)
	{
		threads_.emplace_back([this](const std::stop_token &stop) { come_and_go(stop); });
		for (uint64_t i = 0; i < readers; i++)
			threads_.emplace_back([this](const std::stop_token &stop) { list(stop); });
	}

	pid_t youngest() const { return youngest_.load(std::memory_order_acquire); }
	uint64_t processes() const { return processes_.load(); }
	uint64_t lists() const { return lists_.load(); }

private:
	void come_and_go(const std::stop_token &stop)
	{
		const sched_param least = {.sched_priority = 1};
		const timespec pause = {0, 200'000};
		std::deque<pid_t> living;

		/* Or those who list leave it no time.  Who measures needs the same, and says so. */
		::sched_setscheduler(0, SCHED_FIFO, &least);
		while (!stop.stop_requested() || !living.empty()) {
			const pid_t child = stop.stop_requested() ? -1 : ::fork();

			if (child == 0) {
				::prctl(PR_SET_PDEATHSIG, SIGKILL);
				::pause();
				::_exit(0);
			}
			if (child > 0) {
				living.push_back(child);
				youngest_.store(child, std::memory_order_release);
				processes_.fetch_add(1);
			}
			if (!living.empty() && (child < 0 || living.size() > alive)) {
				::kill(living.front(), SIGKILL);
				::waitpid(living.front(), nullptr, 0);
				living.pop_front();
			}
			if (processes_.load() % 8 == 0)
				unique_fd(::open("/proc/none", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
			::nanosleep(&pause, nullptr);
		}
	}
	void list(const std::stop_token &stop)
	{
		std::vector<char> buffer(32768);

		while (!stop.stop_requested()) {
			const unique_fd dir = open_or_throw("/proc", O_RDONLY | O_DIRECTORY);

			while (::syscall(SYS_getdents64, dir.get(), buffer.data(), buffer.size()) > 0)
				;
			lists_.fetch_add(1);
		}
	}

	std::atomic<pid_t> youngest_{0};
	std::atomic<uint64_t> processes_{0}, lists_{0};
	std::vector<std::jthread> threads_;	/* last: they use the rest */
};

uint64_t sleeps_of_this_thread()
{
	rusage usage = {};

	::getrusage(RUSAGE_THREAD, &usage);
	return static_cast<uint64_t>(usage.ru_nvcsw);
}

void churn(ktap::test_case &t, const churn_config &c)
{
	const unique_fd proc = open_or_throw("/proc", O_RDONLY | O_DIRECTORY);
	disturbance others(c.readers);
	std::vector<double> p50, p99;
	uint64_t slept = 0;

	come_first();
	while (!others.youngest())
		std::this_thread::sleep_for(std::chrono::milliseconds(1));
	for (uint64_t run = 0; run < c.runs; run++) {
		const uint64_t processes = others.processes(), lists = others.lists();
		uint64_t slept_now = 0, found = 0;
		std::vector<double> took;

		while (took.size() < c.stats) {
			const std::string name = std::to_string(others.youngest());
			const timespec pause = {0, 50'000};
			struct stat st;

			/* The others get this CPU, too, and are found in the middle of something. */
			::nanosleep(&pause, nullptr);
			const uint64_t before = sleeps_of_this_thread(), begin = ticks();
			const int error = ::fstatat(proc.get(), name.c_str(), &st, 0) ? errno : 0;
			const uint64_t end = ticks();

			/* It may have been replaced by a younger one, and have ended. */
			t.require(error == 0 || error == ENOENT, "/proc/{}: {}", name,
				  std::strerror(error));
			found += error == 0;
			slept_now += sleeps_of_this_thread() != before;
			took.push_back(static_cast<double>(end - begin));
		}
		t.require(others.processes() > processes && others.lists() > lists,
			  "{} processes were made and {} lists meanwhile",
			  others.processes() - processes, others.lists() - lists);
		t.require(slept_now > 0, "run {}: no stat() slept", run);
		t.require(found > c.stats / 2, "run {}: {} of {} processes were found", run, found, c.stats);
		slept += slept_now;
		std::sort(took.begin(), took.end());
		p50.push_back(took[took.size() / 2]);
		p99.push_back(took[took.size() * 99 / 100]);
	}
	t.note("{} of {} stat() slept, {} processes, {} lists", slept, c.runs * c.stats,
	       others.processes(), others.lists());
	print_samples(t, "stat-procfs-p50", c.stats, p50);
	print_samples(t, "stat-procfs-p99", c.stats, p99);
}

} /* namespace */

int main(int argc, char **argv)
{
	options o("lookup_churn",
		  "How long stat() in /proc takes while processes come and go and others list them,\n"
		  "by the time stamp counter.  Example:\n"
		  "  lookup_churn --readers 4 --runs 3");
	ktap::run_options run;
	churn_config c;

	o.add_run_options(run);
	o.add("--runs", c.runs, 1, 10000, "of which each has a percentile, default 5");
	o.add("--readers", c.readers, 1, 256, "threads that list /proc, default 4");
	o.add("--stats", c.stats, 100, 100000, "of a run, default 4000");
	if (const auto status = o.parse(argc, argv))
		return *status;
	const std::vector<ktap::test> tests = {
		{"stat_of_processes_while_others_list_them", [&c](ktap::test_case &t) { churn(t, c); },
		 std::chrono::seconds(60) + std::chrono::milliseconds(c.runs * std::max<uint64_t>(20000, 5 * c.stats))},
	};

	return ktap::run(tests, run);
}

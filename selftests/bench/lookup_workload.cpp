// SPDX-License-Identifier: GPL-2.0
/*
 * The cost of whole workloads that look names up, by the time stamp counter.
 *
 * In a guest with one CPU under QEMU -icount shift=0,sleep=off that counts instructions,
 * of kernel and programs; elsewhere it is time, and then also what threads on several
 * CPUs do to each other.  A row is measured several times, after once for practice.
 *
 *   ls-procfs         processes that ls -lR /proc/sys and /proc/1 all at once, after
 *                     drop_caches: each name is looked up by the first; one that comes
 *                     meanwhile waits for it
 *   ls-tmpfs          the same of a tree of 100 directories with 100 files each, which
 *                     tmpfs keeps in the dcache: few lookups
 *   stress-ng-dentry  stress-ng that creates, finds, misses and unlinks files
 *   stress-ng-dir     stress-ng that makes and removes directories
 *   threads-hot-N     N threads that fstatat() a file each, which is in the dcache
 *   threads-cold-N    the same with missing names of their own, each time a lookup, as
 *                     tmpfs does not keep what is not there
 *   threads-same-N    N threads that fstatat() the same fresh missing name at once, round
 *                     after round
 *
 * The first four are in ticks for the whole, from the first fork() to the last exit.
 * For hot and cold threads it is the ticks from the start until the last is through, for
 * each lookup of all: the inverse of their throughput.  For threads-same-N it is what one
 * of them spends in fstatat(), in the median round, without the meeting before it.
 */
#include "caches.hpp"
#include "options.hpp"
#include "program.hpp"
#include "race.hpp"
#include "scratch_files.hpp"
#include "ticks.hpp"
#include "unique_fd.hpp"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <linux/magic.h>
#include <nlohmann/json.hpp>
#include <numeric>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

struct workload_config {
	std::string dir = "/mnt/tmpfs", row;
	uint64_t runs = 5, processes = 4, seed = 1;
};

/* RCU frees what the last one has left, which would fall into the next one otherwise. */
void rest()
{
	std::this_thread::sleep_for(std::chrono::milliseconds(50));
}

/* once() goes once through the workload, checks what came of it, and returns the ticks. */
template <class Once> void measure(ktap::test_case &t, const workload_config &c, Once &&once)
{
	std::vector<double> samples;

	once();
	for (uint64_t i = 0; i < c.runs; i++) {
		rest();
		samples.push_back(once());
		t.require(samples.back() > 0, "the time stamp counter says {}", samples.back());
	}
	t.require(!samples.empty(), "there is no sample");
	t.note("cost {}: {:.1f}", c.row, fmt::join(samples, " "));
	json result{{"row", c.row}, {"samples", samples}};

	std::sort(samples.begin(), samples.end());
	result["median"] = samples[samples.size() / 2];
	t.result(result.dump());
}

/* ---- programs -------------------------------------------------------------- */

/* The same program @n times at once; check() is given what each of them has printed. */
template <class Check>
void run_programs(ktap::test_case &t, const workload_config &c, uint64_t n,
		  std::vector<std::string> words, Check &&check)
{
	const std::vector<char *> argv = argv_of(words);

	measure(t, c, [&] {
		std::vector<unique_fd> out;
		std::vector<pid_t> children;
		std::vector<int> ends(n, -1);

		/* Without a name: there is nothing to remove, and nothing for ls to list. */
		while (out.size() < n)
			out.push_back(open_or_throw(c.dir, O_TMPFILE | O_RDWR, 0600));
		drop_caches();
		const uint64_t begin = ticks();

		for (const unique_fd &fd : out)
			children.push_back(start_program(argv, fd.get()));
		for (uint64_t i = 0; i < n; i++)
			if (::waitpid(children[i], &ends[i], 0) != children[i])
				throw errno_error("waitpid");
		const uint64_t end = ticks();

		for (uint64_t i = 0; i < n; i++) {
			const std::string printed = contents(out[i]);

			t.require(WIFEXITED(ends[i]) && WEXITSTATUS(ends[i]) == 0,
				  "{} ended with status {:#x}: {}", words[0], ends[i],
				  last_line(printed));
			check(printed);
		}
		return static_cast<double>(end - begin);
	});
}

/* It has a line for each file; of each directory a name and a total, and gaps between. */
void ls(ktap::test_case &t, const workload_config &c, const std::vector<std::string> &dirs)
{
	std::vector<std::string> words = {"/bin/busybox", "ls", "-lR"};
	uint64_t files = 0, directories = dirs.size();

	for (const std::string &dir : dirs) {
		words.push_back(dir);
		for (const fs::directory_entry &e : fs::recursive_directory_iterator(dir)) {
			files++;
			directories += e.symlink_status().type() == fs::file_type::directory;
		}
	}
	run_programs(t, c, c.processes, words, [&](const std::string &printed) {
		const uint64_t wanted = files + 3 * directories - 1;
		const auto lines =
			static_cast<uint64_t>(std::count(printed.begin(), printed.end(), '\n'));

		t.require(lines == wanted, "ls printed {} lines, and should have printed {}: {}", lines,
			  wanted, last_line(printed));
	});
}

struct tree {
	explicit tree(const std::string &dir) : top(dir + "/workload-tree")
	{
		fs::remove_all(top);	/* of a run that was killed */
		for (int i = 0; i < 10000; i++) {
			const std::string sub = fmt::format("{}/dir-{:02}", top, i / 100);

			fs::create_directories(sub);
			open_or_throw(fmt::format("{}/file-{:02}", sub, i % 100), O_CREAT | O_WRONLY, 0600);
		}
	}
	tree(const tree &) = delete;
	~tree()
	{
		std::error_code ignored;

		fs::remove_all(top, ignored);
	}

	const std::string top;
};

/* One, since its processes are its own; it divides the operations among them. */
void stress(ktap::test_case &t, const workload_config &c, const std::string &stressor,
	    const std::vector<std::string> &more)
{
	constexpr uint64_t operations = 2000;
	std::vector<std::string> words = {
		stress_ng, "--" + stressor, std::to_string(c.processes), "--" + stressor + "-ops",
		std::to_string(operations), "--temp-path", c.dir, "--seed", std::to_string(c.seed),
		"--metrics-brief"};

	if (::access(stress_ng, X_OK) < 0)
		t.skip("no {} here; scripts/measure/stress-ng-cpio packs it for scripts/steps/guest --extra", stress_ng);
	words.insert(words.end(), more.begin(), more.end());
	run_programs(t, c, 1, words, [&](const std::string &printed) {
		const uint64_t done = operations_of(printed, stressor);

		t.require(done >= operations, "stress-ng did {} operations of {}: {}", done, operations,
			  last_line(printed));
	});
}

/* ---- threads --------------------------------------------------------------- */

/* Spins only where each thread has a CPU: one without can only arrive when others yield. */
class meeting {
public:
	explicit meeting(unsigned n) : n_(n), crowded_(n > usable_cpus().size()) {}

	void meet()
	{
		const unsigned round = round_.load();

		if (arrived_.fetch_add(1) + 1 == n_) {
			arrived_.store(0);
			round_.store(round + 1);
		}
		while (round_.load() == round) {
			if (crowded_)
				::sched_yield();
			else
				relax();
		}
	}

private:
	const unsigned n_;
	const bool crowded_;
	alignas(64) std::atomic<unsigned> arrived_{0};
	alignas(64) std::atomic<unsigned> round_{0};
};

/* Where only the kernel makes it sleep. */
uint64_t sleeps_of_this_thread()
{
	rusage usage = {};

	::getrusage(RUSAGE_THREAD, &usage);
	return static_cast<uint64_t>(usage.ru_nvcsw);
}

bool stat_says(int wanted, int dir, const std::string &name)
{
	struct stat st;

	return (::fstatat(dir, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) < 0 ? errno : 0) == wanted;
}

/*
 * Pinned threads that start at once; work(who) is the work of that thread, and returns how
 * many of its lookups ended as they should.  Returns the ticks until the last is through.
 */
template <class Work> uint64_t run_threads(ktap::test_case &t, unsigned n, uint64_t each, Work &&work)
{
	const auto cpus = usable_cpus();
	std::atomic<unsigned> ready{0}, go{0};
	std::vector<uint64_t> good(n), ends(n);
	std::vector<std::jthread> threads;

	for (unsigned who = 0; who < n; who++) {
		threads.emplace_back([&, who] {
			pin_to(cpus[who % cpus.size()]);
			ready.fetch_add(1);
			ready.notify_one();
			go.wait(0);
			good[who] = work(who);
			ends[who] = ticks();
		});
	}
	for (unsigned r; (r = ready.load()) < n;)
		ready.wait(r);
	const uint64_t begin = ticks();

	go.store(1);
	go.notify_all();
	threads.clear();
	for (unsigned who = 0; who < n; who++)
		t.require(good[who] == each, "thread {}: {} of {} lookups ended as they should", who,
			  good[who], each);
	return *std::max_element(ends.begin(), ends.end()) - begin;
}

void own_names(ktap::test_case &t, const workload_config &c, unsigned n, bool hot)
{
	constexpr uint64_t lookups = 8000;
	const unique_fd dir = open_or_throw(c.dir, O_RDONLY | O_DIRECTORY);
	const int wanted = hot ? 0 : ENOENT;
	std::vector<std::string> names;

	for (unsigned who = 0; who < n; who++)
		names.push_back(fmt::format("workload-{}", who));
	const scratch_files files(dir.get(), names);

	for (const std::string &name : names)
		if (hot)
			open_or_throw(c.dir + "/" + name, O_CREAT | O_WRONLY, 0600);
	measure(t, c, [&] {
		const uint64_t took = run_threads(t, n, lookups, [&](unsigned who) {
			uint64_t good = 0;

			for (uint64_t i = 0; i < lookups; i++)
				good += stat_says(wanted, dir.get(), names[who]);
			return good;
		});

		return static_cast<double>(took) / static_cast<double>(n * lookups);
	});
}

void same_name(ktap::test_case &t, const workload_config &c, unsigned n)
{
	constexpr unsigned rounds = 500;
	const unique_fd dir = open_or_throw(c.dir, O_RDONLY | O_DIRECTORY);
	std::vector<std::vector<uint64_t>> took(n, std::vector<uint64_t>(rounds));
	std::vector<std::string> names;
	std::vector<uint64_t> sleeps(n);
	meeting all(n);

	/* All have one length, since a longer one takes longer to hash. */
	for (unsigned round = 0; round < rounds; round++)
		names.push_back(fmt::format("workload-{:04}", round));
	measure(t, c, [&] {
		std::vector<double> sums(rounds);

		run_threads(t, n, rounds, [&](unsigned who) {
			const uint64_t slept = sleeps_of_this_thread();
			uint64_t good = 0;

			for (unsigned round = 0; round < rounds; round++) {
				all.meet();
				const uint64_t begin = ticks();

				good += stat_says(ENOENT, dir.get(), names[round]);
				took[who][round] = ticks() - begin;
			}
			sleeps[who] += sleeps_of_this_thread() - slept;
			return good;
		});
		/* Not the mean: a thread that is preempted in a round says nothing about lookups. */
		for (const auto &mine : took)
			for (unsigned round = 0; round < rounds; round++)
				sums[round] += static_cast<double>(mine[round]);
		std::nth_element(sums.begin(), sums.begin() + rounds / 2, sums.end());
		return sums[rounds / 2] / n;
	});
	t.note("{} of {} lookups slept", std::accumulate(sleeps.begin(), sleeps.end(), uint64_t{0}),
	       (c.runs + 1) * rounds * n);
}

/* ---- the rows -------------------------------------------------------------- */

const std::vector<std::string> row_names = {
	"ls-procfs", "ls-tmpfs", "stress-ng-dentry", "stress-ng-dir",
	"threads-hot-1", "threads-hot-2", "threads-hot-4", "threads-hot-8",
	"threads-cold-1", "threads-cold-2", "threads-cold-4", "threads-cold-8",
	"threads-same-2", "threads-same-4", "threads-same-8"};

void run_row(ktap::test_case &t, const workload_config &c)
{
	const auto n = static_cast<unsigned>(c.row.back() - '0');
	struct statfs at;

	/* Others may keep missing names, and then nothing is looked up. */
	if (::statfs(c.dir.c_str(), &at) < 0)
		throw errno_error(c.dir);
	t.require(at.f_type == TMPFS_MAGIC, "{} is not on tmpfs", c.dir);
	if (c.row == "ls-procfs") {
		ls(t, c, {"/proc/sys", "/proc/1"});
	} else if (c.row == "ls-tmpfs") {
		const tree files(c.dir);

		ls(t, c, {files.top});
	} else if (c.row == "stress-ng-dentry") {
		/* By default in a random order, and so many that there is no second pass. */
		stress(t, c, "dentry", {"--dentry-order", "forward", "--dentries", "250"});
	} else if (c.row == "stress-ng-dir") {
		stress(t, c, "dir", {});
	} else if (c.row.starts_with("threads-same")) {
		same_name(t, c, n);
	} else {
		own_names(t, c, n, c.row.starts_with("threads-hot"));
	}
}

} /* namespace */

int main(int argc, char **argv)
{
	options o("lookup_workload",
		  "What whole workloads cost that look names up, by the time stamp counter.\n"
		  "Example:\n"
		  "  lookup_workload --rows ls-procfs,threads-same-2 --runs 3 --dir /dev/shm");
	ktap::run_options run;
	std::vector<ktap::test> tests;
	std::vector<std::string> rows;
	workload_config c;

	o.add_run_options(run);
	o.add_words("--rows", rows, row_names, "rows, separated by commas; default all");
	o.add("--runs", c.runs, 1, 10000, "samples of each row, default 5");
	o.add("--processes", c.processes, 1, 256, "of ls and stress-ng, default 4");
	o.add("--seed", c.seed, 0, UINT64_MAX, "of stress-ng, default 1");
	o.add("--dir", c.dir, "a directory on tmpfs, default /mnt/tmpfs");
	if (const auto status = o.parse(argc, argv))
		return *status;
	if (rows.empty())
		rows = row_names;

	for (const std::string &row : rows) {
		c.row = row;
		tests.push_back({"workload_" + row, [c](ktap::test_case &t) { run_row(t, c); },
				 std::chrono::seconds(30) + std::chrono::seconds(10 * c.runs)});
	}
	return ktap::run(tests, run);
}

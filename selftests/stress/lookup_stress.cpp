// SPDX-License-Identifier: GPL-2.0
/*
 * Many threads on few hot names and many cold ones of any mounted directory, with
 * checks: what a lookup finds must be something that the name stood for at a
 * moment between its start and its end, and no operation may take longer than the
 * bound.  Wrong looks like a name that is missing while nobody removed it, like
 * the content of a file that was gone, or like a thread that sleeps for ever.
 *
 * stress_writable.cpp keeps the history of each hot name; stress_readonly.cpp
 * knows what names of gatefs and of filesystems that it cannot write to stand for.
 * The choice of operations depends on the seed only, their order does not.
 */
#include "mount.hpp"
#include "options.hpp"
#include "stress.hpp"
#include "unique_fd.hpp"

#include <csignal>
#include <cstring>
#include <nlohmann/json.hpp>
#include <sys/resource.h>
#include <sys/stat.h>

std::atomic<bool> stress_interrupted{false};

namespace {

int64_t now_ns()
{
	return std::chrono::duration_cast<std::chrono::nanoseconds>(
		std::chrono::steady_clock::now().time_since_epoch()).count();
}

void on_signal(int)
{
	stress_interrupted.store(true, std::memory_order_relaxed);
}

} /* namespace */

const char *op_name(op o)
{
	static const char *const names[] = {
		"idle", "stat", "open", "readdir", "missing", "cold", "create", "unlink",
		"replace", "mkdir", "rmdir", "rename", "exchange", "link", "drop_caches",
	};

	static_assert(std::size(names) == static_cast<unsigned>(op::count));
	return names[static_cast<unsigned>(o)];
}

stress_worker::operation::operation(stress_worker &w, op what, const char *name, uint64_t number)
	: w_(w), what_(what), since_(now_ns())
{
	w.what.store(what, std::memory_order_relaxed);
	w.name.store(name, std::memory_order_relaxed);
	w.number.store(number, std::memory_order_relaxed);
	w.since.store(since_, std::memory_order_release);
}

stress_worker::operation::~operation()
{
	const int64_t took = now_ns() - since_;

	w_.since.store(0, std::memory_order_release);
	w_.counts[static_cast<unsigned>(what_)]++;
	w_.done.store(w_.done.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
	if (took > w_.longest) {
		w_.longest = took;
		w_.longest_op = what_;
	}
}

/* A thread that is stuck can never be joined, so this does not return then. */
void stress_run::check_overdue(const std::vector<std::unique_ptr<stress_worker>> &workers)
{
	const int64_t bound = std::chrono::nanoseconds(t.bound(config.max_op)).count();
	std::string first;

	for (const auto &w : workers) {
		const int64_t since = w->since.load(std::memory_order_acquire);
		const int64_t took = now_ns() - since;

		if (!since || took <= bound)
			continue;
		const char *name = w->name.load(std::memory_order_relaxed);
		const std::string line =
			fmt::format("thread {} ({}) is in {} of {}{} for {} ms: {}", w->index,
				    w->tid.load(std::memory_order_relaxed),
				    op_name(w->what.load(std::memory_order_relaxed)),
				    name ? name : "", w->number.load(std::memory_order_relaxed),
				    took / 1000000,
				    to_string(look_at(::getpid(),
						      w->tid.load(std::memory_order_relaxed))));

		t.note("{}", line);
		if (first.empty())
			first = line;
	}
	if (!first.empty())
		t.abandon("an operation takes longer than {} ms, seed {}: {}", bound / 1000000,
			  config.seed, first);
}

/* A step that only reads is left by an exception where it can. */
void stress_run::work(stress_model &model, stress_worker &w)
{
	rusage usage;

	w.tid.store(::gettid(), std::memory_order_relaxed);
	try {
		if (config.inject_faults)
			w.faults.start();
		while (!stop_.stop_requested()) {
			try {
				model.step(w);
			} catch (const std::system_error &e) {
				if (!w.injected(e.code().value()))
					throw;
			}
		}
	} catch (const std::exception &e) {
		violation("thread {}: {}", w.index, e.what());
	}
	::getrusage(RUSAGE_THREAD, &usage);
	w.sleeps = static_cast<uint64_t>(usage.ru_nvcsw);
	w.finished.store(true, std::memory_order_release);
}

void stress_run::go(stress_model &model)
{
	const auto start = std::chrono::steady_clock::now();
	std::vector<std::unique_ptr<stress_worker>> workers;
	std::vector<std::jthread> threads;
	random_bits seeds(config.seed);
	auto told = start;

	t.note("{}: {}, {} threads, seed {}", dir, model.describe(), config.threads, config.seed);
	for (unsigned i = 0; i < config.threads; i++) {
		workers.push_back(std::make_unique<stress_worker>(*this, i, seeds()));
		threads.emplace_back([this, &model, &w = *workers.back()] { work(model, w); });
	}
	for (;;) {
		const auto now = std::chrono::steady_clock::now();
		bool all_finished = true;

		std::this_thread::sleep_for(std::chrono::milliseconds(20));
		for (const auto &w : workers)
			all_finished &= w->finished.load(std::memory_order_acquire);
		if (all_finished)
			break;
		if (now - start >= config.duration ||
		    stress_interrupted.load(std::memory_order_relaxed))
			stop_.request_stop();
		check_overdue(workers);
		if (now - told >= std::chrono::milliseconds(500)) {
			uint64_t done = 0;

			told = now;
			for (const auto &w : workers)
				done += w->done.load(std::memory_order_relaxed);
			t.progress("{}: {} operations, {:.1f} s", dir, done,
				   std::chrono::duration<double>(now - start).count());
		}
	}
	threads.clear();
	model.finish();
	report(workers, model, std::chrono::duration<double>(
		std::chrono::steady_clock::now() - start).count());
}

void stress_run::report(const std::vector<std::unique_ptr<stress_worker>> &workers,
			const stress_model &model, double seconds)
{
	uint64_t counts[static_cast<unsigned>(op::count)] = {}, total = 0, sleeps = 0, changes = 0, enomem = 0;
	nlohmann::json by_op = nlohmann::json::object();
	const stress_worker *slowest = workers[0].get();
	std::string text;

	for (const auto &w : workers) {
		for (unsigned i = 0; i < std::size(counts); i++)
			counts[i] += w->counts[i];
		sleeps += w->sleeps;
		changes += w->changes;
		enomem += w->enomem;
		if (w->longest > slowest->longest)
			slowest = w.get();
	}
	for (unsigned i = 0; i < std::size(counts); i++) {
		if (!counts[i])
			continue;
		total += counts[i];
		by_op[op_name(static_cast<op>(i))] = counts[i];
		text += fmt::format(" {}:{}", op_name(static_cast<op>(i)), counts[i]);
	}
	const double longest_ms = static_cast<double>(slowest->longest) / 1e6;

	t.note("{}: {} operations in {:.2f} s, {} sleeps, longest {:.1f} ms ({}), {} unjudged{}",
	       dir, total, seconds, sleeps, longest_ms, op_name(slowest->longest_op),
	       model.unjudged(), stress_interrupted.load(std::memory_order_relaxed) ?
	       ", interrupted" : "");
	t.note("{}:{}", dir, text);
	if (config.inject_faults)
		t.note("{}: enomem:{}", dir, enomem);
	t.result(nlohmann::json{{"dir", dir}, {"model", model.describe()},
				{"seed", config.seed}, {"threads", config.threads},
				{"seconds", seconds}, {"operations", total}, {"by_op", by_op},
				{"sleeps", sleeps}, {"longest_ms", longest_ms},
				{"longest_op", op_name(slowest->longest_op)},
				{"unjudged", model.unjudged()}, {"enomem", enomem},
				{"violation", violation_}}.dump());
	t.require(violation_.empty(), "{} (seed {})", violation_, config.seed);
	t.require(total > 0, "not one operation was made");
	t.require(!model.changes_names() || changes > 0, "not one name was changed: is {} full?", dir);
	t.require(!config.inject_faults || enomem || no_faults_are_configured(),
		  "no fault was injected: not one operation failed with ENOMEM");
}

namespace {

/* The type of the filesystem that a device number belongs to. */
std::string type_of(dev_t dev)
{
	const std::string text = read_file("/proc/self/mountinfo").value_or("");
	const std::string id = fmt::format(" {}:{} ", major(dev), minor(dev));

	for (size_t at = 0; at < text.size();) {
		const size_t end = std::min(text.find('\n', at), text.size());
		const std::string line = text.substr(at, end - at);
		const size_t dash = line.find(" - ");

		if (line.find(id) < dash && dash != std::string::npos)
			return line.substr(dash + 3, line.find(' ', dash + 3) - dash - 3);
		at = end + 1;
	}
	return "";
}

bool can_write(const std::string &dir)
{
	const std::string probe = fmt::format("{}/lookup_stress.probe.{}", dir, ::getpid());
	const unique_fd fd(::open(probe.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600));

	/* Else it is read only, or makes no files, as /proc. */
	if (!fd && (errno == ENOSPC || errno == EDQUOT || errno == EIO || errno == ENOMEM))
		throw errno_error(probe);
	return fd && ::unlink(probe.c_str()) == 0;
}

void stress(ktap::test_case &t, const stress_config &c, const std::string &dir)
{
	struct stat st;

	std::signal(SIGINT, on_signal);
	std::signal(SIGTERM, on_signal);
	if (::stat(dir.c_str(), &st) < 0)
		t.fail("{}: {}", dir, std::strerror(errno));
	t.require(S_ISDIR(st.st_mode), "{} is not a directory", dir);
	if (c.inject_faults) {
		if (::access(fault_injection::file, W_OK) < 0)
			t.fail("--inject-faults: {}: {}; needs CONFIG_FAULT_INJECTION and root",
			       fault_injection::file, std::strerror(errno));
		hold_all_memory();
	}

	stress_run run(t, c, dir);
	std::unique_ptr<stress_model> model;

	if (type_of(st.st_dev) == "gatefs")
		model = gatefs_model(run, st.st_dev);
	else if (can_write(dir))
		model = writable_model(run);
	else
		model = readonly_model(run);
	run.go(*model);
}

} /* namespace */

int main(int argc, char **argv)
{
	options o("lookup_stress",
		  "Seeded stress of lookups on mounted directories, with checks (KTAP).\n"
		  "One case for each --dir.  Example:\n"
		  "  lookup_stress --dir /tmp --dir /proc --duration 30 --json result.json");
	ktap::run_options run;
	stress_config c;
	std::vector<std::string> dirs;
	uint64_t threads = std::max<uint64_t>(4, 2 * usable_cpus().size());
	uint64_t max_op_ms = 10000;
	double seconds = 10;

	c.seed = fresh_seed();
	o.add_run_options(run);
	o.add("--dir", dirs, "directory to work in; default /tmp and /proc (repeatable)");
	o.add("--seed", c.seed, 0, UINT64_MAX, "of the choice of operations; by default a new one");
	o.add("--threads", threads, 1, 4096, "default: two for each CPU, at least 4");
	o.add("--duration", seconds, 0.001, 1e6, "seconds for each directory");
	o.add("--max-op-ms", max_op_ms, 1, 3600000,
	      "an operation that takes longer fails the run, default 10000");
	o.add("--hot", c.hot, 2, 64, "hot names, default 8");
	o.add("--cold", c.cold, 1, 1000000000, "cold names, default 100000");
	o.add_flag("--drop-caches", c.drop_caches, 
		   "drop the machine's dentries now and then, where nothing can be written");
	o.add_flag("--inject-faults", c.inject_faults,
		   "allocations of the threads fail, as often as /sys/kernel/debug/failslab and\n"
		   "fail_page_alloc say; ENOMEM is counted then, and a run without any fails");
	o.add_flag("--files-only", c.files_only,
		   "where names can be written: make, rename and remove files, and no directories");
	o.add_flag("--no-open", c.no_open,
		   "where names can be written: stat() them, and leave out the open() of one that\n"
		   "another thread may change; for smb, where a file that is open keeps its name.\n"
		   "A directory from which all has been removed, and another client has some of it\n"
		   "open, is tried again for --max-op-ms");
	o.add_flag("--may-be-stale", c.may_be_stale,
		   "where names can be written: ESTALE from stat(), or from open() and what is read then,\n"
		   "is counted as unjudged if the name was changed meanwhile; for afs, whose lookups end\n"
		   "in it if the server has removed what the name was twice");
	if (const auto status = o.parse(argc, argv))
		return *status;
	if (dirs.empty())
		dirs = {"/tmp", "/proc"};
	c.threads = static_cast<unsigned>(threads);
	c.duration = std::chrono::milliseconds(static_cast<int64_t>(seconds * 1000));
	c.max_op = std::chrono::milliseconds(max_op_ms);
	run.json_extra = fmt::format(R"({{"seed":{},"threads":{}}})", c.seed, threads);

	std::vector<ktap::test> tests;

	for (const std::string &dir : dirs)
		tests.push_back({"no_impossible_result_in_" + dir,
				 [&c, dir](ktap::test_case &t) { stress(t, c, dir); },
				 c.duration + 2 * c.max_op + std::chrono::seconds(20)});
	return ktap::run(tests, run);
}

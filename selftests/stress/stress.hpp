/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shared by the two halves of lookup_stress: workers whose every operation is
 * announced before it starts, so that the watchdog can name one that does not end,
 * and the place for the first thing that was wrong.
 */
#pragma once

#include "faults.hpp"
#include "ktap.hpp"
#include "race.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <vector>

struct stress_config {
	uint64_t seed = 0;
	unsigned threads = 4;
	std::chrono::milliseconds duration{10000};
	std::chrono::milliseconds max_op{10000};
	uint64_t hot = 8;
	uint64_t cold = 100000;
	bool drop_caches = false;
	bool inject_faults = false;
	bool files_only = false;	/* a hot name is a file, or missing */
	bool no_open = false;		/* of a hot name that may be changed meanwhile */
	bool may_be_stale = false;	/* ESTALE of a hot name that was changed meanwhile is no violation */
};

enum class op : unsigned {
	idle, stat, open, readdir, missing, cold, create, unlink, replace, mkdir, rmdir,
	rename, exchange, link, drop_caches, count
};

const char *op_name(op o);

class stress_run;

/* One thread of the stress.  Only its own thread writes it, the watchdog reads. */
class alignas(64) stress_worker {
public:
	stress_worker(stress_run &run, unsigned index, uint64_t seed)
		: run(run), index(index), random(seed)
	{
	}

	/* Announces one operation while it runs.  The name must outlive the run. */
	class operation {
	public:
		operation(stress_worker &w, op what, const char *name, uint64_t number = 0);
		operation(const operation &) = delete;
		operation &operator=(const operation &) = delete;
		~operation();

	private:
		stress_worker &w_;
		op what_;
		int64_t since_;
	};

	/* Did this fail because it was asked to?  Then it is counted, and right. */
	bool injected(int error)
	{
		if (error != ENOMEM || !faults.on())
			return false;
		enomem++;
		return true;
	}

	stress_run &run;
	const unsigned index;
	random_bits random;
	fault_injection faults;

	std::atomic<pid_t> tid{0};
	std::atomic<bool> finished{false};
	std::atomic<int64_t> since{0};		/* ns, 0: between two operations */
	std::atomic<op> what{op::idle};
	std::atomic<const char *> name{nullptr};
	std::atomic<uint64_t> number{0};
	std::atomic<uint64_t> done{0};

	uint64_t counts[static_cast<unsigned>(op::count)] = {};
	int64_t longest = 0;			/* ns */
	op longest_op = op::idle;
	uint64_t sleeps = 0;
	uint64_t changes = 0;			/* of names, that came about */
	uint64_t enomem = 0;
};

/* The work on one kind of directory. */
class stress_model {
public:
	virtual ~stress_model() = default;
	virtual void step(stress_worker &w) = 0;
	/* After all workers have ended. */
	virtual void finish() {}
	virtual std::string describe() const = 0;
	/* Whether it changes names: a run in which none was changed shows nothing. */
	virtual bool changes_names() const { return false; }
	/* Results that the model could not judge. */
	virtual uint64_t unjudged() const { return 0; }
};

class stress_run {
public:
	stress_run(ktap::test_case &t, const stress_config &c, const std::string &dir)
		: t(t), config(c), dir(dir)
	{
	}

	/* Runs the workers and the watchdog, reports, and fails the case if need be. */
	void go(stress_model &model);

	/* The first one is kept, and ends the run. */
	template <class... T> void violation(fmt::format_string<T...> f, T &&...args)
	{
		const std::lock_guard guard(lock_);

		if (violation_.empty())
			violation_ = fmt::format(f, std::forward<T>(args)...);
		stop_.request_stop();
	}
	/* A number that a few operations share, so that threads meet on new names. */
	uint64_t moving() { return moving_.fetch_add(1, std::memory_order_relaxed) / 8; }

	ktap::test_case &t;
	const stress_config config;
	const std::string dir;

private:
	void work(stress_model &model, stress_worker &w);
	void check_overdue(const std::vector<std::unique_ptr<stress_worker>> &workers);
	void report(const std::vector<std::unique_ptr<stress_worker>> &workers,
		    const stress_model &model, double seconds);

	std::mutex lock_;
	std::string violation_;			/* lock_ */
	std::stop_source stop_;
	alignas(64) std::atomic<uint64_t> moving_{0};
};

/* Set by SIGINT and SIGTERM: end early, with a result. */
extern std::atomic<bool> stress_interrupted;

std::unique_ptr<stress_model> writable_model(stress_run &run);
std::unique_ptr<stress_model> readonly_model(stress_run &run);
std::unique_ptr<stress_model> gatefs_model(stress_run &run, dev_t dev);

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Batches that are counted by ticks(), one after the other, as lookup_cost and lookup_list
 * print them.
 */
#pragma once

#include "ktap.hpp"
#include "ticks.hpp"
#include "unique_fd.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <dirent.h>
#include <nlohmann/json.hpp>
#include <sched.h>
#include <stdexcept>
#include <string>
#include <time.h>
#include <vector>

/* A batch: before() and after() prove what is in the dcache, run() is measured. */
class subject {
public:
	virtual ~subject() = default;
	virtual void before(ktap::test_case &t) = 0;
	virtual void run() = 0;
	/* Returns how many names were looked up. */
	virtual uint64_t after(ktap::test_case &t) = 0;
};

/* nr_dentry, the first number there. */
inline int64_t dentries()
{
	/* Kept open: to open it is a lookup. */
	static const unique_fd state = open_or_throw("/proc/sys/fs/dentry-state", O_RDONLY);
	char text[128];
	const ssize_t n = ::pread(state.get(), text, sizeof(text), 0);
	int64_t value = 0;

	if (n < 0 || std::from_chars(text, text + n, value).ec != std::errc())
		throw std::runtime_error("/proc/sys/fs/dentry-state has no number");
	return value;
}

/* Names that getdents64() has left there, without "." and "..", which nobody looks up. */
inline int64_t names_in(const char *buffer, long length)
{
	int64_t n = 0;

	for (long at = 0; at < length;) {
		const auto *e = reinterpret_cast<const dirent64 *>(buffer + at);

		n += std::strcmp(e->d_name, ".") && std::strcmp(e->d_name, "..");
		at += e->d_reclen;
	}
	return n;
}

inline timespec time_of_last_tick()
{
	timespec t;

	::clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return t;
}

/*
 * RCU frees what a batch has left, which would fall into the next one otherwise.
 * Then begin right behind a timer tick: the next one is a few million instructions
 * off, and the interrupts that follow the end of a sleep are over.
 */
inline void rest()
{
	const timespec a_few_ticks = {0, 20'000'000};

	::nanosleep(&a_few_ticks, nullptr);
	const timespec before = time_of_last_tick();

	while (time_of_last_tick().tv_nsec == before.tv_nsec)
		;
}

template <class F> int64_t ticks_of(F &&f)
{
	rest();
	const uint64_t begin = ticks();

	f();
	return static_cast<int64_t>(ticks() - begin);
}

/* A kernel thread that the last tick woke has to let a batch through. */
inline void come_first()
{
	const sched_param least = {.sched_priority = 1};

	if (::sched_setscheduler(0, SCHED_FIFO, &least) < 0)
		throw errno_error("SCHED_FIFO");
}

/* The line by which scripts/measure/bench-table knows a row, and the same as JSON. */
inline void print_samples(ktap::test_case &t, const std::string &row, uint64_t names,
			  std::vector<double> samples)
{
	std::string text;

	t.require(!samples.empty(), "there is no sample");
	for (const double v : samples)
		text += fmt::format(" {:.2f}", v);
	t.note("cost {}:{}", row, text);
	nlohmann::json result{{"row", row}, {"names", names}, {"samples", samples}};

	std::sort(samples.begin(), samples.end());
	result["median"] = samples[samples.size() / 2];
	t.result(result.dump());
}

/* Ticks for each name of `batches` batches; those before, in which slabs fill, do not count. */
inline void count_batches(ktap::test_case &t, const std::string &row, subject &s,
			  uint64_t warm_up, uint64_t batches)
{
	std::vector<double> samples;
	int64_t overhead = INT64_MAX;
	uint64_t names = 0;

	for (int i = 0; i < 9; i++)
		overhead = std::min(overhead, ticks_of([] {}));
	for (uint64_t i = 0; i < warm_up + batches; i++) {
		s.before(t);
		const int64_t ticks = ticks_of([&] { s.run(); }) - overhead;

		names = s.after(t);
		t.require(ticks > 0, "the time stamp counter says {} for {} names", ticks, names);
		if (i >= warm_up)
			samples.push_back(static_cast<double>(ticks) / static_cast<double>(names));
	}
	print_samples(t, row, names, std::move(samples));
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Lookups per second and the distribution of their latency.
 *
 *   negative   each thread stats names that never were and that nobody asked for
 *              before, so each one reaches ->lookup()
 *   positive   each thread stats names that exist and are in the dcache
 *   contended  all threads stat the same fresh name at once, round after round;
 *              the latency includes waiting for the one that does the lookup, and
 *              the rate includes the meeting before each round, which dominates it
 *              where CPUs are scarce: compare latencies there
 *
 * Every mode runs several times, since one number without its spread says little.
 * It runs in a child process like a test case, so a thread that never comes back
 * ends the bench and does not hang it.
 */
#include "mount.hpp"
#include "options.hpp"
#include "race.hpp"
#include "scratch_files.hpp"
#include "unique_fd.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <time.h>

namespace {

using nlohmann::json;

/* Log-linear: 32 steps for each power of two, so a value is off by 3 % at most. */
class histogram {
public:
	void add(uint64_t ns)
	{
		counts_[index(ns)]++;
		total_++;
		most_ = std::max(most_, ns);
	}
	void add(const histogram &other)
	{
		for (size_t i = 0; i < counts_.size(); i++)
			counts_[i] += other.counts_[i];
		total_ += other.total_;
		most_ = std::max(most_, other.most_);
	}
	uint64_t total() const { return total_; }
	uint64_t most() const { return most_; }
	uint64_t percentile(double p) const
	{
		const auto wanted = static_cast<uint64_t>(p / 100 * static_cast<double>(total_));
		uint64_t seen = 0;

		for (size_t i = 0; i < counts_.size(); i++) {
			seen += counts_[i];
			if (seen > wanted)
				return std::min(upper(i), most_);
		}
		return most_;
	}

private:
	static constexpr unsigned bits = 5;

	static size_t index(uint64_t v)
	{
		if (v < (1u << bits))
			return v;
		const unsigned shift = static_cast<unsigned>(std::bit_width(v)) - bits - 1;

		return (static_cast<size_t>(shift + 1) << bits) + ((v >> shift) - (1u << bits));
	}
	static uint64_t upper(size_t i)
	{
		if (i < (1u << bits))
			return i;
		const unsigned shift = static_cast<unsigned>(i >> bits) - 1;
		const uint64_t base = (1u << bits) + (i & ((1u << bits) - 1));

		return ((base + 1) << shift) - 1;
	}

	std::array<uint64_t, (64 - bits + 1) << bits> counts_{};
	uint64_t total_ = 0, most_ = 0;
};

struct bench_config {
	std::string dir = "/tmp";
	unsigned threads = 2;
	double seconds = 2;
	uint64_t runs = 3;
	uint64_t seed = 0;
	std::vector<std::string> modes;
};

struct sample {
	double rate = 0;
	histogram latency;
};

uint64_t now_ns()
{
	timespec t;

	::clock_gettime(CLOCK_MONOTONIC, &t);
	return static_cast<uint64_t>(t.tv_sec) * 1000000000u + static_cast<uint64_t>(t.tv_nsec);
}

constexpr uint64_t slice = 20'000'000;		/* ns between two meetings of free threads */

/*
 * One run of a mode.  In a contended round each thread makes one lookup, of the
 * same name; otherwise each makes as many lookups of its own as fit into a slice.
 */
sample run_once(ktap::test_case &t, const bench_config &c, const std::string &mode, int dir,
		const std::vector<std::string> &present, uint64_t salt)
{
	const bool contended = mode == "contended", positive = mode == "positive";
	std::vector<std::unique_ptr<histogram>> latency;
	race_config rc;
	sample s;

	for (unsigned i = 0; i < c.threads; i++)
		latency.push_back(std::make_unique<histogram>());
	rc.seed = c.seed;
	rc.threads = c.threads;
	rc.duration = std::chrono::milliseconds(static_cast<int64_t>(c.seconds * 1000));
	const race_result r = run_race(t, rc, mode, [&](unsigned who, uint64_t round, racer &me) {
		const uint64_t begin = now_ns();
		char fresh[64];

		for (;;) {
			const uint64_t number = latency[who]->total();
			const char *name = fresh;
			struct stat st;

			if (positive)
				name = present[(number + who * 7) % present.size()].c_str();
			else if (contended)
				*fmt::format_to(fresh, "b{:x}-{:x}", salt, round) = '\0';
			else
				*fmt::format_to(fresh, "b{:x}-{:x}-{:x}", salt, who, number) = '\0';
			const uint64_t start = now_ns();
			const int error = ::fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ? errno : 0;
			const uint64_t end = now_ns();

			latency[who]->add(end - start);
			if (error != (positive ? 0 : ENOENT)) {
				me.complaint = fmt::format("{}: {}", name, std::strerror(error));
				return false;
			}
			if (contended || end - begin >= slice)
				return true;
		}
	});

	for (const auto &h : latency)
		s.latency.add(*h);
	s.rate = static_cast<double>(s.latency.total()) / r.seconds;
	return s;
}

json run_mode(ktap::test_case &t, const bench_config &c, const std::string &mode, int dir,
	      const std::vector<std::string> &present)
{
	histogram all;
	std::vector<double> rates;

	for (uint64_t run = 0; run < c.runs; run++) {
		const sample s = run_once(t, c, mode, dir, present, (c.seed + run) & 0xffffff);

		all.add(s.latency);
		rates.push_back(s.rate);
	}
	std::sort(rates.begin(), rates.end());
	return json{{"mode", mode}, {"lookups", all.total()},
		    {"per_second", rates[rates.size() / 2]}, {"per_second_least", rates.front()},
		    {"per_second_most", rates.back()}, {"p50_ns", all.percentile(50)},
		    {"p90_ns", all.percentile(90)}, {"p99_ns", all.percentile(99)},
		    {"p99_9_ns", all.percentile(99.9)}, {"max_ns", all.most()}};
}

std::vector<std::string> names_to_make(const bench_config &c)
{
	std::vector<std::string> names;

	for (int i = 0; i < 64; i++)
		names.push_back(fmt::format("bench-{:x}-{}", c.seed & 0xffffff, i));
	return names;
}

/* Files to find; in a directory that takes none, what is there. */
std::vector<std::string> make_present(const bench_config &c, int dir, const scratch_files &files)
{
	for (const std::string &name : files.names()) {
		const unique_fd fd(::openat(dir, name.c_str(),
					    O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600));

		if (fd)
			continue;
		if (errno != EROFS && errno != EACCES && errno != EPERM && errno != ENOENT)
			throw errno_error(c.dir + "/" + name);
		for (const char *there : {"file-bench", "version", "meminfo"})
			if (::faccessat(dir, there, F_OK, 0) == 0)
				return {there};
		return {"."};
	}
	return files.names();
}

void bench(ktap::test_case &t, const bench_config &c)
{
	const unique_fd dir = open_or_throw(c.dir, O_RDONLY | O_DIRECTORY);
	const scratch_files files(dir.get(), names_to_make(c));
	const auto present = make_present(c, dir.get(), files);
	json results = json::array();

	for (const std::string &mode : c.modes)
		results.push_back(run_mode(t, c, mode, dir.get(), present));
	t.note("{:<10} {:>12} {:>25} {:>9} {:>9} {:>9} {:>9} {:>10}", "mode", "lookups/s",
	       "[least .. most]", "p50 us", "p90 us", "p99 us", "p99.9 us", "max us");
	for (const json &m : results) {
		auto us = [&](const char *key) { return m[key].get<double>() / 1000; };

		t.note("{:<10} {:>12.0f} {:>25} {:>9.2f} {:>9.2f} {:>9.2f} {:>9.2f} {:>10.1f}",
		       m["mode"].get<std::string>(), m["per_second"].get<double>(),
		       fmt::format("[{:.0f} .. {:.0f}]", m["per_second_least"].get<double>(),
				   m["per_second_most"].get<double>()),
		       us("p50_ns"), us("p90_ns"), us("p99_ns"), us("p99_9_ns"), us("max_ns"));
	}
	t.result(json{{"dir", c.dir}, {"threads", c.threads}, {"seconds", c.seconds},
		      {"runs", c.runs}, {"seed", c.seed}, {"modes", results}}.dump());
}

} /* namespace */

int main(int argc, char **argv)
{
	options o("lookup_bench",
		  "Lookups per second and their latency.  Example:\n"
		  "  lookup_bench --dir /tmp --threads 2 --duration 5 --json bench.json");
	ktap::run_options run;
	bench_config c;
	uint64_t threads = std::max<uint64_t>(2, usable_cpus().size());

	c.seed = fresh_seed();
	o.add_run_options(run);
	o.add("--dir", c.dir, "directory to look names up in, default /tmp");
	o.add("--threads", threads, 1, 256, "default: one for each CPU, at least 2");
	o.add("--duration", c.seconds, 0.01, 1e5, "seconds for each run of a mode");
	o.add("--runs", c.runs, 1, 1000, "runs of each mode, default 3");
	o.add("--seed", c.seed, 0, UINT64_MAX, "of the names, so that they are fresh");
	o.add_words("--mode", c.modes, {"negative", "positive", "contended"},
		    "modes to run, separated by commas; default all");
	if (const auto status = o.parse(argc, argv))
		return *status;
	if (c.modes.empty())
		c.modes = {"negative", "positive", "contended"};
	c.threads = static_cast<unsigned>(threads);
	run.json_extra = fmt::format(R"({{"seed":{}}})", c.seed);

	const double all = c.seconds * static_cast<double>(c.runs * c.modes.size());
	const std::vector<ktap::test> tests = {
		{"bench_of_" + c.dir, [&](ktap::test_case &t) { bench(t, c); },
		 std::chrono::milliseconds(static_cast<int64_t>(all * 2000)) + std::chrono::seconds(40)},
	};

	return ktap::run(tests, run);
}

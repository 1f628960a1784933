/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Pinned threads that do one thing together, round after round, and a watcher
 * that tells which of them does not come back.
 *
 * They meet in a barrier that spins, so that nothing but the kernel makes them
 * sleep: the voluntary context switches of the racers are waits in the system
 * calls under test.
 */
#pragma once

#include "ktap.hpp"
#include "parked.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <sched.h>
#include <string>
#include <sys/resource.h>
#include <thread>
#include <vector>

struct race_config {
	uint64_t seed = 0;
	unsigned threads = 2;
	std::chrono::milliseconds duration{5000};
	uint64_t rounds = 0;			/* 0: as many as fit */
	std::chrono::milliseconds bound{10000};	/* a round that takes longer hangs */
};

struct race_result {
	uint64_t rounds = 0;
	uint64_t sleeps = 0;
	double seconds = 0;
};

/* splitmix64: small, and good enough to vary timing and choice. */
class random_bits {
public:
	explicit random_bits(uint64_t seed) : state_(seed) {}
	uint64_t operator()()
	{
		uint64_t z = state_ += 0x9e3779b97f4a7c15;

		z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
		z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
		return z ^ (z >> 31);
	}
	uint64_t below(uint64_t n) { return (*this)() % n; }

private:
	uint64_t state_;
};

inline void relax()
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	asm volatile("yield");
#endif
}

/* The last to arrive decides whether there is another round; all get its answer. */
class spin_barrier {
public:
	explicit spin_barrier(unsigned n) : n_(n) {}

	/* `last` tells whether this thread was the last one, which goes on first. */
	template <class Decide> bool meet(Decide &&go_on, bool &last)
	{
		const uint64_t generation = generation_.load(std::memory_order_acquire);

		last = arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == n_;
		if (last) {
			arrived_.store(0, std::memory_order_relaxed);
			go_on_.store(go_on(), std::memory_order_relaxed);
			generation_.store(generation + 1, std::memory_order_release);
		} else {
			for (unsigned spins = 0;
			     generation_.load(std::memory_order_acquire) == generation; spins++) {
				relax();
				/* More threads than CPUs: let another one arrive. */
				if (spins % 4096 == 4095)
					::sched_yield();
			}
		}
		return go_on_.load(std::memory_order_relaxed);
	}
	void meet()
	{
		bool last;

		meet([] { return true; }, last);
	}

private:
	const unsigned n_;
	alignas(64) std::atomic<unsigned> arrived_{0};
	alignas(64) std::atomic<uint64_t> generation_{0};
	std::atomic<bool> go_on_{true};
};

inline std::vector<int> usable_cpus()
{
	std::vector<int> cpus;
	cpu_set_t set;

	if (::sched_getaffinity(0, sizeof(set), &set) == 0)
		for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
			if (CPU_ISSET(cpu, &set))
				cpus.push_back(cpu);
	return cpus;
}

inline void pin_to(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	::sched_setaffinity(0, sizeof(set), &set);
}

/* One racer, as the watcher sees it. */
struct alignas(64) racer {
	std::atomic<pid_t> tid{0};
	std::atomic<uint64_t> round{0};
	std::atomic<bool> working{false};	/* not in the barrier */
	std::atomic<bool> finished{false};
	bool ahead = false;			/* of the others, out of the barrier */
	std::string complaint;			/* of its own thread, read when finished */
	uint64_t sleeps = 0;
	random_bits random{0};
};

/*
 * step(who, round, racer) is called by all threads at once; it returns false, with
 * a complaint in the racer, when what it saw is wrong.
 */
template <class Step>
race_result run_race(ktap::test_case &t, const race_config &c, const std::string &what, Step step)
{
	using clock = std::chrono::steady_clock;
	const auto cpus = usable_cpus();

	if (cpus.size() < 2 && c.threads > 1)
		t.skip("a race needs two CPUs");

	std::vector<racer> racers(c.threads);
	std::atomic<bool> stop{false};
	spin_barrier barrier(c.threads);
	const auto start = clock::now();
	std::vector<std::jthread> threads;

	for (unsigned who = 0; who < c.threads; who++) {
		racers[who].random = random_bits(c.seed ^ (0x5851f42d4c957f2d * (who + 1)));
		threads.emplace_back([&, who] {
			racer &me = racers[who];
			rusage usage;

			pin_to(cpus[who % cpus.size()]);
			me.tid.store(::gettid(), std::memory_order_release);
			/* Being moved to that CPU was a sleep, too. */
			::getrusage(RUSAGE_THREAD, &usage);
			me.sleeps = static_cast<uint64_t>(usage.ru_nvcsw);
			for (uint64_t round = 0;; round++) {
				const bool go_on = barrier.meet([&] {
					return !stop.load(std::memory_order_relaxed) &&
					       (!c.rounds || round < c.rounds);
				}, me.ahead);

				if (!go_on)
					break;
				me.working.store(true, std::memory_order_relaxed);
				if (!step(who, round, me))
					stop.store(true, std::memory_order_relaxed);
				me.working.store(false, std::memory_order_relaxed);
				me.round.store(round + 1, std::memory_order_relaxed);
			}
			::getrusage(RUSAGE_THREAD, &usage);
			me.sleeps = static_cast<uint64_t>(usage.ru_nvcsw) - me.sleeps;
			me.finished.store(true, std::memory_order_release);
		});
	}

	const auto bound = t.bound(c.bound);
	uint64_t last = 0;
	auto moved = start, told = start;

	for (;;) {
		uint64_t least = UINT64_MAX;
		bool all_finished = true;

		std::this_thread::sleep_for(std::chrono::milliseconds(5));
		const auto now = clock::now();
		for (const racer &r : racers) {
			least = std::min(least, r.round.load(std::memory_order_relaxed));
			all_finished &= r.finished.load(std::memory_order_acquire);
		}
		if (all_finished)
			break;
		if (!c.rounds && now - start >= c.duration)
			stop.store(true, std::memory_order_relaxed);
		if (least != last) {
			last = least;
			moved = now;
		}
		if (now - told >= std::chrono::milliseconds(500)) {
			told = now;
			t.progress("{}: {} rounds", what, least);
		}
		if (now - moved < bound)
			continue;
		std::string stuck;

		for (unsigned who = 0; who < c.threads; who++) {
			const pid_t tid = racers[who].tid.load(std::memory_order_acquire);
			const sleep_state s = look_at(::getpid(), tid);
			const std::string line =
				fmt::format("thread {} ({}), {}: {}", who, tid,
					    racers[who].working.load(std::memory_order_relaxed) ?
					    "in its system call" : "in the barrier", to_string(s));

			t.note("{}", line);
			if (racers[who].working.load(std::memory_order_relaxed))
				stuck += (stuck.empty() ? "" : "; ") + line;
		}
		/* It can never be joined, so nothing of this may be unwound. */
		t.abandon("{}: round {} timed out after {} ms; seed {}; {}", what, least,
			  bound.count(), c.seed, stuck);
	}
	threads.clear();

	race_result result;

	result.seconds = std::chrono::duration<double>(clock::now() - start).count();
	result.rounds = racers[0].round.load(std::memory_order_relaxed);
	for (const racer &r : racers) {
		result.sleeps += r.sleeps;
		t.require(r.complaint.empty(), "{}: round {}, seed {}: {}", what, result.rounds,
			  c.seed, r.complaint);
	}
	t.note("{}: {} rounds in {:.2f} s, {:.0f}/s, {} sleeps in system calls, seed {}", what,
	       result.rounds, result.seconds,
	       static_cast<double>(result.rounds) / result.seconds, result.sleeps, c.seed);
	t.result(fmt::format(R"({{"rounds":{},"seconds":{:.3f},"sleeps":{},"seed":{}}})",
			     result.rounds, result.seconds, result.sleeps, c.seed));
	t.require(result.rounds > 0, "{}: not one round", what);
	return result;
}

/* Cases of lookup_race_proc.cpp. */
void race_on_new_processes(ktap::test_case &t, const race_config &c);
void race_on_sysctl(ktap::test_case &t, const race_config &c);

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The history of a hot name of lookup_stress: the states it has been in, one after
 * the other.  A state is "missing", or a generation: a number that no other file
 * or directory of the run has, which stands in the file, or is the name of the
 * one entry of the directory.
 *
 * A worker that changes a name holds its lock, enters the next state before the system call
 * and marks it as complete after.  Readers take no lock.  A reader must find
 * one of the states from the last one that was complete when it started to the
 * last one that was begun when it ended.
 */
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <fmt/format.h>
#include <mutex>
#include <string>

enum class kind : uint64_t { missing, file, directory, written_in_place };

struct state {
	kind what = kind::missing;
	uint64_t generation = 0;

	uint64_t pack() const { return generation << 2 | static_cast<uint64_t>(what); }
	static state unpack(uint64_t v) { return {static_cast<kind>(v & 3), v >> 2}; }
	/* The same, when nobody can see it without content any more. */
	state settled() const
	{
		return {what == kind::written_in_place ? kind::file : what, generation};
	}
	bool is_file() const { return what == kind::file || what == kind::written_in_place; }
};

struct observed {
	kind what = kind::missing;
	uint64_t generation = 0;		/* 0: not known */
	bool looked = false;			/* whether somebody has read what is in it */
	bool empty = false;			/* who has, found nothing; else it was none of ours */
};

class hot_name {
public:
	static constexpr uint64_t kept = 4096;

	explicit hot_name(std::string n) : name(std::move(n)) {}

	/* With lock held: run `change`, which returns 0 or errno, as the way to `next`. */
	template <class Change> int enter(state next, Change &&change)
	{
		const state before = now;

		begin(next);
		const int error = change();

		/* Not completed in between: nobody may expect what did not come about. */
		if (error)
			begin(before);
		completed_.store(started_.load(std::memory_order_relaxed), std::memory_order_seq_cst);
		return error;
	}
	void begin(state next)
	{
		const uint64_t n = started_.load(std::memory_order_relaxed) + 1;

		history_[n % kept].store(next.pack(), std::memory_order_relaxed);
		started_.store(n, std::memory_order_seq_cst);
		now = next;
	}
	uint64_t complete_now() const { return completed_.load(std::memory_order_seq_cst); }
	uint64_t begun_now() const { return started_.load(std::memory_order_seq_cst); }
	state at(uint64_t n) const
	{
		return state::unpack(history_[n % kept].load(std::memory_order_relaxed));
	}

	/* May what was seen have been the name between these two states? */
	bool allows(uint64_t from, uint64_t to, const observed &seen) const
	{
		for (uint64_t n = from; n <= to; n++) {
			const state s = at(n);

			if (s.what != seen.what && !(s.is_file() && seen.what == kind::file))
				continue;
			if (seen.what == kind::missing || s.generation == seen.generation)
				return true;
			if (seen.generation)
				continue;
			if (!seen.looked)
				return true;
			if (!seen.empty)
				continue;
			/* Writing the content was part of its creation. */
			if (s.what == kind::written_in_place && n > from)
				return true;
			/* It is emptied after it has lost its name. */
			if (s.what == kind::directory && to > n)
				return true;
		}
		return false;
	}
	std::string describe(uint64_t from, uint64_t to) const
	{
		std::string text;

		for (uint64_t n = from; n <= to && n < from + 8; n++)
			text += fmt::format(" {}:{}", static_cast<uint64_t>(at(n).what),
					    at(n).generation);
		return text;
	}

	const std::string name;
	std::mutex lock;
	state now;				/* lock */

private:
	std::atomic<uint64_t> started_{0}, completed_{0};
	std::array<std::atomic<uint64_t>, kept> history_{};
};

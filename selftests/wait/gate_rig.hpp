/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A gatefs mount with its gate and a crew, as every case of lookup_wait_test
 * needs them.  end() checks what has to hold at the end of each case.
 */
#pragma once

#include "crew.hpp"
#include "gate.hpp"
#include "ktap.hpp"
#include "mount.hpp"

#include <string>

/* Waiters wherever waiters are meant: one or two would hide a wake-up of only one. */
inline constexpr unsigned waiters = 3;

class gate_rig {
public:
	explicit gate_rig(ktap::test_case &t, const std::string &mount_options = "")
		: t(t), ready_(prepare(t)),
		  mount_("gatefs", dir_.path(), mount_options), control(mount_.dev()),
		  people(t, [this] { release(); })
	{
	}

	std::string path(const std::string &name) const { return dir_.path() + "/" + name; }

	/* Make a thread the owner of the lookup of a name, held in ->lookup(). */
	actor &held_owner(const action &what)
	{
		const uint64_t before = control.counters().held;
		actor &a = people.start(what);

		must_hold(before + 1);
		return a;
	}
	actor &held_owner(const std::string &name) { return held_owner(stat_of(path(name))); }

	/* Start waiters on a name and prove that all of them sleep. */
	std::vector<actor *> parked_waiters(const action &what, unsigned n = waiters)
	{
		auto group = people.start(n, what);

		people.must_be_parked(group);
		return group;
	}
	std::vector<actor *> parked_waiters(const std::string &name, unsigned n = waiters)
	{
		return parked_waiters(stat_of(path(name)), n);
	}

	void must_hold(uint64_t n)
	{
		uint64_t held = 0;
		const bool reached = wait_until(t.bound(crew::bound), [&] {
			held = control.counters().held;
			return held == n;
		});

		t.require(reached, "the gate holds {} lookups, not {}", held, n);
	}
	/* How many came to the gate since mark(). */
	void mark() { base_ = control.counters().arrived; }
	void must_have_arrived(uint64_t n)
	{
		const uint64_t got = control.counters().arrived - base_;

		t.require(got == n, "{} lookups came to the gate, not {}", got, n);
	}

	/*
	 * One owner is held and `group` waits for it.  When a lookup leaves nothing
	 * that is hashed each waiter has to look the name up itself, one after the
	 * other.  Let them, and see that it is one after the other: each time one is
	 * held and the rest sleeps again.
	 */
	void step_through_retries(actor &owner, const std::vector<actor *> &group, int error)
	{
		std::vector<actor *> all = group;

		all.push_back(&owner);
		for (size_t left = all.size(); left > 0; left--) {
			must_hold(1);
			must_have_arrived(all.size() - left + 1);
			const size_t asleep = wait_for_parked(all, left - 1);
			t.require(asleep == left - 1, "{} of {} waiters sleep", asleep, left - 1);
			control.step();
			const bool one_more = wait_until(t.bound(crew::bound), [&] {
				return count_done(all) == all.size() - left + 1;
			});
			t.require(one_more, "a step brought {} of {} threads back",
				  count_done(all), all.size() - left + 1);
		}
		for (actor *a : all)
			people.must_fail(*a, error, "a thread");
		must_have_arrived(all.size());
	}

	/* Everybody is back, the counters agree, and the mount can go. */
	void end()
	{
		if (unmounted_)
			return;
		control.open();
		must_hold(0);
		const gate_counters c = control.counters();

		t.require(c.violations == 0, "{} times two lookups of one name were in flight",
			  c.violations);
		t.require(c.arrived == c.passed + c.expired + c.killed,
			  "{} arrived, {} passed, {} expired, {} were killed",
			  c.arrived, c.passed, c.expired, c.killed);
		unmount();
	}
	/* 0 or an errno. */
	int try_unmount(int flags)
	{
		const int error = mount_.unmount(flags);

		if (error == 0)
			unmounted_ = true;
		return error;
	}
	void unmount(int flags = 0)
	{
		/* A thread that is just on its way out of a system call pins it still. */
		int error = 0;

		wait_until(t.bound(crew::bound), [&] {
			error = try_unmount(flags);
			return error != EBUSY;
		});
		t.require(error == 0, "umount: errno {}", error);
	}
	bool unmounted() const { return unmounted_; }

	ktap::test_case &t;

private:
	static bool prepare(ktap::test_case &t)
	{
		if (!filesystem_registered("gatefs"))
			t.skip("gatefs is not registered: gatefs.ko is not loaded");
		if (!enter_private_mount_namespace())
			t.skip("no mount namespace of our own: needs root");
		if (::access("/sys/kernel/debug/gatefs", X_OK) < 0)
			t.skip("/sys/kernel/debug/gatefs cannot be read: debugfs is not mounted");
		return true;
	}
	void release()
	{
		if (!unmounted_)
			control.open();
	}
	static size_t count_done(const std::vector<actor *> &all)
	{
		size_t n = 0;

		for (const actor *a : all)
			n += a->done();
		return n;
	}
	size_t wait_for_parked(const std::vector<actor *> &all, size_t wanted)
	{
		size_t asleep = 0;
		bool unknown = false, readable = false;

		/* As in wait_parked(): unknown is only what never could be read. */
		wait_until(t.bound(crew::bound), [&] {
			asleep = 0;
			unknown = false;
			for (const actor *a : all) {
				if (a->done())
					continue;
				const sleep_state s = look_at(a->pid(), a->tid());

				readable |= !s.where.empty();
				unknown |= s.verdict == parked::unknown;
				asleep += s.verdict == parked::yes;
			}
			return asleep == wanted;
		});
		if (asleep != wanted && unknown && !readable)
			t.skip("whether the waiters sleep could not be found out");
		return asleep;
	}

	bool ready_;
	temp_dir dir_;
	mounted mount_;
	bool unmounted_ = false;
	uint64_t base_ = 0;

public:
	gate control;
	crew people;			/* last: its actors use all the rest */
};

/* A case that has a rig, and ends with the checks of end(). */
#define GATE_CASE_ON(name, mount_options)					\
	static void name##_body(ktap::test_case &, gate_rig &);			\
	KTAP_CASE(name)								\
	{									\
		gate_rig rig(t, mount_options);					\
		name##_body(t, rig);						\
		rig.end();							\
	}									\
	static void name##_body([[maybe_unused]] ktap::test_case &t,	\
				[[maybe_unused]] gate_rig &rig)
#define GATE_CASE(name) GATE_CASE_ON(name, "hold_limit_ms=60000")

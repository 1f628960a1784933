// SPDX-License-Identifier: GPL-2.0
/*
 * The second half of lookup_wait_test: the gate itself, since a gate that does not
 * hold makes every other case pass for nothing, and the ways out that must always
 * exist: signals, the hold limit, unmount.
 */
#include "gate_rig.hpp"

GATE_CASE(a_closed_gate_holds_and_says_so)
{
	t.require(rig.control.state() == "open", "a new gate is '{}'", rig.control.state());
	rig.control.close();
	t.require(rig.control.state() == "closed", "it is '{}'", rig.control.state());
	actor &owner = rig.held_owner("neg-a");

	t.require(!owner.done(), "the lookup was not held");
	rig.control.open();
	rig.people.must_fail(owner, ENOENT, "the owner");
	t.require(rig.control.counters().passed == 1, "{} passed", rig.control.counters().passed);
}

GATE_CASE_ON(a_mount_can_start_closed, "closed,hold_limit_ms=60000")
{
	t.require(rig.control.state() == "closed", "it is '{}'", rig.control.state());
	rig.held_owner("neg-a");
}

GATE_CASE(a_word_that_the_gate_does_not_know_is_einval)
{
	for (const char *word : {"shut", "step x", "step -1", "openx", ""}) {
		const int error = rig.control.try_write(word);

		/* A write of no bytes need not reach the file. */
		t.require(error == EINVAL || (!*word && error == 0), "'{}': errno {}", word, error);
	}
	t.require(rig.control.state() == "open", "it is '{}' now", rig.control.state());
}

GATE_CASE(a_mount_option_that_does_not_exist_is_einval)
{
	for (const char *bad : {"nonsense", "hold_limit_ms=0", "hold_limit_ms=3600001",
				"hold_limit_ms=x"}) {
		const temp_dir dir;
		const int r = ::mount("none", dir.path().c_str(), "gatefs", 0, bad);
		const int error = r < 0 ? errno : 0;

		if (r == 0)
			::umount2(dir.path().c_str(), MNT_DETACH);
		t.require(error == EINVAL, "-o {}: errno {}", bad, error);
	}
}

GATE_CASE(a_step_lets_exactly_one_through)
{
	rig.control.close();
	std::vector<actor *> owners;
	for (const char *name : {"neg-1", "neg-2", "neg-3", "neg-4"})
		owners.push_back(&rig.held_owner(name));

	auto back = [&] {
		unsigned n = 0;

		for (const actor *a : owners)
			n += a->done();
		return n;
	};
	rig.control.step();
	rig.must_hold(3);
	t.require(wait_until(t.bound(crew::bound), [&] { return back() == 1; }),
		  "{} threads are back after a step", back());
	rig.control.step(2);
	rig.must_hold(1);
	t.require(wait_until(t.bound(crew::bound), [&] { return back() == 3; }),
		  "{} threads are back after a step of two", back());
	t.require(rig.control.counters().passed == 3, "{} passed", rig.control.counters().passed);
}

GATE_CASE(credit_of_a_step_is_kept_until_the_gate_is_closed_again)
{
	rig.control.close();
	rig.control.step(2);
	actor &first = rig.people.start(stat_of(rig.path("neg-1")));

	rig.people.must_fail(first, ENOENT, "the first");
	rig.control.close();
	actor &second = rig.held_owner("neg-2");

	t.require(!second.done(), "the second was not held");
}

GATE_CASE(opening_the_gate_releases_all)
{
	std::vector<actor *> owners;

	rig.control.close();
	for (int i = 0; i < 8; i++)
		owners.push_back(&rig.held_owner(fmt::format("neg-{}", i)));
	rig.control.open();
	for (actor *a : owners)
		rig.people.must_fail(*a, ENOENT, "an owner");
	t.require(rig.control.counters().passed == 8, "{} passed", rig.control.counters().passed);
}

KTAP_CASE(a_lookup_lets_itself_through_after_the_hold_limit)
{
	/* Until then the waiters have to sleep, which takes as long as everything else here. */
	const std::chrono::milliseconds limit = t.bound(std::chrono::milliseconds(700));
	gate_rig rig(t, fmt::format("hold_limit_ms={}", limit.count()));
	const auto start = std::chrono::steady_clock::now();

	rig.control.close();
	actor &owner = rig.held_owner("file-a");
	auto group = rig.parked_waiters("file-a");
	const uint64_t ino = rig.people.must_find(owner, "the owner");
	const auto took = std::chrono::steady_clock::now() - start;

	t.require(took >= limit, "it came back after {} ms",
		  std::chrono::duration_cast<std::chrono::milliseconds>(took).count());
	for (actor *w : group)
		rig.people.must_find(*w, ino);
	t.require(rig.control.counters().expired == 1, "{} expired", rig.control.counters().expired);
	rig.end();
}

/* The sleep in d_alloc_parallel() is not killable: it ends when the owner does. */
GATE_CASE(a_killed_waiter_dies_only_after_the_owner_is_through)
{
	rig.control.close();
	rig.mark();
	actor &owner = rig.held_owner("file-k");
	process victim(rig.path("file-k"));

	rig.people.must_be_parked(victim, "the victim");
	auto group = rig.parked_waiters("file-k");

	victim.kill();
	t.require(wait_until(t.bound(crew::bound), [&] { return victim.kill_pending(); }),
		  "no SIGKILL is pending");
	rig.people.must_be_parked(victim, "the victim");
	t.require(!victim.done(), "the victim died while the owner was held");

	rig.control.open();
	rig.people.must_be_through(victim, "the victim");
	t.require(victim.was_killed(), "the victim ended by itself");
	const uint64_t ino = rig.people.must_find(owner, "the owner");
	for (actor *w : group)
		rig.people.must_find(*w, ino);
	rig.must_have_arrived(1);
}

GATE_CASE(a_waiter_takes_over_when_the_owner_is_killed)
{
	rig.control.close();
	rig.mark();
	process owner(rig.path("file-k"));

	rig.must_hold(1);
	auto group = rig.parked_waiters("file-k");

	owner.kill();
	rig.people.must_be_through(owner, "the owner");
	t.require(owner.was_killed(), "the owner ended by itself");
	t.require(wait_until(t.bound(crew::bound),
			     [&] { return rig.control.counters().arrived == 2; }),
		  "no waiter took over");
	rig.must_hold(1);
	t.require(rig.control.counters().killed == 1, "{} left because of a signal",
		  rig.control.counters().killed);

	rig.control.open();
	const uint64_t ino = rig.people.must_find(*group[0]);
	for (actor *w : group)
		rig.people.must_find(*w, ino);
	rig.must_have_arrived(2);
}

GATE_CASE(umount_is_ebusy_while_a_lookup_is_held)
{
	rig.control.close();
	actor &owner = rig.held_owner("neg-u");
	auto group = rig.parked_waiters("neg-u");

	const int error = rig.try_unmount(0);

	t.require(error == EBUSY, "umount: errno {}", error);
	rig.must_hold(1);
	t.require(!owner.done(), "umount let the owner go");
	rig.people.must_be_parked(group);
}

GATE_CASE(forced_umount_opens_the_gate)
{
	rig.control.close();
	actor &owner = rig.held_owner("neg-u");
	auto group = rig.parked_waiters("neg-u");

	/* EBUSY as a rule, since those threads still pin the mount. */
	const int error = rig.try_unmount(MNT_FORCE);

	t.require(error == EBUSY || error == 0, "umount -f: errno {}", error);
	rig.people.must_fail(owner, ENOENT, "the owner");
	for (actor *w : group)
		rig.people.must_fail(*w, ENOENT);
	if (!rig.unmounted())
		t.require(rig.control.state() == "open", "the gate is '{}'", rig.control.state());
}

GATE_CASE(lazy_umount_and_kill_leave_nothing_held)
{
	rig.control.close();
	process owner(rig.path("neg-z"));

	rig.must_hold(1);
	std::vector<std::unique_ptr<process>> group;
	for (unsigned i = 0; i < waiters; i++) {
		group.push_back(std::make_unique<process>(rig.path("neg-z")));
		rig.people.must_be_parked(*group.back());
	}
	rig.unmount(MNT_DETACH);
	owner.kill();
	for (auto &p : group)
		p->kill();
	rig.people.must_be_through(owner, "the owner");
	for (auto &p : group)
		rig.people.must_be_through(*p);
}

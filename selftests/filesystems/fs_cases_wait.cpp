// SPDX-License-Identifier: GPL-2.0
/* What the waiters of a lookup, and of an open that is one, get. */
#include "fs_rig.hpp"

namespace {

void second_lookup_sleeps_and_gets_the_same_inode(fs_rig &rig)
{
	rig.have("f");
	rig.begin();
	actor &owner = rig.held_owner("f");

	rig.must_be_in(owner, rig.s.looks_up_in(), "the owner");
	auto group = rig.parked_waiters("f");

	rig.t.require(rig.s.held("f") == 1, "{} lookups at once", rig.s.held("f"));
	rig.t.require(!owner.done(), "the owner was not held");
	rig.s.go();
	rig.all_get(owner, group);
}

void waiters_of_a_missing_name_get_enoent(fs_rig &rig)
{
	rig.begin();
	actor &owner = rig.held_owner("n");
	auto group = rig.parked_waiters("n");

	rig.s.go();
	rig.all_fail(owner, group, ENOENT);
}

void waiters_get_the_error_that_the_server_answers(fs_rig &rig)
{
	rig.have("e");
	rig.begin();
	actor &owner = rig.held_owner("e");
	auto group = rig.parked_waiters("e");

	rig.s.fail("e", EIO);
	rig.s.go();
	rig.all_fail(owner, group, EIO);
	rig.s.fail("e", 0);
	/* Nothing of the failure is left. */
	const answer now = stat_now(rig.s.path("e"));

	rig.t.require(now.error == 0, "after the failure: errno {}", now.error);
}

void a_killed_waiter_dies_only_after_the_owner_is_through(fs_rig &rig)
{
	rig.have("k");
	rig.begin();
	actor &owner = rig.held_owner("k");
	process victim(rig.s.path("k"));

	rig.people.must_be_parked(victim, "the victim");
	auto group = rig.parked_waiters("k");

	victim.kill();
	rig.t.require(wait_until(rig.t.bound(crew::bound), [&] { return victim.kill_pending(); }),
		      "no SIGKILL is pending");
	rig.people.must_be_parked(victim, "the victim");
	rig.s.go();
	rig.people.must_be_through(victim, "the victim");
	rig.t.require(victim.was_killed(), "the victim ended by itself");
	rig.all_get(owner, group);
}

void open_without_o_creat_waits_for_a_lookup(fs_rig &rig)
{
	rig.have("o");
	rig.begin();
	actor &owner = rig.held_owner("o");
	auto group = rig.parked_waiters(open_of(rig.s.path("o"), O_RDONLY));

	rig.s.go();
	rig.all_get(owner, group);
}

void lookups_wait_for_an_open_without_o_creat(fs_rig &rig)
{
	rig.have("o");
	rig.begin();
	actor &owner = rig.held_owner("o", open_of(rig.s.path("o"), O_RDONLY));

	rig.must_be_in(owner, rig.s.opens_in(), "the owner");
	auto group = rig.parked_waiters("o");

	rig.s.go();
	rig.all_get(owner, group);
}

/*
 * What they waited for is then a dentry that is not in lookup, and negative.  An
 * ->atomic_open() that has to ask all the same looks it up anew, so that they may wait for
 * each other as well.
 */
void opens_wait_for_the_lookup_of_a_missing_name(fs_rig &rig)
{
	rig.begin();
	actor &owner = rig.held_owner("m");
	auto group = rig.parked_waiters(open_of(rig.s.path("m"), O_RDONLY));

	rig.s.go();
	rig.all_fail(owner, group, ENOENT);
}

/*
 * The first of them drops the dentry that was found missing, in ->atomic_open(), and asks for
 * the name anew.  The others wait for that: there as well, or in lookup_open() if they were
 * too late to come with the dentry that was dropped.
 */
void opens_of_a_name_found_missing_wait_for_each_other(fs_rig &rig)
{
	rig.begin();
	actor &owner = rig.held_owner("m");
	auto group = rig.parked_waiters(open_of(rig.s.path("m"), O_RDONLY));

	rig.s.pass("m");
	rig.people.must_fail(owner, ENOENT, "the owner");
	rig.must_hold("m");
	unsigned asleep = 0;

	rig.t.require(wait_until(rig.t.bound(crew::bound), [&] {
			      asleep = 0;
			      for (const actor *w : group)
				      asleep += look_at(w->pid(), w->tid()).verdict == parked::yes;
			      return asleep == waiters - 1;
		      }), "{} of them wait, not {}", asleep, waiters - 1);
	rig.s.go();
	for (actor *w : group)
		rig.people.must_fail(*w, ENOENT);
}

} /* namespace */

std::vector<claim> claims_about_waiting()
{
	return {
		CLAIM(second_lookup_sleeps_and_gets_the_same_inode, holds_lookups),
		CLAIM(waiters_of_a_missing_name_get_enoent, holds_lookups),
		CLAIM(waiters_get_the_error_that_the_server_answers, holds_lookups | tells_errors),
		CLAIM(a_killed_waiter_dies_only_after_the_owner_is_through, holds_lookups),
		CLAIM(open_without_o_creat_waits_for_a_lookup, holds_lookups),
		CLAIM(lookups_wait_for_an_open_without_o_creat, holds_lookups | opens),
		CLAIM(opens_wait_for_the_lookup_of_a_missing_name, holds_lookups | opens),
		CLAIM(opens_of_a_name_found_missing_wait_for_each_other, holds_lookups | opens_anew),
	};
}

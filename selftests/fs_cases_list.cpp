// SPDX-License-Identifier: GPL-2.0
/* readdir that makes dentries of what it lists. */
#include "fs_rig.hpp"

#include <algorithm>

namespace {

void readdir_waits_for_the_lookup_of_a_name_that_it_lists(fs_rig &rig)
{
	rig.have("p");
	rig.begin();
	actor &owner = rig.held_owner("p");
	auto listers = rig.parked_waiters(list_of(rig.s.dir()));

	rig.s.go();
	rig.people.must_find(owner, "the owner");
	for (actor *l : listers) {
		const answer &list = rig.people.answer_of(*l, "the one who lists");

		rig.t.require(list.error == 0 &&
			      std::count(list.listed.begin(), list.listed.end(), "p") == 1,
			      "errno {}, {} names", list.error, list.listed.size());
	}
}

/* The server is not asked for what it has listed. */
void readdir_makes_dentries_of_what_it_lists(fs_rig &rig)
{
	for (int i = 0; i < 8; i++)
		rig.have(fmt::format("listed-{}", i));
	rig.begin();
	/* Some list names alone first, until somebody looks one up. */
	answer list = list_now(rig.s.dir());

	stat_now(rig.s.path("listed-0"));
	list = list_now(rig.s.dir());
	rig.t.require(list.error == 0 && list.listed.size() == 10, "errno {}, {} names",
		      list.error, list.listed.size());
	for (int i = 0; i < 8; i++) {
		const answer got = stat_now(rig.s.path(fmt::format("listed-{}", i)));

		rig.t.require(got.error == 0 && S_ISREG(got.mode), "listed-{}: errno {}", i, got.error);
	}
}

} /* namespace */

std::vector<claim> claims_about_readdir()
{
	return {
		CLAIM(readdir_waits_for_the_lookup_of_a_name_that_it_lists, holds_lookups | primes),
		CLAIM(readdir_makes_dentries_of_what_it_lists, links),
	};
}

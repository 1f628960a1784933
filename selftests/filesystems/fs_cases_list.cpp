// SPDX-License-Identifier: GPL-2.0
/*
 * readdir that makes dentries of what it lists.  It waits for a name that is in lookup, with
 * the directory locked, or does without the dentry where the kernel has d_alloc_trylock().
 */
#include "fs_rig.hpp"
#include "kernel.hpp"

#include <algorithm>
#include <filesystem>

namespace {

void need_readdir_that_waits(fs_rig &rig, bool waits)
{
	if (readdir_waits(rig.t) != waits)
		rig.t.skip("{}", waits ? "readdir of this kernel does without the dentry"
				       : "readdir of this kernel waits: SERIES=readdir");
}

/* It is in the middle of its list, and meets the lookup that @owner has begun. */
void must_meet(fs_rig &rig, const actor &owner, actor &lister, bool waits)
{
	std::string stack;

	if (waits)
		rig.people.must_be_parked(lister, "the one who lists");
	else
		/* A server that has one thing at a time on its hands does not tell it the rest. */
		rig.t.require(wait_until(rig.t.bound(crew::bound), [&] {
				      stack = rig.stack_of(lister);
				      return lister.done() ||
					     (stack.find("wait_for_response") != stack.npos &&
					      stack.find(waiting_function) == stack.npos);
			      }),
			      "the one who lists does not go on: {}", stack);
	rig.t.require(!owner.done(), "the owner was not held");
}

void list_a_name_in_lookup(fs_rig &rig, bool waits)
{
	need_readdir_that_waits(rig, waits);
	rig.have("p");
	rig.begin();
	actor &owner = rig.held_owner("p");
	auto listers = rig.people.start(waiters, list_of(rig.s.dir()));

	for (actor *l : listers)
		must_meet(rig, owner, *l, waits);
	rig.s.go();
	rig.people.must_find(owner, "the owner");
	for (actor *l : listers) {
		const answer &list = rig.people.answer_of(*l, "the one who lists");

		rig.t.require(list.error == 0 &&
			      std::count(list.listed.begin(), list.listed.end(), "p") == 1,
			      "errno {}, {} names", list.error, list.listed.size());
	}
}

/* Of a name: what is listed, and what stat() said whose lookup was met. */
struct numbers {
	std::string name;
	uint64_t listed, found;
};

/*
 * It has been told of the name already when the lookup begins, and lists it only afterwards.
 * The server may well have one thing at a time on its hands.
 */
numbers list_a_name_that_was_looked_up_after_the_request(fs_rig &rig, bool waits)
{
	for (int i = 0; i < 16; i++)
		rig.have(fmt::format("told-{}", i));
	rig.begin();
	const answer order = list_now(rig.s.behind(""));

	rig.t.require(order.listed.size() == 18, "{} names", order.listed.size());
	const std::string last = order.listed.back();
	auto fd = std::make_shared<unique_fd>(open_or_throw(rig.s.dir(), O_RDONLY | O_DIRECTORY));
	/* One after another, as few as fit. */
	const auto next = [fd, last](answer &a) {
		alignas(dirent64) char buffer[64];
		const long n = ::syscall(SYS_getdents64, fd->get(), buffer, sizeof(buffer));

		if (n < 0)
			a.error = errno;
		for (long at = 0; at < n;) {
			const auto *e = reinterpret_cast<const dirent64 *>(buffer + at);

			a.listed.emplace_back(e->d_name);
			if (last == e->d_name)
				a.ino = e->d_ino;
			at += e->d_reclen;
		}
		return n > 0;
	};
	answer first;

	while (first.listed.size() < 4 && next(first))
		;
	rig.t.require(first.listed.size() >= 4 && !std::count(first.listed.begin(), first.listed.end(), last),
		      "errno {}, {} names at first, {} among them", first.error, first.listed.size(), last);
	actor &owner = rig.held_owner(last);
	actor &lister = rig.people.start([next] {
		answer rest;

		while (next(rest))
			;
		return rest;
	});

	must_meet(rig, owner, lister, waits);
	rig.s.go();
	const uint64_t found = rig.people.must_find(owner, "the owner");
	const answer &rest = rig.people.answer_of(lister, "the one who lists");

	rig.t.require(rest.error == 0 && first.listed.size() + rest.listed.size() == 18 &&
		      std::count(rest.listed.begin(), rest.listed.end(), last) == 1,
		      "errno {}, {} and {} names", rest.error, first.listed.size(), rest.listed.size());
	return {last, rest.ino, found};
}

/*
 * The server has the name in its answer already, which is not sent yet because of another
 * name, when the lookup begins.
 */
void list_a_name_whose_lookup_overtook_the_answer(fs_rig &rig, bool waits)
{
	need_readdir_that_waits(rig, waits);
	for (int i = 0; i < 4; i++)
		rig.have(fmt::format("told-{}", i));
	rig.begin();
	answer order = list_now(rig.s.behind(""));

	std::erase_if(order.listed, [](const std::string &name) { return !name.starts_with("told-"); });
	rig.t.require(order.listed.size() == 4, "{} names", order.listed.size());
	const std::string told = order.listed.front(), late = order.listed.back();

	rig.s.hold(late);
	actor &lister = rig.people.start(list_of(rig.s.dir()));

	rig.must_hold(late);
	actor &owner = rig.held_owner(told);

	rig.must_be_in(owner, rig.s.looks_up_in(), "the owner");
	rig.s.pass(late);
	must_meet(rig, owner, lister, waits);
	rig.s.go();
	rig.people.must_find(owner, "the owner");
	const answer &list = rig.people.answer_of(lister, "the one who lists");

	rig.t.require(list.error == 0 && list.listed.size() == 6 &&
		      std::count(list.listed.begin(), list.listed.end(), told) == 1,
		      "errno {}, {} names", list.error, list.listed.size());
}

void readdir_waits_for_the_lookup_of_a_name_that_it_lists(fs_rig &rig)
{
	list_a_name_in_lookup(rig, true);
}

void readdir_waits_for_a_lookup_that_began_after_its_request(fs_rig &rig)
{
	need_readdir_that_waits(rig, true);
	list_a_name_that_was_looked_up_after_the_request(rig, true);
}

/*
 * Nobody but the lookup knows the number, and what stat() says is to be listed.  So it waits
 * also where the kernel has d_alloc_trylock().
 */
void readdir_waits_for_a_lookup_that_makes_a_number_up(fs_rig &rig)
{
	rig.s.make_numbers_up();
	const numbers n = list_a_name_that_was_looked_up_after_the_request(rig, true);
	const uint64_t now = stat_now(rig.s.path(n.name)).ino;

	rig.t.require(n.listed == n.found && n.listed == now, "listed with {}, stat said {}, and says {}",
		      n.listed, n.found, now);
}

void readdir_waits_for_a_lookup_that_overtook_its_answer(fs_rig &rig)
{
	list_a_name_whose_lookup_overtook_the_answer(rig, true);
}

void readdir_does_without_a_name_in_lookup(fs_rig &rig)
{
	list_a_name_in_lookup(rig, false);
}

void readdir_does_without_a_name_that_was_looked_up_after_its_request(fs_rig &rig)
{
	need_readdir_that_waits(rig, false);
	list_a_name_that_was_looked_up_after_the_request(rig, false);
}

void readdir_does_without_a_name_whose_lookup_overtook_its_answer(fs_rig &rig)
{
	list_a_name_whose_lookup_overtook_the_answer(rig, false);
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
	/* Who asks it now sleeps. */
	rig.s.cut(true);
	for (int i = 0; i < 8; i++) {
		const std::string name = fmt::format("listed-{}", i);

		rig.people.must_find(rig.people.start(stat_of(rig.s.path(name))), name.c_str());
	}
	rig.s.cut(false);
}

/* Which lookup_stress takes for an error that a change explains. */
void list_fails_if_another_has_put_a_file_in_its_place(fs_rig &rig)
{
	std::filesystem::create_directory(rig.s.behind("was"));
	rig.begin();
	rig.t.require(S_ISDIR(stat_now(rig.s.path("was")).mode), "the directory is not there");
	std::filesystem::remove(rig.s.behind("was"));
	rig.have("was");
	const answer got = list_now(rig.s.path("was"));

	rig.t.require(got.error == rig.s.error_of_a_list_of_a_file(), "errno {}, listed: {}", got.error,
		      fmt::join(got.listed, " "));
}

} /* namespace */

std::vector<claim> claims_about_readdir()
{
	return {
		CLAIM(readdir_waits_for_the_lookup_of_a_name_that_it_lists, holds_lookups | primes),
		CLAIM(readdir_waits_for_a_lookup_that_began_after_its_request, holds_lookups | stale_lists),
		CLAIM(readdir_waits_for_a_lookup_that_overtook_its_answer, holds_lookups | late_answers),
		CLAIM(readdir_waits_for_a_lookup_that_makes_a_number_up,
		      holds_lookups | stale_lists | makes_numbers),
		CLAIM(readdir_does_without_a_name_in_lookup, holds_lookups | primes),
		CLAIM(readdir_does_without_a_name_that_was_looked_up_after_its_request,
		      holds_lookups | stale_lists),
		CLAIM(readdir_does_without_a_name_whose_lookup_overtook_its_answer,
		      holds_lookups | late_answers),
		CLAIM(readdir_makes_dentries_of_what_it_lists, links | cuts),
		CLAIM(list_fails_if_another_has_put_a_file_in_its_place, lists_by_name),
	};
}

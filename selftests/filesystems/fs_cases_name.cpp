// SPDX-License-Identifier: GPL-2.0
/* Two names of one file: one that differs in case, or is short. */
#include "call_sites.hpp"
#include "fs_rig.hpp"
#include "kernel.hpp"

namespace {

/*
 * The lookup of the other name finds out which is the right one, and looks that up, by
 * d_add_ci(): it waits there for the one who does so already.  The two come to the disk one
 * behind the other.  Whether the second is still under way when the first has read what it
 * needs is not in our hands: as many rounds as it takes.
 */
void lookups_of_both_names_get_one_inode(fs_rig &rig)
{
	constexpr unsigned rounds = 40;
	const auto before = sleeps_at("d_add_ci");
	unsigned round = 0;

	for (unsigned i = 0; i < rounds; i++)
		rig.have(fmt::format("file-{}", i));
	do {
		const std::string right = fmt::format("file-{}", round), other = fmt::format("FILE-{}", round);

		rig.begin();
		actor &first = rig.held_owner(other);
		actor &second = rig.people.start(stat_of(rig.s.path(right)));

		rig.must_be_in(first, rig.s.looks_up_in(), "who asks for the other name");
		rig.must_be_in(second, rig.s.looks_up_in(), "who asks for the right name");
		auto of_other = rig.parked_waiters(other), of_right = rig.parked_waiters(right);

		rig.s.go();
		rig.all_get(first, of_other);
		rig.all_get(first, of_right);
		rig.people.must_find(second, first.got().ino, "who asks for the right name");
		rig.end();
	} while (before && *sleeps_at("d_add_ci") == *before && ++round < rounds);
	if (!before)
		rig.t.note("whether anybody slept in d_add_ci() is not known: there is no tracing");
	rig.t.require(round < rounds, "nobody slept in d_add_ci(), in {} rounds", rounds);
}

/* The dentry moves from one name to the other, as the file can have one only. */
void waiters_get_a_known_file_under_its_short_name(fs_rig &rig)
{
	const std::string name = "a-long-name-of-a-file", shortened = "A-LONG~1";

	rig.have(name);
	rig.begin();
	const uint64_t ino = stat_now(rig.s.path(name)).ino;
	const unique_fd known = open_or_throw(rig.s.path(name), O_PATH);

	/* Of the disk, nothing. */
	drop_caches();
	rig.s.forget_the_disk();
	actor &owner = rig.held_owner(shortened);
	auto group = rig.parked_waiters(shortened);

	rig.s.go();
	rig.people.must_find(owner, ino, "the owner");
	for (actor *w : group)
		rig.people.must_find(*w, ino);
}

/*
 * U+026B and U+2C62 are one letter, in two bytes and in three.  ->d_compare() of exfat tells
 * names of different lengths apart, and its search of the disk does not.
 */
void directory_has_one_dentry_whatever_the_spelling(fs_rig &rig)
{
	const std::string two = rig.s.path("\u026b"), three = rig.s.path("\u2c62");

	if (kernel_has(rig.t, "d_rehash"))
		rig.t.skip("exfat of this kernel may keep a spelling, by d_rehash(): SERIES=readdir");
	std::filesystem::create_directory(rig.s.behind("\u026b"));
	rig.begin();
	const unique_fd first = open_or_throw(two, O_PATH);
	const uint64_t ino = stat_now(two).ino;
	const unique_fd second = open_or_throw(three, O_PATH);

	for (const unique_fd *fd : {&first, &second}) {
		const std::string where = path_of(*fd);

		rig.t.require(where == three, "one of the two is at {}, not {}", where, three);
	}
	/* It is cached under that spelling: the disk would not answer. */
	rig.s.forget_the_disk();
	rig.s.hold(three);
	rig.people.must_find(rig.people.start(stat_of(three)), ino, "who asks once more");
}

} /* namespace */

std::vector<claim> claims_about_names()
{
	return {
		CLAIM(lookups_of_both_names_get_one_inode, holds_lookups | ci),
		CLAIM(waiters_get_a_known_file_under_its_short_name, holds_lookups | short_names),
		CLAIM(directory_has_one_dentry_whatever_the_spelling, holds_lookups | spellings),
	};
}

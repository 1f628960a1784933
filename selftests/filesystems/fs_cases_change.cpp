// SPDX-License-Identifier: GPL-2.0
/* What changes the directory while a name of it is in lookup. */
#include "fs_rig.hpp"

#include <filesystem>

namespace fs = std::filesystem;

namespace {

/* It takes the lock of the directory for itself, so it sleeps for that, and not with the rest. */
void open_with_o_creat_comes_after_a_lookup(fs_rig &rig)
{
	rig.begin();
	actor &owner = rig.held_owner("c");
	auto group = rig.parked_waiters("c");
	actor &creator = rig.people.start(open_of(rig.s.path("c"), O_CREAT | O_RDWR, 0644));

	rig.must_be_in(creator, "path_openat", "the one who creates");
	rig.s.go();
	rig.people.must_fail(owner, ENOENT, "the owner");
	const uint64_t ino = rig.people.must_find(creator, "the one who creates");

	/* A waiter that has to ask again may come before it or after it. */
	for (actor *w : group) {
		const answer &got = rig.people.answer_of(*w);

		rig.t.require(got.error == ENOENT || (got.error == 0 && got.ino == ino),
			      "a waiter got errno {}, inode {}", got.error, got.ino);
	}
}

void rename_comes_after_a_lookup(fs_rig &rig)
{
	rig.have("from");
	rig.begin();
	actor &owner = rig.held_owner("from");
	auto group = rig.parked_waiters("from");
	const std::string from = rig.s.path("from"), to = rig.s.path("to");
	actor &mover = rig.people.start(rename_of(from, to));

	rig.must_be_in(mover, "renameat2", "the one who renames");
	rig.s.go();
	const uint64_t ino = rig.people.must_find(owner, "the owner");

	rig.people.must_find(mover, 0, "the one who renames");
	for (actor *w : group) {
		const answer &got = rig.people.answer_of(*w);

		rig.t.require(got.error == ENOENT || (got.error == 0 && got.ino == ino),
			      "a waiter got errno {}, inode {}", got.error, got.ino);
	}
	rig.t.require(stat_now(to).ino == ino && stat_now(from).error == ENOENT,
		      "the file is not where it was moved to");
}

void unlink_comes_after_a_lookup(fs_rig &rig)
{
	rig.have("u");
	rig.begin();
	actor &owner = rig.held_owner("u");
	auto group = rig.parked_waiters("u");
	const std::string path = rig.s.path("u");
	actor &remover = rig.people.start(unlink_of(path));

	rig.must_be_in(remover, "unlinkat", "the one who removes");
	rig.s.go();
	const uint64_t ino = rig.people.must_find(owner, "the owner");

	rig.people.must_find(remover, 0, "the one who removes");
	for (actor *w : group) {
		const answer &got = rig.people.answer_of(*w);

		rig.t.require(got.error == ENOENT || (got.error == 0 && got.ino == ino),
			      "a waiter got errno {}, inode {}", got.error, got.ino);
	}
	rig.t.require(stat_now(path).error == ENOENT, "the name is still there");
}

/* The one name under which the server tells of it is not the one that is known. */
void waiters_get_a_known_directory_under_its_second_name(fs_rig &rig)
{
	fs::create_directory(rig.s.behind("first"));
	rig.begin();
	const uint64_t ino = stat_now(rig.s.path("first")).ino;
	const unique_fd known = open_or_throw(rig.s.path("first"), O_PATH | O_DIRECTORY);

	fs::rename(rig.s.behind("first"), rig.s.behind("second"));
	actor &owner = rig.held_owner("second");
	auto group = rig.parked_waiters("second");

	rig.s.go();
	rig.people.must_find(owner, ino, "the owner");
	for (actor *w : group)
		rig.people.must_find(*w, ino);
	char where[4096];
	const ssize_t n = ::readlink(fmt::format("/proc/self/fd/{}", known.get()).c_str(), where,
				     sizeof(where));

	rig.t.require(n > 0 && std::string_view(where, static_cast<size_t>(n)).ends_with("/second"),
		      "its dentry was not moved");
}

} /* namespace */

std::vector<claim> claims_about_changes()
{
	return {
		CLAIM(open_with_o_creat_comes_after_a_lookup, holds_lookups),
		CLAIM(rename_comes_after_a_lookup, holds_lookups),
		CLAIM(unlink_comes_after_a_lookup, holds_lookups),
		CLAIM(waiters_get_a_known_directory_under_its_second_name, holds_lookups | aliases),
	};
}

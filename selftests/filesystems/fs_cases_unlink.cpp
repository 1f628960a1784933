// SPDX-License-Identifier: GPL-2.0
/*
 * What is looked up while the server is asked to remove or to replace it: nobody is to open
 * it then.  Those who try wait: for the lock of the directory where the dentry is unhashed
 * meanwhile, and in ->d_revalidate() where it is blocked, by d_block().
 */
#include "fs_rig.hpp"
#include "kernel.hpp"

#include <filesystem>

namespace {

void must_wait_for_the_server(fs_rig &rig, const actor &who)
{
	if (kernel_has(rig.t, "d_block"))
		rig.must_be_in(who, "d_wait_unblocked", "who looks it up");
	else
		rig.must_wait_for_the_directory(who, "who looks it up");
	rig.t.require(!who.done(), "who looks it up did not wait (errno {})", who.got().error);
}

void must_be_asked(fs_rig &rig, const char *op, const std::string &name)
{
	rig.t.require(wait_until(rig.t.bound(crew::bound), [&] { return rig.s.held(op, name) == 1; }),
		      "no {} of {} is kept back", op, name);
}

void lookups_wait_for_an_unlink(fs_rig &rig)
{
	rig.have("u");
	rig.have("known");
	rig.begin();
	rig.t.require(stat_now(rig.s.path("u")).error == 0, "the file is not there");
	rig.t.require(stat_now(rig.s.path("known")).error == 0, "the other file is not there");
	rig.s.hold("remove", "u");
	actor &remover = rig.people.start(unlink_of(rig.s.path("u")));

	must_be_asked(rig, "remove", "u");
	auto group = rig.people.start(waiters, stat_of(rig.s.path("u")));
	for (const actor *w : group)
		must_wait_for_the_server(rig, *w);
	actor &bystander = rig.people.start(stat_of(rig.s.path("known")));

	rig.people.must_find(bystander, "who asks for what is cached");
	rig.s.go();
	rig.people.must_find(remover, 0, "the one who removes");
	for (actor *w : group)
		rig.people.must_fail(*w, ENOENT);
}

void lookups_of_the_target_wait_for_a_rename(fs_rig &rig)
{
	rig.have("from");
	rig.have("to");
	rig.begin();
	const uint64_t ino = stat_now(rig.s.path("from")).ino;
	const uint64_t replaced = stat_now(rig.s.path("to")).ino;
	const std::string to = rig.s.path("to");

	rig.t.require(ino && replaced && ino != replaced, "inodes {} and {}", ino, replaced);
	rig.s.hold("rename", "from");
	actor &mover = rig.people.start(rename_of(rig.s.path("from"), to));

	must_be_asked(rig, "rename", "from");
	auto group = rig.people.start(waiters, stat_of(to));
	for (const actor *w : group)
		must_wait_for_the_server(rig, *w);
	rig.s.go();
	rig.people.must_find(mover, 0, "the one who renames");
	for (actor *w : group)
		rig.people.must_find(*w, ino);
}

/* Where what is open keeps its name, lookup_stress is refused for that when it cleans up. */
void rmdir_after_an_unlink_of_what_another_client_has_open(fs_rig &rig)
{
	std::filesystem::create_directory(rig.s.behind("dir"));
	rig.have("dir/open");
	rig.begin();
	const std::string dir = rig.s.path("dir"), name = dir + "/open";
	unique_fd open = open_or_throw(rig.s.second_client() + "/dir/open", O_RDONLY);
	int error = 0;
	const auto removed = [&] {
		error = ::rmdir(dir.c_str()) ? errno : 0;
		return !error;
	};

	rig.t.require(!::unlink(name.c_str()), "unlink: errno {}", errno);
	rig.t.require(stat_now(name).error == ENOENT, "what was removed is still found");
	if (rig.s.keeps_open_names()) {
		rig.t.require(!removed() && error == ENOTEMPTY, "rmdir while it is open: errno {}, not {}", error,
			      ENOTEMPTY);
		open.reset();
		wait_until(rig.t.bound(crew::bound), removed);
	} else {
		removed();
	}
	rig.t.require(!error, "rmdir: errno {}", error);
}

} /* namespace */

std::vector<claim> claims_about_unlinks()
{
	return {
		CLAIM(lookups_wait_for_an_unlink, blocks),
		CLAIM(lookups_of_the_target_wait_for_a_rename, blocks),
		CLAIM(rmdir_after_an_unlink_of_what_another_client_has_open, two_clients),
	};
}

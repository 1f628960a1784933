// SPDX-License-Identifier: GPL-2.0
/*
 * A file that is removed while it is open is renamed, and removed once it is closed.  While
 * the client waits for that, a dentry in lookup keeps everybody out of its name.  On NFS these
 * fail without patches/BASE/nfs/: the kernel files that dentry where nobody finds it.
 */
#include "fs_rig.hpp"
#include "kernel.hpp"

#include <algorithm>
#include <filesystem>

namespace fs = std::filesystem;

namespace {

std::string silly_name_in(const std::string &dir)
{
	for (const auto &entry : fs::directory_iterator(dir))
		for (const char *prefix : {".nfs", ".__afs"})
			if (entry.path().filename().native().starts_with(prefix))
				return entry.path().filename();
	return "";
}

/* An open file that has a silly name by now. */
struct silly_file {
	silly_file(fs_rig &rig, const std::string &was)
	{
		rig.have(was);
		rig.begin();
		fd = open_or_throw(rig.s.path(was), O_RDONLY);
		rig.t.require(::unlink(rig.s.path(was).c_str()) == 0, "unlink: errno {}", errno);
		name = silly_name_in(rig.s.behind(""));
		rig.t.require(!name.empty(), "the file was not renamed");
	}

	unique_fd fd;
	std::string name;
};

/* By somebody who may have to wait until the server has removed it. */
actor &closer_of(fs_rig &rig, silly_file &file)
{
	auto fd = std::make_shared<unique_fd>(std::move(file.fd));

	return rig.people.start([fd] {
		fd->reset();
		return answer();
	});
}

/* One that is closed, and whose REMOVE is kept back. */
struct removed_silly_file : silly_file {
	explicit removed_silly_file(fs_rig &rig) : silly_file(rig, "s")
	{
		rig.s.hold("remove", name);
		closer = &closer_of(rig, *this);
		rig.t.require(wait_until(rig.t.bound(crew::bound),
					 [&] { return rig.s.held("remove", name) == 1; }),
			      "no REMOVE of {} is kept back", name);
	}

	actor *closer;
};

void must_be_kept_out(fs_rig &rig, const actor &who, const std::string &name)
{
	const sleep_state state = wait_parked(who.pid(), who.tid(), rig.t.bound(crew::bound));

	rig.t.require(!who.done(), "{} was not kept out (errno {}) while its REMOVE was under way",
		      name, who.got().error);
	rig.t.require(state.verdict == parked::yes, "who asks for {} does not sleep: {}", name,
		      to_string(state));
}

void silly_unlink_keeps_lookups_of_its_name_out(fs_rig &rig)
{
	const removed_silly_file file(rig);
	auto group = rig.people.start(waiters, stat_of(rig.s.path(file.name)));

	for (const actor *w : group)
		must_be_kept_out(rig, *w, file.name);
	rig.s.go();
	rig.people.must_find(*file.closer, 0, "who closes the file");
	for (actor *w : group)
		rig.people.must_fail(*w, ENOENT);
}

/* So nobody else gets at what is not in the dcache, as long as the server does not answer. */
void silly_unlink_keeps_a_creator_waiting_with_the_directory_locked(fs_rig &rig)
{
	const removed_silly_file file(rig);
	actor &creator = rig.people.start(open_of(rig.s.path(file.name), O_CREAT | O_RDWR, 0644));

	must_be_kept_out(rig, creator, file.name);
	actor &bystander = rig.people.start(stat_of(rig.s.path("other")));

	/* What waits for a lock is not in the stack that is shown, but who asked for it. */
	rig.must_wait_for_the_directory(bystander, "who asks for another name");
	rig.t.require(rig.stack_of(bystander).find(waiting_function) == std::string::npos,
		      "who asks for another name waits for a lookup");
	rig.s.go();
	rig.people.must_find(*file.closer, 0, "who closes the file");
	rig.people.must_find(creator, "the one who creates");
	rig.people.must_fail(bystander, ENOENT, "who asks for another name");
}

/* The server has changed it, and a client that opens a directory asks. */
void make_client_doubt(fs_rig &rig, const std::string &created)
{
	{
		const unique_fd fd = open_or_throw(rig.s.at_server(created), O_CREAT | O_WRONLY, 0644);
	}
	const unique_fd dir = open_or_throw(rig.s.dir(), O_RDONLY | O_DIRECTORY);
}

/* One that is closed, and whose REMOVE is lost: the server has its hands free. */
struct lost_silly_file : silly_file {
	explicit lost_silly_file(fs_rig &rig) : silly_file(rig, "s")
	{
		rig.s.lose_removes(true);
		rig.people.must_find(closer_of(rig, *this), 0, "who closes the file");
		rig.t.require(wait_until(rig.t.bound(crew::bound),
					 [&] { return rig.s.lost_removes() > 0; }),
			      "no REMOVE of {} was lost", name);
	}
	/* The client sends it once more, and the file is gone. */
	void end(fs_rig &rig) const
	{
		rig.s.go();
		rig.t.require(wait_until(rig.t.bound(crew::bound),
					 [&] { return !fs::exists(rig.s.behind(name)); }),
			      "{} was not removed", name);
	}
	void must_be_listed(fs_rig &rig, actor &lister) const
	{
		const answer &list = rig.people.answer_of(lister, "the one who lists");

		rig.t.require(list.error == 0 &&
			      std::count(list.listed.begin(), list.listed.end(), name) == 1,
			      "errno {}, {} names", list.error, list.listed.size());
	}
};

/*
 * The dentry in lookup locks nothing.  readdir that waits for it has the directory locked, so
 * who creates a file waits as well; with d_alloc_trylock() neither does.
 */
void silly_unlink_that_is_lost_holds_up_who_lists_only_if_readdir_waits(fs_rig &rig)
{
	const bool waits = readdir_waits(rig.t);
	const lost_silly_file file(rig);
	actor &lister = rig.people.start(list_of(rig.s.dir()));

	if (waits)
		rig.people.must_be_parked(lister, "the one who lists");
	else
		file.must_be_listed(rig, lister);
	actor &creator = rig.people.start(open_of(rig.s.path("new"), O_CREAT | O_RDWR, 0644));

	if (waits)
		rig.must_wait_for_the_directory(creator, "the one who creates");
	else
		rig.people.must_find(creator, "the one who creates");
	actor *visitor = nullptr;

	if (!waits) {
		/* The lookup goes on: who asks for that name waits. */
		visitor = &rig.people.start(stat_of(rig.s.path(file.name)));
		must_be_kept_out(rig, *visitor, file.name);
	}
	file.end(rig);
	file.must_be_listed(rig, lister);
	rig.people.must_find(creator, "the one who creates");
	/* One who has listed the name, and waited, makes a dentry of it when it is gone. */
	if (visitor)
		rig.people.must_fail(*visitor, ENOENT, "who asks for the silly name");
}

/*
 * Somebody else looks the silly name up, since the client was told once that it has gone.
 * The state of the silly rename goes over to the dentry of that lookup.
 */
void silly_unlink_waits_for_a_lookup_of_its_name(fs_rig &rig)
{
	silly_file file(rig, "s");
	const uint64_t ino = stat_now(rig.s.path(file.name)).ino;

	rig.s.lose(file.name, true);
	make_client_doubt(rig, "x");
	const answer gone = stat_now(rig.s.path(file.name));

	rig.t.require(gone.error == ENOENT, "{}: errno {}", file.name, gone.error);
	rig.s.lose(file.name, false);
	make_client_doubt(rig, "y");
	actor &owner = rig.held_owner(file.name);
	auto group = rig.parked_waiters(file.name);
	actor &closer = closer_of(rig, file);

	rig.people.must_be_parked(closer, "who closes the file");
	rig.s.go();
	rig.people.must_find(closer, 0, "who closes the file");
	rig.people.must_find(owner, ino, "the owner");
	for (actor *w : group) {
		const answer &got = rig.people.answer_of(*w);

		/* One that is late asks again, behind the REMOVE. */
		rig.t.require(got.error == ENOENT || (got.error == 0 && got.ino == ino),
			      "a waiter got errno {}, inode {}", got.error, got.ino);
	}
}

} /* namespace */

std::vector<claim> claims_about_silly_names()
{
	return {
		CLAIM(silly_unlink_keeps_lookups_of_its_name_out, silly),
		CLAIM(silly_unlink_keeps_a_creator_waiting_with_the_directory_locked, silly),
		CLAIM(silly_unlink_that_is_lost_holds_up_who_lists_only_if_readdir_waits,
		      silly | loses_removes),
		CLAIM(silly_unlink_waits_for_a_lookup_of_its_name, silly | holds_lookups | loses),
	};
}

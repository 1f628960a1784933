// SPDX-License-Identifier: GPL-2.0
/*
 * The waiters of a lookup on FUSE, whose server keeps the replies to LOOKUP back.
 * It needs no module and reaches most ways in which a lookup can end.
 *
 * The owner sleeps in FUSE and the waiters in d_alloc_parallel(), so while a
 * reply is kept back the server has been asked for the name exactly once.  After
 * the reply FUSE may ask again: d_splice_alias() wakes the waiters before FUSE has
 * set how long the entry is valid, and one that is quick enough revalidates it.
 * So requests are counted while the reply is kept back.
 *
 * lookup_fuse_use.cpp has the cases about what stays in use.
 */
#include "fuse_rig.hpp"
#include "kernel.hpp"
#include "options.hpp"

namespace {

action read_of(std::string path)
{
	return open_of(path, O_RDONLY);
}

/* One call of getdents64(): there is no second READDIRPLUS. */
action first_list_of(std::string path)
{
	return [path] {
		const unique_fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
		alignas(dirent64) char buffer[4096];
		const long n = fd ? ::syscall(SYS_getdents64, fd.get(), buffer, sizeof(buffer)) : -1;
		answer a;

		if (n < 0)
			a.error = errno;
		for (long at = 0; at < n; at += reinterpret_cast<const dirent64 *>(buffer + at)->d_reclen)
			a.listed.emplace_back(reinterpret_cast<const dirent64 *>(buffer + at)->d_name);
		return a;
	};
}

/* An owner and its waiters get one reply, for which the server is asked once. */
void must_share(ktap::test_case &t, const fuse_entry &entry, action (*owners)(std::string),
		action (*others)(std::string))
{
	fuse_rig rig(t);

	rig.server.set("n", entry);
	actor &owner = rig.held_owner("n", owners(rig.path("n")));
	auto group = rig.parked_waiters(others(rig.path("n")));

	rig.must_have_asked("n", 1);
	rig.server.release_all();
	if (entry.node) {
		rig.people.must_find(owner, entry.node, "the owner");
		for (actor *w : group)
			rig.people.must_find(*w, entry.node);
	} else {
		rig.people.must_fail(owner, ENOENT, "the owner");
		for (actor *w : group)
			rig.people.must_fail(*w, ENOENT);
	}
}

} /* namespace */

KTAP_CASE(fuse_waiters_of_a_file_get_its_inode)
{
	must_share(t, {0, 10, false}, stat_of, stat_of);
}

KTAP_CASE(fuse_waiters_of_a_cached_negative_entry_get_enoent)
{
	must_share(t, {0, 0, false}, stat_of, stat_of);
}

/* ENOENT makes a negative dentry that is never valid: each waiter asks again. */
KTAP_CASE(fuse_waiters_of_a_missing_name_get_enoent)
{
	must_share(t, {ENOENT, 0, false}, stat_of, stat_of);
}

KTAP_CASE(fuse_each_waiter_retries_after_an_error_one_at_a_time)
{
	fuse_rig rig(t);

	rig.server.set("e", {EIO, 0, false});
	std::vector<actor *> all{&rig.held_owner("e", stat_of(rig.path("e")))};
	for (actor *w : rig.parked_waiters(stat_of(rig.path("e"))))
		all.push_back(w);

	for (unsigned back = 0; back <= waiters; back++) {
		size_t asleep = 0;

		rig.must_wait("e", 1);
		rig.must_have_asked("e", back + 1);
		wait_until(t.bound(crew::bound), [&] {
			asleep = static_cast<size_t>(
				std::count_if(all.begin(), all.end(), [](const actor *a) {
					return !a->done() &&
					       look_at(a->pid(), a->tid()).verdict == parked::yes;
				}));
			return asleep == waiters - back;
		});
		t.require(asleep == waiters - back, "{} waiters sleep, not {}", asleep,
			  waiters - back);
		t.require(rig.server.reply_one("e"), "nothing to reply to");
		t.require(wait_until(t.bound(crew::bound), [&] {
				  return static_cast<unsigned>(
					  std::count_if(all.begin(), all.end(), [](const actor *a) {
						  return a->done();
					  })) == back + 1;
			  }), "one reply did not bring one thread back");
	}
	for (actor *a : all)
		rig.people.must_fail(*a, EIO, "a thread");
	rig.must_have_asked("e", waiters + 1);
	t.require(rig.server.most_at_once("e") == 1, "{} LOOKUPs at once",
		  rig.server.most_at_once("e"));
}

/* The server says that "second" is the directory known as "first": it is moved. */
KTAP_CASE(fuse_waiters_get_a_known_directory_under_its_second_name)
{
	fuse_rig rig(t);

	rig.server.set("first", {0, 20, true});
	rig.server.set("second", {0, 20, true});
	t.require(stat_now(rig.path("first")).ino == 20, "'first' is missing");

	/* Hold it at its first name, to be able to see that it was moved. */
	const unique_fd dir = open_or_throw(rig.path("first"), O_PATH | O_DIRECTORY);
	actor &owner = rig.held_owner("second", stat_of(rig.path("second")));
	auto group = rig.parked_waiters(stat_of(rig.path("second")));

	rig.must_have_asked("second", 1);
	rig.server.release_all();
	rig.people.must_find(owner, 20, "the owner");
	for (actor *w : group)
		rig.people.must_find(*w, 20);

	char where[4096];
	const ssize_t n = ::readlink(fmt::format("/proc/self/fd/{}", dir.get()).c_str(), where,
				     sizeof(where));
	t.require(n > 0 && std::string_view(where, static_cast<size_t>(n)).ends_with("/second"),
		  "its dentry was not moved");
}

KTAP_CASE(fuse_readdirplus_waits_for_the_lookup_of_a_name_that_it_lists)
{
	if (!readdir_waits(t))
		t.skip("this kernel has d_alloc_trylock(), and its READDIRPLUS waits for no lookup");
	fuse_rig rig(t);

	rig.server.set("p", {0, 30, false});
	rig.server.list({"p"});
	actor &owner = rig.held_owner("p", stat_of(rig.path("p")));
	auto listers = rig.parked_waiters(list_of(rig.path("")));

	rig.must_have_asked("p", 1);
	rig.server.release_all();
	rig.people.must_find(owner, 30, "the owner");
	for (actor *l : listers) {
		const answer &list = rig.people.answer_of(*l, "the one who lists");

		t.require(list.error == 0 &&
			  std::count(list.listed.begin(), list.listed.end(), "p") == 1,
			  "errno {}, {} names", list.error, list.listed.size());
	}
}

/*
 * The server has told of "p" in the listing, so it has to learn that the kernel has no
 * use for that; once, since what LOOKUP tells is kept.
 */
KTAP_CASE(fuse_readdirplus_lists_a_name_whose_lookup_is_held)
{
	if (readdir_waits(t))
		t.skip("this kernel has no d_alloc_trylock(): SERIES=readdir adds it");
	fuse_rig rig(t);

	rig.server.set("p", {0, 30, false});
	rig.server.set("q", {0, 31, false});
	rig.server.list({"p", "q"});
	actor &owner = rig.held_owner("p", stat_of(rig.path("p")));
	actor &lister = rig.people.start(list_of(rig.path("")));
	const answer &list = rig.people.answer_of(lister, "the one who lists");

	t.require(list.error == 0, "errno {}", list.error);
	for (const char *name : {"p", "q"})
		t.require(std::count(list.listed.begin(), list.listed.end(), name) == 1,
			  "{} is not listed once", name);
	rig.must_wait("p", 1);
	t.require(!owner.done(), "the owner is back before the reply");
	t.require(wait_until(t.bound(crew::bound), [&] { return rig.server.forgotten(30) != 0; }),
		  "no FORGET of what the listing told");

	rig.server.release_all();
	rig.people.must_find(owner, 30, "the owner");
	t.require(stat_now(rig.path("p")).ino == 30, "'p' is not what was looked up");
	t.require(stat_now(rig.path("q")).ino == 31, "'q' is not what was listed");
	rig.must_have_asked("p", 1);
	rig.must_have_asked("q", 0);
	/* The server reads what it is to forget before the next request. */
	t.require(stat_now(rig.path("r")).error == ENOENT, "'r' is there");
	t.require(rig.server.forgotten(30) == 1, "{} of node 30 forgotten, not 1",
		  rig.server.forgotten(30));
	t.require(rig.server.forgotten(31) == 0, "{} of node 31 forgotten, not 0",
		  rig.server.forgotten(31));
}

/* Neither for the reply nor for the FORGET of what it has no use for to be read. */
KTAP_CASE(fuse_readdirplus_does_not_wait_for_a_server_that_reads_no_request)
{
	if (readdir_waits(t))
		t.skip("this kernel has no d_alloc_trylock(): SERIES=readdir adds it");
	fuse_rig rig(t);

	rig.server.set("p", {0, 30, false});
	rig.server.list({"p"});
	actor &owner = rig.held_owner("p", stat_of(rig.path("p")));

	rig.server.stop_behind_list();
	const answer &list = rig.people.answer_of(rig.people.start(first_list_of(rig.path(""))),
						  "the one who lists");

	t.require(list.error == 0 && list.listed == std::vector<std::string>{"p"}, "errno {}, {} names",
		  list.error, list.listed.size());
	t.require(rig.server.forgotten(30) == 0, "the server has read a request");
	t.require(!owner.done(), "the owner is back before the reply");

	rig.server.release_all();
	rig.people.must_find(owner, 30, "the owner");
	t.require(wait_until(t.bound(crew::bound), [&] { return rig.server.forgotten(30) == 1; }),
		  "{} of node 30 forgotten, not 1", rig.server.forgotten(30));
}

KTAP_CASE(fuse_open_without_o_creat_waits_for_a_lookup)
{
	must_share(t, {0, 40, false}, stat_of, read_of);
}

/* ->atomic_open() of FUSE does the lookup itself. */
KTAP_CASE(fuse_lookups_wait_for_an_open_without_o_creat)
{
	must_share(t, {0, 40, false}, read_of, stat_of);
}

KTAP_CASE(fuse_a_server_that_dies_lets_all_waiters_go)
{
	fuse_rig rig(t);

	rig.server.set("d", {0, 50, false});
	actor &owner = rig.held_owner("d", stat_of(rig.path("d")));
	auto group = rig.parked_waiters(stat_of(rig.path("d")));

	rig.must_have_asked("d", 1);
	/* A forced unmount aborts the connection, as the death of its server does. */
	::umount2(rig.path("").c_str(), MNT_FORCE);
	rig.people.must_be_through(owner, "the owner");
	for (actor *w : group)
		rig.people.must_be_through(*w);
	t.require(owner.got().error != 0, "the owner got inode {}", owner.got().ino);
}

int main(int argc, char **argv)
{
	return run_registered(argc, argv, "lookup_fuse_test",
			      "What the waiters of a lookup get, on FUSE (KTAP). Needs root and /dev/fuse.");
}

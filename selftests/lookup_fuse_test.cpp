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
 */
#include "crew.hpp"
#include "fuse_gate.hpp"
#include "options.hpp"

#include <algorithm>
#include <optional>

namespace {

constexpr unsigned waiters = 3;

class fuse_rig {
public:
	explicit fuse_rig(ktap::test_case &t) : t_(t), ready_(prepare(t)),
		server(dir_.path()), people(t, [this] { server.release_all(); })
	{
	}

	std::string path(const std::string &name) const { return dir_.path() + "/" + name; }

	actor &held_owner(const std::string &name, const action &what)
	{
		server.hold(name);
		actor &a = people.start(what);

		must_wait(name, 1);
		return a;
	}
	std::vector<actor *> parked_waiters(const action &what)
	{
		auto group = people.start(waiters, what);

		people.must_be_parked(group);
		return group;
	}
	/* The server keeps this many replies back for the name. */
	void must_wait(const std::string &name, unsigned n)
	{
		t_.require(wait_until(t_.bound(crew::bound),
				      [&] { return server.waiting(name) == n; }),
			   "{} LOOKUPs of {} wait for their reply, not {}",
			   server.waiting(name), name, n);
	}
	void must_have_asked(const std::string &name, unsigned n)
	{
		t_.require(server.asked(name) == n, "{} LOOKUPs of {}, not {}",
			   server.asked(name), name, n);
	}

private:
	static bool prepare(ktap::test_case &t)
	{
		if (!filesystem_registered("fuse"))
			t.skip("this kernel has no FUSE");
		if (::access("/dev/fuse", R_OK | W_OK) < 0)
			t.skip("/dev/fuse is missing");
		if (!enter_private_mount_namespace())
			t.skip("no mount namespace of our own: needs root");
		return true;
	}

	ktap::test_case &t_;
	bool ready_;
	temp_dir dir_;

public:
	fuse_gate server;
	crew people;			/* last: its actors use all the rest */
};

} /* namespace */

KTAP_CASE(fuse_waiters_of_a_file_get_its_inode)
{
	fuse_rig rig(t);

	rig.server.set("f", {0, 10, false});
	actor &owner = rig.held_owner("f", stat_of(rig.path("f")));
	auto group = rig.parked_waiters(stat_of(rig.path("f")));

	rig.must_have_asked("f", 1);
	rig.server.release_all();
	rig.people.must_find(owner, 10, "the owner");
	for (actor *w : group)
		rig.people.must_find(*w, 10);
}

KTAP_CASE(fuse_waiters_of_a_cached_negative_entry_get_enoent)
{
	fuse_rig rig(t);

	rig.server.set("n", {0, 0, false});
	actor &owner = rig.held_owner("n", stat_of(rig.path("n")));
	auto group = rig.parked_waiters(stat_of(rig.path("n")));

	rig.must_have_asked("n", 1);
	rig.server.release_all();
	rig.people.must_fail(owner, ENOENT, "the owner");
	for (actor *w : group)
		rig.people.must_fail(*w, ENOENT);
}

/* ENOENT makes a negative dentry that is never valid: each waiter asks again. */
KTAP_CASE(fuse_waiters_of_a_missing_name_get_enoent)
{
	fuse_rig rig(t);

	rig.server.set("n", {ENOENT, 0, false});
	actor &owner = rig.held_owner("n", stat_of(rig.path("n")));
	auto group = rig.parked_waiters(stat_of(rig.path("n")));

	rig.must_have_asked("n", 1);
	rig.server.release_all();
	rig.people.must_fail(owner, ENOENT, "the owner");
	for (actor *w : group)
		rig.people.must_fail(*w, ENOENT);
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

KTAP_CASE(fuse_open_without_o_creat_waits_for_a_lookup)
{
	fuse_rig rig(t);

	rig.server.set("o", {0, 40, false});
	actor &owner = rig.held_owner("o", stat_of(rig.path("o")));
	auto group = rig.parked_waiters(open_of(rig.path("o"), O_RDONLY));

	rig.must_have_asked("o", 1);
	rig.server.release_all();
	rig.people.must_find(owner, 40, "the owner");
	for (actor *w : group)
		rig.people.must_find(*w, 40);
}

/* ->atomic_open() of FUSE does the lookup itself. */
KTAP_CASE(fuse_lookups_wait_for_an_open_without_o_creat)
{
	fuse_rig rig(t);

	rig.server.set("o", {0, 40, false});
	actor &owner = rig.held_owner("o", open_of(rig.path("o"), O_RDONLY));
	auto group = rig.parked_waiters(stat_of(rig.path("o")));

	rig.must_have_asked("o", 1);
	rig.server.release_all();
	rig.people.must_find(owner, 40, "the owner");
	for (actor *w : group)
		rig.people.must_find(*w, 40);
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
	options o("lookup_fuse_test",
		  "What the waiters of a lookup get, on FUSE (KTAP). Needs root and /dev/fuse.");
	ktap::run_options run;
	uint64_t seed = 0;

	o.add_run_options(run);
	o.add("--seed", seed, 0, UINT64_MAX, "taken by all tests; nothing is random in this one");
	if (const auto status = o.parse(argc, argv))
		return *status;
	return ktap::run(ktap::registered(), run);
}

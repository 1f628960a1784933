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
 * Whether something stays in use when a caller of d_alloc_parallel() fails is told by the
 * server: the kernel forgets what it was told of, once for each time, when nobody uses it
 * and the caches are dropped.
 */
#include "caches.hpp"
#include "crew.hpp"
#include "faults.hpp"
#include "fuse_gate.hpp"
#include "options.hpp"

#include <algorithm>
#include <optional>
#include <sys/epoll.h>

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

	/* The name can be asked for, and comes to that: no lookup of it goes on. */
	void must_stat(const std::string &name, int error)
	{
		people.must_fail(people.start(stat_of(path(name))), error, "the next to ask");
	}
	void must_list(const std::string &directory, const std::string &name)
	{
		const answer list = list_now(path(directory));

		t_.require(list.error == 0, "errno {}", list.error);
		t_.require(std::count(list.listed.begin(), list.listed.end(), name) == 1,
			   "{} is not listed", name);
	}
	void nothing_must_be_in_use()
	{
		wait_until(t_.bound(crew::bound), [&] {
			drop_caches();
			return server.known().empty();
		});
		for (const auto &[node, times] : server.known())
			t_.fail("node {} is in use: not forgotten {} times", node, times);
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

/* For a name that is in lookup, instead of doing without its dentry. */
bool readdirplus_waits(ktap::test_case &t)
{
	const auto symbols = read_file("/proc/kallsyms");

	if (!symbols || symbols->find(" d_alloc_parallel\n") == symbols->npos)
		t.skip("/proc/kallsyms does not tell what this kernel has");
	return symbols->find(" d_alloc_trylock\n") == symbols->npos;
}

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
	if (!readdirplus_waits(t))
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
	if (readdirplus_waits(t))
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

KTAP_CASE(fuse_readdirplus_of_names_leaves_none_of_them_in_use)
{
	fuse_rig rig(t);

	/* New to the kernel, then known. */
	rig.server.set("p", {0, 30, false});
	rig.server.list({"p"});
	rig.must_list("", "p");
	rig.must_list("", "p");
	rig.must_stat("p", 0);
	rig.must_have_asked("p", 0);
	rig.nothing_must_be_in_use();
}

KTAP_CASE(fuse_readdirplus_replaces_a_name_that_is_another_file_now)
{
	fuse_rig rig(t);

	rig.server.set("p", {0, 30, false});
	rig.server.list({"p"});
	rig.must_stat("p", 0);
	rig.server.set("p", {0, 31, false});
	rig.must_list("", "p");

	const answer now = stat_now(rig.path("p"));

	t.require(now.error == 0 && now.ino == 31, "errno {}, inode {}, not 31", now.error, now.ino);
	rig.must_have_asked("p", 1);
	rig.nothing_must_be_in_use();
}

KTAP_CASE(fuse_readdirplus_that_moves_a_directory_leaves_nothing_in_use)
{
	fuse_rig rig(t);

	rig.server.set("first", {0, 20, true});
	rig.server.set("second", {0, 20, true});
	rig.server.list({"second"});
	rig.must_stat("first", 0);
	rig.must_list("", "second");
	rig.must_stat("second", 0);
	rig.must_have_asked("second", 0);
	rig.nothing_must_be_in_use();
}

/* A directory that is said to be in itself is refused, when it is in lookup already. */
KTAP_CASE(fuse_readdirplus_ends_the_lookup_of_a_name_that_it_has_to_refuse)
{
	fuse_rig rig(t);

	rig.server.set("d", {0, 20, true});
	rig.server.set("loop", {0, 20, true});
	rig.server.list({"loop"});
	rig.must_stat("d", 0);
	rig.must_list("d", "loop");
	rig.must_stat("d/loop", ELOOP);
	rig.must_list("d", "loop");
	rig.nothing_must_be_in_use();
}

KTAP_CASE(fuse_exclusive_create_leaves_nothing_in_use)
{
	static const struct {
		const char *what;
		fuse_entry found, created;
		int error;
	} outcomes[] = {
		{"cannot look the name up", {EIO, 0, false}, {ENOSYS, 0, false}, EIO},
		{"finds the name", {0, 10, false}, {ENOSYS, 0, false}, EEXIST},
		{"finds a directory", {0, 20, true}, {ENOSYS, 0, false}, EEXIST},
		{"has no room for a new one", {0, 0, false}, {ENOSPC, 0, false}, ENOSPC},
		{"has no room where nothing was", {ENOENT, 0, false}, {ENOSPC, 0, false}, ENOSPC},
		{"makes a file", {0, 0, false}, {0, 40, false}, 0},
		{"makes a file where nothing was", {ENOENT, 0, false}, {0, 40, false}, 0},
		{"can only make a node", {0, 0, false}, {ENOSYS, 0, false}, ENOSYS},
	};

	for (const auto &o : outcomes) {
		fuse_rig rig(t);

		rig.server.set("x", o.found);
		rig.server.set_created(o.created);
		const answer a = open_now(rig.path("x"), O_CREAT | O_EXCL | O_RDWR, 0600);

		t.require(a.error == o.error, "a create that {}: errno {}, not {}", o.what, a.error,
			  o.error);
		rig.people.must_be_through(rig.people.start(stat_of(rig.path("x"))),
					   "the next to ask");
		rig.nothing_must_be_in_use();
	}
}

namespace {

/* Memory of ours is there; what fails is the kernel's. */
void fail_each_allocation(ktap::test_case &t, const std::function<bool(nth_fault &, unsigned)> &once)
{
	constexpr unsigned most = 200;
	std::optional<nth_fault> fault;
	unsigned nth = 1;

	if (::access(nth_fault::file, W_OK) < 0)
		t.skip("this kernel cannot have a chosen allocation fail: no {}", nth_fault::file);
	hold_all_memory();
	fault.emplace();
	fault->arm(1);
	const unique_fd any(::epoll_create1(EPOLL_CLOEXEC));
	if (!fault->disarm())
		t.skip("allocations that may sleep do not fail: write N to /sys/kernel/debug/failslab/ignore-gfp-wait");
	while (once(*fault, nth))
		t.require(++nth < most, "no end of allocations");
	t.require(nth > 1, "nothing was allocated");
}

} /* namespace */

KTAP_CASE_LIMIT(fuse_each_allocation_of_readdirplus_may_fail, std::chrono::seconds(60))
{
	fuse_rig rig(t);
	alignas(8) static char buffer[4096];

	rig.server.set("p", {0, 30, false});
	rig.server.list({"p"});
	fail_each_allocation(t, [&](nth_fault &fault, unsigned nth) {
		drop_caches();
		const unique_fd dir = open_or_throw(rig.path(""), O_RDONLY | O_DIRECTORY);

		fault.arm(nth);
		::syscall(SYS_getdents64, dir.get(), buffer, sizeof(buffer));
		const bool failed = fault.disarm();

		rig.must_stat("p", 0);
		return failed;
	});
	rig.nothing_must_be_in_use();
}

KTAP_CASE_LIMIT(fuse_each_allocation_of_an_exclusive_create_may_fail, std::chrono::seconds(60))
{
	fuse_rig rig(t);
	const std::string path = rig.path("x");

	rig.server.set("x", {0, 0, false});
	rig.server.set_created({ENOSPC, 0, false});
	fail_each_allocation(t, [&](nth_fault &fault, unsigned nth) {
		drop_caches();
		fault.arm(nth);
		const int fd = ::open(path.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
		const int error = errno;
		const bool failed = fault.disarm();

		t.require(fd < 0, "it was created");
		t.require(failed || error == ENOSPC, "errno {}", error);
		rig.must_stat("x", ENOENT);
		return failed;
	});
	rig.nothing_must_be_in_use();
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

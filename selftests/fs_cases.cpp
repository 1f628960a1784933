// SPDX-License-Identifier: GPL-2.0
/*
 * The table of cases: a claim of the protocol, what a filesystem must be able to do to show
 * it, and the steps.  Each is run on every filesystem that can.
 *
 * Wrong looks like a thread that never wakes, a waiter that does not sleep in
 * d_alloc_parallel() while the lookup is kept back, or one that gets something else than
 * the owner of the lookup.
 */
#include "caches.hpp"
#include "fs_scene.hpp"

#include <algorithm>
#include <filesystem>

namespace fs = std::filesystem;

namespace {

constexpr unsigned waiters = 3;

/* A mounted scene and its people; the test ends with all back and the mount gone. */
class fs_rig {
public:
	explicit fs_rig(fs_scene &s) : s(s), t(s.t), people(s.t, [this] { this->s.go(); }) {}

	/* Makes a file behind the filesystem, of which its client has never heard. */
	void have(const std::string &name)
	{
		unique_fd fd(::open(s.behind(name).c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644));

		t.require(static_cast<bool>(fd), "{}: errno {}", s.behind(name), errno);
	}
	void begin() { s.mount_it(); }

	actor &held_owner(const std::string &name, const action &what)
	{
		s.hold(name);
		actor &a = people.start(what);

		must_hold(name);
		return a;
	}
	actor &held_owner(const std::string &name) { return held_owner(name, stat_of(s.path(name))); }
	std::vector<actor *> parked_waiters(const action &what, unsigned n = waiters)
	{
		auto group = people.start(n, what);

		people.must_be_parked(group);
		return group;
	}
	std::vector<actor *> parked_waiters(const std::string &name)
	{
		return parked_waiters(stat_of(s.path(name)));
	}
	void must_hold(const std::string &name)
	{
		t.require(wait_until(t.bound(crew::bound), [&] { return s.held(name) > 0; }),
			  "no lookup of {} is kept back", name);
	}
	std::string stack_of(const actor &a)
	{
		return read_file(fmt::format("/proc/{}/task/{}/stack", a.pid(), a.tid())).value_or("");
	}
	/* The thread sleeps, and below which function; those that only sleep are not shown. */
	void must_be_in(const actor &a, const std::string &function, const char *name)
	{
		if (function.empty())
			return;
		std::string stack;

		t.require(wait_until(t.bound(crew::bound), [&] {
				  stack = stack_of(a);
				  return stack.find(function) != stack.npos &&
					 std::string_view("DS").find(look_at(a.pid(), a.tid()).state) !=
						 std::string_view::npos;
			  }),
			  "{} does not sleep in {}: {}", name, function, stack);
	}
	void all_get(actor &owner, const std::vector<actor *> &group)
	{
		const uint64_t ino = people.must_find(owner, "the owner");

		for (actor *w : group)
			people.must_find(*w, ino);
	}
	void all_fail(actor &owner, const std::vector<actor *> &group, int error)
	{
		people.must_fail(owner, error, "the owner");
		for (actor *w : group)
			people.must_fail(*w, error);
	}
	void end()
	{
		int error = 0;

		s.go();
		wait_until(t.bound(crew::bound), [&] {
			error = s.unmount();
			return error != EBUSY;
		});
		t.require(error == 0, "umount: errno {}", error);
	}

	fs_scene &s;
	ktap::test_case &t;
	crew people;			/* last: its actors use all the rest */
};

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
	actor &mover = rig.people.start([=] {
		answer a;

		if (::rename(from.c_str(), to.c_str()))
			a.error = errno;
		return a;
	});

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
	actor &remover = rig.people.start([=] {
		answer a;

		if (::unlink(path.c_str()))
			a.error = errno;
		return a;
	});

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

void forced_umount_lets_all_waiters_go(fs_rig &rig)
{
	rig.have("g");
	rig.begin();
	/* The mount itself shall stay: its end would be one more thing to tell the server. */
	const unique_fd pinned = open_or_throw(rig.s.top(), O_PATH | O_DIRECTORY);

	rig.s.cut(true);
	actor &owner = rig.people.start(stat_of(rig.s.path("g")));

	rig.must_be_in(owner, rig.s.looks_up_in(), "the owner");
	auto group = rig.parked_waiters("g");

	/* Each of them becomes the owner in turn, and waits for the server: ask as often. */
	rig.t.require(wait_until(rig.t.bound(2 * crew::bound), [&] {
			      rig.s.unmount(MNT_FORCE);
			      return owner.done() && std::all_of(group.begin(), group.end(),
						[](const actor *w) { return w->done(); });
		      }), "umount -f does not let them go");
	rig.t.require(owner.got().error, "the owner got inode {}", owner.got().ino);
	for (actor *w : group)
		rig.t.require(w->got().error, "a waiter got inode {}", w->got().ino);
}

void waiters_get_the_inode_when_the_server_is_back(fs_rig &rig)
{
	rig.have("b");
	rig.begin();
	rig.s.cut(true);
	actor &owner = rig.people.start(stat_of(rig.s.path("b")));

	rig.must_be_in(owner, rig.s.looks_up_in(), "the owner");
	auto group = rig.parked_waiters("b");

	rig.s.cut(false);
	/* What was dropped is sent again by and by. */
	rig.t.require(wait_until(rig.t.bound(6 * crew::bound), [&] { return owner.done(); }),
		      "the owner does not come back: {}", to_string(look_at(owner.pid(), owner.tid())));
	rig.all_get(owner, group);
}

std::string silly_name_in(const std::string &dir)
{
	for (const auto &entry : fs::directory_iterator(dir))
		if (entry.path().filename().native().starts_with(".nfs"))
			return entry.path().filename();
	return "";
}

/*
 * A file that is removed while it is open is renamed, and removed once it is closed.  While
 * the client waits for that, a dentry in lookup keeps everybody out of its name.
 */
void silly_unlink_keeps_lookups_of_its_name_out(fs_rig &rig)
{
	rig.have("s");
	rig.begin();
	unique_fd open = open_or_throw(rig.s.path("s"), O_RDONLY);

	rig.t.require(::unlink(rig.s.path("s").c_str()) == 0, "unlink: errno {}", errno);
	const std::string name = silly_name_in(rig.s.behind(""));

	rig.t.require(!name.empty(), "the file was not renamed");
	rig.s.hold("remove", name);
	open.reset();
	rig.t.require(wait_until(rig.t.bound(crew::bound),
				 [&] { return rig.s.held("remove", name) == 1; }),
		      "no REMOVE of {} is kept back", name);
	auto group = rig.people.start(waiters, stat_of(rig.s.path(name)));

	for (actor *w : group) {
		const sleep_state state = wait_parked(w->pid(), w->tid(), rig.t.bound(crew::bound));

		rig.t.require(!w->done(), "a stat of {} came back (errno {}) while its REMOVE was under way: it was not kept out",
			      name, w->got().error);
		rig.t.require(state.verdict == parked::yes, "a stat of {} does not sleep: {}", name,
			      to_string(state));
	}
	rig.s.go();
	for (actor *w : group)
		rig.people.must_fail(*w, ENOENT);
}

struct claim {
	const char *name;
	unsigned needs;
	void (*run)(fs_rig &rig);
};

#define CLAIM(name, needs) {#name, needs, name}
constexpr claim claims[] = {
	CLAIM(second_lookup_sleeps_and_gets_the_same_inode, holds_lookups),
	CLAIM(waiters_of_a_missing_name_get_enoent, holds_lookups),
	CLAIM(waiters_get_the_error_that_the_server_answers, holds_lookups | tells_errors),
	CLAIM(a_killed_waiter_dies_only_after_the_owner_is_through, holds_lookups),
	CLAIM(open_without_o_creat_waits_for_a_lookup, holds_lookups),
	CLAIM(lookups_wait_for_an_open_without_o_creat, holds_lookups | opens),
	CLAIM(open_with_o_creat_comes_after_a_lookup, holds_lookups),
	CLAIM(rename_comes_after_a_lookup, holds_lookups),
	CLAIM(unlink_comes_after_a_lookup, holds_lookups),
	CLAIM(readdir_waits_for_the_lookup_of_a_name_that_it_lists, holds_lookups | primes),
	CLAIM(readdir_makes_dentries_of_what_it_lists, links),
	CLAIM(opens_wait_for_the_lookup_of_a_missing_name, holds_lookups | opens),
	CLAIM(waiters_get_a_known_directory_under_its_second_name, holds_lookups | aliases),
	CLAIM(silly_unlink_keeps_lookups_of_its_name_out, silly),
	CLAIM(forced_umount_lets_all_waiters_go, forces | cuts),
	CLAIM(waiters_get_the_inode_when_the_server_is_back, cuts),
};

} /* namespace */

std::vector<ktap::test> cases_of(const fs_kind &kind)
{
	std::vector<ktap::test> tests;

	for (const claim &c : claims)
		if ((kind.abilities & c.needs) == c.needs)
			tests.push_back({kind.name + "_" + c.name, [kind, c](ktap::test_case &t) {
				const auto scene = kind.make(t);
				fs_rig rig(*scene);

				c.run(rig);
				rig.end();
			}, std::chrono::seconds(90)});
	return tests;
}

std::vector<fs_kind> all_filesystems()
{
	std::vector<fs_kind> all = local_filesystems();

	for (fs_kind &kind : network_filesystems())
		all.push_back(std::move(kind));
	return all;
}

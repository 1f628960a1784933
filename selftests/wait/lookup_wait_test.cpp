// SPDX-License-Identifier: GPL-2.0
/*
 * A thread looks up a name that another thread is looking up.
 * gatefs holds the first one in ->lookup(), and its name says how that ends.
 *
 * The rule: of all threads that look one name up in one directory, one calls
 * ->lookup() and the others sleep until it is through.  They then have its
 * dentry if it is hashed under that name, and start again if it is not.
 * Wrong looks like a thread that never wakes, a second ->lookup() while the first
 * is in flight, or a waiter that gets another inode than the owner.
 *
 * lookup_wait_gate.cpp has the cases about the gate, about signals and unmount.
 */
#include "gate_rig.hpp"
#include "options.hpp"

#include <algorithm>
#include <optional>

/*
 * One thread is held in the lookup of @path, others sleep for it, and the gate opens.
 */
struct scene {
	const char *path;
	bool by_open = false;		/* with O_RDONLY; or else by stat() */
	unsigned nr = waiters;
	int error = 0;			/* that all get; 0: all get one inode */
	bool in_turn = false;		/* one after the other, by a lookup of its own */
	uint64_t lookups = 1;		/* that come to the gate, if not in turn */
	const char *inode_of = nullptr;	/* what they get, known before under this path */
	mode_t type = 0;		/* S_IFDIR and so on; 0: any */
};

/* Returns the number of the inode that all have got, 0 if they were to fail. */
static uint64_t play(gate_rig &rig, const scene &s)
{
	const std::string path = rig.path(s.path), parent = path.substr(0, path.rfind('/'));
	const action what = s.by_open ? open_of(path, O_RDONLY) : stat_of(path);
	std::optional<uint64_t> ino;

	/* Before the gate would hold these, too. */
	rig.t.require(stat_now(parent).error == 0, "{} is missing", parent);
	if (s.inode_of) {
		ino = stat_now(rig.path(s.inode_of)).ino;
		rig.t.require(*ino != 0, "{} is missing", s.inode_of);
	}
	rig.control.close();
	rig.mark();
	actor &owner = rig.held_owner(what);
	auto group = rig.parked_waiters(what, s.nr);

	rig.must_have_arrived(1);
	if (s.in_turn) {
		rig.step_through_retries(owner, group, s.error);
		return 0;
	}
	rig.control.open();
	group.insert(group.begin(), &owner);
	for (actor *a : group) {
		const char *who = a == &owner ? "the owner" : "a waiter";

		if (s.error) {
			rig.people.must_fail(*a, s.error, who);
			continue;
		}
		if (!ino)
			ino = rig.people.must_find(*a, who);
		else
			rig.people.must_find(*a, *ino, who);
		rig.t.require(!s.type || (a->got().mode & S_IFMT) == s.type,
			      "mode {:o} is not of type {:o}", a->got().mode, s.type);
	}
	rig.must_have_arrived(s.lookups);
	return ino.value_or(0);
}

/* A case that is nothing but such a scene. */
#define SCENE_CASE(name, ...) GATE_CASE(name) { play(rig, { __VA_ARGS__ }); }

SCENE_CASE(second_lookup_sleeps_and_gets_the_same_inode,
	   .path = "file-one", .nr = 1)
SCENE_CASE(waiters_of_a_file_get_its_inode_from_one_lookup,
	   .path = "file-a", .type = S_IFREG)
SCENE_CASE(waiters_of_a_directory_get_its_inode_from_one_lookup,
	   .path = "dir-a", .type = S_IFDIR)
SCENE_CASE(waiters_of_a_missing_name_get_enoent_from_one_lookup,
	   .path = "neg-a", .error = ENOENT)
SCENE_CASE(each_waiter_retries_after_an_error_one_at_a_time,
	   .path = "err-EIO-a", .error = EIO, .in_turn = true)
SCENE_CASE(each_waiter_retries_after_an_unhashed_dentry_one_at_a_time,
	   .path = "unhashed-a", .error = ENOENT, .in_turn = true)
/* d_splice_alias() moves the dentry of dir-m here; the in-lookup one is its target. */
SCENE_CASE(waiters_get_the_directory_that_is_moved_here,
	   .path = "alias-m", .inode_of = "dir-m")
SCENE_CASE(waiters_get_the_directory_that_is_moved_from_another_one,
	   .path = "dir-b/alias-m", .inode_of = "dir-a/dir-m")
/* A directory cannot be moved into itself: d_splice_alias() fails with the lookup on. */
SCENE_CASE(each_waiter_retries_after_d_splice_alias_fails,
	   .path = "dir-l/alias-l", .error = ELOOP, .in_turn = true)
SCENE_CASE(open_without_o_creat_waits_for_a_lookup,
	   .path = "file-o", .by_open = true)
/* open() looks up by a way of its own, and has to end what fails on it, too. */
SCENE_CASE(each_opener_retries_after_an_error_one_at_a_time,
	   .path = "err-EIO-o", .by_open = true, .error = EIO, .in_turn = true)
/* Sixteen waiters and a lookup that is slow after the gate as well. */
SCENE_CASE(all_of_many_waiters_wake,
	   .path = "delay2000-file-m", .nr = 16)

GATE_CASE(errors_of_any_kind_reach_every_waiter)
{
	play(rig, { .path = "err-ENOMEM-x", .error = ENOMEM, .lookups = 1 + waiters });
	play(rig, { .path = "err-EACCES-x", .error = EACCES, .lookups = 1 + waiters });
	play(rig, { .path = "err-EPERM-x", .error = EPERM, .lookups = 1 + waiters });
}

/* The store to d_flags that the owner makes must not cost the waiters' bit. */
GATE_CASE(waiters_wake_although_the_owner_sets_d_op_meanwhile)
{
	if (stat_now(rig.path("setop-probe")).error == EOPNOTSUPP)
		t.skip("this kernel does not export d_set_d_op()");
	play(rig, { .path = "setop-a" });
}

/* The dentry of ci-ABC stays unhashed, the one of ci-abc is the result. */
GATE_CASE(waiters_of_another_spelling_get_the_inode_of_the_exact_name)
{
	const uint64_t ino = play(rig, { .path = "ci-ABC", .lookups = 1 + waiters });

	t.require(stat_now(rig.path("ci-abc")).ino == ino, "ci-abc is another inode");
}

/* d_add_ci() then waits itself, while it is the owner of ci-ABC. */
GATE_CASE(d_add_ci_waits_for_a_lookup_of_the_exact_name)
{
	rig.control.only("ci-abc");
	rig.control.close();
	actor &exact = rig.held_owner("ci-abc");
	actor &other = rig.people.start(stat_of(rig.path("ci-ABC")));

	rig.people.must_be_parked(other, "the owner of ci-ABC");
	auto group = rig.parked_waiters("ci-ABC");
	auto more = rig.parked_waiters("ci-abc");

	rig.control.open();
	const uint64_t ino = rig.people.must_find(exact, "the owner of ci-abc");
	rig.people.must_find(other, ino, "the owner of ci-ABC");
	for (actor *w : group)
		rig.people.must_find(*w, ino, "a waiter of ci-ABC");
	for (actor *w : more)
		rig.people.must_find(*w, ino, "a waiter of ci-abc");
}

GATE_CASE_ON(waiters_get_the_file_that_atomic_open_opens, "atomic_open,hold_limit_ms=60000")
{
	rig.control.close();
	rig.mark();
	actor &owner = rig.held_owner(open_of(rig.path("file-o"), O_RDONLY));
	auto openers = rig.parked_waiters(open_of(rig.path("file-o"), O_RDONLY));
	auto others = rig.parked_waiters("file-o");

	rig.control.open();
	const uint64_t ino = rig.people.must_find(owner, "the owner");
	for (actor *w : openers)
		rig.people.must_find(*w, ino, "a waiter in open()");
	for (actor *w : others)
		rig.people.must_find(*w, ino, "a waiter in stat()");
	rig.must_have_arrived(1);
}

/*
 * A negative dentry without O_CREAT.  ->atomic_open() is called for cached negative
 * dentries, too; it has nothing to look up then, and does not come to the gate.
 */
GATE_CASE_ON(waiters_of_a_missing_name_in_atomic_open_get_enoent,
	     "atomic_open,hold_limit_ms=60000")
{
	rig.control.close();
	rig.mark();
	actor &owner = rig.held_owner(open_of(rig.path("neg-o"), O_RDONLY));
	auto openers = rig.parked_waiters(open_of(rig.path("neg-o"), O_RDONLY));
	auto others = rig.parked_waiters("neg-o");

	rig.control.open();
	rig.people.must_fail(owner, ENOENT, "the owner");
	for (actor *w : openers)
		rig.people.must_fail(*w, ENOENT, "a waiter in open()");
	for (actor *w : others)
		rig.people.must_fail(*w, ENOENT, "a waiter in stat()");
	rig.must_have_arrived(1);
}

GATE_CASE(waiters_get_what_readdir_primes)
{
	rig.control.names("file-p");
	rig.control.close();
	rig.mark();
	actor &lister = rig.held_owner(list_of(rig.path("")));
	auto group = rig.parked_waiters("file-p");

	rig.control.open();
	const answer &list = rig.people.answer_of(lister, "the one who lists");
	t.require(std::count(list.listed.begin(), list.listed.end(), "file-p") == 1,
		  "file-p is not listed once");
	const uint64_t ino = rig.people.must_find(*group[0]);
	for (actor *w : group)
		rig.people.must_find(*w, ino);
	rig.must_have_arrived(1);
	t.require(rig.control.counters().primed == 1, "{} dentries were primed",
		  rig.control.counters().primed);
}

GATE_CASE(readdir_waits_for_the_lookup_of_a_name_that_it_primes)
{
	rig.control.names("file-p");
	rig.control.close();
	rig.mark();
	actor &owner = rig.held_owner("file-p");
	auto listers = rig.parked_waiters(list_of(rig.path("")));

	rig.control.open();
	rig.people.must_find(owner, "the owner");
	for (actor *l : listers) {
		const answer &list = rig.people.answer_of(*l, "the one who lists");

		t.require(list.error == 0, "readdir: errno {}", list.error);
		t.require(std::count(list.listed.begin(), list.listed.end(), "file-p") == 1,
			  "file-p is not listed once");
	}
	rig.must_have_arrived(1);
	t.require(rig.control.counters().primed_found == waiters, "readdir met {} dentries",
		  rig.control.counters().primed_found);
}

GATE_CASE(other_names_do_not_wait)
{
	rig.control.only("neg-held");
	rig.control.close();
	actor &owner = rig.held_owner("neg-held");
	auto group = rig.parked_waiters("neg-held");

	for (const char *name : {"neg-free", "file-free", "dir-free", "neg-hel", "neg-held2"}) {
		actor &other = rig.people.start(stat_of(rig.path(name)));

		rig.people.must_be_through(other, name);
	}
	t.require(!owner.done(), "the owner was not held meanwhile");
	rig.people.must_be_parked(group);
}

GATE_CASE(one_name_in_two_directories_is_two_lookups)
{
	for (const char *dir : {"dir-a", "dir-b"})
		t.require(stat_now(rig.path(dir)).error == 0, "{} is missing", dir);
	rig.control.close();
	rig.mark();
	actor &in_a = rig.held_owner("dir-a/file-x");
	actor &in_b = rig.held_owner("dir-b/file-x");
	auto wait_a = rig.parked_waiters("dir-a/file-x");
	auto wait_b = rig.parked_waiters("dir-b/file-x");

	rig.must_have_arrived(2);
	rig.control.open();
	const uint64_t a = rig.people.must_find(in_a, "the owner in dir-a");
	const uint64_t b = rig.people.must_find(in_b, "the owner in dir-b");
	t.require(a != b, "both are inode {}", a);
	for (actor *w : wait_a)
		rig.people.must_find(*w, a);
	for (actor *w : wait_b)
		rig.people.must_find(*w, b);
	rig.must_have_arrived(2);
}

int main(int argc, char **argv)
{
	return run_registered(argc, argv, "lookup_wait_test",
			      "What the waiters of a lookup get, on gatefs (KTAP). Needs root and gatefs.ko.");
}

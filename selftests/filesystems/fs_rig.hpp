/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the cases on real filesystems are made of: the scene with its people, and the table
 * of claims, whose parts are the files fs_cases_*.cpp.
 */
#pragma once

#include "caches.hpp"
#include "fs_scene.hpp"

#include <algorithm>
#include <filesystem>
#include <vector>

inline constexpr unsigned waiters = 3;

/* Where an open file is, as the dcache has it. */
inline std::string path_of(const unique_fd &fd)
{
	return std::filesystem::read_symlink(fmt::format("/proc/self/fd/{}", fd.get()));
}

/* A mounted scene and its people; the test ends with all back and the mount gone. */
class fs_rig {
public:
	explicit fs_rig(fs_scene &s) : s(s), t(s.t), people(s.t, [this] { this->s.go(); }, s.patience()) {}

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
	template <class Thread> std::string stack_of(const Thread &a)
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
	/*
	 * A lookup, or an open with O_CREAT, that sleeps for the lock of the directory.  The
	 * stack of a task that sleeps for a lock ends in the function that takes it: that one,
	 * or the one that it is inlined into.
	 */
	void must_wait_for_the_directory(const actor &a, const char *name)
	{
		static const char *const lock_takers[] = {
			"[<0>] lookup_slow", "[<0>] walk_component",
			"[<0>] lookup_open", "[<0>] open_last_lookups", "[<0>] path_openat",
		};
		std::string stack;

		t.require(wait_until(t.bound(crew::bound), [&] {
				  stack = behind_the_lock(stack_of(a));
				  return std::any_of(std::begin(lock_takers), std::end(lock_takers),
						     [&](const char *function) {
							     return stack.starts_with(function);
						     }) &&
					 look_at(a.pid(), a.tid()).state == 'D';
			  }),
			  "{} does not wait for the lock of the directory: {}", name, stack);
	}
	/* On PREEMPT_RT the functions of the lock itself are in the stack, in front. */
	static std::string behind_the_lock(std::string stack)
	{
		while (stack.starts_with("[<0>] rt_mutex_") || stack.starts_with("[<0>] __rt_mutex_") ||
		       stack.starts_with("[<0>] rwbase_") || stack.starts_with("[<0>] __rwbase_"))
			stack.erase(0, std::min(stack.find('\n'), stack.size() - 1) + 1);
		return stack;
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

/* A claim of the protocol, what a filesystem must be able to do to show it, and the steps. */
struct claim {
	const char *name;
	unsigned needs;
	void (*run)(fs_rig &rig);
};

#define CLAIM(name, needs) {#name, needs, name}

std::vector<claim> claims_about_waiting();
std::vector<claim> claims_about_changes();
std::vector<claim> claims_about_readdir();
std::vector<claim> claims_about_servers();
std::vector<claim> claims_about_handles();
std::vector<claim> claims_about_names();
std::vector<claim> claims_about_silly_names();
std::vector<claim> claims_about_unlinks();
std::vector<claim> claims_about_layers();
std::vector<claim> claims_about_known_layers();
std::vector<claim> claims_about_interrupted_layers();
std::vector<claim> claims_about_layers_of_the_network();
std::vector<claim> claims_under_stress();

/* What lookup_stress draws its operations from. */
extern uint64_t seed_of_stress;

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A FUSE filesystem whose server is ours, and a crew, as every case of lookup_fuse_test
 * needs them.
 */
#pragma once

#include "caches.hpp"
#include "crew.hpp"
#include "fuse_gate.hpp"

#include <algorithm>

inline constexpr unsigned waiters = 3;

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

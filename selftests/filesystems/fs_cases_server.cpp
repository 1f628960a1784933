// SPDX-License-Identifier: GPL-2.0
/* A server that does not answer. */
#include "fs_rig.hpp"

#include <algorithm>

namespace {

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

} /* namespace */

std::vector<claim> claims_about_servers()
{
	return {
		CLAIM(forced_umount_lets_all_waiters_go, forces | cuts),
		CLAIM(waiters_get_the_inode_when_the_server_is_back, cuts),
	};
}

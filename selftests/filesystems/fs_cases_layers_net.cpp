// SPDX-License-Identifier: GPL-2.0
/*
 * An overlay on a filesystem of the network, which asks that about each dentry that it keeps.
 * One that was found wrong once is unhashed then, and the overlay keeps it all the same.
 *
 * Wrong looks like a file that is there, and that stat() never finds again.
 */
#include "fs_layers.hpp"

#include <filesystem>

namespace fs = std::filesystem;

namespace {

void must_come_to(fs_rig &rig, const std::string &path, const answer &wanted)
{
	answer now;

	rig.t.require(wait_until(rig.t.bound(crew::bound), [&] {
			      now = stat_now(path);
			      return now.error == wanted.error && now.ino == wanted.ino;
		      }),
		      "stat of {}: errno {}, inode {}; want errno {}, inode {}", path, now.error, now.ino,
		      wanted.error, wanted.ino);
}

/* ESTALE is what overlayfs makes of a dentry below that is not valid, which it has unhashed. */
void overlay_finds_a_name_again_that_was_gone_below(fs_rig &rig)
{
	rig.have("a");
	rig.begin();
	const temp_dir empty, top;
	const mounted overlay("overlay", top.path(), fmt::format("lowerdir={}:{}", rig.s.dir(), empty.path()));
	const std::string path = top.path() + "/a";
	const answer before = stat_now(path);
	answer gone;

	gone.error = ESTALE;
	rig.t.require(before.error == 0, "stat of {}: errno {}", path, before.error);
	/* So the dentry of the overlay, and with it the one below, stays. */
	const unique_fd kept = open_or_throw(path, O_PATH);

	for (int i = 0; i < 2; i++) {
		fs::rename(rig.s.behind("a"), rig.s.behind("away"));
		must_come_to(rig, path, gone);
		fs::rename(rig.s.behind("away"), rig.s.behind("a"));
		must_come_to(rig, path, before);
	}
	/* Something else with that name is not what was there. */
	fs::rename(rig.s.behind("a"), rig.s.behind("away"));
	must_come_to(rig, path, gone);
	rig.have("a");
	rig.t.require(stat_now(path).error == ESTALE, "stat of another file: errno {}", stat_now(path).error);
}

} /* namespace */

std::vector<claim> claims_about_layers_of_the_network()
{
	return {
		CLAIM(overlay_finds_a_name_again_that_was_gone_below, below_overlays),
	};
}

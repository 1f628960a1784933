// SPDX-License-Identifier: GPL-2.0
/*
 * The table of cases: each claim is run on every filesystem that can show it.
 *
 * Wrong looks like a thread that never wakes, a waiter that does not sleep in
 * d_alloc_parallel() while the lookup is kept back, or one that gets something else than
 * the owner of the lookup.
 */
#include "fs_rig.hpp"

namespace {

std::vector<claim> all_claims()
{
	std::vector<claim> all;

	for (const auto &part : {claims_about_waiting(), claims_about_changes(),
				 claims_about_readdir(), claims_about_servers(),
				 claims_about_handles(), claims_about_names(),
				 claims_about_silly_names(), claims_about_unlinks(),
				 claims_about_layers(), claims_about_known_layers(),
				 claims_about_interrupted_layers(), claims_about_layers_of_the_network(),
				 claims_under_stress()})
		all.insert(all.end(), part.begin(), part.end());
	return all;
}

} /* namespace */

std::vector<ktap::test> cases_of(const fs_kind &kind)
{
	std::vector<ktap::test> tests;

	for (const claim &c : all_claims())
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

	for (auto &part : {network_filesystems(), afs_filesystems()})
		all.insert(all.end(), part.begin(), part.end());
	return all;
}

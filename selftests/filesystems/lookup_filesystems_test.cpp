// SPDX-License-Identifier: GPL-2.0
/*
 * The waiters of a lookup on real filesystems, with their real servers: fs_cases.cpp has
 * the claims, fs_local.cpp and fs_net.cpp the filesystems.  Needs the guest of
 * make filesystems, whose network and mounts are its own.
 */
#include "call_sites.hpp"
#include "fs_rig.hpp"
#include "options.hpp"

#include <algorithm>
#include <fnmatch.h>
#include <iterator>

int main(int argc, char **argv)
{
	options o("lookup_filesystems_test",
		  "What the waiters of a lookup get, on real filesystems (KTAP). For a guest: it starts\n"
		  "servers, and changes the network.");
	const std::vector<fs_kind> kinds = all_filesystems();
	std::vector<std::string> wanted, names;
	std::vector<ktap::test> tests;
	ktap::run_options run;

	for (const fs_kind &kind : kinds)
		names.push_back(kind.name);
	o.add_run_options(run);
	o.add("--seed", seed_of_stress, 0, UINT64_MAX, "of lookup_stress, which some cases run");
	o.add_words("--filesystems", wanted, names, "those that are tested; default: all");
	if (const auto status = o.parse(argc, argv))
		return *status;
	for (const fs_kind &kind : kinds)
		if (wanted.empty() || std::count(wanted.begin(), wanted.end(), kind.name))
			for (ktap::test &t : cases_of(kind))
				tests.push_back(std::move(t));
	/* Of some cases only, it would miss the call sites of the others; who wants just these wants all. */
	std::vector<ktap::test> of_all = call_sites_cases();
	const auto matches = [&](const ktap::test &t) { return ::fnmatch(run.filter.c_str(), t.name.c_str(), 0) == 0; };

	if (wanted.empty() && (run.filter == "*" || (std::none_of(tests.begin(), tests.end(), matches) &&
						     std::any_of(of_all.begin(), of_all.end(), matches)))) {
		run.filter.assign(1, '*');
		std::move(of_all.begin(), of_all.end(), std::back_inserter(tests));
	}
	if (!run.list)
		watch_call_sites();
	return ktap::run(tests, run);
}

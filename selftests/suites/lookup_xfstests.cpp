// SPDX-License-Identifier: GPL-2.0
/*
 * xfstests, on one filesystem: a case for each of its tests.  `check` runs them one after the
 * other, and a case waits for what it says of its test.  Needs the guest of make xfstests.
 *
 * A test that `check` does not run is skipped, with the reason.  One that is not over in time
 * fails; `check` is ended with all that it has started, and begins anew behind it.  If that cannot
 * be killed, the tests behind it are not reached: it takes another guest.
 */
#include "boxed.hpp"
#include "filesystems/server_root.hpp"
#include "options.hpp"
#include "unique_fd.hpp"
#include "xfstests_kinds.hpp"

#include <algorithm>
#include <filesystem>
#include <fnmatch.h>
#include <stdexcept>

namespace {

/* As the cases read what `check` prints, without one: a line for each test that it came to. */
int read_log(const std::string &file, const std::vector<std::string> &tests)
{
	const auto printed = read_file(file);

	if (!printed) {
		fmt::print(stderr, "lookup_xfstests: --read {}: {}\n", file, std::strerror(errno));
		return 2;
	}
	for (const std::string &name : tests)
		if (const auto result = xfstests::outcome_of(*printed, name, true))
			print_outcome(name, *result);
	return 0;
}

} /* namespace */

int main(int argc, char **argv)
{
	constexpr auto reserve = std::chrono::seconds(60);	/* until it has ended */
	options o("lookup_xfstests",
		  "The tests of xfstests on one filesystem (KTAP), which has to be built. For a guest: it\n"
		  "makes filesystems on disks, starts servers, and changes the network.");
	const std::vector<xfstests::kind> kinds = xfstests::all_kinds();
	std::vector<std::string> names, wanted, groups;
	std::string tests = server_root + xfstests::home + "/tests", log;
	std::vector<ktap::test> cases;
	ktap::run_options run;
	uint64_t limit = 900;

	for (const xfstests::kind &kind : kinds)
		names.push_back(kind.name);
	o.add_run_options(run);
	o.add_words("--filesystem", wanted, names, "the one to test");
	o.add("--group", groups, "a group of tests, or the name of one; default quick (repeatable)");
	o.add("--tests", tests, "tests/ of the checkout; default: that of the guest");
	o.add("--limit", limit, 1, 100000, "seconds for a test, before --timeout-scale; default 900");
	o.add("--read", log, "a file with what `check` has printed: say what it says of the tests that --group names");
	if (const auto status = o.parse(argc, argv))
		return *status;
	if (!log.empty())
		return read_log(log, groups);
	if (wanted.size() != 1) {
		fmt::print(stderr, "lookup_xfstests: --filesystem wants one of {}\n", fmt::join(names, ", "));
		return 2;
	}
	if (groups.empty())
		groups = {"quick"};
	const auto kind = std::find_if(kinds.begin(), kinds.end(),
				       [&](const auto &k) { return k.name == wanted[0]; });
	xfstests::job job{kind->options, {}, kind->set_up};

	try {
		if (!run.list) {
			prepare_root(xfstests::home);
			std::filesystem::create_directories(server_root + xfstests::state + "/results");
		}
		for (const std::string &name : xfstests::tests_of(tests, kind->dirs, groups))
			if (::fnmatch(run.filter.c_str(), name.c_str(), 0) == 0)
				job.tests.push_back(name);
	} catch (const std::runtime_error &e) {
		if (run.list) {
			fmt::print(stderr, "lookup_xfstests: {}\n", e.what());
			return 2;
		}
		cases.push_back({"root_and_xfstests_are_there",
				 [what = std::string(e.what())](ktap::test_case &t) { t.fail("{}", what); },
				 reserve});
	}
	for (size_t i = 0; i < job.tests.size(); i++)
		cases.push_back({job.tests[i],
				 [&job, i, limit](ktap::test_case &t) {
					 xfstests::run(t, job, i, t.bound(std::chrono::seconds(limit)));
				 },
				 std::chrono::seconds(limit) + reserve});
	return ktap::run(cases, run);
}

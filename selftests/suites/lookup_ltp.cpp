// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of LTP, a case each, on an ext4 of the guest.  Needs the guest of make ltp.
 *
 * One that does not apply to this kernel is skipped, with the reason.  One that is not over in
 * time fails, and is ended with all that it has started.
 */
#include "boxed.hpp"
#include "filesystems/server_root.hpp"
#include "ltp_tests.hpp"
#include "options.hpp"

#include <stdexcept>

int main(int argc, char **argv)
{
	options o("lookup_ltp",
		  "Tests of LTP (KTAP), which has to be built. For a guest: it makes filesystems on disks.");
	std::vector<std::string> groups;
	std::string runtest = server_root + ltp::home + "/runtest";
	std::vector<ktap::test> cases;
	ktap::run_options run;
	uint64_t limit = 900, ended = 0;
	bool judge = false;

	o.add_run_options(run);
	o.add("--group", groups, "a file of runtest/; default names, which are those about names (repeatable)");
	o.add("--tests", runtest, "runtest/ of LTP; default: that of the guest");
	o.add("--limit", limit, 1, 100000, "seconds for a test, before --timeout-scale; default 900");
	o.add_flag("--judge", judge, "say how each test would have ended with the status --status, without a guest");
	o.add("--status", ended, 0, 255, "for --judge; default 0");
	if (const auto status = o.parse(argc, argv))
		return *status;
	if (groups.empty())
		groups = {"names"};
	const auto most = std::chrono::seconds(limit);
	const auto reserve = std::chrono::seconds(60);	/* until it has ended */

	try {
		if (!run.list && !judge)
			prepare_root(ltp::home);
		const std::vector<ltp::test> tests = ltp::tests_of(runtest, groups);

		for (const ltp::test &test : tests)
			if (judge)
				print_outcome(test.name, ltp::outcome_of(test, static_cast<int>(ended), ""));
		if (judge)
			return 0;
		for (const ltp::test &test : tests)
			cases.push_back({test.name, [test, most](ktap::test_case &t) { ltp::run(t, test, t.bound(most)); },
					 most + reserve});
	} catch (const std::runtime_error &e) {
		if (run.list || judge) {
			fmt::print(stderr, "lookup_ltp: {}\n", e.what());
			return 2;
		}
		cases = {{"root_and_ltp_are_there",
			  [what = std::string(e.what())](ktap::test_case &t) { t.fail("{}", what); }, reserve}};
	}
	return ktap::run(cases, run);
}

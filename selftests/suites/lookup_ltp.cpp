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

#include <system_error>

int main(int argc, char **argv)
{
	options o("lookup_ltp",
		  "Tests of LTP (KTAP), which has to be built. For a guest: it makes filesystems on disks.");
	std::vector<std::string> groups;
	std::string runtest = server_root + ltp::home + "/runtest";
	std::vector<ktap::test> cases;
	ktap::run_options run;
	uint64_t limit = 300;

	o.add_run_options(run);
	o.add("--group", groups, "a file of runtest/; default names, which are those about names (repeatable)");
	o.add("--tests", runtest, "runtest/ of LTP; default: that of the guest");
	o.add("--limit", limit, 1, 100000, "seconds for a test, before --timeout-scale; default 300");
	if (const auto status = o.parse(argc, argv))
		return *status;
	if (groups.empty())
		groups = {"names"};
	const auto most = std::chrono::seconds(limit);
	const auto reserve = std::chrono::seconds(60);	/* until it has ended */

	try {
		if (!run.list)
			prepare_root(ltp::home);
		for (const ltp::test &test : ltp::tests_of(runtest, groups))
			cases.push_back({test.name, [test, most](ktap::test_case &t) { ltp::run(t, test, t.bound(most)); },
					 most + reserve});
	} catch (const std::system_error &e) {
		cases = {{"root_and_ltp_are_there",
			  [what = std::string(e.what())](ktap::test_case &t) { t.fail("{}", what); }, reserve}};
	}
	return ktap::run(cases, run);
}

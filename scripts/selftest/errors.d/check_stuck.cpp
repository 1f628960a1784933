// SPDX-License-Identifier: GPL-2.0
/*
 * The cases of three tests of xfstests, of which the first is not over and `check` cannot be killed.
 * Linked with what selftests/suites/xfstests_check.cpp has become, by
 * scripts/selftest/errors.d/suites.sh, which runs it where the root of the guest is its own.
 */
#include "suites/boxed.hpp"
#include "suites/xfstests_check.hpp"

/* What boxed.cpp has. */
pid_t start_boxed(const boxed_program &, const std::string &) { return 7; }
bool boxed_runs(pid_t pid) { return pid == 7; }
bool end_boxed(pid_t, std::chrono::milliseconds) { return false; }
std::string one_paragraph(std::string text) { return text; }

int main()
{
	const xfstests::job job{{}, {"generic/001", "generic/002", "generic/003"}, [](ktap::test_case &) { return ""; }};
	std::vector<ktap::test> cases;

	for (size_t i = 0; i < job.tests.size(); i++)
		cases.push_back({job.tests[i], [&job, i](ktap::test_case &t) {
					 xfstests::run(t, job, i, std::chrono::milliseconds(10));
				 }, std::chrono::seconds(60)});
	return ktap::run(cases, {});
}

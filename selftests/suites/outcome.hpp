/* SPDX-License-Identifier: GPL-2.0 */
/* How a test of others has ended: told by what it has printed, and maybe by its status. */
#pragma once

#include "ktap.hpp"

#include <string>

struct outcome {
	char verdict;			/* P passed, F failed, S not run */
	std::string text;		/* why; for P what there is to say of it */
};

/* Ends the case as the test has ended, unless that has passed. */
inline void conclude(ktap::test_case &t, const outcome &result)
{
	if (result.verdict == 'S')
		t.skip("{}", result.text);
	if (result.verdict == 'F')
		t.fail("{}", result.text);
}

/* For --read. */
inline void print_outcome(const std::string &name, const outcome &result)
{
	fmt::print("{} {}: {}\n", result.verdict == 'P' ? "passed" :
		   result.verdict == 'S' ? "not run" : "failed", name, result.text);
}

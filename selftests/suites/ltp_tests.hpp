/* SPDX-License-Identifier: GPL-2.0 */
/* The tests of LTP, as its runtest/ files list them, and how one of them ends. */
#pragma once

#include "ktap.hpp"
#include "outcome.hpp"

#include <string>
#include <vector>

namespace ltp {

/* In the root of server_root.hpp. */
inline const std::string home = "/opt/ltp";

struct test {
	std::string name, command;	/* for a shell */
	std::string program;		/* what that begins with */
	bool built;			/* whether the program is among those of LTP that were built */
};

/*
 * Those of the files `groups` of the directory `runtest`, of which a line is "NAME COMMAND".  The
 * group "names" is ours: of the file syscalls those that are about names, and of the file fs
 * those that make, look up and remove many files.  Throws if a file cannot be read, or if no test
 * of one is built.
 */
std::vector<test> tests_of(const std::string &runtest, const std::vector<std::string> &groups);

/* How a test has ended, by its exit status and what it has printed. */
outcome outcome_of(const test &test, int status, const std::string &said);

/* The case that stands for it; `limit` is for it alone. */
void run(ktap::test_case &t, const test &test, std::chrono::milliseconds limit);

} /* namespace ltp */

/* SPDX-License-Identifier: GPL-2.0 */
/* The tests of LTP, as its runtest/ files list them, and how one of them ends. */
#pragma once

#include "ktap.hpp"

#include <string>
#include <vector>

namespace ltp {

/* In the root of server_root.hpp. */
inline const std::string home = "/opt/ltp";

struct test {
	std::string name, command;	/* for a shell */
};

/*
 * Those of the files `groups` of the directory `runtest`, of which a line is "NAME COMMAND".  The
 * group "names" is ours: of the file syscalls those that are about names, and of the file fs
 * those that make, look up and remove many files.  Throws if a file cannot be read.
 */
std::vector<test> tests_of(const std::string &runtest, const std::vector<std::string> &groups);

/* The case that stands for it; `limit` is for it alone. */
void run(ktap::test_case &t, const test &test, std::chrono::milliseconds limit);

} /* namespace ltp */

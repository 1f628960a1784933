/* SPDX-License-Identifier: GPL-2.0 */
/*
 * xfstests' `check` as it runs in the guest: one process for many tests, since its own set-up
 * takes as long as a test; and what it says of each.
 */
#pragma once

#include "ktap.hpp"
#include "outcome.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace xfstests {

/* In the root: the checkout, built, and what is known of this guest's run of it. */
inline const std::string home = "/opt/xfstests", state = "/tmp/xfstests";

/*
 * What `check` says of test `name` in all that it has printed; nothing as long as it has not
 * gone on to the next test or, if `over`, ended.  A pass is a line that ends in seconds, and
 * nothing else: whatever a check behind the test complains of, it prints more.
 */
std::optional<outcome> outcome_of(const std::string &printed, const std::string &name, bool over);

/*
 * The tests of the directories `dirs` of a checkout's tests/ that are in one of the `groups`,
 * of whose lists the lines are "NUMBER GROUP..."; a group with a slash is the name of a test.
 * In the order of the directories, then of the lists.  Throws if a list cannot be read, or if
 * there is nothing that one of the `groups` names.
 */
std::vector<std::string> tests_of(const std::string &tests, const std::vector<std::string> &dirs,
				  const std::vector<std::string> &groups);

/* The tests that are done, in this order, and how. */
struct job {
	std::vector<std::string> options;		/* of `check` */
	std::vector<std::string> tests;
	/* Asked by the first test: returns the lines of HOST_OPTIONS. */
	std::function<std::string(ktap::test_case &)> set_up;
};

/*
 * The case that stands for test `index` of `job`: starts `check` for this and all that come
 * behind it, unless it is at work on them, and waits for what it says.  Ends it if that takes
 * longer than `limit`.
 */
void run(ktap::test_case &t, const job &job, size_t index, std::chrono::milliseconds limit);

} /* namespace xfstests */

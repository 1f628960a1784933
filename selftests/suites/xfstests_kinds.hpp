/* SPDX-License-Identifier: GPL-2.0 */
/* The filesystems that xfstests is run on, and how each is set up in the guest. */
#pragma once

#include "xfstests_check.hpp"

#include <functional>

namespace xfstests {

struct kind {
	std::string name;
	std::vector<std::string> dirs;		/* of tests/ that are about it */
	std::vector<std::string> options;	/* of `check` */
	/* Makes what is tested ready; returns lines for HOST_OPTIONS.  Once in a guest, whose
	 * disks then are in use.
	 */
	std::function<std::string(ktap::test_case &)> set_up;
};

std::vector<kind> all_kinds();

} /* namespace xfstests */

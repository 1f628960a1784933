/* SPDX-License-Identifier: GPL-2.0 */
/* What the running kernel has. */
#pragma once

#include "ktap.hpp"
#include "unique_fd.hpp"

#include <string>

/* A function that is not inlined.  Skips the case if that cannot be told. */
inline bool kernel_has(ktap::test_case &t, const std::string &function)
{
	const auto symbols = read_file("/proc/kallsyms");

	if (!symbols || symbols->find(" d_alloc_parallel\n") == symbols->npos)
		t.skip("/proc/kallsyms does not tell what this kernel has");
	return symbols->find(" " + function + "\n") != symbols->npos;
}

/* For a name that is in lookup, where it makes dentries of what it lists. */
inline bool readdir_waits(ktap::test_case &t)
{
	return !kernel_has(t, "d_alloc_trylock");
}

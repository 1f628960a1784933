/* SPDX-License-Identifier: GPL-2.0 */
#pragma once

#include "unique_fd.hpp"

/*
 * Empties the caches of dentries and inodes that nobody uses.  Once is not enough: one
 * that was used twice is spared once, and procfs, whose shrinker has no seeks, hands
 * over half each time or puts it off.
 */
inline void drop_caches()
{
	const unique_fd fd = open_or_throw("/proc/sys/vm/drop_caches", O_WRONLY);

	/* 4: do not log each time that caches were dropped. */
	for (const char what : {'4', '2', '2', '2', '2', '2', '2', '2', '2'})
		if (::pwrite(fd.get(), &what, 1, 0) != 1)
			throw errno_error("drop_caches");
}

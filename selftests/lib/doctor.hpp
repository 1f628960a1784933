/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The report of lookup_doctor on the waiters in d_alloc_parallel(), for a test that
 * hangs: module/README.md#lookup_doctor.
 */
#pragma once

#include <chrono>
#include <cstdio>
#include <fstream>
#include <string>

/* The limit for it: the thread that asks may hang as well. */
inline constexpr auto doctor_time = std::chrono::seconds(10);

/*
 * Write the report to `fd`, each line with "doctor: " before it; nothing if the
 * module is not loaded.  To be called in a child of its own, since what hangs the
 * machine may hang the reader, too.  Returns 0, or 1 if `fd` takes no more.
 */
inline int write_doctor_report(int fd)
{
	std::ifstream report("/sys/kernel/debug/lookup_doctor");

	for (std::string line; std::getline(report, line);)
		if (::dprintf(fd, "doctor: %s\n", line.c_str()) < 0)
			return 1;
	return 0;
}

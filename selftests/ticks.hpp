/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A counter that goes on all the time and is read without a system call: the time stamp
 * counter of x86, which counts instructions under QEMU -icount shift=0,sleep=off; on other
 * machines their clock, by which it is never more than time.
 */
#pragma once

#include <chrono>
#include <cstdint>

inline uint64_t ticks()
{
#if defined(__x86_64__) || defined(__i386__)
	return __builtin_ia32_rdtsc();
#else
	return static_cast<uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
#endif
}

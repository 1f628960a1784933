/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A child with a limit, whose output and the kernel log are read meanwhile.
 */
#ifndef GUEST_CHILD_HPP
#define GUEST_CHILD_HPP

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

/* To be called once, before the others. */
void open_kernel_log();

using OnLine = std::function<void(std::string_view)>;

/* Calls @fn with the text of each record that has come since the last call. */
void read_kernel_log(const OnLine &fn);

/* To the console: the blocked tasks, and all CPUs. */
void dump_kernel_state();

struct Ended {
	bool in_time = false;
	int status = 0;		/* of waitpid(), if in_time */
};

/*
 * Runs @body in a child and hands each line of its output to @line, and each record of the kernel
 * log to @log.  A child that is not over in time is killed, but may be past that: it is not waited
 * for.
 */
Ended in_child(std::chrono::seconds limit, const std::function<int()> &body, const OnLine &line,
	       const OnLine &log);

/* The end of one whose status is an errno, as the reason of a result. */
std::string reason_of(int status);

#endif /* GUEST_CHILD_HPP */

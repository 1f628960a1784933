/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A program of the root of server_root.hpp, in namespaces of its own for processes and mounts:
 * when it is ended, all that it has started and mounted goes with it.
 */
#pragma once

#include "ktap.hpp"

#include <chrono>
#include <regex>
#include <string>
#include <sys/types.h>
#include <vector>

struct boxed_program {
	std::vector<std::string> argv;
	std::string dir;			/* where it begins, in the root */
	std::vector<std::string> environment;	/* NAME=VALUE, beside PATH and HOME */
};

/*
 * Starts it, with what it prints in the file `log`.  Returns a child of the caller, which ends
 * with the status of the program, and not before all is gone that the program has started.
 */
pid_t start_boxed(const boxed_program &program, const std::string &log);

/* Whether it has not ended.  It need not be a child of the caller. */
bool boxed_runs(pid_t pid);

/* Ends it with all that it has started.  False if that is still there after `bound`. */
bool end_boxed(pid_t pid, std::chrono::milliseconds bound);

/* Runs one to its end.  One that is not over in time is ended, and fails the case, with its last lines. */
struct boxed_end {
	int status;			/* of wait(2) */
	std::string said;		/* all that it has printed */
};
boxed_end run_boxed(ktap::test_case &t, const boxed_program &program, const std::string &log,
		    std::chrono::milliseconds limit);

/* Notes of the case: the last lines of what a program has said that has failed. */
void note_last_lines(ktap::test_case &t, const std::string &said);

/* The lines of `said` with that, or else the last ones, as the reason of a case. */
std::string lines_with(const std::string &said, const std::regex &word);

/* What a program has printed, as the reason of a case: on one line, and not too much. */
std::string one_paragraph(std::string text);

/*
 * The root as suites of others want it: the image of one is mounted at `home` there, some users
 * are known, and the loopback device is up.  Throws if there is no root or no image.
 */
void prepare_root(const std::string &home);

/*
 * Behind the two disks that are read, scripts/steps/run hands over two to write to, in this order.
 */
inline const std::string test_disk = "/dev/vdc", scratch_disk = "/dev/vdd";

/*
 * What tests work in who make nothing themselves: an ext4 on the first of them, mounted at
 * `work_dir` of the root.  True if this call has made it.
 */
inline const std::string work_dir = "/mnt/test";
bool prepare_work_dir(ktap::test_case &t);

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A program of the root of server_root.hpp, in namespaces of its own for processes and mounts:
 * when it is ended, all that it has started and mounted goes with it.
 */
#pragma once

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
 * with the status of the program; SIGKILL to it ends all.
 */
pid_t start_boxed(const boxed_program &program, const std::string &log);

/* What a program has printed, as the reason of a case: on one line, and not too much. */
std::string one_paragraph(std::string text);

/*
 * The root as suites of others want it: the image of one is mounted at `home` there, and some
 * users are known.  Throws if there is no root or no image.
 */
void prepare_root(const std::string &home);

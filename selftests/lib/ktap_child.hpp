/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For ktap.cpp alone: one case in its child process, from the fork to the verdict.
 */
#pragma once

#include "ktap.hpp"

#include <nlohmann/json.hpp>

namespace ktap {

struct outcome {
	char verdict = 0;		/* 'P', 'F', 'S', or 0: none was given */
	std::string reason;
	nlohmann::json data;
	double seconds = 0;
};

/* Comes back when the child has gone, or has been given up. */
outcome run_one(const test &t, double scale);

/* Text of one or more lines, as KTAP diagnostics. */
void diagnose(std::string_view text);

/* From now on SIGINT and SIGTERM go to the child as well, and end the run behind it. */
void catch_interrupts();
bool interrupted();

} /* namespace ktap */

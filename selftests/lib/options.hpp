/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Command lines.  CLI11 is slow to compile, so it is used in options.cpp only.
 * Wrong arguments: what is wrong and the usage on standard error, status 2.
 */
#pragma once

#include "ktap.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

class options {
public:
	options(const std::string &program, const std::string &description);
	~options();

	void add(const std::string &flags, std::string &value, const std::string &help);
	void add(const std::string &flags, std::vector<std::string> &value, const std::string &help);
	/* Numbers are checked against [least, most]. */
	void add(const std::string &flags, double &value, double least, double most,
		 const std::string &help);
	void add(const std::string &flags, uint64_t &value, uint64_t least, uint64_t most,
		 const std::string &help);
	void add_flag(const std::string &flags, bool &value, const std::string &help);
	/* One of a list of words, or several separated by commas. */
	void add_words(const std::string &flags, std::vector<std::string> &value,
		       const std::vector<std::string> &words, const std::string &help);

	/* --filter, --skip, --list, --timeout-scale, --json */
	void add_run_options(ktap::run_options &run);

	/* Nothing: go on.  Otherwise the status to exit with. */
	std::optional<int> parse(int argc, char **argv);

private:
	struct impl;
	std::unique_ptr<impl> impl_;
	std::string program_;
};

/* The main() of a program that runs the cases of KTAP_CASE() and has no options of its own. */
int run_registered(int argc, char **argv, const std::string &program,
		   const std::string &description);

/* A seed that differs from run to run, for when none is given. */
uint64_t fresh_seed();

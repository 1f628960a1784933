/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the two halves of PID 1 share: guest_init.cpp sets the guest up and works
 * through the plan, guest_items.cpp runs one item of it.
 */
#ifndef GUEST_INIT_HPP
#define GUEST_INIT_HPP

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

using Words = std::vector<std::string>;

enum class Outcome { pass, fail, skip, hang };

struct Result {
	Outcome outcome;
	std::string why;	/* behind the result, if not empty */
};

/* A line on the results port; nested(): of the KTAP below the current item. */
void report(std::string_view line);
void nested(std::string_view line);

/* A line on the console. */
void console(std::string_view line);

/* Write @text to the file @path; says on the console if that fails. */
void put(const char *path, std::string_view text);

/* End the run: something that all of it needs is not to be had (errno). */
[[noreturn]] void die(std::string_view what);

/* @file is below /modules unless it says where it is.  Returns 0 or an errno. */
int load_module(const std::filesystem::path &file, const Words &params);

/* To be called once, before any item is run. */
void open_kernel_log();

/* Runs an item of the plan that is_test(). */
bool is_test(const Words &item);
Result run_item(const Words &item);

#endif /* GUEST_INIT_HPP */

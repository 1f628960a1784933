/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The guest as all parts of PID 1 see it; guest_port.cpp calls none of them.
 */
#ifndef GUEST_PORT_HPP
#define GUEST_PORT_HPP

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

using Words = std::vector<std::string>;

/* A virtio port by its name, for writing; -1, with errno, if it does not come. */
int open_port(std::string_view wanted);

/* To be called once, before report() and nested(). */
void open_results();

/* A line on the results port; nested(): of the KTAP below the current item. */
void report(std::string_view line);
void nested(std::string_view line);

/* A line on the console. */
void console(std::string_view line);

/* Write @text to the file @path; says on the console if that fails, and leaves errno. */
bool put(const char *path, std::string_view text);

/* @file is below /modules unless it says where it is.  Returns 0 or an errno. */
int load_module(const std::filesystem::path &file, const Words &params);

/* End the run: something that all of it needs is not to be had (errno). */
[[noreturn]] void die(std::string_view what);

/* End it without a word. */
[[noreturn]] void restart();

#endif /* GUEST_PORT_HPP */

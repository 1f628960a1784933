/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Prove that a thread sleeps in d_alloc_parallel(): its state is D and its wchan,
 * or its kernel stack, names that function.  There are three results, since
 * neither need be readable: yes, no, and "could not be found out".
 */
#pragma once

#include "unique_fd.hpp"

#include <charconv>
#include <chrono>
#include <dirent.h>
#include <fmt/format.h>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

inline constexpr std::string_view waiting_function = "d_alloc_parallel";

enum class parked { yes, no, unknown };

struct sleep_state {
	parked verdict = parked::no;
	char state = '?';		/* ? when the thread is gone */
	std::string where;		/* wchan, or the stack */
};

inline std::string to_string(const sleep_state &s)
{
	return fmt::format("state {}, {}", s.state, s.where.empty() ? "no wchan" : s.where);
}

/* State and parent from /proc/.../stat, behind the command, which may hold anything. */
struct stat_line {
	char state = '?';
	pid_t parent = 0;
};

inline stat_line parse_stat(const std::string &path)
{
	const auto text = read_file(path);
	stat_line s;

	if (!text)
		return s;
	const size_t end = text->rfind(") ");
	if (end == std::string::npos || end + 4 > text->size())
		return s;
	s.state = (*text)[end + 2];
	std::from_chars(text->data() + end + 4, text->data() + text->size(), s.parent);
	return s;
}

inline sleep_state look_at(pid_t pid, pid_t tid)
{
	const std::string dir = fmt::format("/proc/{}/task/{}/", pid, tid);
	sleep_state s;

	s.state = parse_stat(dir + "stat").state;
	if (s.state == '?' || s.state == 'R')
		return s;

	const auto wchan = read_file(dir + "wchan");
	const bool named = wchan && !wchan->empty() && *wchan != "0";
	std::optional<std::string> stack;

	if (named)
		s.where = *wchan;
	if (!named || wchan->find(waiting_function) == std::string::npos) {
		stack = read_file(dir + "stack");
		if (stack && !stack->empty())
			s.where = *stack;
	}
	/* One line for reports. */
	while (!s.where.empty() && s.where.back() == '\n')
		s.where.pop_back();
	for (char &c : s.where)
		if (c == '\n')
			c = ' ';
	if (s.state != 'D')
		return s;
	if (s.where.find(waiting_function) != std::string::npos) {
		/* The state was read first: it still has to hold. */
		s.state = parse_stat(dir + "stat").state;
		s.verdict = s.state == 'D' ? parked::yes : parked::no;
	} else if (s.where.empty()) {
		s.verdict = parked::unknown;
	}
	return s;
}

/*
 * Poll until the thread sleeps there, for at most `bound`.  Nothing can be read either of one that
 * is just being woken: it is unknown only if nothing ever could.
 */
inline sleep_state wait_parked(pid_t pid, pid_t tid, std::chrono::milliseconds bound)
{
	const auto deadline = std::chrono::steady_clock::now() + bound;
	bool readable = false;

	for (;;) {
		sleep_state s = look_at(pid, tid);

		readable |= !s.where.empty();
		if (s.verdict == parked::unknown && readable)
			s.verdict = parked::no;
		if (s.verdict == parked::yes || std::chrono::steady_clock::now() >= deadline)
			return s;
		std::this_thread::sleep_for(std::chrono::microseconds(500));
	}
}

inline std::vector<pid_t> numbers_in(const std::string &dir)
{
	std::unique_ptr<DIR, int (*)(DIR *)> d(::opendir(dir.c_str()), ::closedir);
	std::vector<pid_t> found;

	while (d) {
		const dirent *e = ::readdir(d.get());
		pid_t n = 0;

		if (!e)
			break;
		const std::string_view name = e->d_name;
		const auto r = std::from_chars(name.data(), name.data() + name.size(), n);

		if (r.ec == std::errc() && r.ptr == name.data() + name.size())
			found.push_back(n);
	}
	return found;
}

inline std::vector<pid_t> threads_of(pid_t pid)
{
	return numbers_in(fmt::format("/proc/{}/task", pid));
}

/* The process and those whose parent it is. */
inline std::vector<pid_t> with_children(pid_t pid)
{
	std::vector<pid_t> found{pid};

	for (const pid_t other : numbers_in("/proc"))
		if (parse_stat(fmt::format("/proc/{}/stat", other)).parent == pid)
			found.push_back(other);
	return found;
}

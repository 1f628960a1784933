/* SPDX-License-Identifier: GPL-2.0 */
/*
 * KTAP version 1 on standard output (Documentation/dev-tools/ktap.rst), and the
 * running of cases.
 *
 * Every case runs in a child process and reports through a pipe.  A thread that
 * a kernel bug leaves asleep for ever cannot be killed, and its process cannot
 * be reaped: the case then fails with what its threads are doing and what
 * lookup_doctor says of them, and the run goes on.  The child gives up standard
 * input, output and error, so that such a process does not hold open a
 * pipe that is read to the end.
 */
#pragma once

#include <chrono>
#include <csignal>
#include <cstdint>
#include <fmt/format.h>
#include <functional>
#include <source_location>
#include <string>
#include <string_view>
#include <vector>

namespace ktap {

using std::chrono::milliseconds;

struct run_options {
	std::string program;
	std::string filter = "*";
	uint64_t skip = 0;		/* that many of those, which an earlier run has had */
	bool list = false;
	double timeout_scale = 1.0;
	std::string json_path;
	std::string json_extra;		/* an object that is merged into the result */
};

struct failed {};
struct skipped {};

/* The runner as a case sees it.  It lives in the child process. */
class test_case {
public:
	test_case(int pipe, double scale) : pipe_(pipe), scale_(scale) {}

	/* A limit, stretched by --timeout-scale. */
	milliseconds bound(milliseconds plain) const
	{
		return milliseconds(static_cast<int64_t>(static_cast<double>(plain.count()) * scale_));
	}

	template <class... T> void note(fmt::format_string<T...> f, T &&...args)
	{
		send('d', fmt::format(f, std::forward<T>(args)...));
	}
	template <class... T> void progress(fmt::format_string<T...> f, T &&...args)
	{
		send('p', fmt::format(f, std::forward<T>(args)...));
	}
	template <class... T> [[noreturn]] void fail(fmt::format_string<T...> f, T &&...args)
	{
		send('F', fmt::format(f, std::forward<T>(args)...));
		throw failed();
	}
	template <class... T> [[noreturn]] void skip(fmt::format_string<T...> f, T &&...args)
	{
		send('S', fmt::format(f, std::forward<T>(args)...));
		throw skipped();
	}
	template <class... T>
	void require(bool claim, fmt::format_string<T...> f, T &&...args)
	{
		if (!claim)
			fail(f, std::forward<T>(args)...);
	}
	/* Fail without unwinding: for when a thread can never be joined. */
	template <class... T> [[noreturn]] void abandon(fmt::format_string<T...> f, T &&...args)
	{
		send('F', fmt::format(f, std::forward<T>(args)...));
		leave();
	}
	/* One JSON object for --json. */
	void result(const std::string &json) { send('j', json); }
	void passed() { send('P', ""); }
	void failed_with(const std::string &why) { send('F', why); }
	bool verdict_sent() const { return verdict_sent_; }

private:
	void send(char kind, std::string_view text);
	[[noreturn]] void leave();

	int pipe_;
	double scale_;
	bool verdict_sent_ = false;
};

struct test {
	std::string name;
	std::function<void(test_case &)> run;
	milliseconds limit;
};

/*
 * Returns the exit status: 0 passed, 1 failed or nothing to run, 2 nowhere to write the results to,
 * 4 all skipped.
 */
int run(const std::vector<test> &tests, const run_options &options);

/* The cases that KTAP_CASE() declared, in the order of file and line. */
std::vector<test> registered();

struct registration {
	registration(const char *name, void (*fn)(test_case &), milliseconds limit,
		     std::source_location where = std::source_location::current());
};

} /* namespace ktap */

/* A case is a function, and its name is what it claims. */
#define KTAP_CASE_LIMIT(name, limit)						\
	static void name(ktap::test_case &);					\
	static const ktap::registration register_##name{#name, name, limit};	\
	static void name([[maybe_unused]] ktap::test_case &t)
#define KTAP_CASE(name) KTAP_CASE_LIMIT(name, std::chrono::seconds(20))

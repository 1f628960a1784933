// SPDX-License-Identifier: GPL-2.0
/*
 * The KTAP writer, and the run of all cases.  Wrong would be: a case that is
 * neither ok nor not ok, and a run of no cases that passes.
 */
#include "ktap.hpp"

#include "ktap_child.hpp"
#include "unique_fd.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fnmatch.h>
#include <fstream>
#include <nlohmann/json.hpp>
#include <tuple>

namespace ktap {
namespace {

using nlohmann::json;

struct entry {
	test t;
	std::string file;
	unsigned line;
};

std::vector<entry> &registry()
{
	static std::vector<entry> all;
	return all;
}

/* KTAP gives a meaning to newlines, and in names to '#' as well. */
std::string one_line(std::string text)
{
	std::replace(text.begin(), text.end(), '\n', ' ');
	return text;
}

std::string plain_name(std::string name)
{
	std::replace(name.begin(), name.end(), '#', '_');
	return one_line(name);
}

/* A line to standard error if that is no place for results.  A file that is there stays as it is. */
bool can_write(const run_options &o)
{
	const unique_fd fd(::open(o.json_path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666));

	if (!fd)
		fmt::print(stderr, "{}: --json {}: {}\n", o.program, o.json_path, std::strerror(errno));
	return bool(fd);
}

bool write_json(const run_options &o, const json &cases, int pass, int fail, int skip)
{
	json all = o.json_extra.empty() ? json::object() : json::parse(o.json_extra);

	all["program"] = o.program;
	all["cases"] = cases;
	all["passed"] = pass;
	all["failed"] = fail;
	all["skipped"] = skip;
	all["interrupted"] = interrupted();
	std::ofstream file(o.json_path);
	file << all.dump(2, ' ', false, json::error_handler_t::replace) << '\n';
	file.flush();
	if (!file)
		fmt::print(stderr, "{}: --json {}: {}\n", o.program, o.json_path, std::strerror(errno));
	return bool(file);
}

} /* namespace */

registration::registration(const char *name, void (*fn)(test_case &), milliseconds limit,
			   std::source_location where)
{
	registry().push_back({{name, fn, limit}, where.file_name(), where.line()});
}

std::vector<test> registered()
{
	std::vector<entry> all = registry();
	std::vector<test> tests;

	std::sort(all.begin(), all.end(), [](const entry &a, const entry &b) {
		return std::tie(a.file, a.line) < std::tie(b.file, b.line);
	});
	for (entry &e : all)
		tests.push_back(std::move(e.t));
	return tests;
}

int run(const std::vector<test> &all, const run_options &o)
{
	std::vector<const test *> tests;
	int pass = 0, fail = 0, skip = 0, number = 0;
	json cases = json::array();

	for (const test &t : all)
		if (::fnmatch(o.filter.c_str(), t.name.c_str(), 0) == 0)
			tests.push_back(&t);
	tests.erase(tests.begin(), tests.begin() + static_cast<ptrdiff_t>(std::min<uint64_t>(o.skip, tests.size())));
	if (o.list) {
		for (const test *t : tests)
			fmt::print("{}\n", t->name);
		return 0;
	}

	if (!o.json_path.empty() && !can_write(o))
		return 2;
	catch_interrupts();
	fmt::print("KTAP version 1\n1..{}\n", tests.size());
	if (tests.empty())
		diagnose(fmt::format("no case {}matches '{}': a run of nothing is a failure",
				     o.skip ? fmt::format("behind the first {} ", o.skip) : "", o.filter));
	for (const test *t : tests) {
		const std::string name = plain_name(t->name);
		outcome out;

		if (interrupted()) {
			out.verdict = 'S';
			out.reason = "interrupted";
		} else {
			/* So that one that never ends has a name. */
			fmt::print("# running: {}\n", name);
			std::fflush(stdout);
			out = run_one(*t, o.timeout_scale);
		}
		number++;
		if (out.verdict == 'F')
			diagnose(fmt::format("{}: {}", name, out.reason));
		/* For the result that follows; one that did not run has none. */
		if (out.seconds > 0)
			fmt::print("# time: {} {:.3f} s\n", name, out.seconds);
		if (out.verdict == 'P') {
			pass++;
			fmt::print("ok {} {}\n", number, name);
		} else if (out.verdict == 'S') {
			skip++;
			fmt::print("ok {} {} # SKIP {}\n", number, name, one_line(out.reason));
		} else {
			fail++;
			fmt::print("not ok {} {}\n", number, name);
		}
		std::fflush(stdout);
		cases.push_back({{"name", t->name},
				 {"verdict", out.verdict == 'P' ? "pass" :
					     out.verdict == 'S' ? "skip" : "fail"},
				 {"reason", out.reason},
				 {"seconds", out.seconds},
				 {"data", out.data}});
	}
	fmt::print("# Totals: pass:{} fail:{} xfail:0 xpass:0 skip:{} error:0\n", pass, fail, skip);
	std::fflush(stdout);
	const bool written = o.json_path.empty() || write_json(o, cases, pass, fail, skip);

	if (fail || tests.empty() || !written)
		return 1;
	return pass ? 0 : 4;
}

} /* namespace ktap */

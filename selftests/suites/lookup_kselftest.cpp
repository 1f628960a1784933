// SPDX-License-Identifier: GPL-2.0
/*
 * The programs of the kernel tree's own tools/testing/selftests, a case each, on an ext4 of the
 * guest.  Needs the guest of make kselftest.
 *
 * run_kselftest.sh of the tree runs them, and what it says of a program is taken.  One that is
 * not over in time fails, and is ended with all that it has started.
 */
#include "boxed.hpp"
#include "filesystems/server_root.hpp"
#include "mount.hpp"
#include "options.hpp"
#include "outcome.hpp"

#include <cstring>
#include <fstream>
#include <set>
#include <stdexcept>

namespace {

const std::string home = "/opt/kselftest";	/* in the root */
const std::string log_file = server_root + "/tmp/kselftest.log";

/* Whether `name`, COLLECTION:PROGRAM, is `group`, of that collection, or of one below it. */
bool is_in(const std::string &name, const std::string &group)
{
	return name == group ||
		(name.starts_with(group) && (name[group.size()] == ':' || name[group.size()] == '/'));
}

/*
 * Those of a kselftest-list.txt that the groups have.  Throws if it cannot be read, or if one of
 * the groups has none.
 */
std::vector<std::string> tests_of(const std::string &list, const std::vector<std::string> &groups)
{
	std::ifstream file(list);
	std::vector<std::string> all;

	if (!file)
		throw errno_error(list);
	std::set<std::string> found;

	for (std::string name; std::getline(file, name);) {
		bool wanted = false;

		for (const std::string &group : groups)
			if (is_in(name, group)) {
				found.insert(group);
				wanted = true;
			}
		if (wanted)
			all.push_back(name);
	}
	for (const std::string &group : groups)
		if (!found.count(group))
			throw std::runtime_error(fmt::format("--group {}: no such directory or program in {}", group, list));
	return all;
}

/* What it prints behind all that the program has said, kselftest/runner.sh. */
std::string verdict_of(const std::string &said)
{
	static const std::regex verdict("\n((not )?ok 1 selftests: [^\n]*)");
	std::smatch found;

	return std::regex_search(said, found, verdict) ? found.str(1) : "";
}

/* A mark of KTAP in a reason would be read as one. */
std::string without_marks(const std::string &text)
{
	return std::regex_replace(text, std::regex("# *"), "");
}

/*
 * How a program has ended.  127 is of a shell or of env that have not found what they should run,
 * and a file of the list that is not there says nothing of the kernel either.
 */
outcome outcome_of(const std::string &said)
{
	static const std::regex missing("(^|\n)# Warning: file [^\n]* is missing");
	const std::string verdict = verdict_of(said);

	if (verdict.empty())
		return {'F', "run_kselftest.sh says nothing of it: " + one_paragraph(said)};
	if (verdict.ends_with("# SKIP"))
		return {'S', without_marks(lines_with(said, std::regex("^# .*SKIP")))};
	if (!verdict.starts_with("not ok"))
		return {'P', ""};
	const std::string what = without_marks(verdict.substr(verdict.find("selftests: ")));

	if (verdict.ends_with(" exit=127") || std::regex_search(said, missing))
		return {'S', fmt::format("it, or its interpreter, is not there: {}: {}", what,
					 without_marks(lines_with(said, std::regex("not found|is missing|No such file"))))};
	return {'F', fmt::format("{}: {}", what, without_marks(lines_with(said, std::regex("^# +not ok "))))};
}

void run_one(ktap::test_case &t, const std::string &name, std::chrono::seconds limit)
{
	constexpr auto reserve = std::chrono::seconds(30);	/* until the script has ended it */

	/* Some write where they are, and the image is read-only. */
	if (prepare_work_dir(t))
		run_in_root(t, {"cp", "-a", home + "/.", work_dir}, std::chrono::seconds(60));
	const std::string said = run_boxed(t, {{"./run_kselftest.sh", "--test", name, "--override-timeout",
		fmt::format("{}", limit.count())}, work_dir, {}}, log_file, limit + reserve).said;
	const outcome result = outcome_of(said);

	if (result.verdict == 'F')
		note_last_lines(t, said);
	conclude(t, result);
}

} /* namespace */

int main(int argc, char **argv)
{
	options o("lookup_kselftest",
		  "The tree's own selftests (KTAP), which have to be built. For a guest: they make filesystems\n"
		  "on disks and change mounts.");
	std::vector<std::string> groups;
	std::string log, list = server_root + home + "/kselftest-list.txt";
	std::vector<ktap::test> cases;
	ktap::run_options run;
	uint64_t limit = 300;

	o.add_run_options(run);
	o.add("--group", groups, "a directory of tools/testing/selftests, with those below it, or COLLECTION:PROGRAM; "
	      "default filesystems (repeatable)");
	o.add("--tests", list, "kselftest-list.txt of those that are built; default: that of the guest");
	o.add("--limit", limit, 1, 100000, "seconds for a program, before --timeout-scale; default 300");
	o.add("--read", log, "a file with what run_kselftest.sh has printed of one program: say how that ended");
	if (const auto status = o.parse(argc, argv))
		return *status;
	if (!log.empty()) {
		const auto printed = read_file(log);

		if (!printed) {
			fmt::print(stderr, "lookup_kselftest: --read {}: {}\n", log, std::strerror(errno));
			return 2;
		}
		print_outcome("it", outcome_of(*printed));
		return 0;
	}
	if (groups.empty())
		groups = {"filesystems"};
	const auto reserve = std::chrono::seconds(90);	/* until it has ended */

	try {
		if (!run.list)
			prepare_root(home);
		for (const std::string &name : tests_of(list, groups))
			cases.push_back({name, [name, limit](ktap::test_case &t) {
						 run_one(t, name, std::chrono::duration_cast<std::chrono::seconds>(
								 t.bound(std::chrono::seconds(limit))));
					 },
					 std::chrono::seconds(limit) + reserve});
	} catch (const std::runtime_error &e) {
		if (run.list) {
			fmt::print(stderr, "lookup_kselftest: {}\n", e.what());
			return 2;
		}
		cases = {{"root_and_selftests_are_there",
			  [what = std::string(e.what())](ktap::test_case &t) { t.fail("{}", what); }, reserve}};
	}
	return ktap::run(cases, run);
}

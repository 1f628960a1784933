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

#include <algorithm>
#include <fstream>
#include <system_error>

namespace {

const std::string home = "/opt/kselftest";	/* in the root */
const std::string log_file = server_root + "/tmp/kselftest.log";

/* Whether `name`, COLLECTION:PROGRAM, is `group`, of that collection, or of one below it. */
bool is_in(const std::string &name, const std::string &group)
{
	return name == group ||
		(name.starts_with(group) && (name[group.size()] == ':' || name[group.size()] == '/'));
}

/* Those of a kselftest-list.txt that a group has.  Throws if it cannot be read. */
std::vector<std::string> tests_of(const std::string &list, const std::vector<std::string> &groups)
{
	std::ifstream file(list);
	std::vector<std::string> all;

	if (!file)
		throw errno_error(list);
	for (std::string name; std::getline(file, name);)
		if (std::any_of(groups.begin(), groups.end(),
				[&](const std::string &group) { return is_in(name, group); }))
			all.push_back(name);
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

void run_one(ktap::test_case &t, const std::string &name, std::chrono::seconds limit)
{
	constexpr auto reserve = std::chrono::seconds(30);	/* until the script has ended it */

	/* Some write where they are, and the image is read-only. */
	if (prepare_work_dir(t))
		run_in_root(t, {"cp", "-a", home + "/.", work_dir}, std::chrono::seconds(60));
	const std::string said = run_boxed(t, {{"./run_kselftest.sh", "--test", name, "--override-timeout",
		fmt::format("{}", limit.count())}, work_dir, {}}, log_file, limit + reserve).said;
	const std::string verdict = verdict_of(said);

	if (verdict.empty())
		t.fail("run_kselftest.sh says nothing of it: {}", one_paragraph(said));
	if (verdict.starts_with("not ok"))
		t.fail("{}: {}", without_marks(verdict.substr(verdict.find("selftests: "))),
		       without_marks(lines_with(said, std::regex("^# +not ok "))));
	if (verdict.ends_with("# SKIP"))
		t.skip("{}", without_marks(lines_with(said, std::regex("^# .*SKIP"))));
}

} /* namespace */

int main(int argc, char **argv)
{
	options o("lookup_kselftest",
		  "The tree's own selftests (KTAP), which have to be built. For a guest: they make filesystems\n"
		  "on disks and change mounts.");
	std::vector<std::string> groups;
	std::string list = server_root + home + "/kselftest-list.txt";
	std::vector<ktap::test> cases;
	ktap::run_options run;
	uint64_t limit = 300;

	o.add_run_options(run);
	o.add("--group", groups, "a directory of tools/testing/selftests, with those below it, or COLLECTION:PROGRAM; "
	      "default filesystems (repeatable)");
	o.add("--tests", list, "kselftest-list.txt of those that are built; default: that of the guest");
	o.add("--limit", limit, 1, 100000, "seconds for a program, before --timeout-scale; default 300");
	if (const auto status = o.parse(argc, argv))
		return *status;
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
	} catch (const std::system_error &e) {
		cases = {{"root_and_selftests_are_there",
			  [what = std::string(e.what())](ktap::test_case &t) { t.fail("{}", what); }, reserve}};
	}
	return ktap::run(cases, run);
}

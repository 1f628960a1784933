// SPDX-License-Identifier: GPL-2.0
/* See ltp_tests.hpp. */
#include "ltp_tests.hpp"

#include "boxed.hpp"
#include "filesystems/server_root.hpp"
#include "mount.hpp"

#include <algorithm>
#include <fstream>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <sys/wait.h>
#include <unistd.h>

namespace ltp {
namespace {

const std::string log_file = server_root + "/tmp/ltp.log";

/* TCONF in an exit status, include/tst_res_flags.h of LTP; all its other bits are failures. */
constexpr int does_not_apply = 32;

/* Of a shell that does not find a program. */
constexpr int not_found = 127;

struct family {
	std::string file;		/* of runtest/ */
	std::regex names;
};

const std::vector<family> &about_names()
{
	static const std::vector<family> families = {
		{"syscalls", std::regex("(access|chdir|creat|faccessat|fchdir|fstatat|getcwd|getdents|link|linkat|"
					"lstat|mkdir|mkdirat|mknod|mknodat|name_to_handle_at|open|openat|openat2|"
					"open_by_handle_at|readlink|readlinkat|rename|renameat|renameat2|rmdir|"
					"stat|statx|symlink|symlinkat|unlink|unlinkat)[0-9]+(A|_64)?")},
		{"fs", std::regex("fs_inod01|fs_racer|inode01|linker01|openfile01|proc01|read_all_(proc|sys)")},
	};
	return families;
}

/* The first word of a command that is neither an assignment nor an export of some. */
std::string program_of(const std::string &command)
{
	static const std::regex words("(?:export [^;]*; *|[A-Za-z_]+=[^ ;]*[ ;]+)*([^ ;]+).*");
	std::smatch found;

	return std::regex_match(command, found, words) ? found.str(1) : command;
}

void add(std::vector<test> &all, const std::string &runtest, const std::string &name, const std::regex &names)
{
	const std::string path = runtest + "/" + name, bin = runtest + "/../testcases/bin/";
	std::ifstream file(path);

	if (!file)
		throw errno_error(path);
	for (std::string line; std::getline(file, line);) {
		std::istringstream words(line);
		test one;

		if (words >> one.name && one.name[0] != '#' && std::getline(words >> std::ws, one.command) &&
		    std::regex_match(one.name, names)) {
			one.program = program_of(one.command);
			one.built = !::access((bin + one.program).c_str(), X_OK);
			all.push_back(one);
		}
	}
}

} /* namespace */

std::vector<test> tests_of(const std::string &runtest, const std::vector<std::string> &groups)
{
	static const std::regex any(".*");
	std::vector<test> all;

	for (const std::string &group : groups) {
		std::vector<test> of_group;

		if (group == "names")
			for (const family &f : about_names())
				add(of_group, runtest, f.file, f.names);
		else
			add(of_group, runtest, group, any);
		if (of_group.empty())
			throw std::runtime_error(fmt::format("--group {}: no test in there", group));
		if (std::none_of(of_group.begin(), of_group.end(), [](const test &one) { return one.built; }))
			throw std::runtime_error(fmt::format("--group {}: none of its {} tests is built, as {}", group,
							     of_group.size(), of_group[0].program));
		/* Families have tests in common, and a test has one result. */
		for (const test &one : of_group)
			if (std::none_of(all.begin(), all.end(), [&](const test &had) { return had.name == one.name; }))
				all.push_back(one);
	}
	return all;
}

outcome outcome_of(const test &test, int status, const std::string &said)
{
	if (status == not_found && !test.built)
		return {'S', "not built: " + test.program};
	if (status & ~does_not_apply)
		return {'F', fmt::format("status {}: {}", status, lines_with(said, std::regex("TFAIL|TBROK|TWARN")))};
	if (status == does_not_apply)
		return {'S', lines_with(said, std::regex("TCONF"))};
	return {'P', ""};
}

void run(ktap::test_case &t, const test &test, std::chrono::milliseconds limit)
{
	prepare_work_dir(t);
	const auto &[status, said] = run_boxed(t, {{"sh", "-c", test.command}, work_dir,
		{"LTPROOT=" + home, "PATH=" + home + "/testcases/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		 "TMPDIR=" + work_dir, "LTP_DEV_FS_TYPE=ext4",
		 "LTP_COLORIZE_OUTPUT=n",
		 fmt::format("LTP_TIMEOUT_MUL={}", t.bound(std::chrono::seconds(5)).count() / 1000),
		 /* What it looks for in the kernel's configuration is not in the guest. */
		 "KCONFIG_SKIP_CHECK=1"}}, log_file, limit);

	const outcome result = WIFEXITED(status) ? outcome_of(test, WEXITSTATUS(status), said) :
		outcome{'F', fmt::format("ended by signal {}: {}", WTERMSIG(status),
					 lines_with(said, std::regex("TFAIL|TBROK")))};

	if (result.verdict == 'F')
		note_last_lines(t, said);
	conclude(t, result);
}

} /* namespace ltp */

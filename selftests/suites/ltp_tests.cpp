// SPDX-License-Identifier: GPL-2.0
/* See ltp_tests.hpp. */
#include "ltp_tests.hpp"

#include "boxed.hpp"
#include "filesystems/server_root.hpp"
#include "mount.hpp"

#include <fstream>
#include <regex>
#include <sstream>
#include <sys/wait.h>

namespace ltp {
namespace {

const std::string log_file = server_root + "/tmp/ltp.log";

/* TCONF in an exit status, include/tst_res_flags.h of LTP; all its other bits are failures. */
constexpr int does_not_apply = 32;

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

void add(std::vector<test> &all, const std::string &path, const std::regex &names)
{
	std::ifstream file(path);

	if (!file)
		throw errno_error(path);
	for (std::string line; std::getline(file, line);) {
		std::istringstream words(line);
		test one;

		if (words >> one.name && one.name[0] != '#' && std::getline(words >> std::ws, one.command) &&
		    std::regex_match(one.name, names))
			all.push_back(one);
	}
}

} /* namespace */

std::vector<test> tests_of(const std::string &runtest, const std::vector<std::string> &groups)
{
	static const std::regex any(".*");
	std::vector<test> all;

	for (const std::string &group : groups)
		if (group == "names")
			for (const family &f : about_names())
				add(all, runtest + "/" + f.file, f.names);
		else
			add(all, runtest + "/" + group, any);
	return all;
}

void run(ktap::test_case &t, const test &test, std::chrono::milliseconds limit)
{
	prepare_work_dir(t);
	const auto &[status, said] = run_boxed(t, {{"sh", "-c", test.command}, work_dir,
		{"LTPROOT=" + home, "PATH=" + home + "/testcases/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		 "TMPDIR=" + work_dir, "LTP_DEV=" + scratch_disk, "LTP_DEV_FS_TYPE=ext4",
		 "LTP_COLORIZE_OUTPUT=n",
		 fmt::format("LTP_TIMEOUT_MUL={}", t.bound(std::chrono::seconds(5)).count() / 1000),
		 /* What it looks for in the kernel's configuration is not in the guest. */
		 "KCONFIG_SKIP_CHECK=1"}}, log_file, limit);

	if (!WIFEXITED(status))
		t.fail("ended by signal {}: {}", WTERMSIG(status), lines_with(said, std::regex("TFAIL|TBROK")));
	if (WEXITSTATUS(status) & ~does_not_apply)
		t.fail("status {}: {}", WEXITSTATUS(status), lines_with(said, std::regex("TFAIL|TBROK|TWARN")));
	if (WEXITSTATUS(status) == does_not_apply)
		t.skip("{}", lines_with(said, std::regex("TCONF")));
}

} /* namespace ltp */

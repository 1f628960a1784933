// SPDX-License-Identifier: GPL-2.0
/* See ltp_tests.hpp. */
#include "ltp_tests.hpp"

#include "boxed.hpp"
#include "crew.hpp"
#include "filesystems/server_root.hpp"
#include "mount.hpp"

#include <filesystem>
#include <fstream>
#include <poll.h>
#include <regex>
#include <sstream>
#include <sys/wait.h>

namespace ltp {
namespace {

/* Behind the two disks that are read. */
const std::string test_disk = "/dev/vdc", scratch_disk = "/dev/vdd";
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

/* What it works in is a filesystem of its own, which the first case makes. */
void prepare(ktap::test_case &t)
{
	const std::string where = server_root + work;
	struct stat above, there;

	if (::stat((server_root + "/mnt").c_str(), &above) || ::stat(where.c_str(), &there))
		throw errno_error(where);
	if (above.st_dev != there.st_dev)
		return;
	run_in_root(t, {"mkfs.ext4", "-q", "-F", test_disk}, std::chrono::seconds(60));
	if (::mount(test_disk.c_str(), where.c_str(), "ext4", 0, nullptr))
		throw errno_error("mount " + test_disk);
	std::filesystem::permissions(where, std::filesystem::perms::all);
}

/* The lines with that word, or else the last ones. */
std::string lines_with(const std::string &said, const std::regex &word)
{
	std::istringstream lines(said);
	std::string found;

	for (std::string line; std::getline(lines, line);)
		if (std::regex_search(line, word))
			found += line + "\n";
	return one_paragraph(found.empty() ? said.substr(said.size() > 400 ? said.size() - 400 : 0) : found);
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
	prepare(t);
	const pid_t child = start_boxed({{"sh", "-c", test.command}, work,
		{"LTPROOT=" + home, "PATH=" + home + "/testcases/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		 "TMPDIR=" + work, "LTP_DEV=" + scratch_disk, "LTP_DEV_FS_TYPE=ext4", "LTP_COLORIZE_OUTPUT=n",
		 fmt::format("LTP_TIMEOUT_MUL={}", t.bound(std::chrono::seconds(5)).count() / 1000),
		 /* What it looks for in the kernel's configuration is not in the guest. */
		 "KCONFIG_SKIP_CHECK=1"}}, log_file);
	const auto deadline = std::chrono::steady_clock::now() + limit;
	int status = 0;

	while (::waitpid(child, &status, WNOHANG) != child) {
		if (std::chrono::steady_clock::now() > deadline) {
			::kill(child, SIGKILL);
			t.fail("not over after {} s: {}", limit.count() / 1000,
			       one_paragraph(read_file(log_file).value_or("")));
		}
		::poll(nullptr, 0, 50);
	}
	const std::string said = read_file(log_file).value_or("");

	if (!WIFEXITED(status))
		t.fail("ended by signal {}: {}", WTERMSIG(status), lines_with(said, std::regex("TFAIL|TBROK")));
	if (WEXITSTATUS(status) & ~does_not_apply)
		t.fail("status {}: {}", WEXITSTATUS(status), lines_with(said, std::regex("TFAIL|TBROK|TWARN")));
	if (WEXITSTATUS(status) == does_not_apply)
		t.skip("{}", lines_with(said, std::regex("TCONF")));
}

} /* namespace ltp */

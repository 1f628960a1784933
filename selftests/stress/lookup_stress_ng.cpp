// SPDX-License-Identifier: GPL-2.0
/*
 * The stressors of stress-ng that look names up, make, rename and remove them, on mounted
 * directories, with what stress-ng checks itself (--verify).  A case for each of both.
 *
 * Wrong looks like what stress-ng complains of, a stressor that has done nothing, or names
 * that are left when all processes are through.  What the kernel complains of is told by the
 * console.
 */
#include "options.hpp"
#include "program.hpp"

#include <algorithm>
#include <filesystem>
#include <sys/wait.h>

namespace {

namespace fs = std::filesystem;

/* Those of stress-ng 0.15.06 that work on names alone; it has no class of that kind. */
const std::vector<std::string> all_stressors = {
	"chdir", "dentry", "dir", "dirdeep", "dirmany", "filename", "getdent", "rename", "symlink"};

struct stressor_config {
	uint64_t seconds = 5, processes = 4, seed = 1;
};

/* The directory of a case; what is in it when the case ends was left behind. */
class work_directory {
public:
	explicit work_directory(const std::string &top) : path(fmt::format("{}/stress-ng.{}", top, ::getpid()))
	{
		fs::create_directory(path);
	}
	~work_directory()
	{
		std::error_code ignored;

		fs::remove_all(path, ignored);
	}

	const std::string path;
};

/* What it says is wrong, or else what it has said last. */
std::string complaint(const std::string &printed)
{
	const size_t at = printed.find(" fail: ");

	return at == std::string::npos ? last_line(printed) :
					 printed.substr(at + 1, printed.find('\n', at) - at - 1);
}

bool has_symbolic_links(const std::string &dir)
{
	const std::string link = dir + "/probe";

	if (::symlink("nowhere", link.c_str()))
		return false;
	::unlink(link.c_str());
	return true;
}

void stress(ktap::test_case &t, const stressor_config &c, const std::string &stressor,
	    const std::string &dir)
{
	if (::access(stress_ng, X_OK) < 0)
		t.skip("no {} here; scripts/measure/stress-ng-cpio packs it for scripts/steps/guest --extra", stress_ng);
	const work_directory work(dir);

	if (stressor == "symlink" && !has_symbolic_links(work.path))
		t.skip("there are no symbolic links in {}", dir);
	const unique_fd out = open_or_throw("/tmp", O_TMPFILE | O_RDWR, 0600);
	std::vector<std::string> words = {
		stress_ng, "--" + stressor, std::to_string(c.processes), "--verify", "--metrics-brief",
		"--temp-path", work.path, "--seed", std::to_string(c.seed)};

	/*
	 * An operation of this one is hundreds of files, so it has an end by their number; and
	 * which characters a name can have it need not find out.
	 */
	if (stressor == "filename")
		words.insert(words.end(), {"--filename-opts", "posix", "--filename-ops",
					   std::to_string(c.processes * c.seconds)});
	else
		words.insert(words.end(), {"--timeout", fmt::format("{}s", c.seconds)});
	const pid_t child = start_program(argv_of(words), out.get());
	int end;

	if (::waitpid(child, &end, 0) != child)
		throw errno_error("waitpid");
	const std::string printed = contents(out);
	const uint64_t done = operations_of(printed, stressor);

	t.require(WIFEXITED(end) && WEXITSTATUS(end) == 0, "stress-ng --{} ended with status {:#x}: {}",
		  stressor, end, complaint(printed));
	t.require(done > 0, "stress-ng --{} did nothing: {}", stressor, complaint(printed));
	for (const fs::directory_entry &left : fs::directory_iterator(work.path))
		t.fail("stress-ng --{} could not remove {}", stressor, left.path().string());
	t.note("stress-ng --{} in {}: {} operations", stressor, dir, done);
}

} /* namespace */

int main(int argc, char **argv)
{
	options o("lookup_stress_ng",
		  "Stressors of stress-ng that work on names, verified, on mounted directories (KTAP).\n"
		  "One case for each stressor and directory.  Example:\n"
		  "  lookup_stress_ng --dir /tmp --stressors dentry,rename --duration 30");
	ktap::run_options run;
	std::vector<std::string> dirs, stressors;
	std::vector<ktap::test> tests;
	stressor_config c;

	o.add_run_options(run);
	o.add("--dir", dirs, "directory to work in; default /tmp (repeatable)");
	o.add_words("--stressors", stressors, all_stressors, "separated by commas; default all");
	o.add("--duration", c.seconds, 1, 1000000, "seconds for each of them, and operations of filename; default 5");
	o.add("--threads", c.processes, 1, 4096, "processes of each of them, default 4");
	o.add("--seed", c.seed, 0, UINT64_MAX, "of stress-ng, default 1");
	if (const auto status = o.parse(argc, argv))
		return *status;
	if (dirs.empty())
		dirs = {"/tmp"};
	if (stressors.empty())
		stressors = all_stressors;

	for (const std::string &dir : dirs)
		for (const std::string &stressor : stressors)
			tests.push_back({fmt::format("{}_in_{}", stressor, dir),
					 [=](ktap::test_case &t) { stress(t, c, stressor, dir); },
					 std::chrono::seconds(60 + 2 * c.seconds)});
	return ktap::run(tests, run);
}

// SPDX-License-Identifier: GPL-2.0
/* See boxed.hpp. */
#include "boxed.hpp"

#include "crew.hpp"
#include "filesystems/server_root.hpp"
#include "mount.hpp"

#include <cstring>
#include <csignal>
#include <deque>
#include <filesystem>
#include <fstream>
#include <poll.h>
#include <sstream>
#include <sys/prctl.h>
#include <sys/wait.h>

namespace fs = std::filesystem;

namespace {

/* Behind the disk with the root: scripts/steps/run hands them over in this order. */
const std::string image = "/dev/vdb";

constexpr size_t told = 600;		/* bytes of what a program has said */
constexpr size_t last_lines = 100;	/* of the same, behind a failure */

/* The first process of the namespace; when it is killed, the kernel kills all others in there. */
volatile pid_t first;

std::string last_line(const std::string &said)
{
	const size_t end = said.find_last_not_of(" \n");

	if (end == std::string::npos)
		return "nothing that it has said";
	return one_paragraph(said.substr(said.rfind('\n', end) + 1, end - said.rfind('\n', end)));
}

void end_namespace(int)
{
	::kill(first, SIGKILL);
}

[[noreturn]] void give_up(const std::string &what)
{
	::dprintf(STDERR_FILENO, "%s: %s\n", what.c_str(), std::strerror(errno));
	::_exit(126);
}

/*
 * What is mounted beside `dir` on the root of this namespace goes, as where a system has switched its
 * root: listmount(2) takes the first mount there for the root of a namespace that it is asked for.
 */
void detach_others(const std::string &dir)
{
	std::istringstream mounts(read_file("/proc/self/mountinfo").value_or(""));
	std::string id, parent, device, root, where, root_id;

	/* A mount comes behind its parent. */
	for (std::string line; std::getline(mounts, line);) {
		std::istringstream fields(line);

		fields >> id >> parent >> device >> root >> where;
		if (where == "/")
			root_id = id;
		else if (parent == root_id && where != dir)
			::umount2(where.c_str(), MNT_DETACH);
	}
}

/*
 * It is the root of the whole mount namespace then, as pivot_root(2) would make it, which does not
 * with a root in an initramfs.  In a chroot nobody makes a user namespace: user_namespaces(7), EPERM.
 */
bool become_root(const std::string &dir)
{
	return !::chdir(dir.c_str()) && !::mount(".", "/", nullptr, MS_MOVE, nullptr) && !::chroot(".");
}

/* In the child: never returns. */
[[noreturn]] void become(const boxed_program &program, const std::string &log)
{
	std::vector<std::string> words = program.argv;
	std::vector<char *> argv;
	/* Scripts open /dev/stdout anew, and append to it. */
	const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0644);
	const int in = ::open("/dev/null", O_RDONLY);

	::setsid();
	::dup2(in, STDIN_FILENO);
	::dup2(out, STDOUT_FILENO);
	::dup2(out, STDERR_FILENO);
	if (::unshare(CLONE_NEWPID) || !enter_private_mount_namespace())
		give_up("namespaces");
	sigset_t asked_to_end;

	::sigemptyset(&asked_to_end);
	::sigaddset(&asked_to_end, SIGTERM);
	::sigprocmask(SIG_BLOCK, &asked_to_end, nullptr);
	::signal(SIGTERM, end_namespace);
	/* The first process of a namespace for processes is a child of who has made it. */
	first = ::fork();
	/* Nobody may take -1 for it: to kill(2) that is everybody. */
	if (first < 0)
		give_up("fork");
	if (first) {
		int status = 0;

		::sigprocmask(SIG_UNBLOCK, &asked_to_end, nullptr);
		/* It is no zombie until all others of the namespace are gone. */
		while (::waitpid(first, &status, 0) < 0 && errno == EINTR)
			;
		if (WIFSIGNALED(status)) {
			::signal(WTERMSIG(status), SIG_DFL);
			::raise(WTERMSIG(status));
		}
		::_exit(WEXITSTATUS(status));
	}
	::signal(SIGTERM, SIG_DFL);
	::sigprocmask(SIG_UNBLOCK, &asked_to_end, nullptr);
	::prctl(PR_SET_PDEATHSIG, SIGKILL);
	detach_others(server_root);
	if (!become_root(server_root) || ::chdir(program.dir.c_str()) ||
	    ::mount("proc", "/proc", "proc", 0, nullptr))
		give_up(server_root + program.dir);
	::setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
	::setenv("HOME", "/root", 1);
	for (const std::string &setting : program.environment)
		::putenv(const_cast<char *>(setting.c_str()));
	for (std::string &word : words)
		argv.push_back(word.data());
	argv.push_back(nullptr);
	::execvp(argv[0], argv.data());
	give_up(words[0]);
}

} /* namespace */

pid_t start_boxed(const boxed_program &program, const std::string &log)
{
	const pid_t child = ::fork();

	if (child < 0)
		throw errno_error("fork");
	if (!child)
		become(program, log);
	return child;
}

bool boxed_runs(pid_t pid)
{
	const char state = pid ? parse_stat(fmt::format("/proc/{}/stat", pid)).state : '?';

	return state != '?' && state != 'Z';
}

bool end_boxed(pid_t pid, std::chrono::milliseconds bound)
{
	::kill(pid, SIGTERM);
	return wait_until(bound, [pid] { return !boxed_runs(pid); });
}

void note_last_lines(ktap::test_case &t, const std::string &said)
{
	std::istringstream text(said);
	std::deque<std::string> lines;

	for (std::string line; std::getline(text, line);) {
		lines.push_back(line);
		if (lines.size() > last_lines)
			lines.pop_front();
	}
	/* With the mark no line of theirs is taken for one of ours, or for a result. */
	for (const std::string &line : lines)
		t.note("| {}", line);
}

boxed_end run_boxed(ktap::test_case &t, const boxed_program &program, const std::string &log,
		    std::chrono::milliseconds limit)
{
	const pid_t child = start_boxed(program, log);
	const auto deadline = std::chrono::steady_clock::now() + limit;
	const auto said = [&log] { return read_file(log).value_or(""); };
	int status = 0;

	while (::waitpid(child, &status, WNOHANG) != child) {
		if (std::chrono::steady_clock::now() > deadline) {
			const bool gone = end_boxed(child, t.bound(crew::bound));

			note_last_lines(t, said());
			/* Where it hangs is told by the last line. */
			t.fail("not over after {} s{}, behind: {}", limit.count() / 1000,
			       gone ? "" : ", and cannot be killed", last_line(said()));
		}
		/* A test takes seconds, and who looks has the CPUs that it runs on. */
		::poll(nullptr, 0, 50);
	}
	return {status, said()};
}

std::string lines_with(const std::string &said, const std::regex &word)
{
	std::istringstream lines(said);
	std::string found;

	for (std::string line; std::getline(lines, line);)
		if (std::regex_search(line, word))
			found += line + "\n";
	return one_paragraph(found.empty() ? said.substr(said.size() > 400 ? said.size() - 400 : 0) : found);
}

bool prepare_work_dir(ktap::test_case &t)
{
	const std::string where = server_root + work_dir;
	struct stat above, there;

	if (::stat((server_root + "/mnt").c_str(), &above) || ::stat(where.c_str(), &there))
		throw errno_error(where);
	if (above.st_dev != there.st_dev)
		return false;
	run_in_root(t, {"mkfs.ext4", "-q", "-F", test_disk}, std::chrono::seconds(60));
	if (::mount(test_disk.c_str(), where.c_str(), "ext4", 0, nullptr))
		throw errno_error("mount " + test_disk);
	fs::permissions(where, fs::perms::all);
	return true;
}

std::string one_paragraph(std::string text)
{
	text = std::regex_replace(text, std::regex("\\s*\n\\s*"), " | ");
	return text.size() > told ? text.substr(0, told) + "..." : text;
}

void prepare_root(const std::string &home)
{
	for (const std::string &dir : {std::string("/mnt/test"), std::string("/mnt/scratch"), home})
		fs::create_directories(server_root + dir);
	fs::create_directories(server_state);
	set_up_loopback();
	if (::mount(image.c_str(), (server_root + home).c_str(), "squashfs", MS_RDONLY, nullptr))
		throw errno_error("mount " + image + ", the disk with the suite");

	std::ofstream users(server_root + "/etc/passwd", std::ios::app);
	std::ofstream groups(server_root + "/etc/group", std::ios::app);
	int id = 2000;

	for (const char *name : {"fsgqa", "fsgqa2", "123456-fsgqa"}) {
		users << fmt::format("{0}:x:{1}:{1}::/tmp:/bin/sh\n", name, ++id);
		groups << fmt::format("{}:x:{}:\n", name, id);
	}
}

// SPDX-License-Identifier: GPL-2.0
/* See boxed.hpp. */
#include "boxed.hpp"

#include "filesystems/server_root.hpp"
#include "mount.hpp"

#include <cstring>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sys/prctl.h>
#include <sys/wait.h>

namespace fs = std::filesystem;

namespace {

/* Behind the disk with the root: scripts/steps/run hands them over in this order. */
const std::string image = "/dev/vdb";

constexpr size_t told = 600;		/* bytes of what a program has said */

[[noreturn]] void give_up(const std::string &what)
{
	::dprintf(STDERR_FILENO, "%s: %s\n", what.c_str(), std::strerror(errno));
	::_exit(126);
}

/* In the child: never returns. */
[[noreturn]] void become(const boxed_program &program, const std::string &log)
{
	std::vector<std::string> words = program.argv;
	std::vector<char *> argv;
	const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
	const int in = ::open("/dev/null", O_RDONLY);

	::setsid();
	::dup2(in, STDIN_FILENO);
	::dup2(out, STDOUT_FILENO);
	::dup2(out, STDERR_FILENO);
	if (::unshare(CLONE_NEWPID) || !enter_private_mount_namespace())
		give_up("namespaces");
	/* The first process of a namespace for processes is a child of who has made it. */
	const pid_t first = ::fork();

	if (first) {
		int status = 0;

		::waitpid(first, &status, 0);
		if (WIFSIGNALED(status)) {
			::signal(WTERMSIG(status), SIG_DFL);
			::raise(WTERMSIG(status));
		}
		::_exit(WEXITSTATUS(status));
	}
	::prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (::chroot(server_root.c_str()) || ::chdir(program.dir.c_str()) ||
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

// SPDX-License-Identifier: GPL-2.0
/* See server_root.hpp. */
#include "server_root.hpp"

#include "crew.hpp"
#include "unique_fd.hpp"

#include <arpa/inet.h>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

namespace {

constexpr size_t last_words = 400;	/* bytes of a log that are told */

std::string end_of(std::string text)
{
	while (!text.empty() && text.back() == '\n')
		text.pop_back();
	return text.size() > last_words ? text.substr(text.size() - last_words) : text;
}

std::string tail_of(const std::string &path)
{
	return end_of(read_file(path).value_or(""));
}

/* In the child: never returns. */
[[noreturn]] void become(const arguments &argv, bool in_root, const std::string &log)
{
	std::vector<char *> words;

	for (const auto &word : argv)
		words.push_back(const_cast<char *>(word.c_str()));
	words.push_back(nullptr);
	const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);

	::dup2(out, STDOUT_FILENO);
	::dup2(out, STDERR_FILENO);
	::close(out);
	::setsid();
	if (in_root && (::chroot(server_root.c_str()) || ::chdir("/")))
		::_exit(126);
	::setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
	::execvp(words[0], words.data());
	::dprintf(STDERR_FILENO, "%s: %s\n", words[0], std::strerror(errno));
	::_exit(127);
}

} /* namespace */

void write_file(const std::string &path, const std::string &text)
{
	const unique_fd fd = open_or_throw(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
		throw errno_error(path);
}

void need_server_root(ktap::test_case &t)
{
	if (::access((server_root + "/bin/sh").c_str(), X_OK))
		t.skip("no root with servers at {}: make filesystems brings one", server_root);
	std::filesystem::create_directories(server_state);
}

namespace {

/* Its status, as waitpid() has it, and what it said. */
std::pair<int, std::string> over_in_root(ktap::test_case &t, const arguments &argv,
					 std::chrono::milliseconds bound)
{
	const std::string log = fmt::format("{}/run.{}", server_state, ::getpid());
	int status = 0;

	::unlink(log.c_str());
	const pid_t child = ::fork();

	if (child < 0)
		throw errno_error("fork");
	if (!child)
		become(argv, true, log);
	if (!wait_until(t.bound(bound), [&] { return ::waitpid(child, &status, WNOHANG) == child; })) {
		::kill(-child, SIGKILL);
		t.fail("{} is not over after {} ms: {}", argv[0], t.bound(bound).count(), tail_of(log));
	}
	std::string said = read_file(log).value_or("");

	::unlink(log.c_str());
	return {status, std::move(said)};
}

} /* namespace */

std::string run_in_root(ktap::test_case &t, const arguments &argv, std::chrono::milliseconds bound)
{
	const auto [status, said] = over_in_root(t, argv, bound);

	t.require(WIFEXITED(status) && WEXITSTATUS(status) == 0, "'{}' has failed, status {:#x}: {}",
		  fmt::join(argv, " "), status, end_of(said));
	return said;
}

bool succeeds_in_root(ktap::test_case &t, const arguments &argv, std::chrono::milliseconds bound)
{
	const int status = over_in_root(t, argv, bound).first;

	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

pid_t server::pid() const
{
	const std::string text = read_file(file(".pid")).value_or("");
	pid_t pid = 0;

	std::from_chars(text.data(), text.data() + text.size(), pid);
	const char state = pid ? parse_stat(fmt::format("/proc/{}/stat", pid)).state : '?';

	return state == '?' || state == 'Z' ? 0 : pid;
}

void server::ensure(ktap::test_case &t) const
{
	if (pid())
		return;
	if (!read_file(file(".pid")).value_or("").empty())
		t.note("{}; it is started anew", complaint());
	::unlink(file(".log").c_str());
	const pid_t child = ::fork();

	if (child < 0)
		throw errno_error("fork");
	if (!child)
		become(argv_, in_root_, file(".log"));
	write_file(file(".pid"), fmt::format("{}", child));
}

void server::signal(int number) const
{
	const pid_t leader = pid();

	if (leader)
		::kill(-leader, number);
}

void server::end(ktap::test_case &t) const
{
	const pid_t leader = pid();

	if (!leader)
		return;
	::kill(-leader, SIGKILL);
	wait_until(t.bound(crew::bound), [&] {
		::waitpid(leader, nullptr, WNOHANG);	/* if it is a child of this process */
		return !pid();
	});
	::unlink(file(".pid").c_str());
}

std::string server::complaint() const
{
	std::string said = tail_of(file(".log"));

	if (said.empty() && !own_log_.empty())
		said = tail_of(server_root + own_log_);
	return fmt::format("{} {}: {}", name_, pid() ? "is of no use" : "has ended",
			   said.empty() ? "it said nothing" : said);
}

namespace {

sockaddr_in loopback_at(uint16_t port)
{
	sockaddr_in address = {};

	address.sin_family = AF_INET;
	address.sin_port = htons(port);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return address;
}

unique_fd connected(bool udp, uint16_t port)
{
	unique_fd fd(::socket(AF_INET, (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0));
	const sockaddr_in address = loopback_at(port);

	if (!fd)
		throw errno_error("socket");
	if (::connect(fd.get(), reinterpret_cast<const sockaddr *>(&address), sizeof(address)))
		return {};
	return fd;
}

} /* namespace */

bool tcp_answers(uint16_t port)
{
	return static_cast<bool>(connected(false, port));
}

bool rpc_answers(bool udp, uint16_t port, uint32_t program, uint32_t version)
{
	const unique_fd fd = connected(udp, port);
	/* A record mark, which TCP has; xid, call, RPC 2, who, NULL; no credentials twice. */
	const uint32_t call[11] = {htonl(0x80000028), htonl(0x57a17), 0, htonl(2), htonl(program),
				   htonl(version), 0, 0, 0, 0, 0};
	const size_t skip = udp ? 1 : 0;
	uint32_t reply[16] = {};

	if (!fd || ::send(fd.get(), call + skip, sizeof(call) - skip * 4, MSG_NOSIGNAL) < 0)
		return false;
	pollfd pfd = {fd.get(), POLLIN, 0};

	if (::poll(&pfd, 1, 1000) != 1)
		return false;
	const ssize_t n = ::recv(fd.get(), reply + skip, sizeof(reply) - skip * 4, 0);

	/* The same xid, a reply, accepted, and after the verifier: success. */
	return n >= static_cast<ssize_t>(24 + 4 * !udp) && reply[1] == call[1] &&
	       reply[2] == htonl(1) && reply[3] == 0 && reply[6] == 0;
}

void set_up_loopback()
{
	const unique_fd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	ifreq request = {};

	std::strcpy(request.ifr_name, "lo");
	request.ifr_flags = IFF_UP | IFF_RUNNING;
	if (!fd || ::ioctl(fd.get(), SIOCSIFFLAGS, &request))
		throw errno_error("the loopback device");
}

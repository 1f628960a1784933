// SPDX-License-Identifier: GPL-2.0
/* See fuse_holds.hpp. */
#include "fuse_holds.hpp"

#include <charconv>
#include <cstring>
#include <fmt/format.h>
#include <optional>
#include <sys/socket.h>
#include <sys/un.h>

namespace {

unique_fd unix_socket(const std::string &path, sockaddr_un &address)
{
	unique_fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));

	if (!fd)
		throw errno_error("socket");
	address = {};
	address.sun_family = AF_UNIX;
	if (path.size() >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		throw errno_error(path);
	}
	std::memcpy(address.sun_path, path.data(), path.size());
	return fd;
}

/* A line, or nothing at the end of the connection. */
std::optional<std::string> read_line(int fd)
{
	std::string line;
	char c;

	while (::read(fd, &c, 1) == 1) {
		if (c == '\n')
			return line;
		line += c;
	}
	return {};
}

bool write_line(int fd, const std::string &line)
{
	const std::string text = line + "\n";

	return ::send(fd, text.data(), text.size(), MSG_NOSIGNAL) ==
	       static_cast<ssize_t>(text.size());
}

/* Takes the first word off. */
std::string word_of(std::string &line)
{
	const size_t at = line.find(' ');
	std::string word = line.substr(0, at);

	line.erase(0, at == line.npos ? at : at + 1);
	return word;
}

} /* namespace */

fuse_holds::fuse_holds(const std::string &path)
{
	sockaddr_un address;

	listener_ = unix_socket(path, address);
	::unlink(path.c_str());
	if (::bind(listener_.get(), reinterpret_cast<const sockaddr *>(&address), sizeof(address)) ||
	    ::listen(listener_.get(), 8))
		throw errno_error(path);
	thread_ = std::jthread([this] {
		unique_fd client;
		std::jthread served;

		for (;;) {
			unique_fd next(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));

			if (client)
				::shutdown(client.get(), SHUT_RDWR);
			if (served.joinable())
				served.join();
			if (!next)
				return;
			client = std::move(next);
			served = std::jthread([this, fd = client.get()] { serve(fd); });
		}
	});
}

/* accept() returns then, and the thread with it. */
fuse_holds::~fuse_holds()
{
	::shutdown(listener_.get(), SHUT_RDWR);
}

void fuse_holds::serve(int client)
{
	{
		const std::lock_guard guard(lock_);

		for (auto &[key, r] : rules_)
			r.asked = 0;
	}
	while (const auto line = read_line(client))
		if (!write_line(client, obey(*line)))
			break;
	const std::lock_guard guard(lock_);

	/* Requests that still wait have a rule until they have seen this. */
	for (auto &[key, r] : rules_)
		r.held = false, r.error = 0;
	changed_.notify_all();
}

std::string fuse_holds::obey(const std::string &line)
{
	const std::lock_guard guard(lock_);
	std::string rest = line;
	const std::string verb = word_of(rest);

	if (verb == "go") {
		for (auto &[key, r] : rules_)
			r.held = false;
		changed_.notify_all();
		return "ok";
	}
	const std::string op = word_of(rest);
	int error = 0;

	if (verb == "fail") {
		const size_t at = rest.rfind(' ');

		if (at == rest.npos)
			return "what error?";
		std::from_chars(rest.data() + at + 1, rest.data() + rest.size(), error);
		rest.erase(at);
	}
	rule &r = rules_[{op, rest}];

	if (verb == "hold")
		r.held = true;
	else if (verb == "fail")
		r.error = error;
	else if (verb == "pass")
		r.passes++, r.waiting = 0, changed_.notify_all();
	else if (verb == "held")
		return fmt::format("{}", r.waiting);
	else if (verb == "asked")
		return fmt::format("{}", r.asked);
	else
		return "what?";
	return "ok";
}

int fuse_holds::pass(const std::string &op, const std::string &name)
{
	std::unique_lock guard(lock_);
	rule &r = rules_[{op, name}];	/* none is ever erased */

	const unsigned passes = r.passes;

	r.asked++;
	r.waiting++;
	changed_.wait(guard, [&] { return !r.held || r.passes != passes; });
	if (r.passes == passes)
		r.waiting--;
	return r.error;
}

fuse_holder::fuse_holder(const std::string &path)
{
	sockaddr_un address;

	socket_ = unix_socket(path, address);
	if (::connect(socket_.get(), reinterpret_cast<const sockaddr *>(&address), sizeof(address)))
		throw errno_error(path);
}

std::string fuse_holder::send_line(const std::string &line)
{
	const std::lock_guard guard(lock_);

	if (write_line(socket_.get(), line))
		if (auto answer = read_line(socket_.get()))
			return *answer;
	throw std::runtime_error("the FUSE server behind this filesystem has gone");
}

void fuse_holder::say(const char *verb, const std::string &op, const std::string &name)
{
	const std::string answer = send_line(fmt::format("{} {} {}", verb, op, name));

	if (answer != "ok")
		throw std::runtime_error(fmt::format("{} {} {}: {}", verb, op, name, answer));
}

void fuse_holder::fail(const std::string &op, const std::string &name, int error)
{
	say("fail", op, fmt::format("{} {}", name, error));
}

namespace {

unsigned number_in(const std::string &text)
{
	unsigned n = 0;

	if (std::from_chars(text.data(), text.data() + text.size(), n).ec != std::errc())
		throw std::runtime_error("no number: " + text);
	return n;
}

} /* namespace */

unsigned fuse_holder::held(const std::string &op, const std::string &name)
{
	return number_in(send_line(fmt::format("held {} {}", op, name)));
}

unsigned fuse_holder::asked(const std::string &op, const std::string &name)
{
	return number_in(send_line(fmt::format("asked {} {}", op, name)));
}

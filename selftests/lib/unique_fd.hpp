/* SPDX-License-Identifier: GPL-2.0 */
/* A file descriptor with one owner, and the reading of small /proc files. */
#pragma once

#include <cerrno>
#include <fcntl.h>
#include <optional>
#include <string>
#include <system_error>
#include <unistd.h>
#include <utility>

class unique_fd {
public:
	unique_fd() = default;
	explicit unique_fd(int fd) : fd_(fd) {}
	unique_fd(unique_fd &&other) noexcept : fd_(other.release()) {}
	unique_fd &operator=(unique_fd &&other) noexcept
	{
		if (this != &other)
			reset(other.release());
		return *this;
	}
	~unique_fd() { reset(); }

	int get() const { return fd_; }
	explicit operator bool() const { return fd_ >= 0; }
	int release() { return std::exchange(fd_, -1); }
	void reset(int fd = -1)
	{
		if (fd_ >= 0)
			::close(fd_);
		fd_ = fd;
	}

private:
	int fd_ = -1;
};

inline std::system_error errno_error(const std::string &what)
{
	return std::system_error(errno, std::generic_category(), what);
}

inline unique_fd open_or_throw(const std::string &path, int flags, mode_t mode = 0)
{
	unique_fd fd(::open(path.c_str(), flags | O_CLOEXEC, mode));

	if (!fd)
		throw errno_error(path);
	return fd;
}

/* The whole of a file, or nothing and errno. */
inline std::optional<std::string> read_file(const std::string &path)
{
	unique_fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
	std::string text;
	char buf[4096];

	if (!fd)
		return {};
	for (;;) {
		ssize_t n = ::read(fd.get(), buf, sizeof(buf));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return {};
		if (n == 0)
			return text;
		text.append(buf, static_cast<size_t>(n));
	}
}

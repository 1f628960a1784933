/* SPDX-License-Identifier: GPL-2.0 */
/* A large directory that is listed as a whole, by lookup_list and lookup_served. */
#pragma once

#include "counted.hpp"

#include <algorithm>
#include <sys/syscall.h>
#include <unistd.h>

/* ls asks for that much at once. */
inline constexpr size_t at_once = 32768;

/* A directory and what was listed of it. */
class listing {
public:
	explicit listing(uint64_t names) : buffer_((names + 1000) * 32) {}

	void open(const std::string &path)
	{
		dir_ = open_or_throw(path, O_RDONLY | O_DIRECTORY);
	}
	void rewind() const
	{
		if (::lseek(dir_.get(), 0, SEEK_SET) != 0)
			throw errno_error("lseek");
	}
	void read()
	{
		read([](const char *) {});
	}
	/* The same, and `use` gets each name once getdents64() is back with it. */
	template <class Use> void read(Use &&use)
	{
		long n;

		length_ = 0;
		do {
			n = ::syscall(SYS_getdents64, dir_.get(), buffer_.data() + length_,
				      std::min(at_once, buffer_.size() - static_cast<size_t>(length_)));
			for (long at = 0; at < n;) {
				const auto *e = reinterpret_cast<const dirent64 *>(buffer_.data() + length_ + at);

				use(e->d_name);
				at += e->d_reclen;
			}
			length_ += std::max(n, 0l);
		} while (n > 0);
		error_ = n < 0 ? errno : 0;
	}
	const unique_fd &dir() const { return dir_; }
	/* How many there are, without "." and "..". */
	int64_t names(ktap::test_case &t) const
	{
		t.require(error_ == 0, "getdents64: {}", std::strerror(error_));
		return names_in(buffer_.data(), length_);
	}

private:
	unique_fd dir_;
	std::vector<char> buffer_;
	long length_ = 0;
	int error_ = 0;
};

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The protocol, for all FUSE servers here: a mount, requests as they come from
 * /dev/fuse, replies, and the packing of what a directory lists.  The meaning of a
 * request is up to the server.
 *
 * Not libfuse: Debian has no static one that a compiler with -m32 could link with,
 * unless a second architecture is set up, and the little that would be used of it
 * is below.
 */
#pragma once

#include "mount.hpp"
#include "unique_fd.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <linux/fuse.h>
#include <memory>
#include <span>
#include <string>
#include <string_view>

struct fuse_request {
	fuse_in_header header;
	std::span<const char> rest;	/* behind the header; a zero follows */

	/* A member that the kernel is too old to send is zero. */
	template <class T> T body() const
	{
		T t = {};

		std::memcpy(&t, rest.data(), std::min(sizeof(t), rest.size()));
		return t;
	}
	/* The string that starts there. */
	const char *text(size_t at = 0) const
	{
		return rest.data() + std::min(at, rest.size());
	}
};

class fuse_connection {
public:
	/*
	 * Mounts; requests wait until somebody serves.  Throws std::system_error when
	 * /dev/fuse or the mount cannot be had.  `more_flags` are those that INIT has and
	 * that not every server here asks for.
	 */
	fuse_connection(const std::string &target, const std::string &options,
			uint32_t more_flags = 0);

	/*
	 * Hands out requests until the connection has ended.  Several threads may do
	 * it at once; INIT never gets as far as `handle`.
	 */
	void serve(const std::function<void(const fuse_request &)> &handle);
	/* All that wait for a reply get an error, and serve() returns. */
	void end() { mount_.reset(); }

	/* Any thread, any time.  False: nobody waits for this reply any more. */
	bool reply(uint64_t id, int error) { return send(id, error, nullptr, 0); }
	bool reply(uint64_t id, std::string_view body)
	{
		return send(id, 0, body.data(), body.size());
	}
	template <class T> bool reply_with(uint64_t id, const T &body)
	{
		return send(id, 0, &body, sizeof(body));
	}

private:
	bool send(uint64_t id, int error, const void *body, size_t len);
	void init(const fuse_request &q);

	unique_fd device_;
	std::unique_ptr<mounted> mount_;
	const uint32_t more_flags_;
};

/* The body of a reply to READDIR or READDIRPLUS. */
class fuse_listing {
public:
	explicit fuse_listing(const fuse_request &q)
		: plus_(q.header.opcode == FUSE_READDIRPLUS),
		  room_(q.body<fuse_read_in>().size)
	{
	}

	bool plus() const { return plus_; }
	bool fits(std::string_view name) const { return text_.size() + size_of(name) <= room_; }
	/* One that fits.  `next` is where to go on behind it; `entry` is for READDIRPLUS. */
	void add(std::string_view name, uint64_t ino, uint64_t next, unsigned type,
		 const fuse_entry_out &entry);
	const std::string &text() const { return text_; }

private:
	size_t head() const { return plus_ ? offsetof(fuse_direntplus, dirent) : 0; }
	size_t size_of(std::string_view name) const
	{
		return FUSE_DIRENT_ALIGN(head() + FUSE_NAME_OFFSET + name.size());
	}

	const bool plus_;
	const size_t room_;
	std::string text_;
};

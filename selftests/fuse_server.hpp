/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The least FUSE server that a test needs: it speaks /dev/fuse itself, has one
 * flat root directory, and keeps back the replies to LOOKUP of chosen names until
 * the test gives them.  So a test holds ->lookup() without any module.
 */
#pragma once

#include "ktap.hpp"
#include "mount.hpp"
#include "unique_fd.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <thread>
#include <vector>

/* What LOOKUP of a name says. */
struct fuse_entry {
	int error = 0;			/* an errno; ENOENT makes no dentry that is kept */
	uint64_t node = 0;		/* with error 0: 0 is a negative entry to cache */
	bool directory = false;
};

class fuse_server {
public:
	/* Throws std::system_error when /dev/fuse or the mount cannot be had. */
	explicit fuse_server(const std::string &target);
	fuse_server(const fuse_server &) = delete;
	fuse_server &operator=(const fuse_server &) = delete;
	~fuse_server();

	void set(const std::string &name, fuse_entry e);
	/* Keep replies to LOOKUP of this name back. */
	void hold(const std::string &name);
	/* Reply to the one that has waited longest; false when none waits. */
	bool reply_one(const std::string &name);
	/* Reply to all, and keep none back from now on. */
	void release_all();

	unsigned asked(const std::string &name);	/* LOOKUP requests so far */
	unsigned waiting(const std::string &name);	/* replies kept back now */
	unsigned most_at_once(const std::string &name);
	/* Names for READDIRPLUS to list. */
	void list(const std::vector<std::string> &names);

private:
	struct request;
	struct name_state {
		fuse_entry entry{ENOENT, 0, false};
		bool held = false;
		unsigned asked = 0;
		unsigned most = 0;
		std::deque<uint64_t> kept;	/* ids of requests */
	};

	void serve();
	void handle(std::span<const char> message);
	void lookup(uint64_t id, const std::string &name);
	void read_directory(uint64_t id, uint64_t offset, uint32_t size, bool plus);
	void answer_lookup(uint64_t id, const fuse_entry &e);
	void reply(uint64_t id, int error, const void *body = nullptr, size_t len = 0);

	unique_fd device_, stop_;
	std::mutex lock_;
	std::map<std::string, name_state> names_;
	std::map<uint64_t, bool> directories_;	/* node, is it a directory */
	std::vector<std::string> listed_;
	std::unique_ptr<mounted> mount_;
	std::jthread thread_;
};

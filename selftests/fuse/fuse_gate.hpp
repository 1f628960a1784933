/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The least FUSE server that holds ->lookup() without any module: it has one flat
 * root directory, and keeps back the replies to LOOKUP of chosen names until the
 * test gives them.
 */
#pragma once

#include "fuse_connection.hpp"

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

/* The reply to LOOKUP of a name. */
struct fuse_entry {
	int error = 0;			/* an errno; ENOENT makes no dentry that is kept */
	uint64_t node = 0;		/* with error 0: 0 is a negative entry to cache */
	bool directory = false;
};

class fuse_gate {
public:
	/* Throws std::system_error when /dev/fuse or the mount cannot be had. */
	explicit fuse_gate(const std::string &target);
	fuse_gate(const fuse_gate &) = delete;
	fuse_gate &operator=(const fuse_gate &) = delete;
	~fuse_gate();

	void set(const std::string &name, fuse_entry e);
	/* Keep replies to LOOKUP of this name back. */
	void hold(const std::string &name);
	/* Reply to the one that has waited longest; false when none waits. */
	bool reply_one(const std::string &name);
	/* Reply to all, and keep none back from now on; read requests again. */
	void release_all();
	/* Behind its next reply to READDIRPLUS the server reads no request until release_all(). */
	void stop_behind_list();

	unsigned asked(const std::string &name);	/* LOOKUP requests so far */
	unsigned waiting(const std::string &name);	/* replies kept back now */
	unsigned most_at_once(const std::string &name);
	/* How many of the times that the kernel was told of a node it has taken back. */
	uint64_t forgotten(uint64_t node);
	/* Names for READDIRPLUS to list, in whatever directory. */
	void list(const std::vector<std::string> &names);
	/* The reply to CREATE and MKNOD of any name; ENOSYS at first. */
	void set_created(fuse_entry e);
	/* Nodes that the kernel was told of and has not forgotten, and how often. */
	std::map<uint64_t, int64_t> known();

private:
	struct name_state {
		fuse_entry entry{ENOENT, 0, false};
		bool held = false;
		unsigned asked = 0;
		unsigned most = 0;
		std::deque<uint64_t> kept;	/* ids of requests */
	};

	void handle(const fuse_request &q);
	void lookup(uint64_t id, const std::string &name);
	void get_attributes(const fuse_request &q);
	void read_directory(const fuse_request &q);
	void answer_lookup(uint64_t id, const fuse_entry &e);
	void create(const fuse_request &q);
	void forget(const fuse_request &q);
	void forget(uint64_t node, uint64_t times);	/* with lock_ held */

	fuse_connection connection_;
	std::mutex lock_;
	std::map<std::string, name_state> names_;
	std::map<uint64_t, bool> directories_;	/* node, is it a directory */
	std::map<uint64_t, uint64_t> forgotten_;	/* node, how often */
	std::vector<std::string> listed_;
	fuse_entry created_{ENOSYS, 0, false};
	std::map<uint64_t, int64_t> known_;
	bool stops_ = false;
	std::condition_variable goes_on_;	/* stops_ is false */
	std::jthread thread_;
};

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which requests a FUSE server keeps back, and the socket by which a test says so.
 *
 * A server that lives longer than a case must not keep anything back for the next one: so
 * what a client has asked for holds as long as its connection, and there is one client at a
 * time.  A client that comes ends the connection of the one before, whose process may be
 * one that cannot end.
 *
 * The protocol is a line each way, and the requests of an operation are called:
 *
 *	hold OP NAME		keep requests back from now on			ok
 *	fail OP NAME ERRNO	when let go, and from now on, they get this	ok
 *	held OP NAME		how many are kept back now			a number
 *	asked OP NAME		how many have come since the connection		a number
 *	pass OP NAME		let those go that are kept back now, and only those	ok
 *	go			let all go, and keep none back any more		ok
 *
 * OP is lookup, create (create, mknod and mkdir), remove (unlink and rmdir), rename (NAME is
 * the old one), read or list (NAME is that of the file or directory).  A NAME ends the line.
 */
#pragma once

#include "unique_fd.hpp"

#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

/* In the server. */
class fuse_holds {
public:
	/* Listens at `path`.  Throws std::system_error. */
	explicit fuse_holds(const std::string &path);
	~fuse_holds();

	/* Called by the thread that serves the request.  Returns 0, or the errno to reply. */
	int pass(const std::string &op, const std::string &name);

private:
	struct rule {
		bool held = false;
		int error = 0;
		unsigned waiting = 0, asked = 0;
		unsigned passes = 0;	/* what came before the last one waits no more */
	};

	void serve(int client);
	std::string obey(const std::string &line);

	unique_fd listener_;
	std::mutex lock_;
	std::condition_variable changed_;
	std::map<std::pair<std::string, std::string>, rule> rules_;	/* lock_ */
	std::jthread thread_;
};

/* In the test. */
class fuse_holder {
public:
	explicit fuse_holder(const std::string &path);

	void hold(const std::string &op, const std::string &name) { say("hold", op, name); }
	void fail(const std::string &op, const std::string &name, int error);
	unsigned held(const std::string &op, const std::string &name);
	unsigned asked(const std::string &op, const std::string &name);
	void pass(const std::string &op, const std::string &name) { say("pass", op, name); }
	void go() { send_line("go"); }

private:
	void say(const char *verb, const std::string &op, const std::string &name);
	std::string send_line(const std::string &line);

	unique_fd socket_;
	std::mutex lock_;		/* a line and its answer */
};

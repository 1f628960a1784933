/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The root with real servers that scripts/steps/servers makes, which PID 1 of the guest has
 * mounted at /servers, and the programs that run in there.
 *
 * A daemon outlives the case that has started it.  The next case that needs it finds it by
 * its pid file, and starts it anew if it has died.  What it says goes to a log of its own,
 * whose last lines are the reason of a case that cannot use it.
 */
#pragma once

#include "ktap.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

inline const std::string server_root = "/servers";
/* What the servers show to their clients, and pid files and logs; tmpfs. */
inline const std::string server_state = "/tmp/servers";

/* Where knfsd listens, and who tells its clients what it exports. */
inline constexpr uint16_t nfs_port = 2049, mountd_port = 20048;

/* How long a server may take until it answers: it shares the machine with everything else. */
inline constexpr std::chrono::milliseconds server_start{30000};

using arguments = std::vector<std::string>;

/* Skips the case if there is no such root. */
void need_server_root(ktap::test_case &t);

/*
 * Runs a program in the root to its end, and returns what it said.  Fails the case with the
 * end of that, or after `bound`.
 */
std::string run_in_root(ktap::test_case &t, const arguments &argv,
			std::chrono::milliseconds bound = std::chrono::seconds(20));
/* The same for a program that may well fail: to ask a server whether it answers. */
bool succeeds_in_root(ktap::test_case &t, const arguments &argv,
		      std::chrono::milliseconds bound = std::chrono::seconds(20));

class server {
public:
	/* `in_root`: whether the program is one of the root's; `own_log`: in there, of one that
	 * says nothing on its standard error.
	 */
	server(std::string name, arguments argv, bool in_root = true, std::string own_log = "")
		: name_(std::move(name)), argv_(std::move(argv)), in_root_(in_root),
		  own_log_(std::move(own_log))
	{
	}

	pid_t pid() const;		/* 0: it does not run */
	/* Starts it unless it runs. */
	void ensure(ktap::test_case &t) const;
	/* A signal to its process and all that it has started. */
	void signal(int number) const;
	/* Ends it, and waits until it has gone. */
	void end(ktap::test_case &t) const;
	/* The case fails with this: the name, and the last lines of the log. */
	std::string complaint() const;

private:
	std::string file(const char *suffix) const { return server_state + "/" + name_ + suffix; }

	std::string name_;
	arguments argv_;
	bool in_root_;
	std::string own_log_;
};

/* Whether something listens there, on the loopback device. */
bool tcp_answers(uint16_t port);
/* Whether the NULL procedure of an RPC program is answered there. */
bool rpc_answers(bool udp, uint16_t port, uint32_t program, uint32_t version);
/* The devices of the guest's network are down when it boots. */
void set_up_loopback();

/* Writes a file, of the root if `path` is below it.  Throws std::system_error. */
void write_file(const std::string &path, const std::string &text);

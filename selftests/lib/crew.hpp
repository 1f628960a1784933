/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Threads and processes that each make one system call on a path, while the test
 * proves where they sleep.  They only collect; the test decides.
 */
#pragma once

#include "ktap.hpp"
#include "parked.hpp"

#include <atomic>
#include <dirent.h>
#include <fcntl.h>
#include <functional>
#include <memory>
#include <string>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

struct answer {
	int error = 0;			/* 0 or errno */
	uint64_t ino = 0;
	mode_t mode = 0;
	std::vector<std::string> listed;
};

using action = std::function<answer()>;

inline answer stat_now(const std::string &path)
{
	struct stat st;
	answer a;

	if (::lstat(path.c_str(), &st) < 0) {
		a.error = errno;
	} else {
		a.ino = st.st_ino;
		a.mode = st.st_mode;
	}
	return a;
}

inline answer open_now(const std::string &path, int flags, mode_t mode = 0)
{
	const unique_fd fd(::open(path.c_str(), flags | O_CLOEXEC, mode));
	struct stat st;
	answer a;

	if (!fd || ::fstat(fd.get(), &st) < 0) {
		a.error = errno;
	} else {
		a.ino = st.st_ino;
		a.mode = st.st_mode;
	}
	return a;
}

/* What is left of an open directory. */
inline answer list_rest(DIR *d)
{
	answer a;

	for (;;) {
		errno = 0;
		const dirent *e = ::readdir(d);

		if (!e) {
			a.error = errno;
			return a;
		}
		a.listed.emplace_back(e->d_name);
	}
}

inline answer list_now(const std::string &path)
{
	std::unique_ptr<DIR, int (*)(DIR *)> d(::opendir(path.c_str()), ::closedir);
	answer a;

	if (d)
		return list_rest(d.get());
	a.error = errno;
	return a;
}

inline action stat_of(std::string path)
{
	return [path] { return stat_now(path); };
}
inline action open_of(std::string path, int flags, mode_t mode = 0)
{
	return [=] { return open_now(path, flags, mode); };
}
inline action unlink_of(std::string path)
{
	return [path] {
		answer a;

		if (::unlink(path.c_str()))
			a.error = errno;
		return a;
	};
}
inline action rename_of(std::string from, std::string to)
{
	return [from, to] {
		answer a;

		if (::rename(from.c_str(), to.c_str()))
			a.error = errno;
		return a;
	};
}
inline action list_of(std::string path)
{
	return [path] { return list_now(path); };
}

/* A signal has reached that thread, and it has not acted on it yet. */
inline bool signal_pending(pid_t pid, pid_t tid, int signal)
{
	const std::string text = read_file(fmt::format("/proc/{}/task/{}/status", pid, tid)).value_or("");
	const size_t at = text.find("\nSigPnd:\t");
	uint64_t mask = 0;

	if (at == std::string::npos)
		return false;
	std::from_chars(text.data() + at + 9, text.data() + text.size(), mask, 16);
	return mask & (uint64_t{1} << (signal - 1));
}

/* One system call in a thread of its own. */
class actor {
public:
	explicit actor(action what)
		: thread_([this, what = std::move(what)] {
			  tid_.store(::gettid(), std::memory_order_release);
			  tid_.notify_all();
			  got_ = what();
			  done_.store(true, std::memory_order_release);
		  })
	{
		tid_.wait(0, std::memory_order_acquire);
	}

	pid_t pid() const { return ::getpid(); }
	pid_t tid() const { return tid_.load(std::memory_order_acquire); }
	bool done() const { return done_.load(std::memory_order_acquire); }
	const answer &got() const { return got_; }	/* only when done() */

private:
	std::atomic<pid_t> tid_{0};
	std::atomic<bool> done_{false};
	answer got_;
	std::jthread thread_;		/* last: it uses the others */
};

/* The same in a process of its own, which can be killed. */
class process {
public:
	/* Exits with what `call` returns, an errno, which only makes system calls: the parent
	 * has threads.
	 */
	explicit process(const std::string &path, int (*call)(const char *path) = stat_once)
		: pid_(::fork())
	{
		if (pid_ < 0)
			throw errno_error("fork");
		if (pid_ == 0)
			::_exit(call(path.c_str()));
	}
	static int stat_once(const char *path)
	{
		struct stat st;

		return ::lstat(path, &st) < 0 ? errno : 0;
	}
	static int list_once(const char *path)
	{
		alignas(uint64_t) char entries[4096];
		const int fd = ::open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		return fd < 0 || ::syscall(SYS_getdents64, fd, entries, sizeof(entries)) < 0 ? errno : 0;
	}
	process(const process &) = delete;
	process &operator=(const process &) = delete;
	~process()
	{
		/* It may be held, so do not wait: it ends when that is over. */
		if (!done())
			::kill(pid_, SIGKILL);
	}

	pid_t pid() const { return pid_; }
	pid_t tid() const { return pid_; }
	bool done()
	{
		if (!reaped_ && ::waitpid(pid_, &status_, WNOHANG) == pid_)
			reaped_ = true;
		return reaped_;
	}
	void kill() const { ::kill(pid_, SIGKILL); }
	bool kill_pending() const { return signal_pending(pid_, pid_, SIGKILL); }
	bool was_killed() const { return WIFSIGNALED(status_) && WTERMSIG(status_) == SIGKILL; }
	int error() const { return WIFEXITED(status_) ? WEXITSTATUS(status_) : -1; }

private:
	pid_t pid_;
	int status_ = 0;
	bool reaped_ = false;
};

/* Poll a state, with a bound. */
template <class Condition>
bool wait_until(std::chrono::milliseconds bound, Condition &&condition)
{
	const auto deadline = std::chrono::steady_clock::now() + bound;

	while (!condition()) {
		if (std::chrono::steady_clock::now() >= deadline)
			return condition();
		std::this_thread::sleep_for(std::chrono::microseconds(500));
	}
	return true;
}

/*
 * The actors of a case.  `release` opens whatever holds them; it is called before
 * they are joined, so that a case that fails does not wait for itself.
 */
class crew {
public:
	static constexpr std::chrono::milliseconds bound{5000};

	/* `patience`: how long whatever holds them may take to let them go. */
	crew(ktap::test_case &t, std::function<void()> release,
	     std::chrono::milliseconds patience = bound)
		: t_(t), release_(std::move(release)), patience_(patience)
	{
	}
	~crew()
	{
		try {
			release_();
		} catch (const std::exception &e) {
			t_.note("cannot let the held lookups go: {}", e.what());
		}
	}

	actor &start(action what)
	{
		return *actors_.emplace_back(std::make_unique<actor>(std::move(what)));
	}
	std::vector<actor *> start(unsigned n, const action &what)
	{
		std::vector<actor *> group;

		for (unsigned i = 0; i < n; i++)
			group.push_back(&start(what));
		return group;
	}

	/* The claim that everything rests on. */
	template <class Who> void must_be_parked(const Who &who, const char *name = "the waiter")
	{
		const sleep_state s = wait_parked(who.pid(), who.tid(), t_.bound(bound));

		if (s.verdict == parked::unknown)
			t_.skip("whether {} sleeps could not be found out: neither wchan nor stack can be read",
				name);
		t_.require(s.verdict == parked::yes, "{} does not sleep in {}: {}", name,
			   waiting_function, to_string(s));
	}
	void must_be_parked(const std::vector<actor *> &group)
	{
		for (const actor *a : group)
			must_be_parked(*a);
	}
	template <class Who> void must_be_through(Who &who, const char *name = "the waiter")
	{
		if (!wait_until(t_.bound(patience_), [&] { return who.done(); }))
			t_.fail("{} does not come back: {}", name,
				to_string(look_at(who.pid(), who.tid())));
	}
	const answer &answer_of(actor &a, const char *name = "the waiter")
	{
		must_be_through(a, name);
		return a.got();
	}
	void must_fail(actor &a, int error, const char *name = "the waiter")
	{
		const answer &got = answer_of(a, name);

		t_.require(got.error == error, "{} got errno {}, not {}", name, got.error, error);
	}
	uint64_t must_find(actor &a, const char *name = "the waiter")
	{
		const answer &got = answer_of(a, name);

		t_.require(got.error == 0, "{} got errno {}", name, got.error);
		return got.ino;
	}
	void must_find(actor &a, uint64_t ino, const char *name = "the waiter")
	{
		const uint64_t got = must_find(a, name);

		t_.require(got == ino, "{} got inode {}, not {}", name, got, ino);
	}

private:
	ktap::test_case &t_;
	std::function<void()> release_;
	const std::chrono::milliseconds patience_;
	std::vector<std::unique_ptr<actor>> actors_;	/* joined after the destructor's body */
};

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Allocations of the calling thread that fail in the kernel, as often as the
 * user has written to /sys/kernel/debug/failslab and fail_page_alloc.
 */
#pragma once

#include "unique_fd.hpp"

#include <cstdlib>
#include <malloc.h>
#include <string>
#include <sys/mman.h>

class fault_injection {
public:
	static constexpr const char *file = "/proc/thread-self/make-it-fail";

	/* For the thread that calls this.  Throws std::system_error. */
	void start()
	{
		fd_ = open_or_throw(file, O_WRONLY);
		set(true);
	}
	bool on() const { return bool(fd_); }

	/* No faults in this thread meanwhile, for calls that have to work. */
	class pause {
	public:
		explicit pause(fault_injection &f) : f_(f) { f_.set(false); }
		pause(const pause &) = delete;
		pause &operator=(const pause &) = delete;
		~pause() noexcept(false) { f_.set(true); }

	private:
		fault_injection &f_;
	};

private:
	void set(bool fail)
	{
		if (fd_ && ::pwrite(fd_.get(), fail ? "1" : "0", 1, 0) != 1)
			throw errno_error(file);
	}

	unique_fd fd_;
};

/* One allocation of the calling thread, and which one it is. */
class nth_fault {
public:
	static constexpr const char *file = "/proc/thread-self/fail-nth";

	/* Throws std::system_error; ENOENT where the kernel has no such thing. */
	nth_fault() : fd_(open_or_throw(file, O_RDWR)) {}

	/* The nth allocation from now on fails. */
	void arm(unsigned nth)
	{
		const std::string text = std::to_string(nth);

		if (::pwrite(fd_.get(), text.data(), text.size(), 0) !=
		    static_cast<ssize_t>(text.size()))
			throw errno_error(file);
	}
	/* From now on none does.  Has that one failed? */
	bool disarm()
	{
		char text[16] = {};

		if (::pread(fd_.get(), text, sizeof(text) - 1, 0) <= 0)
			throw errno_error(file);
		const bool failed = std::strtoul(text, nullptr, 10) == 0;
		arm(0);
		return failed;
	}

private:
	unique_fd fd_;
};

/* Known to be so: no kind of allocation is set to fail ever. */
inline bool no_faults_are_configured()
{
	bool known = false;

	for (const char *kind : {"failslab", "fail_page_alloc"}) {
		const auto text = read_file(std::string("/sys/kernel/debug/") + kind + "/probability");

		if (text && std::strtoul(text->c_str(), nullptr, 10) > 0)
			return false;
		known |= text.has_value();
	}
	return known;
}

/*
 * Before the threads are started: a page fault of ours that fails inside of a
 * system call is EFAULT, and a heap that cannot grow std::bad_alloc.  Neither
 * tells anything of a lookup.  So all memory is there from now on.
 */
inline void hold_all_memory()
{
	constexpr int heap = 1 << 23;

	::mallopt(M_ARENA_MAX, 1);
	::mallopt(M_MMAP_MAX, 0);
	::mallopt(M_TRIM_THRESHOLD, 2 * heap);
	std::free(std::malloc(heap));
	if (::mlockall(MCL_CURRENT | MCL_FUTURE) < 0)
		throw errno_error("mlockall");
}

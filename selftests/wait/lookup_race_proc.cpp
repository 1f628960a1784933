// SPDX-License-Identifier: GPL-2.0
/*
 * The races on procfs.  Its readdir puts what it lists into the dcache through
 * d_alloc_parallel(), to give the inode number that stat() would.  So one thread
 * lists a directory whose names nobody has looked up yet, the others stat() or open them,
 * and what all saw must be the same inode.  Each name is listed once.
 *
 * With dir_retry() readdir waits for a name that is being looked up with the directory
 * unlocked.  How often it has come to that is counted, where the kernel can count it,
 * and must not be never.
 */
#include "pass_counter.hpp"
#include "race.hpp"
#include "unique_fd.hpp"

#include <csignal>
#include <cstring>
#include <dirent.h>
#include <optional>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

namespace {

struct seen_name {
	std::string name;
	uint64_t listed = 0;			/* d_ino */
	unsigned times = 0;			/* how often it was listed */
	std::vector<uint64_t> found;		/* st_ino by racer */
};

/* Lists fd with a buffer of so many bytes; 0 or errno. */
template <class Take> int list(int fd, size_t size, Take &&take)
{
	alignas(dirent64) char buffer[4096];

	for (;;) {
		const long n = ::syscall(SYS_getdents64, fd, buffer, size);

		if (n <= 0)
			return n < 0 ? errno : 0;
		for (long at = 0; at < n;) {
			const auto *e = reinterpret_cast<const dirent64 *>(buffer + at);

			if (std::strcmp(e->d_name, ".") && std::strcmp(e->d_name, ".."))
				take(e->d_name, e->d_ino);
			at += e->d_reclen;
		}
	}
}

std::vector<seen_name> names_of(const std::string &dir, unsigned racers)
{
	const unique_fd fd = open_or_throw(dir, O_RDONLY | O_DIRECTORY);
	std::vector<seen_name> names;

	list(fd.get(), 4096, [&](const char *name, uint64_t) {
		names.push_back({name, 0, 0, std::vector<uint64_t>(racers)});
	});
	return names;
}

/* Racer 0 lists, and the order is the same each time, so a cursor finds the name. */
bool list_all(int fd, std::vector<seen_name> &names, racer &me)
{
	/* Small buffers: about as slow as one stat() a name. */
	const size_t size = 64 + 8 * me.random.below(24);
	size_t cursor = 0;
	const int error = list(fd, size, [&](const char *name, uint64_t ino) {
		for (size_t tries = 0; tries < names.size(); tries++) {
			seen_name &s = names[cursor];

			cursor = (cursor + 1) % names.size();
			if (s.name == name) {
				s.listed = ino;
				s.times++;
				return;
			}
		}
	});

	if (error)
		me.complaint = fmt::format("getdents64: {}", std::strerror(error));
	return error == 0;
}

bool stat_name(int fd, const std::string &name, struct stat &st)
{
	return ::fstatat(fd, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Not to read it, which not every file of procfs allows. */
bool open_name(int fd, const std::string &name, struct stat &st)
{
	const unique_fd file(::openat(fd, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));

	return file && ::fstat(file.get(), &st) == 0;
}

bool stat_all(int fd, std::vector<seen_name> &names, unsigned who, racer &me)
{
	const size_t first = me.random.below(3) ? 0 : me.random.below(names.size());

	for (size_t i = 0; i < names.size(); i++) {
		seen_name &s = names[(first + i) % names.size()];
		struct stat st;

		if (!(me.random.below(2) ? stat_name(fd, s.name, st) : open_name(fd, s.name, st))) {
			me.complaint = fmt::format("{}: {}", s.name, std::strerror(errno));
			return false;
		}
		s.found[who] = st.st_ino;
	}
	return true;
}

bool agree(const std::vector<seen_name> &names, racer &me)
{
	for (const seen_name &s : names) {
		if (s.times != 1) {
			me.complaint = fmt::format("{} was listed {} times", s.name, s.times);
			return false;
		}
		for (size_t who = 1; who < s.found.size(); who++) {
			if (s.found[who] == s.listed)
				continue;
			me.complaint = fmt::format("{}: readdir says inode {}, fstat {}", s.name,
						   s.listed, s.found[who]);
			return false;
		}
	}
	return true;
}

/*
 * A process that does nothing.  It shares our memory, so it is cheap to make.  It ends with the
 * thread that has made it, as that does not always come to the destructor.
 */
class idle_process {
public:
	idle_process()
	{
		pid_ = ::clone([](void *self) {
			::prctl(PR_SET_PDEATHSIG, SIGKILL);
			/* Or that was over before. */
			if (::getppid() != static_cast<idle_process *>(self)->parent_)
				return 1;
			for (;;)
				::syscall(SYS_ppoll, nullptr, 0, nullptr, nullptr, 0);
			return 0;
		}, stack_ + sizeof(stack_), CLONE_VM | CLONE_FS | CLONE_FILES | SIGCHLD, this);
		if (pid_ < 0)
			throw errno_error("clone");
	}
	idle_process(const idle_process &) = delete;
	idle_process &operator=(const idle_process &) = delete;
	~idle_process()
	{
		::kill(pid_, SIGKILL);
		::waitpid(pid_, nullptr, 0);
	}
	pid_t pid() const { return pid_; }

private:
	alignas(16) char stack_[16384];
	const pid_t parent_ = ::getpid();
	pid_t pid_;
};

/*
 * Rounds of: racer 0 prepares a directory, all meet, it lists and they stat(), all
 * meet, it compares.  prepare() returns the descriptor of the directory.
 */
template <class Prepare>
race_result race_list_against_stat(ktap::test_case &t, const race_config &c,
				   const std::string &what, std::vector<seen_name> &names,
				   Prepare &&prepare)
{
	spin_barrier ready(c.threads), through(c.threads);
	std::atomic<int> directory{-1};
	std::atomic<bool> bad{false};

	t.require(!names.empty(), "{} lists nothing", what);
	return run_race(t, c, what, [&](unsigned who, uint64_t round, racer &me) {
		unique_fd mine;

		if (who == 0) {
			for (seen_name &s : names)
				s.listed = s.times = 0;
			mine = prepare(round, me);
			directory.store(mine.get(), std::memory_order_relaxed);
			bad.store(!mine, std::memory_order_relaxed);
		}
		ready.meet();
		const int fd = directory.load(std::memory_order_relaxed);

		if (fd >= 0 && !(who == 0 ? list_all(fd, names, me) : stat_all(fd, names, who, me)))
			bad.store(true, std::memory_order_relaxed);
		through.meet();
		if (bad.load(std::memory_order_relaxed))
			return false;
		return who == 0 ? agree(names, me) : true;
	});
}

/*
 * Races, and readdir must have met a lookup, on a kernel where it then asks for another try.  Where
 * other tasks have the CPUs, once is not always enough: it goes on for as long as a round may take.
 */
template <class Race> void race_until_met(ktap::test_case &t, const race_config &c, Race &&race)
{
	const pass_counter retries("dir_retry");
	const auto deadline = std::chrono::steady_clock::now() + t.bound(c.bound);
	std::optional<uint64_t> passes;

	do {
		race();
		passes = retries.passes();
	} while (passes == 0 && !c.rounds && std::chrono::steady_clock::now() < deadline);
	if (!passes) {
		t.note("how often readdir met a lookup is not known: no dir_retry(), or no kprobe events");
		return;
	}
	t.note("readdir met a lookup {} times", *passes);
	t.require(*passes != 0, "readdir never met a lookup, so nothing was raced for");
}

unique_fd open_directory(const std::string &path, racer &me)
{
	unique_fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));

	if (!fd)
		me.complaint = fmt::format("{}: {}", path, std::strerror(errno));
	return fd;
}

} /* namespace */

void race_on_new_processes(ktap::test_case &t, const race_config &c)
{
	auto names = names_of("/proc/self", c.threads);
	std::unique_ptr<idle_process> process;

	race_until_met(t, c, [&] {
		race_list_against_stat(t, c, "procfs", names, [&](uint64_t, racer &me) {
			process.reset();
			process = std::make_unique<idle_process>();
			return open_directory(fmt::format("/proc/{}", process->pid()), me);
		});
	});
}

void race_on_sysctl(ktap::test_case &t, const race_config &c)
{
	const std::string dirs[] = {"/proc/sys/fs", "/proc/sys/kernel", "/proc/sys/vm"};
	unique_fd drop(::open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC));

	if (!drop)
		t.skip("/proc/sys/vm/drop_caches cannot be written: {}", std::strerror(errno));
	/* 4: do not log each time that caches were dropped. */
	if (::pwrite(drop.get(), "4", 1, 0) != 1)
		throw errno_error("drop_caches");

	race_config part = c;

	part.duration /= std::size(dirs);
	race_until_met(t, c, [&] {
		for (const std::string &dir : dirs) {
			auto names = names_of(dir, c.threads);

			race_list_against_stat(t, part, dir, names, [&](uint64_t, racer &me) {
				if (::pwrite(drop.get(), "2", 1, 0) != 1) {
					me.complaint = "drop_caches cannot be written";
					return unique_fd();
				}
				return open_directory(dir, me);
			});
		}
	});
}

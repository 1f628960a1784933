// SPDX-License-Identifier: GPL-2.0
/*
 * lookup_stress on a directory that can be written to: the lookups of names, judged by
 * what stress_history.hpp has of these.
 */
#include "stress_writable.hpp"

#include <charconv>
#include <cstring>
#include <dirent.h>
#include <sys/syscall.h>

/* Reads the generation of an open file or directory. */
observed writable::content(int fd)
{
	alignas(dirent64) char buffer[1024];
	struct stat st;
	observed seen;
	const char *text = buffer, *end = buffer;

	seen.looked = true;
	if (::fstat(fd, &st) < 0)
		throw errno_error("fstat");
	if (S_ISDIR(st.st_mode)) {
		seen.what = kind::directory;
		const long n = ::syscall(SYS_getdents64, fd, buffer, sizeof(buffer));

		/* ENOENT: the directory itself is removed. */
		if (n < 0 && errno != ENOENT)
			throw errno_error("getdents64");
		for (long at = 0; at < n;) {
			const auto *e = reinterpret_cast<const dirent64 *>(buffer + at);

			if (e->d_name[0] != '.') {
				text = e->d_name;
				end = text + std::strlen(text);
			}
			at += e->d_reclen;
		}
	} else {
		seen.what = kind::file;
		const ssize_t n = ::pread(fd, buffer, sizeof(buffer), 0);

		if (n < 0)
			throw errno_error("pread");
		end = text + n;
	}
	const auto r = std::from_chars(text, end, seen.generation);

	if (r.ec != std::errc() || (r.ptr != end && *r.ptr != '\n')) {
		seen.generation = 0;
		seen.empty = text == end;
	}
	return seen;
}

bool writable::judge(const hot_name &h, uint64_t from, uint64_t to, const observed &seen,
		     const char *how)
{
	if (h.allows(from, to, seen))
		return true;
	/* The history is a ring: was it overwritten meanwhile? */
	if (h.begun_now() - from >= hot_name::kept) {
		unjudged_.fetch_add(1, std::memory_order_relaxed);
		return true;
	}
	run_.violation("{} of {} found {}:{}{}; states {} to {} were{} (0 missing, 1 file, 2 directory, 3 written in place)",
		       how, h.name, static_cast<uint64_t>(seen.what), seen.generation,
		       seen.empty ? " (empty)" : "", from, to, h.describe(from, to));
	return false;
}

bool writable::is_stale(const hot_name &h, uint64_t from, int error)
{
	if (error != ESTALE || !run_.config.may_be_stale || h.begun_now() == from)
		return false;
	unjudged_.fetch_add(1, std::memory_order_relaxed);
	return true;
}

void writable::read_stat(stress_worker &w)
{
	hot_name &h = any(w);
	const uint64_t from = h.complete_now();
	struct stat st;
	observed seen;

	{
		const stress_worker::operation o(w, op::stat, h.name.c_str());

		if (::fstatat(at(), h.name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0)
			seen.what = S_ISDIR(st.st_mode) ? kind::directory : kind::file;
		else if (w.injected(errno) || is_stale(h, from, errno))
			return;
		else if (errno != ENOENT)
			return run_.violation("stat of {}: {}", h.name, std::strerror(errno));
	}
	judge(h, from, h.begun_now(), seen, "stat");
}

/* The content, and one inode a name: stat() agrees if nothing changed meanwhile. */
void writable::read_open(stress_worker &w)
{
	hot_name &h = any(w);
	const uint64_t from = h.complete_now();
	struct stat opened, named;
	bool compare = false;
	observed seen;

	{
		const stress_worker::operation o(w, op::open, h.name.c_str());
		const unique_fd fd(::openat(at(), h.name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));

		if (!fd && (w.injected(errno) || is_stale(h, from, errno)))
			return;
		if (!fd && errno != ENOENT)
			return run_.violation("open of {}: {}", h.name, std::strerror(errno));
		if (fd) {
			try {
				seen = content(fd.get());
			} catch (const std::system_error &e) {
				if (is_stale(h, from, e.code().value()))
					return;
				throw;
			}
			compare = ::fstat(fd.get(), &opened) == 0 &&
				  ::fstatat(at(), h.name.c_str(), &named, AT_SYMLINK_NOFOLLOW) == 0;
		}
	}
	const uint64_t to = h.begun_now();

	if (judge(h, from, to, seen, "open") && compare && from == to &&
	    opened.st_ino != named.st_ino)
		run_.violation("{} was inode {} for open and {} for stat, and nobody changed it",
			       h.name, opened.st_ino, named.st_ino);
}

/* A name that is there all the time is listed once, one that is not there is not listed. */
void writable::read_list(stress_worker &w)
{
	std::vector<uint64_t> from(hot_.size()), listed(hot_.size());
	alignas(dirent64) char buffer[4096];

	for (size_t i = 0; i < hot_.size(); i++)
		from[i] = hot_[i].complete_now();
	{
		const stress_worker::operation o(w, op::readdir, path_.c_str());
		const unique_fd fd(::openat(at(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
		long n;

		if (!fd && w.injected(errno))
			return;
		if (!fd)
			return run_.violation("open of {}: {}", path_, std::strerror(errno));
		while ((n = ::syscall(SYS_getdents64, fd.get(), buffer, sizeof(buffer))) > 0) {
			for (long at = 0; at < n;) {
				const auto *e = reinterpret_cast<const dirent64 *>(buffer + at);
				uint64_t index = 0;

				if (std::strncmp(e->d_name, "hot-", 4) == 0 &&
				    std::from_chars(e->d_name + 4, e->d_name + std::strlen(e->d_name),
						    index).ec == std::errc() && index < listed.size())
					listed[index]++;
				at += e->d_reclen;
			}
		}
		if (n < 0 && w.injected(errno))
			return;
		if (n < 0)
			return run_.violation("readdir of {}: {}", path_, std::strerror(errno));
	}
	for (size_t i = 0; i < hot_.size(); i++) {
		const hot_name &h = hot_[i];

		if (h.begun_now() != from[i])
			continue;
		const uint64_t wanted = h.at(from[i]).what == kind::missing ? 0 : 1;

		if (listed[i] != wanted && h.begun_now() == from[i])
			run_.violation("{} was listed {} times, not {}, and nobody changed it",
				       h.name, listed[i], wanted);
	}
}

/* A name that nobody ever makes, and that several threads ask for at once. */
void writable::read_missing(stress_worker &w)
{
	const uint64_t number = w.random.below(4) ? run_.moving() : w.random.below(run_.config.cold);
	const std::string name = fmt::format("missing-{}", number);
	const stress_worker::operation o(w, op::missing, "missing-", number);
	const int error = find(name);

	if (error != ENOENT && !w.injected(error))
		run_.violation("stat of {}, which nobody ever made: {}", name,
			       error ? std::strerror(error) : "found");
}

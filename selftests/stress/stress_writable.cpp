// SPDX-License-Identifier: GPL-2.0
/*
 * lookup_stress on a directory that can be written to: the changes of names.
 *
 * stress_history.hpp says what a hot name may be found to be.  The worker that changes it
 * holds its lock and so knows what it is, so these system calls have to work, unless faults
 * are injected.  One that fails for that may have made its change all the same: FUSE,
 * e.g., may have no memory for the inode of what its server has made.  Then the name
 * tells, looked at without faults.  Cleaning up is tried again without them.
 */
#include "stress_writable.hpp"

#include "crew.hpp"

#include <cstring>
#include <filesystem>
#include <linux/fs.h>
#include <sys/syscall.h>

int writable::make_file(const std::string &name, uint64_t generation)
{
	const unique_fd fd(::openat(at(), name.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC,
				    0644));
	const std::string text = fmt::format("{}\n", generation);

	if (!fd)
		return errno;
	const ssize_t n = ::write(fd.get(), text.data(), text.size());

	return n == static_cast<ssize_t>(text.size()) ? 0 : n < 0 ? errno : ENOSPC;
}

int writable::make_directory(const std::string &name, uint64_t generation)
{
	if (::mkdirat(at(), name.c_str(), 0755) < 0)
		return errno;
	const std::string mark = fmt::format("{}/{}", name, generation);

	return ::mkdirat(at(), mark.c_str(), 0755) < 0 ? errno : 0;
}

/*
 * With --no-open the server keeps what has just been removed from there if another client has it
 * open, until it is closed.  It refuses to remove the directory meanwhile; Samba says that it
 * does not exist if what is in it goes just then (can_delete_directory_fsp()).
 */
int writable::remove_emptied(const std::string &directory)
{
	int error;
	const auto gone = [&] {
		error = ::unlinkat(at(), directory.c_str(), AT_REMOVEDIR) < 0 ? errno : 0;
		return error != ENOTEMPTY && error != ENOENT;
	};

	if (!gone() && run_.config.no_open)
		wait_until(run_.config.max_op, gone);
	return error;
}

int writable::empty_directory(const std::string &name, uint64_t generation)
{
	const std::string mark = fmt::format("{}/{}", name, generation);

	if (::unlinkat(at(), mark.c_str(), AT_REMOVEDIR) < 0 && errno != ENOENT)
		return errno;
	return remove_emptied(name);
}

int writable::find(const std::string &name) const
{
	struct stat st;

	return ::fstatat(at(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) < 0 ? errno : 0;
}

int writable::outcome(stress_worker &w, const hot_name &h, int result)
{
	const int error = result < 0 ? errno : 0;
	observed found;

	if (error != ENOMEM || !w.faults.on())
		return error;
	const fault_injection::pause pause(w.faults);
	const unique_fd fd(::openat(at(), h.name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));

	if (fd)
		found = content(fd.get());
	else if (errno != ENOENT)
		throw errno_error(h.name);
	if (found.what != h.now.what || found.generation != h.now.generation)
		return error;
	w.injected(error);
	return 0;
}

template <class Remove> int writable::remove(stress_worker &w, Remove &&once)
{
	const int error = once();

	if (!w.injected(error))
		return error;
	const fault_injection::pause pause(w.faults);
	const int again = once();

	return again == ENOENT ? 0 : again;
}

int writable::remove_file(stress_worker &w, const std::string &name)
{
	return remove(w, [&] { return ::unlinkat(at(), name.c_str(), 0) < 0 ? errno : 0; });
}

int writable::remove_directory(stress_worker &w, const std::string &name, uint64_t generation)
{
	return remove(w, [&] { return empty_directory(name, generation); });
}

void writable::judge_error(stress_worker &w, const hot_name &h, op what, int error)
{
	w.changes += !error;
	if (error && !w.injected(error) && !is_environment(error))
		run_.violation("{} of {} ({}, generation {}) by the only one who changes it: {}",
			       op_name(what), h.name, static_cast<uint64_t>(h.now.what),
			       h.now.generation, std::strerror(error));
}

/* Names of one thread: make, find, rename, find, remove, miss. */
void writable::own_cold(stress_worker &w)
{
	const uint64_t number = w.random.below(run_.config.cold);
	const std::string name = fmt::format("cold-{}-{}", w.index, number);
	const std::string other = name + "x";
	const stress_worker::operation o(w, op::cold, "cold-", number);
	const auto is = [&](const char *what, int error, int wanted) {
		if (error == wanted)
			return true;
		if (!w.injected(error))
			run_.violation("{}, {}: {}, not {}", name, what, std::strerror(error),
				       std::strerror(wanted));
		return false;
	};
	const int error = make_file(name, 1);
	bool through = false;

	if (is_environment(error)) {
		::unlinkat(at(), name.c_str(), 0);
		return;
	}
	if (is("to be made", error, 0) && is("which was made", find(name), 0) &&
	    is("to be renamed", ::renameat(at(), name.c_str(), at(), other.c_str()) < 0 ? errno : 0, 0) &&
	    is("which was renamed", find(name), ENOENT) &&
	    is("to be removed by its new name", ::unlinkat(at(), other.c_str(), 0) < 0 ? errno : 0, 0))
		through = is("which was removed by its new name", find(other), ENOENT);
	if (!through) {
		remove_file(w, name);
		remove_file(w, other);
	}
}

void writable::change_missing(stress_worker &w, hot_name &h)
{
	const uint64_t generation = generation_.fetch_add(1, std::memory_order_relaxed);
	const std::string temp = temporary(w);
	int error;

	switch (w.random.below(run_.config.files_only ? 2 : 3)) {
	case 0: {
		const stress_worker::operation o(w, op::create, h.name.c_str());

		/* Creating and writing are one change: in between the file is empty. */
		error = h.enter({kind::written_in_place, generation},
				[&] {
					const int e = make_file(h.name, generation);

					if (e && e != EEXIST)
						remove_file(w, h.name);
					return e;
				});
		return judge_error(w, h, op::create, error);
	}
	case 1: {
		const stress_worker::operation o(w, op::link, h.name.c_str());

		error = make_file(temp, generation);
		if (!error)
			error = h.enter({kind::file, generation}, [&] {
				return outcome(w, h, ::linkat(at(), temp.c_str(), at(),
							      h.name.c_str(), 0));
			});
		remove_file(w, temp);
		return judge_error(w, h, op::link, error);
	}
	default: {
		const stress_worker::operation o(w, op::mkdir, h.name.c_str());

		error = make_directory(temp, generation);
		if (!error)
			error = h.enter({kind::directory, generation}, [&] {
				return outcome(w, h, ::renameat(at(), temp.c_str(), at(),
								h.name.c_str()));
			});
		if (error)
			remove_directory(w, temp, generation);
		return judge_error(w, h, op::mkdir, error);
	}
	}
}

void writable::change_file(stress_worker &w, hot_name &h)
{
	int error;

	if (w.random.below(2)) {
		const stress_worker::operation o(w, op::unlink, h.name.c_str());

		error = h.enter({}, [&] {
			return outcome(w, h, ::unlinkat(at(), h.name.c_str(), 0));
		});
		return judge_error(w, h, op::unlink, error);
	}
	const uint64_t generation = generation_.fetch_add(1, std::memory_order_relaxed);
	const std::string temp = temporary(w);
	const stress_worker::operation o(w, op::replace, h.name.c_str());

	error = make_file(temp, generation);
	if (!error)
		error = h.enter({kind::file, generation}, [&] {
			return outcome(w, h, ::renameat(at(), temp.c_str(), at(), h.name.c_str()));
		});
	if (error)
		remove_file(w, temp);
	judge_error(w, h, op::replace, error);
}

void writable::change_directory(stress_worker &w, hot_name &h)
{
	const uint64_t generation = h.now.generation;
	const std::string temp = temporary(w);
	const stress_worker::operation o(w, op::rmdir, h.name.c_str());
	int error = h.enter({}, [&] {
		return outcome(w, h, ::renameat(at(), h.name.c_str(), at(), temp.c_str()));
	});

	if (!error)
		error = remove_directory(w, temp, generation);
	judge_error(w, h, op::rmdir, error);
}

void writable::change(stress_worker &w)
{
	hot_name &h = any(w);
	const std::lock_guard guard(h.lock);

	if (h.now.what == kind::missing)
		change_missing(w, h);
	else if (h.now.what == kind::directory)
		change_directory(w, h);
	else
		change_file(w, h);
}

/* Two hot names change at once: each has its own history. */
void writable::move(stress_worker &w, unsigned flags)
{
	hot_name &a = any(w), &b = any(w);

	if (&a == &b)
		return;
	const std::scoped_lock guard(a.lock, b.lock);
	const state in_a = a.now.settled(), in_b = b.now.settled();
	const bool exchange = flags & RENAME_EXCHANGE;

	if (in_a.what == kind::missing || in_a.generation == in_b.generation)
		return;
	if (exchange ? in_b.what == kind::missing : in_b.what != kind::missing)
		return;
	const op what = exchange ? op::exchange : op::rename;
	const stress_worker::operation o(w, what, a.name.c_str());
	const int error = a.enter(in_b, [&] {
		return b.enter(in_a, [&] {
			return outcome(w, b, static_cast<int>(
				::syscall(SYS_renameat2, at(), a.name.c_str(), at(),
					  b.name.c_str(), flags)));
		});
	});

	judge_error(w, a, what, error);
}

void writable::link_to(stress_worker &w)
{
	hot_name &a = any(w), &b = any(w);

	if (&a == &b)
		return;
	const std::scoped_lock guard(a.lock, b.lock);

	if (!a.now.is_file() || b.now.what != kind::missing)
		return;
	const stress_worker::operation o(w, op::link, b.name.c_str());
	const int error = b.enter({kind::file, a.now.generation}, [&] {
		return outcome(w, b, ::linkat(at(), a.name.c_str(), at(), b.name.c_str(), 0));
	});

	judge_error(w, b, op::link, error);
}

void writable::step(stress_worker &w)
{
	const uint64_t r = w.random.below(100);

	if (r < 30)
		read_stat(w);
	else if (r < 50 && !run_.config.no_open)
		read_open(w);
	else if (r < 50)
		read_stat(w);
	else if (r < 70)
		read_missing(w);
	else if (r < 74)
		read_list(w);
	else if (r < 78)
		own_cold(w);
	else if (r < 94)
		change(w);
	else if (r < 96)
		move(w, 0);
	else if (r < 98)
		move(w, RENAME_EXCHANGE);
	else
		link_to(w);
}

void writable::finish()
{
	std::string left;

	for (hot_name &h : hot_) {
		const int error = h.now.what == kind::directory ? empty_directory(h.name, h.now.generation) :
				  h.now.is_file() && ::unlinkat(at(), h.name.c_str(), 0) < 0 ? errno : 0;

		if (error)
			left += fmt::format("; to remove {}: {}", h.name, std::strerror(error));
	}
	if (const int error = remove_emptied(path_)) {
		std::error_code unreadable;

		for (const auto &entry : std::filesystem::directory_iterator(path_, unreadable))
			left += fmt::format("; {} is in it", entry.path().filename().string());
		run_.violation("rmdir of {}, where nothing should be left: {}{}", path_, std::strerror(error),
			       left);
	}
}

std::unique_ptr<stress_model> writable_model(stress_run &run)
{
	return std::make_unique<writable>(run);
}

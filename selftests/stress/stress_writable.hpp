/* SPDX-License-Identifier: GPL-2.0 */
/*
 * lookup_stress on a directory that can be written to: stress_writable.cpp changes names,
 * stress_writable_read.cpp looks at them.
 */
#pragma once

#include "stress.hpp"
#include "stress_history.hpp"
#include "unique_fd.hpp"

#include <deque>
#include <sys/stat.h>

/* Not the fault of lookups: no space, or an operation that the filesystem lacks. */
inline bool is_environment(int error)
{
	return error == ENOSPC || error == EDQUOT || error == EMLINK || error == EOPNOTSUPP ||
	       error == EXDEV || error == EPERM || error == EINVAL;
}

class writable : public stress_model {
public:
	explicit writable(stress_run &run) : run_(run)
	{
		path_ = fmt::format("{}/lookup_stress.{}", run.dir, ::getpid());
		if (::mkdir(path_.c_str(), 0755) < 0)
			throw errno_error(path_);
		dir_ = open_or_throw(path_, O_RDONLY | O_DIRECTORY);
		for (uint64_t i = 0; i < run.config.hot; i++)
			hot_.emplace_back(fmt::format("hot-{}", i));
	}
	std::string describe() const override
	{
		return fmt::format("writable, {} hot names", hot_.size());
	}
	bool changes_names() const override { return true; }
	uint64_t unjudged() const override { return unjudged_.load(std::memory_order_relaxed); }
	void step(stress_worker &w) override;
	void finish() override;

private:
	hot_name &any(stress_worker &w) { return hot_[w.random.below(hot_.size())]; }
	void change(stress_worker &w);
	void change_missing(stress_worker &w, hot_name &h);
	void change_file(stress_worker &w, hot_name &h);
	void change_directory(stress_worker &w, hot_name &h);
	void move(stress_worker &w, unsigned flags);
	void link_to(stress_worker &w);
	void read_stat(stress_worker &w);
	void read_open(stress_worker &w);
	void read_list(stress_worker &w);
	void read_missing(stress_worker &w);
	void own_cold(stress_worker &w);

	std::string temporary(stress_worker &w) { return fmt::format("t{}", w.index); }
	int make_file(const std::string &name, uint64_t generation);
	int make_directory(const std::string &name, uint64_t generation);
	int empty_directory(const std::string &name, uint64_t generation);
	int remove_emptied(const std::string &directory);
	observed content(int fd);
	int find(const std::string &name) const;
	/* Whether the change of a name to what it is entered as was made: 0 or an errno. */
	int outcome(stress_worker &w, const hot_name &h, int result);
	/* Removes; what the first try left for want of memory, the second does not. */
	template <class Remove> int remove(stress_worker &w, Remove &&once);
	int remove_file(stress_worker &w, const std::string &name);
	int remove_directory(stress_worker &w, const std::string &name, uint64_t generation);
	/* An error of an operation that had to work. */
	void judge_error(stress_worker &w, const hot_name &h, op what, int error);
	/* Whether `error` is ESTALE of a name that was changed since `from`, and may be that. */
	bool is_stale(const hot_name &h, uint64_t from, int error);
	bool judge(const hot_name &h, uint64_t from, uint64_t to, const observed &seen,
		   const char *how);

	int at() const { return dir_.get(); }

	stress_run &run_;
	std::string path_;
	unique_fd dir_;
	std::deque<hot_name> hot_;
	std::atomic<uint64_t> generation_{1};
	std::atomic<uint64_t> unjudged_{0};
};

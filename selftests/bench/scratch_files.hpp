/* SPDX-License-Identifier: GPL-2.0 */
#pragma once

#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

/*
 * Names of a directory for one measurement: none is there at its begin, even if one before it was
 * killed, and none at its end, however that comes.
 */
class scratch_files {
public:
	/* The descriptor has to stay open. */
	scratch_files(int dir, std::vector<std::string> names) : dir_(dir), names_(std::move(names))
	{
		remove();
	}
	scratch_files(const scratch_files &) = delete;
	scratch_files &operator=(const scratch_files &) = delete;
	~scratch_files() { remove(); }

	const std::vector<std::string> &names() const { return names_; }
	void remove() const
	{
		for (const std::string &name : names_)
			::unlinkat(dir_, name.c_str(), 0);
	}

private:
	int dir_;
	std::vector<std::string> names_;
};

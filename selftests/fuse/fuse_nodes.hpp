/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The files that the kernel was told of by a FUSE server of ours, and their numbers.  Any
 * thread may call any of it.
 */
#pragma once

#include "unique_fd.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <sys/stat.h>
#include <utility>

class fuse_nodes {
public:
	/* With `keep_all` a file that the kernel was told of once is kept. */
	fuse_nodes(unique_fd root, bool keep_all);

	/*
	 * The descriptor of a file that the kernel has a request for, and so does not forget.
	 * Throws ESTALE.
	 */
	int fd_of(uint64_t id);
	/* The kernel is about to be told of the file; its number. */
	uint64_t remember(unique_fd fd, const struct stat &st);
	/* It was told so often in vain, or has forgotten it so often. */
	void forget(uint64_t id, uint64_t times);

private:
	/* A file that the kernel knows.  The descriptor keeps its inode number taken. */
	struct node {
		unique_fd fd;
		std::pair<dev_t, ino_t> key;
		uint64_t known = 0;	/* how often the kernel was told */
	};

	const bool keep_all_;
	std::mutex lock_;		/* of all that follows */
	std::map<uint64_t, node> nodes_;
	std::map<std::pair<dev_t, ino_t>, uint64_t> ids_;
	uint64_t last_id_;
};

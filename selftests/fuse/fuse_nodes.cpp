// SPDX-License-Identifier: GPL-2.0
/* See fuse_nodes.hpp. */
#include "fuse_nodes.hpp"

#include <algorithm>
#include <cerrno>
#include <linux/fuse.h>
#include <system_error>

fuse_nodes::fuse_nodes(unique_fd root, bool keep_all) : keep_all_(keep_all), last_id_(FUSE_ROOT_ID)
{
	struct stat st;

	if (::fstat(root.get(), &st) < 0)
		throw errno_error("fstat");

	const std::pair key(st.st_dev, st.st_ino);

	nodes_[FUSE_ROOT_ID] = node{std::move(root), key, 1};
	ids_[key] = FUSE_ROOT_ID;
}

int fuse_nodes::fd_of(uint64_t id)
{
	const std::lock_guard guard(lock_);
	const auto n = nodes_.find(id);

	if (n == nodes_.end())
		throw std::system_error(ESTALE, std::generic_category());
	return n->second.fd.get();
}

uint64_t fuse_nodes::remember(unique_fd fd, const struct stat &st)
{
	const std::lock_guard guard(lock_);
	const std::pair key(st.st_dev, st.st_ino);
	const auto [known, is_new] = ids_.try_emplace(key, last_id_ + 1);

	if (is_new)
		nodes_[++last_id_] = node{std::move(fd), key, 0};
	nodes_[known->second].known++;
	return known->second;
}

void fuse_nodes::forget(uint64_t id, uint64_t times)
{
	const std::lock_guard guard(lock_);
	const auto n = nodes_.find(id);

	if (id == FUSE_ROOT_ID || n == nodes_.end() || keep_all_)
		return;
	n->second.known -= std::min(times, n->second.known);
	if (n->second.known)
		return;
	ids_.erase(n->second.key);
	nodes_.erase(n);
}

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A FUSE filesystem that shows a directory as it is and writes through to it, for
 * stress: several threads serve it, and no name that they tell is valid for any
 * time, so that the kernel forgets one that nobody uses, and looks it up anew for
 * the next task that comes.
 *
 * Directories and regular files only: make, open, read, write, list, link, rename,
 * exchange, truncate and remove.  Permissions are not checked.  Nobody else may change the
 * directory meanwhile: the locks that the kernel takes for a change of the mirror
 * are what makes two steps of ours be one.
 */
#pragma once

#include "fuse_connection.hpp"
#include "fuse_holds.hpp"
#include "fuse_nodes.hpp"

#include <memory>

class fuse_mirror {
public:
	/*
	 * Mounts `source` at `target`.  With `control` a test can have requests kept back by
	 * the socket of that name, and the kernel's NFS server can export the filesystem: a
	 * file that the kernel was told of once is then kept, since a handle of it may come
	 * back.  Throws std::system_error.
	 */
	fuse_mirror(const std::string &source, const std::string &target,
		    const std::string &control = "");

	/* Serves with so many threads, until the filesystem is unmounted. */
	void serve(unsigned threads);

private:
	void handle(const fuse_request &q);
	/* Keeps the request back as long as it has to be.  Throws what the reply shall be. */
	void pass(const fuse_request &q);
	std::string name_of(uint64_t id);
	void get_attributes(const fuse_request &q);
	void lookup(const fuse_request &q);
	void set_attributes(const fuse_request &q);
	void make_directory(const fuse_request &q);
	void make_file(const fuse_request &q);
	void describe(const fuse_request &q);
	void link(const fuse_request &q);
	void create(const fuse_request &q);
	void remove(const fuse_request &q, int flags);
	void rename(const fuse_request &q, size_t names, uint64_t to, unsigned flags);
	void open(const fuse_request &q);
	void read(const fuse_request &q);
	void write(const fuse_request &q);
	void list(const fuse_request &q);
	void release(const fuse_request &q);
	void forget_many(const fuse_request &q);

	/* Throws ESTALE, which is the reply then, as with all errors. */
	int fd_of(uint64_t id) { return nodes_.fd_of(id); }
	/* The file of this name; the kernel is about to be told. */
	fuse_entry_out tell(int dir, const char *name);
	void reply_entry(const fuse_request &q, const fuse_entry_out &e);

	fuse_nodes nodes_;
	std::unique_ptr<fuse_holds> holds_;	/* none without a control */
	fuse_connection connection_;
};

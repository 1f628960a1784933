/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Mounts and directories that go away by themselves.  A test enters a mount
 * namespace of its own first, so that nothing of it stays when it is killed.
 */
#pragma once

#include "unique_fd.hpp"

#include <cstdlib>
#include <sched.h>
#include <string>
#include <string_view>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* Needs CAP_SYS_ADMIN; false and errno otherwise. */
inline bool enter_private_mount_namespace()
{
	return ::unshare(CLONE_NEWNS) == 0 &&
	       ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}

/* Does the running kernel know this type?  No module is loaded for the answer. */
inline bool filesystem_registered(std::string_view type)
{
	const std::string list = read_file("/proc/filesystems").value_or("");

	return ("\n" + list).find("\t" + std::string(type) + "\n") != std::string::npos;
}

class temp_dir {
public:
	temp_dir()
	{
		char name[] = "/tmp/lookup.XXXXXX";

		if (!::mkdtemp(name))
			throw errno_error(name);
		path_ = name;
	}
	temp_dir(const temp_dir &) = delete;
	temp_dir &operator=(const temp_dir &) = delete;
	~temp_dir() { ::rmdir(path_.c_str()); }
	const std::string &path() const { return path_; }

private:
	std::string path_;
};

class mounted {
public:
	mounted(const std::string &type, const std::string &target, const std::string &data,
		unsigned long flags = 0)
		: target_(target)
	{
		if (::mount(type.c_str(), target.c_str(), type.c_str(), flags, data.c_str()) < 0)
			throw errno_error("mount -t " + type + " -o '" + data + "'");
		active_ = true;
	}
	mounted(const mounted &) = delete;
	mounted &operator=(const mounted &) = delete;
	/* Forced, since that opens a gate; then detached, since that always works. */
	~mounted()
	{
		if (active_ && ::umount2(target_.c_str(), MNT_FORCE) < 0)
			::umount2(target_.c_str(), MNT_DETACH);
	}

	/* 0 or an errno. */
	int unmount(int flags = 0)
	{
		if (::umount2(target_.c_str(), flags) < 0)
			return errno;
		active_ = false;
		return 0;
	}
	/* Asked for only when needed: a FUSE that nobody serves yet would not answer. */
	dev_t dev() const
	{
		struct stat st;

		if (::stat(target_.c_str(), &st) < 0)
			throw errno_error(target_);
		return st.st_dev;
	}

private:
	std::string target_;
	bool active_ = false;
};

// SPDX-License-Identifier: GPL-2.0
/*
 * Files that are opened by a handle.  A directory of which nothing is cached is then
 * connected to the root, by a lookup of each name on the way that readdir finds for it.
 */
#include "fs_rig.hpp"

#include <filesystem>

namespace fs = std::filesystem;

namespace {

class file_handle_of {
public:
	explicit file_handle_of(const std::string &path)
	{
		int mount_id = 0;

		handle()->handle_bytes = MAX_HANDLE_SZ;
		if (::name_to_handle_at(AT_FDCWD, path.c_str(), handle(), &mount_id, 0))
			throw errno_error("a handle of " + path);
	}
	/* `top`: any file of that mount. */
	unique_fd open(int top) { return unique_fd(::open_by_handle_at(top, handle(), O_RDONLY | O_CLOEXEC)); }

private:
	file_handle *handle() { return reinterpret_cast<file_handle *>(memory_); }

	alignas(file_handle) char memory_[sizeof(file_handle) + MAX_HANDLE_SZ];
};

action open_of_handle(const file_handle_of &handle, const std::string &top)
{
	return [handle = handle, top]() mutable {
		const unique_fd mount = open_or_throw(top, O_RDONLY | O_DIRECTORY);
		const unique_fd fd = handle.open(mount.get());
		struct stat st;
		answer a;

		if (!fd || ::fstat(fd.get(), &st) < 0) {
			a.error = errno;
			return a;
		}
		a.ino = st.st_ino;
		a.mode = st.st_mode;
		/* Where it is. */
		a.listed.push_back(path_of(fd));
		return a;
	};
}

/* Of what only the filesystem has, not its cache. */
void handles_find_their_files_when_nothing_is_cached(fs_rig &rig)
{
	fs::create_directories(rig.s.behind("a/b"));
	rig.have("a/b/f");
	rig.begin();
	const file_handle_of file(rig.s.path("a/b/f")), directory(rig.s.path("a/b"));
	const uint64_t file_ino = stat_now(rig.s.path("a/b/f")).ino;
	const uint64_t directory_ino = stat_now(rig.s.path("a/b")).ino;

	drop_caches();
	const answer by_handle = open_of_handle(directory, rig.s.top())();

	rig.t.require(by_handle.error == 0 && by_handle.ino == directory_ino,
		      "the directory: errno {}, inode {}, not {}", by_handle.error, by_handle.ino,
		      directory_ino);
	rig.t.require(by_handle.listed[0] == rig.s.path("a/b"), "the directory is at {}",
		      by_handle.listed[0]);
	drop_caches();
	const answer of_file = open_of_handle(file, rig.s.top())();

	rig.t.require(of_file.error == 0 && of_file.ino == file_ino, "the file: errno {}, inode {}, not {}",
		      of_file.error, of_file.ino, file_ino);
	rig.t.require(stat_now(rig.s.path("a/b/f")).ino == file_ino, "its name finds another one");
}

/* The dentry of the handle, which has no name yet, is moved to where the lookup is. */
void handles_are_connected_by_the_lookup_that_is_under_way(fs_rig &rig)
{
	fs::create_directories(rig.s.behind("d"));
	rig.begin();
	const file_handle_of handle(rig.s.path("d"));

	drop_caches();
	actor &owner = rig.held_owner("d");
	auto openers = rig.parked_waiters(open_of_handle(handle, rig.s.top()));

	for (const actor *o : openers)
		rig.must_be_in(*o, "reconnect_path", "one who has a handle");
	rig.s.go();
	rig.all_get(owner, openers);
	for (const actor *o : openers)
		rig.t.require(o->got().listed[0] == rig.s.path("d"), "the directory is at {}",
			      o->got().listed[0]);
}

} /* namespace */

std::vector<claim> claims_about_handles()
{
	return {
		CLAIM(handles_find_their_files_when_nothing_is_cached, handles),
		CLAIM(handles_are_connected_by_the_lookup_that_is_under_way, handles | tells_names),
	};
}

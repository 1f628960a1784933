/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A real filesystem as the table of cases sees it: a directory that is mounted anew for
 * each case, and a way to keep a lookup in it back.
 *
 * All lookups are kept back at one place.  A FUSE server of our own (lookup_fuse_server)
 * shows a directory of tmpfs, and keeps requests back on demand: it is the filesystem that
 * a file server exports, the lower layer of an overlay, or the disk, as a file, that a
 * local filesystem is on.  So it is known which request is kept back, and nothing is
 * guessed from how long something takes.
 */
#pragma once

#include "crew.hpp"
#include "ktap.hpp"
#include "mount.hpp"

#include <memory>
#include <string>
#include <vector>

/* What a filesystem can show; a case says what it needs. */
enum fs_ability : unsigned {
	holds_lookups	= 1u << 0,	/* a lookup of a name can be kept back */
	creates		= 1u << 1,	/* so can the one that O_CREAT makes, in ->atomic_open() */
	tells_errors	= 1u << 2,	/* EIO behind it is EIO in front of it */
	primes		= 1u << 3,	/* readdir looks up what it lists, while a lookup of it is held */
	silly		= 1u << 4,	/* what is open is renamed instead of removed */
	aliases		= 1u << 5,	/* a directory can get a second name behind our back */
	forces		= 1u << 6,	/* umount -f lets go who waits for the server */
	cuts		= 1u << 7,	/* the server can be cut off, and come back */
	handles		= 1u << 8,	/* open_by_handle_at() */
	ci		= 1u << 9,	/* names without case, by d_add_ci() */
	opens		= 1u << 10,	/* open without O_CREAT does the lookup: ->atomic_open() */
	links		= 1u << 11,	/* readdir makes dentries of what it lists */
	opens_anew	= 1u << 12,	/* an open drops what was found missing, and asks again */
	short_names	= 1u << 13,	/* a file has a second name, of eight characters and three */
	stale_lists	= 1u << 14,	/* readdir lists in parts what it was told all at once */
	tells_names	= 1u << 15,	/* what is kept back are lookups, of one name each */
	stresses	= 1u << 16,	/* lookup_stress can run there */
	two_clients	= 1u << 17,	/* it can be mounted as if by another machine */
	late_answers	= 1u << 18,	/* it makes dentries of a list when the server has all of it */
	stresses_files	= 1u << 19,	/* lookup_stress can, with files alone */
	blocks		= 1u << 20,	/* nobody gets at what the server is asked to remove */
	layers		= 1u << 21,	/* readdir looks names up in the layers below */
	loses		= 1u << 22,	/* what it knows of can be gone at the server, and be back */
	spellings	= 1u << 23,	/* names without case, that differ in length for the dcache */
	loses_removes	= 1u << 24,	/* a request to remove a file can be lost on its way */
	makes_numbers	= 1u << 25,	/* the client can make the numbers of files up */
	below_overlays	= 1u << 26,	/* an overlay on it is told at once what others have changed */
	lists_by_name	= 1u << 27,	/* each list asks for the directory by its name */
};

class fs_scene {
public:
	explicit fs_scene(ktap::test_case &t) : t(t) {}
	virtual ~fs_scene() = default;

	/* A file in the directory of this case. */
	std::string path(const std::string &name) const { return dir() + "/" + name; }
	/* That directory, by the mount that is tested. */
	std::string dir() const { return mount_.path() + "/" + sub; }
	const std::string &top() const { return mount_.path(); }

	/* Behind the back of the filesystem: where the server, or whatever it is, has it. */
	virtual std::string behind(const std::string &name) const = 0;
	/* The same by the mount of the server, which knows of a change that is made there. */
	virtual std::string at_server(const std::string &name) const { return behind(name); }
	virtual bool is_mounted() const { return active_; }

	/* Keep lookups of this name back; let them go. */
	virtual void hold(const std::string &name) = 0;
	virtual unsigned held(const std::string &name) = 0;
	virtual void go() = 0;
	/* How long it takes after that until the last of them has come back, at most. */
	virtual std::chrono::milliseconds patience() const { return crew::bound; }
	/* The same directory by a mount that shares nothing with the first. */
	virtual std::string second_client() { t.fail("it has one client only"); }
	/* Let those go that are kept back now; the next ones are kept back. */
	virtual void pass(const std::string &) { t.fail("it cannot let go one by one"); }
	virtual void fail(const std::string &, int) { t.fail("this filesystem tells no errors"); }
	/* At the server that name is gone, and then it is back: nothing is held meanwhile. */
	virtual void lose(const std::string &, bool) { t.fail("its server loses nothing"); }
	/* Other operations on it: see fuse_holds.hpp. */
	virtual void hold(const std::string &, const std::string &) { t.fail("it cannot hold that"); }
	virtual unsigned held(const std::string &, const std::string &) { return 0; }
	/* How many of these the server has been asked since the case began. */
	virtual unsigned asked(const std::string &, const std::string &) { t.fail("it does not count that"); }
	/* Requests to remove a file are lost on their way, and all others come through. */
	virtual void lose_removes(bool) { t.fail("its requests are not told apart"); }
	virtual unsigned lost_removes() { return 0; }	/* since then */
	virtual void cut(bool) { t.fail("there is nothing to cut it off from"); }
	/* A function that is in the stack of a thread that looks a name up there, or that does
	 * so in an open.
	 */
	virtual std::string looks_up_in() const { return ""; }
	virtual std::string opens_in() const { return ""; }

	/* A file that somebody has open keeps its name: to remove it takes effect at the last
	 * close, and it cannot be replaced (delete pending and sharing, in MS-FSA).
	 */
	virtual bool keeps_open_names() const { return false; }

	/* A lookup ends in ESTALE if what the name was found to be is gone at the server when
	 * it is asked about, and once more when the walk is tried again (retry_estale()).
	 */
	virtual bool may_be_stale() const { return false; }

	/* What readdir of a directory ends in where the server has a file of that name by now,
	 * and the client has not noticed, if it asks for it by its name: an errno.
	 */
	virtual int error_of_a_list_of_a_file() const { return 0; }

	/* What was read of the disk is read anew when somebody needs it. */
	virtual void forget_the_disk() {}

	/* Before it is mounted: the numbers of files shall not be those of the server. */
	virtual void make_numbers_up() { t.fail("it has no numbers but those of the server"); }
	/* Once the case has put files there. */
	virtual void mount_it() = 0;
	/* 0 or an errno. */
	virtual int unmount(int flags = 0)
	{
		if (!active_)
			return 0;
		if (::umount2(top().c_str(), flags) < 0)
			return errno;
		active_ = false;
		return 0;
	}

	ktap::test_case &t;
	const std::string sub = fmt::format("case.{}", ::getpid());

protected:
	void mount_now(const std::string &source, const std::string &type, const std::string &data,
		       unsigned long flags = 0)
	{
		if (::mount(source.c_str(), top().c_str(), type.c_str(), flags, data.c_str()))
			throw errno_error(fmt::format("mount -t {} -o '{}' {}", type, data, source));
		active_ = true;
	}

private:
	temp_dir mount_;
	bool active_ = false;
};

struct fs_kind {
	std::string name;
	unsigned abilities;
	std::function<std::unique_ptr<fs_scene>(ktap::test_case &)> make;
};

/* All there are, in the order in which they are tested. */
std::vector<fs_kind> all_filesystems();

/* The parts of that list; fs_local.cpp, fs_net.cpp, fs_afs.cpp. */
std::vector<fs_kind> local_filesystems();
std::vector<fs_kind> network_filesystems();
std::vector<fs_kind> afs_filesystems();

/* The cases of one of them. */
std::vector<ktap::test> cases_of(const fs_kind &kind);

// SPDX-License-Identifier: GPL-2.0
/*
 * Filesystems without a network: FUSE, an overlay on FUSE, and those on a disk.  The disk
 * is a file on the FUSE server of ours, so that what is read of it can be kept back.
 */
#include "caches.hpp"
#include "fs_mirror.hpp"
#include "server_root.hpp"

#include <filesystem>
#include <linux/fs.h>
#include <linux/loop.h>
#include <sys/ioctl.h>

namespace fs = std::filesystem;

namespace {

class fuse_scene : public mirrored_scene {
public:
	explicit fuse_scene(ktap::test_case &t) : mirrored_scene(t, "fuse") {}

	void mount_it() override
	{
		/* The same mount at another place. */
		if (::mount(mirror_.where().c_str(), top().c_str(), nullptr, MS_BIND, nullptr))
			throw errno_error("bind mount of FUSE");
		bound_ = true;
	}
	~fuse_scene() override
	{
		if (bound_)
			::umount2(top().c_str(), MNT_DETACH);
	}
	std::string looks_up_in() const override { return "fuse_lookup"; }

private:
	bool bound_ = false;
};

class overlay_scene : public mirrored_scene {
public:
	explicit overlay_scene(ktap::test_case &t) : mirrored_scene(t, "lower")
	{
		fs::create_directories(layer_.path() + "/upper/" + sub);
		fs::create_directories(layer_.path() + "/work");
	}
	~overlay_scene() override
	{
		go();
		unmount(MNT_DETACH);
		fs::remove_all(layer_.path());
	}

	void mount_it() override
	{
		mount_now("overlay", "overlay",
			  fmt::format("lowerdir={},upperdir={}/upper,workdir={}/work,xino=on,redirect_dir=on",
				      mirror_.where(), layer_.path(), layer_.path()));
	}
	std::string looks_up_in() const override { return "ovl_lookup"; }

private:
	temp_dir layer_;
};

/* Keeps nothing back: its lookups are over at once. */
class memory_scene : public fs_scene {
public:
	explicit memory_scene(ktap::test_case &t) : fs_scene(t)
	{
		mount_now("tmpfs", "tmpfs", "");
		fs::create_directory(dir());
	}
	~memory_scene() override { unmount(MNT_DETACH); }

	std::string behind(const std::string &name) const override { return path(name); }
	void hold(const std::string &) override {}
	unsigned held(const std::string &) override { return 0; }
	void go() override {}
	void mount_it() override { drop_caches(); }
};

struct disk_kind {
	std::string name, type, looks_up_in;
	arguments mkfs;
	unsigned mib, abilities;
	std::string may_lack;		/* what a kernel that has the type need not have */
	bool reads_all = false;		/* all names of a directory are read with its inode */
};

/* A local filesystem on a disk that is a file, whose reads are kept back. */
class disk_scene : public fs_scene {
public:
	disk_scene(ktap::test_case &t, const disk_kind &kind)
		: fs_scene(t), kind_(kind), type_(kind.type), mirror_(t, "disks", server_root + "/disks"),
		  image_(fmt::format("{}.{}", kind.name, ::getpid()))
	{
		need_server_root(t);
		if (!filesystem_registered(type_))
			t.skip("this kernel has no {}", type_);
		const std::string file = mirror_.source() + "/" + image_;
		arguments words = kind.mkfs;

		write_file(file, "");
		if (::truncate(file.c_str(), static_cast<off_t>(kind.mib) << 20))
			throw errno_error(file);
		words.push_back("/disks/" + image_);
		run_in_root(t, words);
		/* Enough names that a directory has blocks of its own. */
		attach();
		fs::create_directory(dir());
		for (int i = 0; i < 64; i++)
			write_file(path(fmt::format("some-name-that-is-not-short-{}", i)), "");
	}
	~disk_scene() override
	{
		go();
		unmount(MNT_DETACH);
		::unlink((mirror_.source() + "/" + image_).c_str());
	}

	/* Until it is mounted for the case, by the filesystem itself. */
	std::string behind(const std::string &name) const override { return path(name); }
	void mount_it() override
	{
		const int error = unmount();

		t.require(error == 0, "umount of {}: errno {}", type_, error);
		attach();
		/* Its inode is read by that; its names shall not be. */
		struct stat st;

		if (::stat(dir().c_str(), &st))
			throw errno_error(dir());
		if (kind_.reads_all)
			forget_the_disk();
	}
	void hold(const std::string &) override { mirror_.holder->hold("read", image_); }
	unsigned held(const std::string &) override { return mirror_.holder->held("read", image_); }
	void go() override { mirror_.holder->go(); }
	void pass(const std::string &) override { mirror_.holder->pass("read", image_); }
	void forget_the_disk() override
	{
		const unique_fd device = open_or_throw(device_, O_RDONLY);

		if (::ioctl(device.get(), BLKFLSBUF))
			throw errno_error(device_);
	}
	std::string looks_up_in() const override { return kind_.looks_up_in; }

private:
	/* The loop device goes with the mount, and with it what was read. */
	void attach()
	{
		const unique_fd control = open_or_throw("/dev/loop-control", O_RDWR);
		const int number = ::ioctl(control.get(), LOOP_CTL_GET_FREE);

		if (number < 0)
			throw errno_error("a loop device");
		const std::string device = fmt::format("/dev/loop{}", number);
		unique_fd loop = open_or_throw(device, O_RDWR);
		const unique_fd file = open_or_throw(mirror_.where() + "/" + image_, O_RDWR);
		loop_config config = {};

		config.fd = static_cast<uint32_t>(file.get());
		config.info.lo_flags = LO_FLAGS_AUTOCLEAR;
		if (::ioctl(loop.get(), LOOP_CONFIGURE, &config))
			throw errno_error(device);
		/* Without BLK_DEV_WRITE_MOUNTED a device that somebody could write to is not mounted. */
		const unique_fd kept = open_or_throw(device, O_RDONLY);

		loop.reset();
		device_ = device;
		try {
			mount_now(device, type_, "", 0);
		} catch (const std::system_error &) {
			if (errno == EINVAL && !kind_.may_lack.empty())
				t.skip("this kernel has no {}", kind_.may_lack);
			throw;
		}
	}

	disk_kind kind_;
	std::string type_, device_;
	held_mirror mirror_;
	std::string image_;
};

template <class scene> std::unique_ptr<fs_scene> make(ktap::test_case &t)
{
	return std::make_unique<scene>(t);
}

fs_kind disk(const disk_kind &kind)
{
	return {kind.name, holds_lookups | kind.abilities, [=](ktap::test_case &t) {
			return std::make_unique<disk_scene>(t, kind);
		}};
}

/* As small as it gets; what is newer than a kernel may be is left out. */
arguments mkfs_xfs(const arguments &more = {})
{
	arguments words = {"mkfs.xfs", "-q", "-f", "-K", "--unsupported", "-m", "reflink=0,rmapbt=0",
			   "-i", "nrext64=0", "-l", "size=8m"};

	words.insert(words.end(), more.begin(), more.end());
	return words;
}

} /* namespace */

std::vector<fs_kind> local_filesystems()
{
	return {
		{"fuse", holds_lookups | tells_errors | primes | links | opens | handles | tells_names |
			 stresses,
		 make<fuse_scene>},
		{"overlay", holds_lookups | tells_errors | stresses | layers, make<overlay_scene>},
		{"tmpfs", handles | stresses, make<memory_scene>},
		disk({"ext4", "ext4", "ext4_lookup", {"mkfs.ext4", "-q", "-F", "-E", "nodiscard"}, 16,
		      handles | stresses, ""}),
		disk({"xfs", "xfs", "xfs_vn_lookup", mkfs_xfs(), 64, handles | stresses, ""}),
		disk({"xfs_ci", "xfs", "xfs_vn_ci_lookup", mkfs_xfs({"-n", "version=ci"}), 64,
		      handles | stresses | ci,
		      "XFS with names without case (XFS_SUPPORT_ASCII_CI)"}),
		disk({"vfat", "vfat", "vfat_lookup", {"mkfs.vfat"}, 16, short_names | stresses, "",
		      true}),
		disk({"exfat", "exfat", "exfat_lookup", {"mkfs.exfat"}, 16, spellings | stresses, "",
		      true}),
		/*
		 * Files only: with directories most runs fail on the base as well, in EACCES behind a
		 * line of ntfs_readdir() that makes a bad inode, or with an open that finds a
		 * directory that was removed.  By reading, ntfs_readdir() looks at the record of a
		 * directory without the lock under which a rename of that directory changes it.
		 */
		disk({"ntfs3", "ntfs3", "ntfs_lookup", {"mkfs.ntfs", "-F", "-Q", "-q"}, 16,
		      stresses_files, ""}),
	};
}

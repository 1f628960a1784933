// SPDX-License-Identifier: GPL-2.0
/*
 * Filesystems without a network: FUSE, an overlay on FUSE, and those on a disk.  The disk
 * is a file on the FUSE server of ours, so that what is read of it can be kept back.
 */
#include "fs_mirror.hpp"
#include "server_root.hpp"

#include <filesystem>
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
			  fmt::format("lowerdir={},upperdir={}/upper,workdir={}/work,xino=on",
				      mirror_.where(), layer_.path(), layer_.path()));
	}
	std::string looks_up_in() const override { return "ovl_lookup"; }

private:
	temp_dir layer_;
};

/* A local filesystem on a disk that is a file, whose reads are kept back. */
class disk_scene : public fs_scene {
public:
	disk_scene(ktap::test_case &t, const std::string &type, const arguments &mkfs, unsigned mib)
		: fs_scene(t), type_(type), mirror_(t, "disks", server_root + "/disks"),
		  image_(fmt::format("{}.{}", type, ::getpid()))
	{
		need_server_root(t);
		if (!filesystem_registered(type))
			t.skip("this kernel has no {}", type);
		const std::string file = mirror_.source() + "/" + image_;
		arguments words = mkfs;

		write_file(file, "");
		if (::truncate(file.c_str(), static_cast<off_t>(mib) << 20))
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
		/* Its inode, but not its names, is read by that. */
		struct stat st;

		if (::stat(dir().c_str(), &st))
			throw errno_error(dir());
	}
	void hold(const std::string &) override { mirror_.holder->hold("read", image_); }
	unsigned held(const std::string &) override { return mirror_.holder->held("read", image_); }
	void go() override { mirror_.holder->go(); }
	std::string looks_up_in() const override { return type_ + "_lookup"; }

private:
	/* The loop device goes with the mount, and with it what was read. */
	void attach()
	{
		const unique_fd control = open_or_throw("/dev/loop-control", O_RDWR);
		const int number = ::ioctl(control.get(), LOOP_CTL_GET_FREE);

		if (number < 0)
			throw errno_error("a loop device");
		const std::string device = fmt::format("/dev/loop{}", number);
		const unique_fd loop = open_or_throw(device, O_RDWR);
		const unique_fd file = open_or_throw(mirror_.where() + "/" + image_, O_RDWR);
		loop_config config = {};

		config.fd = static_cast<uint32_t>(file.get());
		config.info.lo_flags = LO_FLAGS_AUTOCLEAR;
		if (::ioctl(loop.get(), LOOP_CONFIGURE, &config))
			throw errno_error(device);
		mount_now(device, type_, "", 0);
	}

	std::string type_;
	held_mirror mirror_;
	std::string image_;
};

template <class scene> std::unique_ptr<fs_scene> make(ktap::test_case &t)
{
	return std::make_unique<scene>(t);
}

fs_kind disk(const std::string &type, const arguments &mkfs, unsigned mib, unsigned more = 0)
{
	return {type, holds_lookups | handles | more, [=](ktap::test_case &t) {
			return std::make_unique<disk_scene>(t, type, mkfs, mib);
		}};
}

} /* namespace */

std::vector<fs_kind> local_filesystems()
{
	return {
		{"fuse", holds_lookups | tells_errors | primes | links | opens, make<fuse_scene>},
		{"overlay", holds_lookups | tells_errors, make<overlay_scene>},
		disk("ext4", {"mkfs.ext4", "-q", "-F", "-E", "nodiscard"}, 16),
	};
}

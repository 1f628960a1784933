// SPDX-License-Identifier: GPL-2.0
/* See xfstests_kinds.hpp. */
#include "xfstests_kinds.hpp"

#include "boxed.hpp"
#include "filesystems/net_servers.hpp"
#include "mount.hpp"

#include <filesystem>

namespace fs = std::filesystem;

namespace xfstests {
namespace {

const std::string exported = "/export";		/* in the root */

std::string settings(const std::string &type, const std::string &test, const std::string &scratch,
		     const std::string &more = "")
{
	return fmt::format("export FSTYP={}\nexport TEST_DEV={}\nexport TEST_DIR=/mnt/test\n"
			   "export SCRATCH_DEV={}\nexport SCRATCH_MNT=/mnt/scratch\n"
			   "export RESULT_BASE={}/results\n{}", type, test, scratch, state, more);
}

void need(ktap::test_case &t, const std::string &type)
{
	if (!filesystem_registered(type))
		t.skip("this kernel has no {}", type);
}

std::string on_disk(ktap::test_case &t, const arguments &mkfs, const std::string &type)
{
	arguments words = mkfs;

	need(t, type);
	words.push_back(test_disk);
	run_in_root(t, words, std::chrono::seconds(60));
	return settings(type, test_disk, scratch_disk);
}

std::string ext4(ktap::test_case &t)
{
	return on_disk(t, {"mkfs.ext4", "-q", "-F"}, "ext4");
}

std::string xfs(ktap::test_case &t)
{
	return on_disk(t, {"mkfs.xfs", "-q", "-f"}, "xfs");
}

/* Its layers are directories of an ext4. */
std::string overlay(ktap::test_case &t)
{
	need(t, "overlay");
	/* Nobody makes this one then. */
	run_in_root(t, {"mkfs.ext4", "-q", "-F", scratch_disk}, std::chrono::seconds(60));
	return ext4(t);
}

std::string tmpfs(ktap::test_case &)
{
	return settings("tmpfs", "tmpfs_test", "tmpfs_scratch");
}

/* Both disks, as ext4 below the directory that a server exports. */
void export_disks(ktap::test_case &t)
{
	need(t, "ext4");
	/* The root of NFSv4 has to be a filesystem that can be exported, as an overlay cannot. */
	fs::create_directories(server_root + exported);
	if (::mount("tmpfs", (server_root + exported).c_str(), "tmpfs", 0, nullptr))
		throw errno_error("mount tmpfs on " + exported);
	for (const auto &[disk, name] : {std::pair{test_disk, "/test"}, {scratch_disk, "/scratch"}}) {
		const std::string where = server_root + exported + name;

		run_in_root(t, {"mkfs.ext4", "-q", "-F", disk}, std::chrono::seconds(60));
		fs::create_directories(where);
		if (::mount(disk.c_str(), where.c_str(), "ext4", 0, nullptr))
			throw errno_error("mount " + disk);
	}
}

std::string nfs(ktap::test_case &t)
{
	export_disks(t);
	std::string exports;

	for (const auto &[name, id] : {std::pair{"", 0}, {"/test", 1}, {"/scratch", 2}})
		exports += fmt::format("{}{} 127.0.0.1(rw,async,fsid={},no_root_squash,"
				       "no_subtree_check,insecure)\n", exported, name, id);
	start_knfsd(t, exports);
	return settings("nfs", "127.0.0.1:/test", "127.0.0.1:/scratch",
			"export NFS_MOUNT_OPTIONS='-o vers=4.2'\n");
}

std::string cifs(ktap::test_case &t)
{
	export_disks(t);
	start_samba(t, fmt::format("ea support = yes\n[test]\npath = {0}/test\n[scratch]\n"
				   "path = {0}/scratch\n", exported));
	const std::string options = fmt::format(
		"-o vers=3.1.1,username=root,password={},noperm,mfsymlinks,actimeo=0", fresh_password());

	return settings("cifs", "//127.0.0.1/test", "//127.0.0.1/scratch",
			fmt::format("export CIFS_MOUNT_OPTIONS='{0}'\nexport TEST_FS_MOUNT_OPTS='{0}'\n",
				    options));
}

} /* namespace */

std::vector<kind> all_kinds()
{
	return {
		{"ext4", {"generic", "ext4"}, {}, ext4},
		{"xfs", {"generic", "xfs"}, {}, xfs},
		{"nfs", {"generic", "nfs"}, {}, nfs},
		{"cifs", {"generic", "cifs"}, {}, cifs},
		{"overlay", {"generic", "overlay"}, {"-overlay"}, overlay},
		{"tmpfs", {"generic", "tmpfs"}, {}, tmpfs},
	};
}

} /* namespace xfstests */

// SPDX-License-Identifier: GPL-2.0
/* See net_servers.hpp. */
#include "net_servers.hpp"

#include "crew.hpp"
#include "mount.hpp"

#include <filesystem>
#include <sys/mount.h>
#include <sys/stat.h>

namespace fs = std::filesystem;

namespace {

constexpr uint32_t nfs_program = 100003;

void mount_in_root(const char *type, const std::string &where)
{
	struct stat st;

	fs::create_directories(where);
	/* Another case may have done it. */
	if (::stat(where.c_str(), &st) == 0 && !fs::is_empty(where))
		return;
	if (::mount(type, where.c_str(), type, 0, nullptr) && errno != EBUSY)
		throw errno_error(fmt::format("mount {} on {}", type, where));
}

/* Refused as long as knfsd has not heard of nfsdcld whom it knows from before. */
bool end_grace()
{
	const unique_fd fd(::open((server_root + "/proc/fs/nfsd/v4_end_grace").c_str(),
				  O_WRONLY | O_CLOEXEC));

	return fd && ::write(fd.get(), "Y", 1) == 1;
}

} /* namespace */

void start_knfsd(ktap::test_case &t, const std::string &exports)
{
	const server rpcbind("rpcbind", {"rpcbind", "-f", "-w"});
	const server nfsdcld("nfsdcld", {"nfsdcld", "-F"});
	const server mountd("mountd", {"rpc.mountd", "-F", "-p", std::to_string(mountd_port)});

	if (!filesystem_registered("nfsd"))
		t.skip("this kernel has no knfsd");
	if (rpc_answers(false, nfs_port, nfs_program, 3) && mountd.pid() && rpcbind.pid())
		return;
	mount_in_root("nfsd", server_root + "/proc/fs/nfsd");
	mount_in_root("rpc_pipefs", server_root + "/run/rpc_pipefs");
	for (const char *dir : {"/run/rpcbind", "/run/lock", "/var/lib/nfs/nfsdcld"})
		fs::create_directories(server_root + dir);
	write_file(server_root + "/etc/exports", exports);
	write_file(server_root + "/etc/nfs.conf",
		   "[general]\npipefs-directory=/run/rpc_pipefs\n"
		   "[nfsd]\nudp=y\nvers3=y\nvers4=y\ngrace-time=10\nlease-time=10\nthreads=16\n");
	rpcbind.ensure(t);
	if (!wait_until(t.bound(server_start), [] { return tcp_answers(111); }))
		t.fail("{}", rpcbind.complaint());
	nfsdcld.ensure(t);
	run_in_root(t, {"exportfs", "-ra"});
	mountd.ensure(t);
	if (!wait_until(t.bound(server_start),
			[] { return rpc_answers(false, mountd_port, 100005, 3); }))
		t.fail("{}", mountd.complaint());
	run_in_root(t, {"rpc.nfsd", "16"}, std::chrono::seconds(60));
	if (!wait_until(t.bound(server_start),
			[] { return rpc_answers(false, nfs_port, nfs_program, 3); }))
		t.fail("knfsd does not answer; nfsdcld: {}", nfsdcld.complaint());
	/* Nobody has anything to reclaim. */
	if (!wait_until(t.bound(server_start), [] {
			return read_file(server_root + "/proc/fs/nfsd/v4_end_grace").value_or("")
				       .starts_with("Y") || end_grace();
		}))
		t.fail("the grace period of knfsd does not end; {}", nfsdcld.complaint());
}

std::string fresh_password()
{
	const std::string file = server_state + "/smb.password";
	uint64_t random = 0;
	const unique_fd fd = open_or_throw("/dev/urandom", O_RDONLY);

	if (const auto known = read_file(file))
		return *known;
	if (::read(fd.get(), &random, sizeof(random)) != sizeof(random))
		throw errno_error("/dev/urandom");
	write_file(file, fmt::format("{:016x}", random));
	return fmt::format("{:016x}", random);
}

void start_ksmbd(ktap::test_case &t, const std::string &shares)
{
	/* They do not go together with samba's, so they are beside them in the root. */
	const std::string tools = "/opt/ksmbd-tools/usr/sbin/", dir = server_root + "/etc/ksmbd";
	const server mountd("ksmbd.mountd", {tools + "ksmbd.mountd", "-n", "-p", std::to_string(ksmbd_port)});

	if (!filesystem_registered("smb3"))
		t.skip("this kernel has no SMB client");
	if (::access("/sys/class/ksmbd-control", F_OK))
		t.skip("this kernel has no ksmbd");
	if (mountd.pid() && tcp_answers(ksmbd_port))
		return;
	fs::create_directories(dir);
	write_file(dir + "/ksmbd.conf", fmt::format(
		"[global]\nserver min protocol = SMB3_11\nsmb2 leases = no\n{}", shares));
	run_in_root(t, {tools + "ksmbd.adduser", "-a", "root", "-p", fresh_password()}, server_start);
	mountd.ensure(t);
	if (!wait_until(t.bound(server_start), [] { return tcp_answers(ksmbd_port); }))
		t.fail("{}", mountd.complaint());
}

void start_samba(ktap::test_case &t, const std::string &shares)
{
	const server smbd("smbd", {"smbd", "-F", "--no-process-group", "--debug-stdout"});

	if (!filesystem_registered("smb3"))
		t.skip("this kernel has no SMB client");
	if (smbd.pid() && tcp_answers(smb_port))
		return;
	for (const char *dir : {"/run/samba", "/var/lib/samba/private", "/var/cache/samba", "/var/log/samba"})
		fs::create_directories(server_root + dir);
	write_file(server_root + "/etc/samba/smb.conf", fmt::format(
		"[global]\nserver role = standalone server\nsmb ports = {}\ninterfaces = lo\n"
		"bind interfaces only = yes\ndisable netbios = yes\nload printers = no\n"
		"disable spoolss = yes\npid directory = /run/samba\nlock directory = /run/samba\n"
		"force user = root\nread only = no\ncase sensitive = yes\n{}", smb_port, shares));
	const std::string password = fresh_password();

	run_in_root(t, {"sh", "-c", fmt::format("printf '{0}\\n{0}\\n' | smbpasswd -s -a root", password)},
		    server_start);
	smbd.ensure(t);
	if (!wait_until(t.bound(server_start), [] { return tcp_answers(smb_port); }))
		t.fail("{}", smbd.complaint());
}

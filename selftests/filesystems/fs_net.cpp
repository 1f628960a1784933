// SPDX-License-Identifier: GPL-2.0
/*
 * Filesystems whose server is another program, or the kernel itself, on the loopback device
 * of the guest.  What each of them exports is the FUSE server of ours.
 */
#include "fs_mirror.hpp"
#include "net_servers.hpp"

#include <charconv>
#include <filesystem>

namespace fs = std::filesystem;

namespace {

const std::string exported = "/export";		/* in the root of the servers */

class exported_scene : public mirrored_scene {
public:
	explicit exported_scene(ktap::test_case &t)
		: mirrored_scene(t, "exported", prepared(t))
	{
	}
	~exported_scene() override
	{
		try {
			go();
		} catch (const std::exception &) {
		}
		if (is_mounted() && unmount())
			unmount(MNT_FORCE | MNT_DETACH);
		if (second_mounted_)
			::umount2(second_.path().c_str(), MNT_FORCE | MNT_DETACH);
	}

	void go() override
	{
		mirrored_scene::go();
		if (cut_)
			cut(false);
	}

protected:
	/*
	 * What matches is dropped on its way to the server, by a rule of nft in the guest: where
	 * it goes out, which is an error to who sends it, or where it comes in, and is lost.
	 */
	void drop(const std::string &what, bool yes, const char *hook = "output")
	{
		if (yes)
			run_in_root(t, {"nft", fmt::format("add table ip lookup; flush table ip lookup; "
				"add chain ip lookup {0} {{ type filter hook {0} priority 0; }}; "
				"add rule ip lookup {0} {1} counter drop", hook, what)});
		else
			run_in_root(t, {"nft", "flush table ip lookup"});
		cut_ = yes;
	}
	/* Since that rule was made. */
	unsigned dropped()
	{
		const std::string rules = run_in_root(t, {"nft", "list", "table", "ip", "lookup"});
		const std::string counter = "counter packets ";
		const size_t at = rules.find(counter);
		unsigned packets = 0;

		if (at != rules.npos)
			std::from_chars(rules.data() + at + counter.size(),
					rules.data() + rules.size(), packets);
		return packets;
	}
	std::string mount_second(const std::string &source, const std::string &type,
				 const std::string &options)
	{
		if (::mount(source.c_str(), second_.path().c_str(), type.c_str(), 0, options.c_str()))
			throw errno_error("a second mount of " + source);
		second_mounted_ = true;
		return second_.path() + "/" + sub;
	}
	/* All that is sent to that port. */
	void drop_port(uint16_t port, bool yes)
	{
		drop(fmt::format("meta l4proto {{ tcp, udp }} th dport {}", port), yes);
	}

private:
	/* Where it is exported; the mirror is mounted there next. */
	static std::string prepared(ktap::test_case &t)
	{
		need_server_root(t);
		set_up_loopback();
		return server_root + exported;
	}

	temp_dir second_;
	bool cut_ = false, second_mounted_ = false;
};

constexpr uint32_t nfs3_remove = 12;		/* RFC 1813 */

/* Asked by a mount that cannot succeed: the transport is looked at before the server is. */
bool kernel_has_nfs_over_udp()
{
	const temp_dir dir;

	return ::mount("127.0.0.1:/", dir.path().c_str(), "nfs", 0,
		       "vers=3,proto=udp,mountproto=udp,addr=127.0.0.1,mountaddr=127.0.0.1,"
		       "nolock,soft,retry=0,mountport=1,timeo=1,retrans=1") == 0 || errno != EINVAL;
}

class nfs_scene : public exported_scene {
public:
	nfs_scene(ktap::test_case &t, bool v4) : exported_scene(t), v4_(v4)
	{
		start_knfsd(t, exported + " 127.0.0.1(rw,sync,fsid=0,no_root_squash,no_subtree_check,"
				"insecure)\n");
	}

	/* What is kept back is a lookup of the server's; no other request may be on its way. */
	void mount_it() override
	{
		struct stat st;

		if (!v4_ && !kernel_has_nfs_over_udp())
			t.skip("this kernel has no NFS over UDP (NFS_DISABLE_UDP_SUPPORT)");
		mount_now(source(), type(), options());
		/* The attributes and rights of the directory are known then, and RPC over UDP
		 * has learned that it may have several requests under way.
		 */
		for (int i = 0; i < (v4_ ? 2 : 24); i++)
			::stat(path(fmt::format("warm-{}", i)).c_str(), &st);
	}
	std::string second_client() override { return mount_second(source(), type(), options()); }
	void cut(bool yes) override { drop_port(nfs_port, yes); }
	/*
	 * Over UDP, where each is a packet: of the call, the word behind 8 bytes of UDP and 20 of
	 * RPC.  One that is an error to who sends it stays at the head of what is to be sent.
	 */
	void lose_removes(bool yes) override
	{
		drop(fmt::format("udp dport {} @th,224,32 {}", nfs_port, nfs3_remove), yes, "input");
	}
	unsigned lost_removes() override { return dropped(); }
	std::string looks_up_in() const override { return "nfs_lookup"; }
	std::string opens_in() const override { return "nfs_atomic_open"; }

private:
	std::string source() const { return v4_ ? "127.0.0.1:/" : "127.0.0.1:" + exported; }
	const char *type() const { return v4_ ? "nfs4" : "nfs"; }
	std::string options() const
	{
		if (v4_)
			return "vers=4.2,addr=127.0.0.1,clientaddr=127.0.0.1,sec=sys,"
			       "nosharecache,actimeo=600,timeo=600,lookupcache=all";
		return fmt::format("vers=3,proto=udp,mountproto=udp,mountvers=3,mountport={},port={},"
				   "addr=127.0.0.1,mountaddr=127.0.0.1,nolock,nosharecache,actimeo=600,"
				   "timeo=30,lookupcache=all", mountd_port, nfs_port);
	}

	bool v4_;
};

class smb_scene : public exported_scene {
public:
	smb_scene(ktap::test_case &t, bool in_kernel)
		: exported_scene(t), port_(in_kernel ? ksmbd_port : smb_port)
	{
		/* The kernel looks its paths up from its own root. */
		const std::string share = fmt::format("[s]\npath = {}\nread only = no\noplocks = no\n"
						      "store dos attributes = no\n",
						      (in_kernel ? server_root : "") + exported);

		if (in_kernel)
			start_ksmbd(t, share);
		else
			start_samba(t, share + "ea support = no\nnt acl support = no\n");
	}

	void mount_it() override
	{
		struct stat st;

		mount_now(source, "smb3", options());
		::stat(path("warm").c_str(), &st);
	}
	void make_numbers_up() override { server_numbers_ = false; }
	std::string second_client() override { return mount_second(source, "smb3", options()); }
	void cut(bool yes) override { drop_port(port_, yes); }
	bool keeps_open_names() const override { return true; }
	/*
	 * The client opens whatever has that name.  That a file cannot be listed is
	 * STATUS_NOT_SUPPORTED for Samba; ksmbd misses the leave to search it.
	 */
	int error_of_a_list_of_a_file() const override { return port_ == ksmbd_port ? EACCES : EOPNOTSUPP; }
	std::string looks_up_in() const override { return "cifs_lookup"; }
	std::string opens_in() const override { return "cifs_atomic_open"; }

private:
	static constexpr const char *source = "//127.0.0.1/s";

	std::string options() const
	{
		return fmt::format("ip=127.0.0.1,port={},vers=3.1.1,username=root,password={},nosharesock,"
				   "actimeo=600,{}", port_, fresh_password(),
				   server_numbers_ ? "serverino" : "noserverino");
	}

	const uint16_t port_;
	bool server_numbers_ = true;
};

template <bool in_kernel> std::unique_ptr<fs_scene> smb(ktap::test_case &t)
{
	return std::make_unique<smb_scene>(t, in_kernel);
}

template <bool v4> std::unique_ptr<fs_scene> nfs(ktap::test_case &t)
{
	return std::make_unique<nfs_scene>(t, v4);
}

} /* namespace */

std::vector<fs_kind> network_filesystems()
{
	const unsigned both = holds_lookups | tells_errors | silly | loses | links | aliases | forces | cuts |
			      stresses | two_clients | late_answers;

	const unsigned windows = holds_lookups | tells_errors | links | cuts | opens | stale_lists | stresses |
				 two_clients | blocks | makes_numbers | lists_by_name;

	return {
		{"nfs4", both | opens | opens_anew, nfs<true>},
		{"nfs3", both | loses_removes, nfs<false>},
		{"smb", windows, smb<false>},
		/* What it cannot look up is not there for it: ksmbd_vfs_path_lookup(). */
		{"ksmbd", windows & ~tells_errors, smb<true>},
	};
}

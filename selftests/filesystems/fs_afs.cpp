// SPDX-License-Identifier: GPL-2.0
/*
 * AFS: kafs, and the servers of OpenAFS on an address of the guest's own.
 *
 * A volume is in a format of OpenAFS, so no FUSE server of ours can stand behind it.  What
 * happens behind the back of the client that is tested is done by a second one, in a network
 * namespace of its own; the server breaks the promises of the first before it answers the
 * second.  Requests are kept back on their way: nft puts those of the first client that have
 * a certain operation in them, as often as they are sent again, into a queue of the loopback
 * device that is shut.  They are not dropped, since rxrpc of 7.3 does not send one again that
 * was lost three times: findings/rxrpc-gives-up-sending-again.sh.
 *
 * A name that is not cached is looked for in the contents of its directory, so it is the
 * fetch of these that holds a lookup: of all names of that directory.  The status of the
 * directory itself is let through, as whoever walks by asks for it, before the lookup.
 */
#include "fs_scene.hpp"
#include "server_root.hpp"

#include <algorithm>
#include <array>
#include <filesystem>

namespace fs = std::filesystem;

namespace {

const std::string cell = "lookup.test", volume = "work";
const std::string server_address = "10.77.0.1", other_address = "10.77.0.2";
const std::string other_mount = "/afs";		/* of the other client; in the root of the servers */
constexpr uint16_t fileserver_port = 7000;

const std::string programs = "/usr/lib/openafs/", logs = "/var/log/openafs/";

/* The other client is a network namespace, which lives as long as this process. */
const server other("afs-other-client", {"unshare", "--net", "sleep", "infinity"});
const server ptserver("ptserver", {programs + "ptserver"}, true, logs + "PtLog");
const server vlserver("vlserver", {programs + "vlserver"}, true, logs + "VLLog");
const server fileserver("fileserver", {programs + "fileserver"}, true, logs + "FileLog");
const server volserver("volserver", {programs + "volserver"}, true, logs + "VolserLog");

/* A program of the root, in the network of the other client. */
arguments beside(const arguments &argv)
{
	arguments all = {"nsenter", "--net", "--target", std::to_string(other.pid())};

	all.insert(all.end(), argv.begin(), argv.end());
	return all;
}

void connect_the_clients(ktap::test_case &t)
{
	std::error_code none;
	const auto network_of = [&](const std::string &pid) {
		return fs::read_symlink("/proc/" + pid + "/ns/net", none);
	};

	other.ensure(t);
	if (!wait_until(t.bound(server_start), [&] {
			return other.pid() &&
			       network_of(std::to_string(other.pid())) != network_of("self");
		}))
		t.fail("{}", other.complaint());
	/* What an earlier one has left, whose network may go later than its process. */
	succeeds_in_root(t, {"ip", "link", "delete", "afs0"});
	run_in_root(t, {"ip", "link", "add", "afs0", "type", "veth", "peer", "name", "afs1",
			"netns", std::to_string(other.pid())});
	run_in_root(t, {"ip", "address", "add", server_address + "/24", "dev", "afs0"});
	run_in_root(t, {"ip", "link", "set", "afs0", "up"});
	run_in_root(t, beside({"ip", "address", "add", other_address + "/24", "dev", "afs1"}));
	run_in_root(t, beside({"ip", "link", "set", "afs1", "up"}));
}

void configure_the_cell()
{
	const std::string etc = server_root + "/etc/openafs", var = server_root + "/var/lib/openafs";
	const std::string host = "afs";

	/* The servers ask for the address that belongs to it, and the guest has none by itself. */
	if (::sethostname(host.data(), host.size()))
		throw errno_error("sethostname");
	write_file(server_root + "/etc/hosts", fmt::format("127.0.0.1 localhost\n{} {}\n",
							   server_address, host));
	for (const std::string &dir : {etc, etc + "/server"}) {
		write_file(dir + "/ThisCell", cell + "\n");
		write_file(dir + "/CellServDB", fmt::format(">{} #{}\n{} #{}\n", cell, cell,
							   server_address, host));
	}
	for (const char *sub : {"/db", "/local"}) {
		fs::remove_all(var + sub);
		fs::create_directories(var + sub);
	}
	fs::create_directories(server_root + logs);
	/* Nobody has to prove who he is, so there are no keys. */
	write_file(var + "/local/NoAuth", "");
	write_file(var + "/local/NetInfo", server_address + "\n");
	fs::remove_all(server_root + "/vicepa");
	fs::create_directories(server_root + "/vicepa");
	/* It is no file system of its own. */
	write_file(server_root + "/vicepa/AlwaysAttach", "");
}

void must_answer(ktap::test_case &t, const server &asked, const arguments &argv)
{
	asked.ensure(t);
	if (!wait_until(t.bound(server_start), [&] { return succeeds_in_root(t, argv); }))
		t.fail("{}", asked.complaint());
}

void start_servers(ktap::test_case &t)
{
	vlserver.ensure(t);
	/* Each of both elects itself first, which takes seconds. */
	must_answer(t, ptserver, {"pts", "examine", "system:anyuser", "-noauth"});
	must_answer(t, vlserver, {"vos", "listvldb", "-noauth"});
	fileserver.ensure(t);
	must_answer(t, volserver, {"vos", "partinfo", server_address, "-noauth"});
}

/*
 * A volume with its rights for everybody.  They are the administrators' when it is made, and
 * only a client of OpenAFS can tell the server otherwise: so it is dumped, the number of
 * system:administrators (-204) in its one list is made that of system:anyuser (-101), and it
 * is restored.  Directories have the rights of the one that they are made in.
 */
void make_volume(ktap::test_case &t)
{
	const std::string dump = "/tmp/afs.dump";

	run_in_root(t, {"vos", "create", server_address, "a", volume, "-noauth"}, server_start);
	run_in_root(t, {"vos", "dump", volume, "0", "-file", dump, "-noauth"}, server_start);
	run_in_root(t, {"env", "LC_ALL=C", "sed", "-i", R"(s/\xff\xff\xff\x34/\xff\xff\xff\x9b/)", dump});
	run_in_root(t, {"vos", "restore", server_address, "a", volume, "-file", dump,
			"-overwrite", "full", "-noauth"}, server_start);
}

/*
 * The cell is made known as the one of the workstation, and is not named by the mount: a
 * mount that names it asks the DNS for it, even if its address is known.
 */
void mount_other_client(ktap::test_case &t)
{
	const std::string here = "/proc/fs/afs/rootcell", known = cell + ":" + server_address;

	write_file(here, known);
	fs::create_directories(server_root + other_mount);
	run_in_root(t, beside({"sh", "-c", fmt::format("printf %s '{}' > {} && mount -t afs %{} {}",
						       known, here, volume, other_mount)}),
		    server_start);
}

/* All anew if one of them has died: a volume of a fileserver that was killed is not attached. */
void start_cell(ktap::test_case &t)
{
	const std::array<const server *, 5> all = {&other, &ptserver, &vlserver, &fileserver, &volserver};
	const auto running = [](const server *s) { return s->pid() != 0; };

	if (!filesystem_registered("afs"))
		t.skip("this kernel has no AFS");
	if (std::all_of(all.begin(), all.end(), running))
		return;
	for (const server *s : all)
		s->end(t);
	::umount2((server_root + other_mount).c_str(), MNT_FORCE | MNT_DETACH);
	set_up_loopback();
	connect_the_clients(t);
	configure_the_cell();
	start_servers(t);
	make_volume(t);
	mount_other_client(t);
}

/* The classes of the loopback device: what is in the second waits there (sch_prio, sch_plug). */
const std::string device = "lo", held_class = "1:2";

/* The parts of an Rx packet, as nft counts bits from the header of UDP on. */
const std::string first_data = "@th,224,8 1 @th,160,32 1 ", call_of = "@th,96,64", operation = "@th,288,32 ";

/* What has a name in it: the operation, the directory, the length of the name, and that. */
std::string with_name(unsigned number, const std::string &name)
{
	std::string bytes;

	for (const char c : name.substr(0, 16))
		bytes += fmt::format("{:02x}", static_cast<unsigned char>(c));
	return fmt::format("{}{} @th,416,32 {} @th,448,{} 0x{}", operation, number, name.size(),
			   4 * bytes.size(), bytes);
}

class afs_scene : public fs_scene {
public:
	explicit afs_scene(ktap::test_case &t) : fs_scene(t)
	{
		need_server_root(t);
		start_cell(t);
		fs::create_directories(behind(""));
	}
	~afs_scene() override
	{
		try {
			go();
		} catch (const std::exception &) {
		}
		if (is_mounted() && unmount())
			unmount(MNT_FORCE | MNT_DETACH);
		try {
			/* No sooner: this loses what is in there. */
			if (has_queue_)
				run_in_root(t, {"tc", "qdisc", "delete", "dev", device, "root"});
		} catch (const std::exception &) {
		}
	}

	std::string behind(const std::string &name) const override
	{
		return server_root + other_mount + "/" + sub + "/" + name;
	}

	/* The client is to know the directory of the case, so that no lookup of that is held. */
	void mount_it() override
	{
		mount_now("%" + volume, "afs", "");
		const answer directory = stat_now(dir());

		t.require(directory.error == 0, "{}: errno {}", dir(), directory.error);
	}

	/* FetchData, FetchData64 and InlineBulkStatus. */
	void hold(const std::string &) override
	{
		change_directory();
		keep("lookup", operation + "{ 130, 65536, 65537 }");
	}
	unsigned held(const std::string &) override { return held("lookup", ""); }
	void hold(const std::string &op, const std::string &name) override
	{
		t.require(op == "remove" || op == "rename", "it cannot hold {}", op);
		keep(op, with_name(op == "remove" ? 136 : 138, name));
	}
	/* Calls, however often they were sent. */
	unsigned held(const std::string &op, const std::string &) override
	{
		const std::string set = run_in_root(t, {"nft", "list", "set", "ip", "afs", "held_" + op});
		const size_t elements = set.find("elements");

		return elements == set.npos ? 0 :
			1 + static_cast<unsigned>(std::count(set.begin() + static_cast<long>(elements),
							     set.end(), ','));
	}
	/*
	 * All that the first client sends is dropped where it comes in: what is dropped on its
	 * way out is an error to the sender.
	 */
	void cut(bool yes) override
	{
		if (!yes) {
			go();
			return;
		}
		run_in_root(t, {"nft", "add table ip afs; add chain ip afs in "
				"{ type filter hook input priority 0; }; " +
				fmt::format("add rule ip afs in ip saddr {} udp dport {} drop",
					    server_address, fileserver_port)});
		has_rules_ = true;
	}
	/* What comes now is not kept any more, and then what has come goes. */
	void go() override
	{
		if (has_rules_)
			run_in_root(t, {"nft", "delete table ip afs"});
		has_rules_ = false;
		if (has_queue_)
			queue("release_indefinite");
	}
	/* What was cut off is sent again by and by: the pauses between double. */
	std::chrono::milliseconds patience() const override { return std::chrono::seconds(30); }
	bool may_be_stale() const override { return true; }

	/*
	 * The other client puts it somewhere else, and back.  That the name was missing has to be
	 * forgotten in between, or nobody would look it up: a directory of that name, removed
	 * while it is open, takes the dentry with it.
	 */
	void lose(const std::string &name, bool lost) override
	{
		const std::string here = path(name), there = behind(name), away = behind("lost");

		if (!lost) {
			fs::create_directory(here);
			const unique_fd busy = open_or_throw(here, O_PATH | O_DIRECTORY);

			fs::remove(here);
		}
		fs::rename(lost ? there : away, lost ? away : there);
	}

	std::string looks_up_in() const override { return "afs_lookup"; }

private:
	/* What the client knows of its contents is worth nothing then. */
	void change_directory() const
	{
		const std::string file = behind("changed");

		write_file(file, "");
		fs::remove(file);
	}

	void queue(const std::string &what) const
	{
		run_in_root(t, {"tc", "qdisc", "change", "dev", device, "parent", held_class, "plug", what});
	}

	/* Everything else goes by the first class, whatever its priority.  A case that was
	 * killed has left one.
	 */
	void make_queue()
	{
		arguments classes = {"tc", "qdisc", "replace", "dev", device, "root", "handle", "1:",
				     "prio", "bands", "2", "priomap"};

		classes.insert(classes.end(), 16, "0");
		run_in_root(t, classes);
		has_queue_ = true;
		run_in_root(t, {"tc", "qdisc", "replace", "dev", device, "parent", held_class, "plug"});
	}

	/* The set has the calls of which something is kept. */
	void keep(const std::string &op, const std::string &what)
	{
		if (!has_queue_)
			make_queue();
		queue("block");
		run_in_root(t, {"nft", fmt::format(
			"add table ip afs; add chain ip afs out {{ type filter hook output priority 0; }}; "
			"add set ip afs held_{0} {{ typeof {1}; size 1024; flags dynamic; }}; "
			"add rule ip afs out ip daddr {2} udp dport {3} {4}{5} add @held_{0} {{ {1} }} "
			"meta priority set {6}",
			op, call_of, server_address, fileserver_port, first_data, what, held_class)});
		has_rules_ = true;
	}

	bool has_rules_ = false, has_queue_ = false;
};

} /* namespace */

std::vector<fs_kind> afs_filesystems()
{
	return {
		{"afs", holds_lookups | stresses | silly | aliases | cuts | blocks | loses |
			below_overlays,
		 [](ktap::test_case &t) { return std::make_unique<afs_scene>(t); }},
	};
}

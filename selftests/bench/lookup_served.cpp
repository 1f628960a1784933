// SPDX-License-Identifier: GPL-2.0
/*
 * The cost of lookups and lists in a directory that a real server exports, by the time stamp
 * counter: in a guest with one CPU under QEMU -icount shift=0,sleep=off these are instructions,
 * of the client, of the server and of the loopback device between them.  Client and server are
 * in the same guest, and what is exported is a tmpfs.  Needs the guest of make filesystems.
 *
 * Nobody races, and nothing of the directory is cached by the client; in ticks for each name:
 *
 *   list-nfs		10 000 names, which come from READDIRPLUS first and then from READDIR
 *   ls-l-nfs		2 000 names, and stat() of each as soon as it is listed
 *   stat-nfs		stat() of 500 names
 *   ls-l-smb, stat-smb	the same
 *
 * A file is removed that has a silly name, and its REMOVE is lost on its way to the server, so
 * that the client sends it a second time; 100 ms before that, the list begins, and with it a
 * create in the same directory.  In ticks for the whole of either:
 *
 *   list-held-nfs-100		a list of 100 names, and that one
 *   create-held-nfs-100	open() with O_CREAT of another name
 *
 * NFS is NFSv3 over UDP, of which each request is one packet, so one can be lost by itself.
 * In a kernel whose readdir waits for a lookup, the one who lists is known to sleep in
 * d_alloc_parallel() before the file is created; in another one, the file is known to be
 * there still when both have come back.
 */
#include "caches.hpp"
#include "filesystems/fs_scene.hpp"
#include "filesystems/server_root.hpp"
#include "kernel.hpp"
#include "listing.hpp"
#include "options.hpp"

#include <filesystem>

namespace fs = std::filesystem;

namespace {

constexpr uint64_t warm_up = 2;		/* slabs and free lists are steady then */

struct row_kind {
	std::string name;
	std::string server;		/* of all_filesystems() */
	uint64_t files;			/* in the directory */
	bool lists, stats;
};

const std::vector<row_kind> rows = {
	{"list-nfs", "nfs3", 10000, true, false},
	{"ls-l-nfs", "nfs3", 2000, true, true},
	{"stat-nfs", "nfs3", 500, false, true},
	{"ls-l-smb", "smb", 2000, true, true},
	{"stat-smb", "smb", 500, false, true},
	{"list-held-nfs-100", "nfs3", 100, true, false},
	{"create-held-nfs-100", "nfs3", 100, true, false},
};

/* What the client has cached, the pages of its directories included. */
void forget_everything()
{
	const unique_fd fd = open_or_throw("/proc/sys/vm/drop_caches", O_WRONLY);

	drop_caches();
	if (::pwrite(fd.get(), "1", 1, 0) != 1)
		throw errno_error("drop_caches");
}

/*
 * A tmpfs with files, exported by a server that a scene of lookup_filesystems_test has
 * started, and mounted by a client.
 */
class served {
public:
	served(ktap::test_case &t, const row_kind &row)
		: scene(scene_of(t, row.server)), name_(fmt::format("plain.{}", ::getpid())),
		  list(row.files)
	{
		const std::string exported = scene->at_server("../" + name_);

		fs::create_directory(scene->behind("../" + name_));
		if (::mount("tmpfs", exported.c_str(), "tmpfs", 0, nullptr))
			throw errno_error("tmpfs on " + exported);
		exported_ = exported;
		for (uint64_t i = 0; i < row.files; i++)
			write_file(fmt::format("{}/file-{:05}", exported, i), "");
		if (row.server == "smb") {
			scene->mount_it();
			dir_ = scene->top() + "/" + name_;
		} else {
			mount_nfs(t);
		}
		/* A request that it answers, and the rights of the directory, which are kept. */
		list.open(dir_);
		list.read();
		t.require(list.names(t) == static_cast<int64_t>(row.files), "{} names, not {}",
			  list.names(t), row.files);
	}
	~served()
	{
		list = listing(0);
		if (mounted_)
			::umount2(mount_.path().c_str(), MNT_DETACH);
		scene->unmount(MNT_DETACH);
		if (!exported_.empty())
			::umount2(exported_.c_str(), MNT_DETACH);
	}

	const std::string &dir() const { return dir_; }
	const std::string &exported() const { return exported_; }

	/* How long the client waits for an answer before it sends a request again. */
	static constexpr std::chrono::milliseconds patience{200};

private:
	static std::unique_ptr<fs_scene> scene_of(ktap::test_case &t, const std::string &name)
	{
		for (const fs_kind &kind : network_filesystems())
			if (kind.name == name)
				return kind.make(t);
		t.fail("no filesystem {}", name);
	}
	void mount_nfs(ktap::test_case &t)
	{
		const std::string path = exported_.substr(server_root.size());
		const std::string options = fmt::format(
			"vers=3,proto=udp,mountproto=udp,mountvers=3,mountport={},port={},addr=127.0.0.1,"
			"mountaddr=127.0.0.1,nolock,nosharecache,actimeo=600,timeo={}",
			mountd_port, nfs_port, patience.count() / 100);

		run_in_root(t, {"exportfs", "-o", "rw,sync,fsid=7,no_root_squash,no_subtree_check,insecure",
				"127.0.0.1:" + path});
		if (::mount(("127.0.0.1:" + path).c_str(), mount_.path().c_str(), "nfs", 0,
			    options.c_str()))
			throw errno_error("mount -t nfs " + path);
		mounted_ = true;
		dir_ = mount_.path();
	}

public:
	const std::unique_ptr<fs_scene> scene;

private:
	const std::string name_;
	temp_dir mount_;
	std::string exported_, dir_;
	bool mounted_ = false;

public:
	listing list;
};

/* ---- nobody races ---------------------------------------------------------- */

class cold : public subject {
public:
	cold(ktap::test_case &t, const row_kind &row) : row_(row), served_(t, row)
	{
		for (uint64_t i = 0; i < row.files; i++)
			names_.push_back(fmt::format("file-{:05}", i));
	}

	void before(ktap::test_case &) override
	{
		forget_everything();
		served_.list.rewind();
		failed_ = 0;
		dentries_ = dentries();
	}
	void run() override
	{
		const auto look = [this](const char *name) {
			struct stat st;

			failed_ += ::fstatat(served_.list.dir().get(), name, &st, AT_SYMLINK_NOFOLLOW) != 0;
		};

		if (row_.lists && row_.stats)
			served_.list.read(look);
		else if (row_.lists)
			served_.list.read();
		else
			for (const std::string &name : names_)
				look(name.c_str());
	}
	uint64_t after(ktap::test_case &t) override
	{
		const int64_t added = dentries() - dentries_;
		const auto files = static_cast<int64_t>(row_.files);

		t.require(failed_ == 0, "{} of {} files were not found", failed_, files);
		if (row_.lists)
			t.require(served_.list.names(t) == files, "{} names are listed, not {}",
				  served_.list.names(t), files);
		/* What was not stat()ed may be listed without, but for those that are listed first. */
		t.require(added >= (row_.stats ? files * 9 / 10 : 100),
			  "{} names, and {} dentries added", files, added);
		return row_.files;
	}

private:
	const row_kind row_;
	served served_;
	std::vector<std::string> names_;
	uint64_t failed_ = 0;
	int64_t dentries_ = 0;
};

/* ---- the REMOVE of one name is lost ---------------------------------------- */

constexpr std::chrono::milliseconds held_for{100};
/* The first REMOVE in a guest takes five seconds more, and is a part of the warm-up. */
constexpr std::chrono::seconds until_removed{30};

struct held_times {
	double list, create;
};

bool is_there(const std::string &path)
{
	struct stat st;

	return ::stat(path.c_str(), &st) == 0;
}

held_times list_and_create_while_held(ktap::test_case &t, served &dir, uint64_t names)
{
	const bool waits = readdir_waits(t);
	const std::string file = dir.dir() + "/file-00050", created = dir.dir() + "/created";
	unique_fd open_file = open_or_throw(file, O_RDONLY);
	std::string silly;
	std::atomic<bool> created_too{false};
	uint64_t list_begin = 0, list_end = 0, create_begin = 0, create_end = 0;

	t.require(::unlink(file.c_str()) == 0, "unlink: errno {}", errno);
	for (const auto &entry : fs::directory_iterator(dir.exported()))
		if (entry.path().filename().native().starts_with(".nfs"))
			silly = entry.path();
	t.require(!silly.empty(), "the file was not renamed");
	forget_everything();
	dir.list.rewind();
	dir.scene->lose_removes(true);
	crew people(t, [&] { dir.scene->lose_removes(false); }, until_removed);
	const auto until = std::chrono::steady_clock::now() + served::patience;

	open_file.reset();
	t.require(wait_until(t.bound(crew::bound), [&] { return dir.scene->lost_removes() > 0; }),
		  "no REMOVE was lost");
	dir.scene->lose_removes(false);
	std::this_thread::sleep_until(until - held_for);
	t.require(std::chrono::steady_clock::now() < until - held_for + std::chrono::milliseconds(2),
		  "it took too long to lose a REMOVE");
	actor &lister = people.start([&] {
		list_begin = ticks();
		dir.list.read();
		list_end = ticks();
		return answer{};
	});

	if (waits)
		people.must_be_parked(lister, "the one who lists");
	actor &creator = people.start([&] {
		create_begin = ticks();
		const unique_fd fd(::open(created.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644));

		create_end = ticks();
		created_too.store(static_cast<bool>(fd));
		return answer{};
	});

	people.must_be_through(lister, "the one who lists");
	people.must_be_through(creator, "the one who creates");
	t.require(created_too, "no file was created");
	t.require(is_there(silly) != waits, "the REMOVE {} when both had come back",
		  waits ? "was not over" : "was over");
	t.require(dir.list.names(t) >= static_cast<int64_t>(names), "{} names are listed, not {}",
		  dir.list.names(t), names);
	t.require(wait_until(t.bound(until_removed), [&] { return !is_there(silly); }),
		  "{} was not removed", silly);
	if (::unlink(created.c_str()))
		throw errno_error(created);
	write_file(dir.exported() + "/file-00050", "");
	return {static_cast<double>(list_end - list_begin),
		static_cast<double>(create_end - create_begin)};
}

/* ---- the rows -------------------------------------------------------------- */

void measure(ktap::test_case &t, uint64_t batches, const row_kind &row)
{
	if (row.name.find("-held-") == std::string::npos) {
		cold s(t, row);

		/* Servers, and threads if there are any, do not. */
		come_first();
		count_batches(t, row.name, s, warm_up, batches);
		return;
	}
	served dir(t, row);
	std::vector<double> samples;

	/* A worker of the client's sends that REMOVE, so nobody comes first here. */
	for (uint64_t i = 0; i < warm_up + batches; i++) {
		const held_times took = list_and_create_while_held(t, dir, row.files);

		if (i >= warm_up)
			samples.push_back(row.name.starts_with("list") ? took.list : took.create);
	}
	print_samples(t, row.name, row.files, std::move(samples));
}

} /* namespace */

int main(int argc, char **argv)
{
	options o("lookup_served",
		  "What lookups and lists cost that a real server answers, by the time stamp counter;\n"
		  "under QEMU -icount shift=0,sleep=off that counts instructions.  For a guest: it starts\n"
		  "servers, and changes the network.  Example:\n"
		  "  lookup_served --rows list-nfs,stat-smb --batches 5");
	std::vector<std::string> wanted, names;
	std::vector<ktap::test> tests;
	ktap::run_options run;
	uint64_t batches = 9;

	for (const row_kind &row : rows)
		names.push_back(row.name);
	o.add_run_options(run);
	o.add_words("--rows", wanted, names, "rows, separated by commas; default all");
	o.add("--batches", batches, 1, 10000, "samples of each row, default 9");
	if (const auto status = o.parse(argc, argv))
		return *status;
	for (const row_kind &row : rows)
		if (wanted.empty() || std::count(wanted.begin(), wanted.end(), row.name))
			tests.push_back({"cost_of_" + row.name,
					 [=, &row](ktap::test_case &t) { measure(t, batches, row); },
					 std::chrono::seconds(120) + std::chrono::seconds(2 * batches)});
	return ktap::run(tests, run);
}

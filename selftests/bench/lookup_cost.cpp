// SPDX-License-Identifier: GPL-2.0
/*
 * The cost of system calls that look names up, while nobody waits.
 *
 * It is meant for a guest with one CPU under QEMU -icount shift=0,sleep=off, where
 * the time stamp counter counts the instructions that were executed, kernel and all.
 * Elsewhere it counts cycles, which differ too much from run to run to compare.
 *
 *   negative        fstatat() of a missing name on tmpfs
 *   positive        fstatat() of a file of gatefs that is not in the dcache
 *   create          openat(O_CREAT | O_EXCL) and close() on tmpfs
 *   open-missing    openat() of a missing name on tmpfs
 *   readdir         getdents64() of /proc/self/fd, for each name
 *   readdir-sysctl  getdents64() of /proc/sys/kernel, for each name
 *   procfs          fstatat() of files of /proc/self that are not in the dcache
 *   positive-hot    fstatat() of a file of tmpfs that is: the control
 *
 * But for the last row each name has to be the beginning of a lookup of its own in
 * d_alloc_parallel().  So the dcache is asked before and after each batch: a name
 * that was not in it, and that the batch has once, was allocated.  A name that readdir lists
 * in procfs is too short-lived to be asked for, but adds to the number of dentries.
 */
#include "caches.hpp"
#include "counted.hpp"
#include "options.hpp"
#include "scratch_files.hpp"

#include <linux/openat2.h>
#include <optional>
#include <sys/stat.h>
#include <sys/syscall.h>

namespace {

struct cost_config {
	std::string tmpfs = "/mnt/tmpfs", gatefs = "/mnt/gatefs";
	uint64_t batches = 61, batch = 64;
	std::vector<std::string> rows;
};

/* ---- names, one operation each --------------------------------------------- */

bool stat_missing(int dir, const char *name)
{
	struct stat st;

	return ::fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT;
}

bool stat_present(int dir, const char *name)
{
	struct stat st;

	return ::fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

bool open_missing(int dir, const char *name)
{
	return ::openat(dir, name, O_RDONLY | O_CLOEXEC) < 0 && errno == ENOENT;
}

bool create(int dir, const char *name)
{
	const int fd = ::openat(dir, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);

	return fd >= 0 && ::close(fd) == 0;
}

constexpr std::string_view nothing = "nothing", missing = "a missing name", file = "a file";

/* Asks the dcache for a name, without ->lookup(), so that it stays as it is. */
std::string_view dcache_has(int dir, const char *name)
{
	open_how how = {};

	how.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
	how.resolve = RESOLVE_CACHED;
	const unique_fd fd(static_cast<int>(::syscall(SYS_openat2, dir, name, &how, sizeof(how))));

	return fd ? file : errno == EAGAIN ? nothing : errno == ENOENT ? missing :
	       std::strerror(errno);
}

struct named_row {
	const char *name;
	bool (*operation)(int dir, const char *name);
	std::string_view before, after;	/* what the dcache has */
	bool writable;			/* the files are made here, and removed */
};

constexpr named_row named_rows[] = {
	{"negative", stat_missing, nothing, nothing, true},
	{"positive", stat_present, nothing, file, false},
	{"create", create, nothing, file, true},
	{"open-missing", open_missing, nothing, nothing, true},
	{"procfs", stat_present, nothing, file, false},
	{"positive-hot", stat_present, file, file, true},
};

class named : public subject {
public:
	/* Files that are there are found in the dcache: what is not found is not there. */
	named(ktap::test_case &t, const named_row &row, const std::string &dir,
	      std::vector<std::string> names)
		: row_(row), dir_(open_or_throw(dir, O_RDONLY | O_DIRECTORY)),
		  names_(std::move(names))
	{
		if (!row_.writable)
			return;
		made_.emplace(dir_.get(), names_);
		for (const std::string &name : names_)
			if (!create(dir_.get(), name.c_str()))
				throw errno_error(dir + "/" + name);
		require(t, file, "once it is made");
		if (row_.before == nothing)
			made_->remove();
	}

	void before(ktap::test_case &t) override
	{
		if (!row_.writable)
			drop_caches();
		require(t, row_.before, "before the batch");
	}
	void run() override
	{
		good_ = 0;
		for (const std::string &name : names_)
			good_ += row_.operation(dir_.get(), name.c_str());
	}
	uint64_t after(ktap::test_case &t) override
	{
		t.require(good_ == names_.size(), "{} of {} system calls ended as they should",
			  good_, names_.size());
		require(t, row_.after, "after the batch");
		if (row_.writable && row_.before != row_.after)
			made_->remove();
		return names_.size();
	}

private:
	void require(ktap::test_case &t, std::string_view wanted, const char *when) const
	{
		for (const std::string &name : names_) {
			const std::string_view has = dcache_has(dir_.get(), name.c_str());

			t.require(has == wanted, "{} {}: the dcache has {}, not {}", name, when, has,
				  wanted);
		}
	}
	const named_row &row_;
	unique_fd dir_;
	std::vector<std::string> names_;
	std::optional<scratch_files> made_;	/* behind what it uses */
	uint64_t good_ = 0;
};

/* ---- names that getdents64() looks up -------------------------------------- */

class listed : public subject {
public:
	/* More descriptors than one has anyway, for the names in /proc/self/fd. */
	listed(const std::string &dir, unsigned descriptors)
		: dir_(open_or_throw(dir, O_RDONLY | O_DIRECTORY))
	{
		for (unsigned i = 0; i < descriptors; i++)
			more_.push_back(open_or_throw("/dev/null", O_RDONLY));
	}

	void before(ktap::test_case &) override
	{
		drop_caches();
		if (::lseek(dir_.get(), 0, SEEK_SET) < 0)
			throw errno_error("lseek");
		dentries_ = dentries();
	}
	void run() override
	{
		length_ = ::syscall(SYS_getdents64, dir_.get(), buffer_, sizeof(buffer_));
	}
	uint64_t after(ktap::test_case &t) override
	{
		const int64_t added = dentries() - dentries_, names = names_in(buffer_, length_);
		char more[512];

		t.require(names > 0, "nothing is listed: {}", std::strerror(errno));
		t.require(added >= names, "{} names were listed, but only {} dentries added", names,
			  added);
		t.require(::syscall(SYS_getdents64, dir_.get(), more, sizeof(more)) == 0,
			  "there is more than {} bytes can hold", sizeof(buffer_));
		return static_cast<uint64_t>(names);
	}

private:
	unique_fd dir_;
	std::vector<unique_fd> more_;
	alignas(dirent64) char buffer_[65536];
	long length_ = 0;
	int64_t dentries_ = 0;
};

/* ---- the rows -------------------------------------------------------------- */

const std::vector<std::string> row_names = {"negative", "positive", "create", "open-missing",
					    "readdir", "readdir-sysctl", "procfs", "positive-hot"};

/* Regular files that each kernel has, however small its configuration. */
const std::vector<std::string> process_files = {
	"auxv", "cmdline", "comm", "environ", "limits", "maps", "mem", "mountinfo", "mounts",
	"mountstats", "oom_adj", "oom_score", "oom_score_adj", "personality", "stat", "statm",
	"status", "syscall"};

/* All of one length, since a longer name takes longer to hash. */
std::vector<std::string> numbered(const char *prefix, uint64_t n)
{
	std::vector<std::string> names;

	for (uint64_t i = 0; i < n; i++)
		names.push_back(fmt::format("{}-{:04}", prefix, i));
	return names;
}

std::unique_ptr<subject> make_subject(ktap::test_case &t, const cost_config &c,
				      const std::string &row)
{
	if (row == "readdir")
		return std::make_unique<listed>("/proc/self/fd", 64);
	if (row == "readdir-sysctl")
		return std::make_unique<listed>("/proc/sys/kernel", 0);

	const auto *r = std::find_if(std::begin(named_rows), std::end(named_rows),
				     [&](const named_row &n) { return row == n.name; });

	if (r == std::end(named_rows))
		t.fail("nobody knows how to measure '{}'", row);
	if (row == "procfs")
		return std::make_unique<named>(t, *r, "/proc/self", process_files);
	if (row == "positive")
		return std::make_unique<named>(t, *r, c.gatefs, numbered("file-cost", c.batch));
	return std::make_unique<named>(t, *r, c.tmpfs, numbered("cost", c.batch));
}

constexpr uint64_t warm_up = 8;		/* batches; slabs and free lists are steady then */

void cost(ktap::test_case &t, const cost_config &c, const std::string &row)
{
	come_first();
	const auto s = make_subject(t, c, row);

	count_batches(t, row, *s, warm_up, c.batches);
}

} /* namespace */

int main(int argc, char **argv)
{
	options o("lookup_cost",
		  "What system calls that look names up cost, by the time stamp counter; under\n"
		  "QEMU -icount shift=0,sleep=off that counts instructions.  Example:\n"
		  "  lookup_cost --rows negative,positive-hot --batches 5 --dir-tmpfs /tmp");
	ktap::run_options run;
	std::vector<ktap::test> tests;
	cost_config c;

	o.add_run_options(run);
	o.add_words("--rows", c.rows, row_names, "rows, separated by commas; default all");
	o.add("--batches", c.batches, 1, 100000, "samples of each row, default 61");
	o.add("--batch", c.batch, 1, 10000,
	      "names in a sample, default 64; procfs and readdir take what is there");
	o.add("--dir-tmpfs", c.tmpfs, "a directory on tmpfs, default /mnt/tmpfs");
	o.add("--dir-gatefs", c.gatefs, "a mount of gatefs, default /mnt/gatefs");
	if (const auto status = o.parse(argc, argv))
		return *status;
	if (c.rows.empty())
		c.rows = row_names;

	for (const std::string &row : c.rows)
		tests.push_back({"cost_of_" + row, [&c, row](ktap::test_case &t) { cost(t, c, row); },
				 std::chrono::seconds(60) + std::chrono::milliseconds(100 * c.batches)});
	return ktap::run(tests, run);
}

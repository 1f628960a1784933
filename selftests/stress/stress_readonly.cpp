// SPDX-License-Identifier: GPL-2.0
/*
 * lookup_stress where nothing can be created.
 *
 * gatefs: a name says what it stands for, and always has the same inode number.
 * Any other filesystem: names that are there from before the start to after the
 * end and are no process are never missing; while their dentry is pinned they
 * have one inode; names that nobody made are always missing.
 */
#include "gate.hpp"
#include "stress.hpp"
#include "unique_fd.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <dirent.h>
#include <sys/stat.h>
#include <sys/syscall.h>

namespace {

std::vector<std::string> names_in(int fd)
{
	alignas(dirent64) char buffer[8192];
	std::vector<std::string> names;
	long n;

	while ((n = ::syscall(SYS_getdents64, fd, buffer, sizeof(buffer))) > 0) {
		for (long at = 0; at < n;) {
			const auto *e = reinterpret_cast<const dirent64 *>(buffer + at);

			if (std::strcmp(e->d_name, ".") && std::strcmp(e->d_name, ".."))
				names.emplace_back(e->d_name);
			at += e->d_reclen;
		}
	}
	if (n < 0)
		throw errno_error("getdents64");
	return names;
}

void drop_caches(const char *what)
{
	const unique_fd fd = open_or_throw("/proc/sys/vm/drop_caches", O_WRONLY);

	if (::write(fd.get(), what, 1) != 1)
		throw errno_error("/proc/sys/vm/drop_caches");
}

class readonly : public stress_model {
public:
	explicit readonly(stress_run &run);
	std::string describe() const override
	{
		return fmt::format("read-only, {} names of which {} are pinned", names_.size(),
				   std::count_if(names_.begin(), names_.end(),
						 [](const known &k) { return bool(k.pin); }));
	}
	uint64_t unjudged() const override { return unjudged_.load(std::memory_order_relaxed); }
	void step(stress_worker &w) override;

private:
	struct known {
		std::string name;		/* relative to the directory */
		unique_fd pin;
		uint64_t ino = 0;		/* with a pin */
	};

	void scan(const std::string &below, unsigned depth);
	void look(stress_worker &w, bool by_open);
	void list(stress_worker &w);
	void miss(stress_worker &w);
	void drop(stress_worker &w);

	stress_run &run_;
	unique_fd dir_;
	std::deque<known> names_;
	std::vector<std::string> directories_;
	std::deque<std::string> top_;		/* names of the directory itself */
	std::atomic<uint64_t> unjudged_{0};
};

readonly::readonly(stress_run &run)
	: run_(run), dir_(open_or_throw(run.dir, O_RDONLY | O_DIRECTORY))
{
	if (run.config.drop_caches)
		drop_caches("4");	/* do not log each time that they are dropped */
	scan("", 0);
	run.t.require(!names_.empty(), "{} cannot be written to and lists no name that stays",
		      run.dir);
	/* Few enough that threads meet, spread over what there is. */
	random_bits choice(run.config.seed);

	for (size_t i = names_.size() - 1; i > 0; i--)
		std::swap(names_[i], names_[choice.below(i + 1)]);
	if (names_.size() > 64 * run.config.hot)
		names_.resize(64 * run.config.hot);
	for (size_t i = 0; i < names_.size(); i += 2) {
		known &k = names_[i];
		struct stat st;

		k.pin.reset(::openat(dir_.get(), k.name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
		if (k.pin && ::fstat(k.pin.get(), &st) == 0)
			k.ino = st.st_ino;
		else
			k.pin.reset();
	}
}

/* Processes come and go, and so do links to them: what looks like one is left out. */
void readonly::scan(const std::string &below, unsigned depth)
{
	const unique_fd fd(::openat(dir_.get(), below.empty() ? "." : below.c_str(),
				    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
	struct stat st;

	if (!fd)
		return;
	for (const std::string &name : names_in(fd.get())) {
		if (name.find_first_not_of("0123456789") == std::string::npos)
			continue;
		if (::fstatat(fd.get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		const std::string path = below.empty() ? name : below + "/" + name;

		names_.push_back({path, unique_fd(), 0});
		if (below.empty())
			top_.push_back(name);
		if (S_ISDIR(st.st_mode)) {
			directories_.push_back(path);
			if (depth < 2)
				scan(path, depth + 1);
		}
	}
}

void readonly::look(stress_worker &w, bool by_open)
{
	const known &k = names_[w.random.below(names_.size())];
	const stress_worker::operation o(w, by_open ? op::open : op::stat, k.name.c_str());
	struct stat st;
	int error = 0;

	if (by_open) {
		/* O_PATH: to open a file of procfs or sysfs can mean anything. */
		const unique_fd fd(::openat(dir_.get(), k.name.c_str(),
					    O_PATH | O_NOFOLLOW | O_CLOEXEC));

		if (!fd || ::fstat(fd.get(), &st) < 0)
			error = errno;
	} else if (::fstatat(dir_.get(), k.name.c_str(), &st, AT_SYMLINK_NOFOLLOW) < 0) {
		error = errno;
	}
	if (w.injected(error))
		return;
	if (error)
		run_.violation("{}, which is there all the time: {}", k.name, std::strerror(error));
	else if (k.pin && st.st_ino != k.ino)
		run_.violation("{} is pinned as inode {} and was found as inode {}", k.name, k.ino,
			       st.st_ino);
}

void readonly::list(stress_worker &w)
{
	const bool top = directories_.empty() || w.random.below(2);
	const std::string dir = top ? "." : directories_[w.random.below(directories_.size())];
	const stress_worker::operation o(w, op::readdir, run_.dir.c_str());
	const unique_fd fd(::openat(dir_.get(), dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));

	if (!fd) {
		if (!w.injected(errno))
			run_.violation("open of {}: {}", dir, std::strerror(errno));
		return;
	}
	auto names = names_in(fd.get());

	if (!top)
		return;
	std::sort(names.begin(), names.end());
	for (const std::string &name : top_) {
		if (std::binary_search(names.begin(), names.end(), name))
			continue;
		/* proc_sys_readdir() ends as if it were through when it has no memory. */
		if (!w.faults.on())
			return run_.violation("{}, which is there all the time, was not listed", name);
		unjudged_.fetch_add(1, std::memory_order_relaxed);
		return;
	}
}

void readonly::miss(stress_worker &w)
{
	const uint64_t number = w.random.below(4) ? run_.moving() : w.random.below(run_.config.cold);
	const std::string &dir = directories_.empty() || w.random.below(2) ?
				 run_.dir : directories_[number % directories_.size()];
	const std::string name = fmt::format("{}/missing-{}", dir, number);
	const stress_worker::operation o(w, op::missing, "missing-", number);
	struct stat st;

	if (::fstatat(dir_.get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0)
		run_.violation("{} was found, and nobody made it", name);
	else if (errno != ENOENT && !w.injected(errno))
		run_.violation("{}: {}", name, std::strerror(errno));
}

void readonly::drop(stress_worker &w)
{
	const stress_worker::operation o(w, op::drop_caches, "");

	drop_caches("2");
}

void readonly::step(stress_worker &w)
{
	const uint64_t r = w.random.below(1000);

	if (run_.config.drop_caches && w.index == 0 && r < 2)
		drop(w);
	else if (r < 450)
		look(w, false);
	else if (r < 600)
		look(w, true);
	else if (r < 980)
		miss(w);
	else
		list(w);
}

/* The outcome of a name in gatefs; module/README.md has all of them. */
struct outcome {
	const char *what;
	std::string (*name)(uint64_t n, random_bits &random);
	int error;
	bool is_dir;
};

/* All names with one n and one row have the same inode. */
constexpr outcome outcomes[] = {
	{"neg-", [](uint64_t n, random_bits &) { return fmt::format("neg-{}", n); }, ENOENT, false},
	{"file-", [](uint64_t n, random_bits &) { return fmt::format("file-{}", n); }, 0, false},
	{"dir-d", [](uint64_t n, random_bits &) { return fmt::format("dir-d{}", n); }, 0, true},
	{"file-x of dir-d",
	 [](uint64_t n, random_bits &) { return fmt::format("dir-d{}/file-x", n); }, 0, false},
	{"err-EIO-", [](uint64_t n, random_bits &) { return fmt::format("err-EIO-{}", n); }, EIO, false},
	{"unhashed-",
	 [](uint64_t n, random_bits &) { return fmt::format("unhashed-{}", n); }, ENOENT, false},
	{"a spelling of ci-", [](uint64_t n, random_bits &random) {
		return fmt::format("ci-{}{}", std::array{"ab", "AB", "Ab"}[random.below(3)], n);
	 }, 0, false},
	/* One directory, which is moved from one to the other. */
	{"alias-a or dir-a", [](uint64_t n, random_bits &random) {
		return fmt::format("{}-a{}", random.below(2) ? "alias" : "dir", n);
	 }, 0, true},
	{"setop-", [](uint64_t n, random_bits &) { return fmt::format("setop-{}", n); }, 0, false},
	{"delay50-file-",
	 [](uint64_t n, random_bits &) { return fmt::format("delay50-file-{}", n); }, 0, false},
};

/*
 * The names move on all the time, since gatefs keeps what it has looked up; after
 * `epochs` they start again, and then have to have the inode they had.
 */
class gatefs : public stress_model {
public:
	gatefs(stress_run &run, dev_t dev)
		: run_(run), control_(dev), dir_(open_or_throw(run.dir, O_RDONLY | O_DIRECTORY)),
		  inodes_(std::size(outcomes) * epochs)
	{
		try {
			control_.names(listed_all);
			have_names_ = true;
		} catch (const std::system_error &) {
			/* debugfs is not there: readdir lists nothing then. */
		}
	}
	std::string describe() const override { return "gatefs"; }
	void step(stress_worker &w) override;
	void finish() override
	{
		if (have_names_ && control_.counters().violations != 0)
			run_.violation("gatefs saw two lookups of one name in flight");
	}

private:
	static constexpr uint64_t epochs = 4096;
	static constexpr const char *listed[] = {"file-l1", "dir-l2", "file-l3", "neg-l4"};
	static constexpr const char *listed_all = "file-l1\ndir-l2\nfile-l3\nneg-l4";

	void list(stress_worker &w);

	stress_run &run_;
	gate control_;
	unique_fd dir_;
	std::vector<std::atomic<uint64_t>> inodes_;
	bool have_names_ = false;
};

void gatefs::list(stress_worker &w)
{
	const stress_worker::operation o(w, op::readdir, run_.dir.c_str());
	const unique_fd fd(::openat(dir_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));

	if (!fd) {
		if (!w.injected(errno))
			run_.violation("open: {}", std::strerror(errno));
		return;
	}
	const auto names = names_in(fd.get());

	for (const char *name : listed)
		if (have_names_ && std::count(names.begin(), names.end(), name) != 1)
			return run_.violation("{} was not listed once", name);
}

void gatefs::step(stress_worker &w)
{
	const uint64_t r = w.random.below(100);

	if (r < 2)
		return list(w);
	const uint64_t n = run_.moving() % epochs;
	const size_t row = n % std::size(outcomes);
	const outcome &outcome = outcomes[row];
	const std::string name = outcome.name(n, w.random);
	const bool by_open = r < 30;
	struct stat st;
	int got = 0;

	{
		const stress_worker::operation o(w, by_open ? op::open : op::stat,
						 outcome.what, n);

		if (by_open) {
			const unique_fd fd(::openat(dir_.get(), name.c_str(), O_RDONLY | O_CLOEXEC));

			if (!fd || ::fstat(fd.get(), &st) < 0)
				got = errno;
		} else if (::fstatat(dir_.get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) < 0) {
			got = errno;
		}
	}
	/* There is no d_set_d_op() to call on newer kernels. */
	if (got == EOPNOTSUPP && name.starts_with("setop-"))
		return;
	if (w.injected(got))
		return;
	if (got != outcome.error)
		return run_.violation("{}: {}, not {}", name, std::strerror(got),
				      std::strerror(outcome.error));
	if (got)
		return;
	if (S_ISDIR(st.st_mode) != outcome.is_dir)
		return run_.violation("{} has mode {:o}", name, st.st_mode);
	uint64_t known = 0;

	if (!inodes_[row * epochs + n].compare_exchange_strong(known, st.st_ino,
								std::memory_order_relaxed) &&
	    known != st.st_ino)
		run_.violation("{} is inode {} and was {}", name, st.st_ino, known);
}

} /* namespace */

std::unique_ptr<stress_model> readonly_model(stress_run &run)
{
	return std::make_unique<readonly>(run);
}

std::unique_ptr<stress_model> gatefs_model(stress_run &run, dev_t dev)
{
	return std::make_unique<gatefs>(run, dev);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Threads that look up the same new name at the same moment, round after round.
 *
 * The rule: all of them come back.  A waiter leaves its mark in d_flags, under
 * d_lock; where a filesystem changes d_flags of a dentry in lookup without that
 * lock (d_set_d_op() in the ->lookup() of tmpfs did), the mark can be lost, and
 * then nobody wakes the waiter.  It sleeps in state D, in d_alloc_parallel(), for
 * ever.  The other side of that race loses DCACHE_OP_DELETE, and negative dentries
 * stay that should go.
 *
 * Whiteouts of tmpfs are there because a rename hashes one beside a dentry of that name.
 */
#include "mount.hpp"
#include "options.hpp"
#include "race.hpp"

#include <cstring>
#include <linux/fs.h>
#include <sys/syscall.h>

namespace {

/* Enough to write a round into, as hexadecimal digits behind a letter. */
struct round_name {
	char text[20];

	round_name(uint64_t salt, uint64_t number)
	{
		*fmt::format_to(text, "r{:06x}{:x}", salt & 0xffffff, number) = '\0';
	}
};

/*
 * The last one to come to the barrier leaves it first, by a little more than a
 * lookup takes, and then nothing meets.  Hold it back by chance, and on all scales,
 * since how much is right depends on the machine.
 */
void hold_back(racer &me)
{
	if (!me.ahead)
		return;
	for (uint64_t n = me.random.below(uint64_t{1} << me.random.below(14)); n > 0; n--)
		asm volatile("");
}

/* Without one sleep nothing was raced for, and the rest proves nothing. */
void must_have_met(ktap::test_case &t, const race_result &r)
{
	if (r.sleeps == 0)
		t.skip("no thread ever slept in {} rounds, so nothing was contended; try a longer --duration",
		       r.rounds);
}

race_result race_on_missing_names(ktap::test_case &t, const race_config &c,
				  const std::string &dir, const std::string &what)
{
	const unique_fd fd = open_or_throw(dir, O_PATH | O_DIRECTORY);

	return run_race(t, c, what, [&](unsigned, uint64_t round, racer &me) {
		const round_name name(c.seed, round);
		struct stat st;

		hold_back(me);
		if (::fstatat(fd.get(), name.text, &st, AT_SYMLINK_NOFOLLOW) == 0) {
			me.complaint = fmt::format("{} exists", name.text);
			return false;
		}
		if (errno == ENOENT)
			return true;
		me.complaint = fmt::format("{}: {}", name.text, std::strerror(errno));
		return false;
	});
}

/* nr_negative of /proc/sys/fs/dentry-state, or -1. */
int64_t negative_dentries()
{
	const std::string text = read_file("/proc/sys/fs/dentry-state").value_or("");
	const char *at = text.data(), *const end = at + text.size();
	int64_t value = -1;

	for (int field = 0; field < 5; field++) {
		while (at < end && (*at == '\t' || *at == ' '))
			at++;
		const auto r = std::from_chars(at, end, value);

		if (r.ec != std::errc())
			return -1;
		at = r.ptr;
	}
	return value;
}

void race_on_tmpfs(ktap::test_case &t, const race_config &c)
{
	if (!filesystem_registered("tmpfs"))
		t.skip("this kernel has no tmpfs");
	if (!enter_private_mount_namespace())
		t.skip("no mount namespace of our own: needs root");

	const temp_dir dir;
	mounted mount("tmpfs", dir.path(), "size=1m");
	const int64_t before = negative_dentries();
	const race_result r = race_on_missing_names(t, c, dir.path(), "tmpfs");
	const int64_t after = negative_dentries();

	/* Unmounting frees ours, so that the difference counts just those. */
	t.require(mount.unmount() == 0, "umount failed");
	const int64_t left = after - negative_dentries();

	t.note("tmpfs: nr_negative {} before, {} after, {} of them on this mount", before, after,
	       left);
	t.require(before >= 0 && after >= 0, "no nr_negative in /proc/sys/fs/dentry-state");
	t.require(left <= 0, "tmpfs kept {} negative dentries", left);
	must_have_met(t, r);
}

/* What a rename has left of the name is a whiteout, which goes away like any file. */
bool leave_a_whiteout(int fd, racer &me)
{
	const unique_fd file(::openat(fd, "from", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
	struct stat st;

	if (!file)
		me.complaint = fmt::format("create: {}", std::strerror(errno));
	else if (::syscall(SYS_renameat2, fd, "from", fd, "to", RENAME_WHITEOUT) < 0)
		me.complaint = fmt::format("rename: {}", std::strerror(errno));
	else if (::fstatat(fd, "from", &st, AT_SYMLINK_NOFOLLOW) < 0)
		me.complaint = fmt::format("the whiteout: {}", std::strerror(errno));
	else if (!S_ISCHR(st.st_mode) || st.st_rdev)
		me.complaint = fmt::format("no whiteout: mode {:o}, device {}", st.st_mode, st.st_rdev);
	else if (::unlinkat(fd, "from", 0) < 0)
		me.complaint = fmt::format("unlink: {}", std::strerror(errno));
	else if (::fstatat(fd, "from", &st, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT)
		me.complaint = "the name is still there after it was unlinked";
	return me.complaint.empty();
}

void race_on_whiteouts(ktap::test_case &t, const race_config &c)
{
	if (!enter_private_mount_namespace())
		t.skip("no mount namespace of our own: needs root");
	const temp_dir dir;
	mounted mount("tmpfs", dir.path(), "");
	const unique_fd fd = open_or_throw(dir.path(), O_PATH | O_DIRECTORY);

	must_have_met(t, run_race(t, c, "whiteouts", [&](unsigned who, uint64_t, racer &me) {
		struct stat st;

		if (who == 0)
			return leave_a_whiteout(fd.get(), me);
		/* It is there, or is not. */
		for (int i = 0; i < 8; i++)
			if (::fstatat(fd.get(), "from", &st, AT_SYMLINK_NOFOLLOW) < 0 &&
			    errno != ENOENT) {
				me.complaint = fmt::format("stat: {}", std::strerror(errno));
				return false;
			}
		return true;
	}));
}

/* Names that nobody has looked up there, also if somebody has raced with this seed before. */
void race_on_directory(ktap::test_case &t, race_config c, const std::string &dir)
{
	c.seed ^= static_cast<uint64_t>(::getpid());
	must_have_met(t, race_on_missing_names(t, c, dir, dir));
}

} /* namespace */

int main(int argc, char **argv)
{
	options o("lookup_race_test",
		  "Threads that look up the same new names at the same moment (KTAP).");
	ktap::run_options run;
	race_config c;
	std::vector<std::string> dirs;
	uint64_t threads = 2;
	double seconds = 5, bound = 10;

	c.seed = fresh_seed();
	o.add_run_options(run);
	o.add("--seed", c.seed, 0, UINT64_MAX, "of the timing; by default a new one each run");
	o.add("--threads", threads, 2, 256, "racing threads, default 2");
	o.add("--duration", seconds, 0.001, 1e6, "seconds for each filesystem");
	o.add("--rounds", c.rounds, 1, UINT64_MAX, "run so many rounds instead of --duration");
	o.add("--bound", bound, 0.1, 1e5, "seconds after which a round counts as hung");
	o.add("--dir", dirs, "race on missing names of this directory as well (repeatable)");
	if (const auto status = o.parse(argc, argv))
		return *status;
	c.threads = static_cast<unsigned>(threads);
	c.duration = std::chrono::milliseconds(static_cast<int64_t>(seconds * 1000));
	c.bound = std::chrono::milliseconds(static_cast<int64_t>(bound * 1000));
	run.json_extra = fmt::format(R"({{"seed":{},"threads":{}}})", c.seed, threads);

	/* The race has its own watcher; with --rounds nobody knows how long it takes. */
	const auto limit = c.rounds ? std::chrono::milliseconds(24 * 3600 * 1000)
				    : c.duration + 2 * c.bound + std::chrono::seconds(10);
	std::vector<ktap::test> tests = {
		{"lookups_of_one_new_name_on_tmpfs_all_come_back",
		 [&](ktap::test_case &t) { race_on_tmpfs(t, c); }, limit},
		{"lookups_and_renames_with_a_whiteout_on_tmpfs_all_come_back",
		 [&](ktap::test_case &t) { race_on_whiteouts(t, c); }, limit},
		{"lookups_and_readdir_of_a_new_process_all_come_back_and_agree",
		 [&](ktap::test_case &t) { race_on_new_processes(t, c); }, limit},
		{"lookups_and_readdir_of_sysctl_all_come_back_and_agree",
		 [&](ktap::test_case &t) { race_on_sysctl(t, c); }, limit},
	};

	for (const std::string &dir : dirs)
		tests.push_back({"lookups_of_one_new_name_in_" + dir + "_all_come_back",
				 [&c, dir](ktap::test_case &t) {
					 race_on_directory(t, c, dir);
				 }, limit});
	return ktap::run(tests, run);
}

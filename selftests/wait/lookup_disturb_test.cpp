// SPDX-License-Identifier: GPL-2.0
/*
 * What the rest of the kernel makes of threads that wait for a lookup: the freezer, khungtaskd,
 * and lookup_torture if a disturbance that it was asked for does not come.
 *
 * A thread sleeps in d_alloc_parallel() uninterruptibly, and cannot be frozen there.  So suspend
 * is refused as long as one of user space does, and goes on if the lookup ends in time.
 * khungtaskd reports it if it sleeps for too long; lookup_doctor then says that the lookup is
 * slow, and not that the thread is lost.
 *
 * Wrong looks like a waiter that is frozen where it sleeps or that a refused suspend has woken,
 * a report on a wait that ended in time, and a run of lookup_torture that passes although
 * nothing has disturbed it.
 */
#include "doctor.hpp"
#include "gate_rig.hpp"
#include "options.hpp"

#include <algorithm>
#include <cstring>
#include <optional>
#include <sstream>

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Clock = std::chrono::steady_clock;

std::string read_setting(const std::string &path)
{
	std::string text = read_file(path).value_or("");

	/* Of a list, the word in brackets is what is set. */
	if (const size_t at = text.find('['); at != text.npos)
		text = text.substr(at + 1, text.find(']', at) - at - 1);
	return text.substr(0, text.find('\n'));
}

/* A setting of the kernel, for as long as this lives. */
class setting {
public:
	setting(ktap::test_case &t, std::string path, const std::string &value)
		: setting(t, path, value, read_setting(path))
	{
	}
	setting(ktap::test_case &t, std::string path, const std::string &value, std::string before)
		: t_(t), path_(std::move(path)), before_(std::move(before))
	{
		if (before_.empty())
			t_.skip("{} is not there: this kernel is built without it", path_);
		if (!write(value))
			throw errno_error(path_);
	}
	setting(const setting &) = delete;
	setting &operator=(const setting &) = delete;
	~setting()
	{
		if (!write(before_))
			t_.note("{} cannot be set to {} again", path_, before_);
	}

private:
	/* As echo does: printk_devkmsg takes no word without the end of its line. */
	bool write(const std::string &value) const
	{
		const unique_fd fd(::open(path_.c_str(), O_WRONLY | O_CLOEXEC));
		const std::string line = value + "\n";

		return fd && ::write(fd.get(), line.data(), line.size()) ==
			static_cast<ssize_t>(line.size());
	}

	ktap::test_case &t_;
	std::string path_, before_;
};

/* The kernel log from now on. */
class kernel_log {
public:
	kernel_log() : fd_(open_or_throw("/dev/kmsg", O_RDONLY | O_NONBLOCK))
	{
		if (::lseek(fd_.get(), 0, SEEK_END) < 0)
			throw errno_error("/dev/kmsg");
	}

	/* All lines so far. */
	const std::vector<std::string> &lines()
	{
		char record[8192];
		ssize_t n;

		while ((n = ::read(fd_.get(), record, sizeof(record))) > 0 || errno == EPIPE) {
			if (n <= 0)
				continue;	/* EPIPE: records were overwritten */
			std::string_view text(record, n);

			text = text.substr(0, text.find('\n'));
			lines_.emplace_back(text.substr(std::min(text.size(), text.find(';') + 1)));
		}
		return lines_;
	}
	/* The first line that has both texts, or nothing. */
	std::string find(std::string_view one, std::string_view other = "")
	{
		for (const auto &line : lines())
			if (line.find(one) != line.npos && line.find(other) != line.npos)
				return line;
		return "";
	}

private:
	unique_fd fd_;
	std::vector<std::string> lines_;
};

/* Suspend that goes no further than to freeze all and to let them go again. */
class freezer {
public:
	freezer(ktap::test_case &t, milliseconds limit)
		: test_(t, "/sys/power/pm_test", "freezer"),
		  delay_(t, "/sys/module/suspend/parameters/pm_test_delay", "0"),
		  limit_(t, "/sys/power/pm_freeze_timeout", fmt::format("{}", limit.count()))
	{
		/* Nobody would wake the machine. */
		t.require(read_setting("/sys/power/pm_test") == "freezer", "pm_test is not freezer");
	}

	/* 0 or an errno. */
	int freeze() const
	{
		const unique_fd fd = open_or_throw("/sys/power/state", O_WRONLY);

		return ::write(fd.get(), "freeze", 6) < 0 ? errno : 0;
	}

private:
	setting test_, delay_, limit_;
};

/* What the console had before the first case: one that was killed has left it quiet. */
std::string loud;

/*
 * Only what is worse than an alert goes to the console: what the case provokes is not to be judged.
 * All else that the kernel has said meanwhile is repeated there at the end, and judged like the
 * rest.
 */
class quiet_console {
public:
	quiet_console(ktap::test_case &t, kernel_log &log)
		: t_(t), log_(log), all_of_it_(t, "/proc/sys/kernel/printk_devkmsg", "on"),
		  quiet_(std::in_place, t, "/proc/sys/kernel/printk", "1", loud)
	{
	}
	quiet_console(const quiet_console &) = delete;
	quiet_console &operator=(const quiet_console &) = delete;
	~quiet_console()
	{
		const std::vector<std::string> said = log_.lines();
		const unique_fd fd(::open("/dev/kmsg", O_WRONLY | O_CLOEXEC));

		quiet_.reset();
		for (const auto &line : said) {
			if (is_provoked(line) || ::write(fd.get(), line.data(), line.size()) >= 0)
				continue;
			t_.failed_with(fmt::format("/dev/kmsg: {}", std::strerror(errno)));
			break;
		}
	}

private:
	static bool is_provoked(const std::string &line)
	{
		return line.starts_with("INFO: task ") || line.starts_with("lookup_torture: !!!");
	}

	ktap::test_case &t_;
	kernel_log &log_;
	const setting all_of_it_;
	std::optional<setting> quiet_;
};

void must_find_one_inode(gate_rig &rig, actor &owner, const std::vector<actor *> &group)
{
	const uint64_t ino = rig.people.must_find(owner, "the owner");

	for (actor *w : group)
		rig.people.must_find(*w, ino);
}

} // namespace

GATE_CASE(suspend_is_refused_while_a_thread_waits)
{
	rig.control.close();
	actor &owner = rig.held_owner("file-a");
	auto group = rig.parked_waiters("file-a");
	freezer suspend(t, milliseconds(1000));
	kernel_log log;
	const int error = suspend.freeze();

	t.require(error == EBUSY, "suspend: errno {}, not EBUSY", error);
	t.require(!log.find("Freezing user space processes failed",
			    fmt::format("({} tasks refusing", waiters + 1)).empty(),
		  "the freezer names another number of tasks than {} waiters and the owner: {}",
		  waiters, log.find("Freezing user space"));
	for (const actor *w : group)
		t.require(!log.find("state:D", fmt::format("pid:{} ", w->tid())).empty(),
			  "the freezer does not name the waiter {}", w->tid());
	/* It has tried to wake them, in vain. */
	rig.people.must_be_parked(group);
	t.require(!owner.done(), "the owner is through");
	rig.control.open();
	must_find_one_inode(rig, owner, group);
}

/* The owner goes on by itself, when the freezer has begun and all others are frozen. */
KTAP_CASE(suspend_goes_on_when_the_lookup_ends)
{
	gate_rig rig(t, fmt::format("hold_limit_ms={}", t.bound(seconds(5)).count()));
	freezer suspend(t, t.bound(seconds(60)));
	kernel_log log;

	rig.control.close();
	actor &owner = rig.held_owner("file-a");
	auto group = rig.parked_waiters("file-a");
	const int error = suspend.freeze();

	t.require(error == 0, "suspend: errno {}: {}", error, log.find("Freezing user space"));
	const std::string line = log.find("Freezing user space processes completed");
	const size_t at = line.find("elapsed ");
	double took = 0;

	t.require(at != line.npos, "the freezer does not say how long it took: '{}'", line);
	std::istringstream(line.substr(at + 8)) >> took;
	t.require(took >= 0.1, "they had not to be waited for: '{}'", line);
	must_find_one_inode(rig, owner, group);
	t.require(rig.control.counters().expired == 1, "{} lookups went on by themselves",
		  rig.control.counters().expired);
	rig.end();
}

KTAP_CASE_LIMIT(khungtaskd_names_who_waits_too_long_and_the_doctor_knows_why, seconds(60))
{
	gate_rig rig(t, "hold_limit_ms=120000");
	kernel_log log;
	const quiet_console quiet(t, log);
	const setting warnings(t, "/proc/sys/kernel/hung_task_warnings", "-1");

	if (!read_file("/sys/kernel/debug/lookup_doctor"))
		t.skip("lookup_doctor.ko is not loaded");
	rig.control.close();
	actor &owner = rig.held_owner("file-a");
	auto group = rig.parked_waiters("file-a");
	const setting limit(t, "/proc/sys/kernel/hung_task_timeout_secs", "2");

	for (const actor *w : group) {
		const auto named = [&] {
			return !log.find("INFO: task ", fmt::format(":{} blocked for more than ",
								    w->tid())).empty();
		};
		t.require(wait_until(t.bound(seconds(20)), named),
			  "khungtaskd does not name the waiter {}", w->tid());
	}
	const std::string report = read_file("/sys/kernel/debug/lookup_doctor").value_or("");

	t.require(report.find("slow owner") != report.npos, "lookup_doctor says: {}", report);
	t.require(report.find("LOST WAKE-UP") == report.npos, "lookup_doctor says: {}", report);
	rig.control.open();
	must_find_one_inode(rig, owner, group);
	rig.end();
}

/* The same threads wait for one lookup after the other, and for longer than the limit in all. */
KTAP_CASE_LIMIT(khungtaskd_does_not_name_who_waits_again_and_again, seconds(90))
{
	constexpr unsigned rounds = 12;
	/* All of it is four times the limit, however far that is stretched, or nothing would be shown. */
	const seconds each(std::max<int64_t>(1, std::chrono::ceil<seconds>(t.bound(seconds(1))).count()));
	gate_rig rig(t, "hold_limit_ms=120000");
	kernel_log log;
	const quiet_console quiet(t, log);
	const setting warnings(t, "/proc/sys/kernel/hung_task_warnings", "-1");
	const setting limit(t, "/proc/sys/kernel/hung_task_timeout_secs",
			    fmt::format("{}", 3 * each.count()));

	rig.control.close();
	auto all = rig.people.start(1 + waiters, [&rig] {
		answer last;

		for (unsigned i = 0; i < rounds; i++)
			last = stat_now(rig.path(fmt::format("file-{}", i)));
		return last;
	});
	for (unsigned i = 0; i < rounds; i++) {
		size_t asleep = 0;

		rig.must_hold(1);
		wait_until(t.bound(crew::bound), [&] {
			asleep = std::count_if(all.begin(), all.end(), [](const actor *a) {
				return look_at(a->pid(), a->tid()).verdict == parked::yes;
			});
			return asleep == waiters;
		});
		t.require(asleep == waiters, "{} threads wait for file-{}, not {}", asleep, i, waiters);
		/* They are asleep; this is how long they are to stay so. */
		std::this_thread::sleep_for(each);
		rig.control.step();
	}
	for (actor *a : all)
		rig.people.must_find(*a, "a thread");
	t.require(log.find("blocked for more than").empty(), "khungtaskd: {}",
		  log.find("blocked for more than"));
	rig.end();
}

/* Runs lookup_torture until it has told its verdict, and removes it. */
static void torture(ktap::test_case &t, kernel_log &log, const char *parameters)
{
	const unique_fd file(::open("/modules/lookup_torture.ko", O_RDONLY | O_CLOEXEC));

	if (!file)
		t.skip("/modules/lookup_torture.ko is not there: this is not the guest");
	const int error = ::syscall(SYS_finit_module, file.get(), parameters, 0) ? errno : 0;

	if (error == EOPNOTSUPP)
		t.skip("this kernel is built without some of the disturbances");
	t.require(!error, "insmod: errno {}", error);
	wait_until(t.bound(seconds(100)), [&] {
		return !log.find("lookup_torture: End of test: ").empty();
	});
	const int stuck = ::syscall(SYS_delete_module, "lookup_torture", O_NONBLOCK) ? errno : 0;

	t.require(!stuck, "rmmod: errno {}", stuck);
}

/* Each is asked for, and set up so that it cannot come in the time that the run has. */
KTAP_CASE_LIMIT(torture_fails_without_the_disturbances_it_was_asked_for, seconds(150))
{
	kernel_log log;
	const quiet_console quiet(t, log);

	torture(t, log, "duration=1 nreaders=4 stat_interval=0 stall_ms=100000 "
			"onoff_interval=1 onoff_holdoff=3600 shuffle_interval=100000000 "
			"mem_interval=100000000 shrink_interval=100000000 "
			"expect_freezes=1 expect_drop_caches=1");
	t.require(!log.find("lookup_torture: End of test: FAILURE").empty(),
		  "it does not fail: '{}'", log.find("lookup_torture: End of test"));
	for (const char *missed : { "shuffle_interval: no reader", "onoff_interval: no CPU went offline",
				    "onoff_interval: no CPU came online", "mem_interval: no shrinker",
				    "shrink_interval: no lookup", "no unused dentry was evicted",
				    "expect_freezes: nobody has frozen", "expect_freezes: nobody has waited",
				    "expect_drop_caches: nobody" })
		t.require(!log.find("lookup_torture: !!! ", missed).empty(),
			  "it does not say '{}'", missed);
}

/*
 * The other way round: all of them come, and waiters are lost.
 *
 * One reader stays, which has nobody to wait for: it has to be what sees the disturbances.  Nobody
 * is shuffled while one CPU is left, so both stay for the first second.  The one that can go
 * offline is chosen by chance then, each second anew.
 */
KTAP_CASE_LIMIT(torture_fails_when_waiters_are_lost_while_it_is_disturbed, seconds(150))
{
	kernel_log log;
	const quiet_console quiet(t, log);

	torture(t, log, "ops=busted duration=20 nreaders=4 stat_interval=0 stall_ms=15000 "
			"stutter=5 shuffle_interval=3 onoff_interval=1 onoff_holdoff=1 rt_boost=1 "
			"rt_boost_factor=5");
	t.require(!log.find("lookup_torture: End of test: FAILURE").empty(),
		  "it does not fail: '{}'", log.find("lookup_torture: End of test"));
	t.require(!log.find("lookup_torture: !!! ", "sits in d_alloc_parallel() for").empty(),
		  "it does not name a waiter that is lost");
	t.require(!log.find("lookup_torture: doctor: ", "LOST WAKE-UP").empty(),
		  "lookup_doctor does not say that it is lost");
	for (const char *missed : { "stutter: ", "shuffle_interval: ", "onoff_interval: ", "rt_boost: " })
		t.require(log.find("lookup_torture: !!! ", missed).empty(), "{}",
			  log.find("lookup_torture: !!! ", missed));
}

int main(int argc, char **argv)
{
	loud = read_setting("/proc/sys/kernel/printk");
	return run_registered(argc, argv, "lookup_disturb_test",
			      "What the freezer, khungtaskd and lookup_torture make of waiters (KTAP). "
			      "Needs root, gatefs.ko and CONFIG_PM_DEBUG.");
}

// SPDX-License-Identifier: GPL-2.0
/*
 * The cost of listing a directory whose names readdir looks up, by the time stamp counter:
 * in a guest with one CPU under QEMU -icount shift=0,sleep=off these are instructions, of
 * the kernel and, with FUSE, of our server.  An instruction takes a nanosecond there, and a
 * sleep of which nothing else comes takes the time that it is for, so they are time as well.
 *
 * Nobody races; in ticks for each name:
 *
 *   list-procfs             10 000 descriptors in /proc/self/fd, which are not in the dcache
 *   list-procfs-cached      the same when they are
 *   list-fuse               10 000 names from READDIRPLUS, not in the dcache
 *   list-fuse-cached        the same when they are
 *
 * The server keeps its reply to the LOOKUP of one of the names for 100 ms; in ticks for the
 * whole, from the first getdents64() to the last:
 *
 *   list-held-fuse-100      of 100 names
 *   list-held-fuse-10000    of 10 000 names
 *
 * The one who looks the name up is known to wait for the server before the list begins, and
 * until it has ended or 100 ms are over.  In a kernel whose readdir waits for a lookup, the
 * one who lists is known to sleep in d_alloc_parallel(); in another one, the server has to
 * be told to forget what it said of that name, as it is when there was no dentry to be had.
 */
#include "caches.hpp"
#include "counted.hpp"
#include "fuse/fuse_rig.hpp"
#include "kernel.hpp"
#include "listing.hpp"
#include "options.hpp"

#include <sys/resource.h>

namespace {

struct list_config {
	uint64_t names = 10000, batches = 9;
	std::vector<std::string> rows;
};

/* ---- nobody races ---------------------------------------------------------- */

/* Descriptors of one file, in /proc/self/fd. */
class descriptors : public subject {
public:
	descriptors(uint64_t names, bool cached)
		: cached_(cached), wanted_(names), list_(names)
	{
		const rlimit most = {names + 1000, names + 1000};

		if (::setrlimit(RLIMIT_NOFILE, &most) < 0)
			throw errno_error("RLIMIT_NOFILE");
		for (uint64_t i = 0; i < names; i++)
			files_.push_back(open_or_throw("/dev/null", O_RDONLY));
		list_.open("/proc/self/fd");
	}

	void before(ktap::test_case &) override
	{
		if (cached_) {
			list_.rewind();
			list_.read();
		} else {
			drop_caches();
		}
		list_.rewind();
		dentries_ = dentries();
	}
	void run() override { list_.read(); }
	uint64_t after(ktap::test_case &t) override
	{
		const int64_t names = list_.names(t), added = dentries() - dentries_;

		t.require(names >= static_cast<int64_t>(wanted_), "{} of {} names are listed", names,
			  wanted_);
		/* Not one more would do for the second: something else may go on meanwhile. */
		t.require(cached_ ? added < names / 2 : added >= names,
			  "{} names were listed, and {} dentries added", names, added);
		return static_cast<uint64_t>(names);
	}

private:
	const bool cached_;
	const uint64_t wanted_;
	listing list_;
	std::vector<unique_fd> files_;
	int64_t dentries_ = 0;
};

/* A directory of our server, with a node for each name. */
class served {
public:
	served(ktap::test_case &t, uint64_t names) : rig(t), list(names)
	{
		std::vector<std::string> all;

		for (uint64_t i = 0; i < names; i++) {
			all.push_back(fmt::format("file-{:05}", i));
			rig.server.set(all.back(), {0, first_node + i, false});
		}
		rig.server.list(all);
		list.open(rig.path(""));
	}

	static constexpr uint64_t first_node = 1000;

	fuse_rig rig;
	listing list;
};

class plus : public subject {
public:
	plus(ktap::test_case &t, uint64_t names, bool cached)
		: cached_(cached), wanted_(names), dir_(t, names)
	{
	}

	void before(ktap::test_case &t) override
	{
		if (cached_) {
			dir_.list.rewind();
			dir_.list.read();
			t.require(dir_.rig.server.known().size() == wanted_,
				  "the kernel does not know all nodes");
		} else {
			dir_.rig.nothing_must_be_in_use();
		}
		dir_.list.rewind();
	}
	void run() override { dir_.list.read(); }
	uint64_t after(ktap::test_case &t) override
	{
		const auto names = static_cast<uint64_t>(dir_.list.names(t));

		t.require(names == wanted_, "{} names are listed, not {}", names, wanted_);
		t.require(dir_.rig.server.known().size() == names,
			  "{} names were listed, and the kernel knows {} nodes", names,
			  dir_.rig.server.known().size());
		return names;
	}

private:
	const bool cached_;
	const uint64_t wanted_;
	served dir_;
};

/* ---- one name is held ------------------------------------------------------ */

constexpr std::chrono::milliseconds held_for{100};

/* Ticks that a list of all names takes while one of them is held at the server. */
double list_while_held(ktap::test_case &t, served &dir, uint64_t names)
{
	const uint64_t node = served::first_node + names / 2, forgotten = dir.rig.server.forgotten(node);
	const std::string name = fmt::format("file-{:05}", names / 2);
	const bool waits = readdir_waits(t);
	uint64_t begin = 0, end = 0;
	std::atomic<bool> begun{false};

	dir.rig.nothing_must_be_in_use();
	dir.list.rewind();
	rest();
	actor &owner = dir.rig.held_owner(name, stat_of(dir.rig.path(name)));
	actor &lister = dir.rig.people.start([&] {
		begin = ticks();
		begun.store(true);
		dir.list.read();
		end = ticks();
		return answer{};
	});

	wait_until(t.bound(crew::bound), [&] { return begun.load(); });
	const auto until = std::chrono::steady_clock::now() + held_for;

	if (waits)
		dir.rig.people.must_be_parked(lister, "the one who lists");
	while (!lister.done() && std::chrono::steady_clock::now() < until)
		std::this_thread::sleep_for(std::chrono::microseconds(500));
	t.require(!owner.done(), "the lookup has ended before the server replied");
	dir.rig.must_wait(name, 1);
	if (waits)
		t.require(!lister.done(), "the one who lists did not wait for the reply");
	else
		t.require(wait_until(t.bound(crew::bound),
				     [&] { return dir.rig.server.forgotten(node) > forgotten; }),
			  "the list did not come to the name while it was held");
	dir.rig.server.release_all();
	dir.rig.people.must_find(owner, node, "the one who looked it up");
	dir.rig.people.must_be_through(lister, "the one who lists");
	t.require(static_cast<uint64_t>(dir.list.names(t)) == names, "{} names are listed, not {}",
		  dir.list.names(t), names);
	return static_cast<double>(end - begin);
}

/* ---- the rows -------------------------------------------------------------- */

const std::vector<std::string> row_names = {"list-procfs", "list-procfs-cached", "list-fuse",
					    "list-fuse-cached", "list-held-fuse-100",
					    "list-held-fuse-10000"};

constexpr uint64_t warm_up = 2;		/* lists; slabs and free lists are steady then */

void measure(ktap::test_case &t, const list_config &c, const std::string &row)
{
	const bool cached = row.ends_with("-cached");

	/* Before there are threads, which do as we do. */
	come_first();
	if (row.starts_with("list-procfs")) {
		descriptors s(c.names, cached);

		count_batches(t, row, s, warm_up, c.batches);
	} else if (row.starts_with("list-fuse")) {
		plus s(t, c.names, cached);

		count_batches(t, row, s, warm_up, c.batches);
	} else {
		const uint64_t names = row.ends_with("-100") ? 100 : c.names;
		served dir(t, names);
		std::vector<double> samples;

		for (uint64_t i = 0; i < warm_up + c.batches; i++) {
			const double took = list_while_held(t, dir, names);

			if (i >= warm_up)
				samples.push_back(took);
		}
		print_samples(t, row, names, std::move(samples));
	}
}

} /* namespace */

int main(int argc, char **argv)
{
	options o("lookup_list",
		  "What it costs to list a large directory, by the time stamp counter; under QEMU\n"
		  "-icount shift=0,sleep=off that counts instructions.  Example:\n"
		  "  lookup_list --rows list-procfs,list-held-fuse-100 --batches 5");
	ktap::run_options run;
	std::vector<ktap::test> tests;
	list_config c;

	o.add_run_options(run);
	o.add_words("--rows", c.rows, row_names, "rows, separated by commas; default all");
	o.add("--batches", c.batches, 1, 10000, "samples of each row, default 9");
	o.add("--names", c.names, 100, 90000, "in a large directory, default 10000");
	if (const auto status = o.parse(argc, argv))
		return *status;
	if (c.rows.empty())
		c.rows = row_names;

	for (const std::string &row : c.rows)
		tests.push_back({"cost_of_" + row, [&c, row](ktap::test_case &t) { measure(t, c, row); },
				 std::chrono::seconds(60) + std::chrono::seconds(2 * c.batches)});
	return ktap::run(tests, run);
}

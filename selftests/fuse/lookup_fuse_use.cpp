// SPDX-License-Identifier: GPL-2.0
/*
 * Cases of lookup_fuse_test: nothing stays in use, in whatever way READDIRPLUS and an
 * exclusive create end their lookups, and whichever of their allocations fails.
 *
 * The server tells whether something is in use: the kernel forgets what it was told of, once
 * for each time, when nobody uses it and the caches are dropped.
 */
#include "faults.hpp"
#include "fuse_rig.hpp"

#include <functional>
#include <optional>
#include <sys/epoll.h>

KTAP_CASE(fuse_readdirplus_of_names_leaves_none_of_them_in_use)
{
	fuse_rig rig(t);

	/* New to the kernel, then known. */
	rig.server.set("p", {0, 30, false});
	rig.server.list({"p"});
	rig.must_list("", "p");
	rig.must_list("", "p");
	rig.must_stat("p", 0);
	rig.must_have_asked("p", 0);
	rig.nothing_must_be_in_use();
}

KTAP_CASE(fuse_readdirplus_replaces_a_name_that_is_another_file_now)
{
	fuse_rig rig(t);

	rig.server.set("p", {0, 30, false});
	rig.server.list({"p"});
	rig.must_stat("p", 0);
	rig.server.set("p", {0, 31, false});
	rig.must_list("", "p");

	const answer now = stat_now(rig.path("p"));

	t.require(now.error == 0 && now.ino == 31, "errno {}, inode {}, not 31", now.error, now.ino);
	rig.must_have_asked("p", 1);
	rig.nothing_must_be_in_use();
}

KTAP_CASE(fuse_readdirplus_that_moves_a_directory_leaves_nothing_in_use)
{
	fuse_rig rig(t);

	rig.server.set("first", {0, 20, true});
	rig.server.set("second", {0, 20, true});
	rig.server.list({"second"});
	rig.must_stat("first", 0);
	rig.must_list("", "second");
	rig.must_stat("second", 0);
	rig.must_have_asked("second", 0);
	rig.nothing_must_be_in_use();
}

/* A directory that is said to be in itself is refused, when it is in lookup already. */
KTAP_CASE(fuse_readdirplus_ends_the_lookup_of_a_name_that_it_has_to_refuse)
{
	fuse_rig rig(t);

	rig.server.set("d", {0, 20, true});
	rig.server.set("loop", {0, 20, true});
	rig.server.list({"loop"});
	rig.must_stat("d", 0);
	rig.must_list("d", "loop");
	rig.must_stat("d/loop", ELOOP);
	rig.must_list("d", "loop");
	rig.nothing_must_be_in_use();
}

KTAP_CASE(fuse_exclusive_create_leaves_nothing_in_use)
{
	static const struct {
		const char *what;
		fuse_entry found, created;
		int error;
	} outcomes[] = {
		{"cannot look the name up", {EIO, 0, false}, {ENOSYS, 0, false}, EIO},
		{"finds the name", {0, 10, false}, {ENOSYS, 0, false}, EEXIST},
		{"finds a directory", {0, 20, true}, {ENOSYS, 0, false}, EEXIST},
		{"has no room for a new one", {0, 0, false}, {ENOSPC, 0, false}, ENOSPC},
		{"has no room where nothing was", {ENOENT, 0, false}, {ENOSPC, 0, false}, ENOSPC},
		{"makes a file", {0, 0, false}, {0, 40, false}, 0},
		{"makes a file where nothing was", {ENOENT, 0, false}, {0, 40, false}, 0},
		{"can only make a node", {0, 0, false}, {ENOSYS, 0, false}, ENOSYS},
	};

	for (const auto &o : outcomes) {
		fuse_rig rig(t);

		rig.server.set("x", o.found);
		rig.server.set_created(o.created);
		const answer a = open_now(rig.path("x"), O_CREAT | O_EXCL | O_RDWR, 0600);

		t.require(a.error == o.error, "a create that {}: errno {}, not {}", o.what, a.error,
			  o.error);
		rig.people.must_be_through(rig.people.start(stat_of(rig.path("x"))),
					   "the next to ask");
		rig.nothing_must_be_in_use();
	}
}

namespace {

/* Memory of ours is there; what fails is the kernel's. */
void fail_each_allocation(ktap::test_case &t, const std::function<bool(nth_fault &, unsigned)> &once)
{
	constexpr unsigned most = 200;
	std::optional<nth_fault> fault;
	unsigned nth = 1;

	if (::access(nth_fault::file, W_OK) < 0)
		t.skip("this kernel cannot have a chosen allocation fail: no {}", nth_fault::file);
	hold_all_memory();
	fault.emplace();
	fault->arm(1);
	const unique_fd any(::epoll_create1(EPOLL_CLOEXEC));
	if (!fault->disarm())
		t.skip("allocations that may sleep do not fail: write N to /sys/kernel/debug/failslab/ignore-gfp-wait");
	while (once(*fault, nth))
		t.require(++nth < most, "no end of allocations");
	t.require(nth > 1, "nothing was allocated");
}

} /* namespace */

KTAP_CASE_LIMIT(fuse_each_allocation_of_readdirplus_may_fail, std::chrono::seconds(60))
{
	fuse_rig rig(t);
	alignas(8) static char buffer[4096];

	rig.server.set("p", {0, 30, false});
	rig.server.list({"p"});
	fail_each_allocation(t, [&](nth_fault &fault, unsigned nth) {
		drop_caches();
		const unique_fd dir = open_or_throw(rig.path(""), O_RDONLY | O_DIRECTORY);

		fault.arm(nth);
		::syscall(SYS_getdents64, dir.get(), buffer, sizeof(buffer));
		const bool failed = fault.disarm();

		rig.must_stat("p", 0);
		return failed;
	});
	rig.nothing_must_be_in_use();
}

KTAP_CASE_LIMIT(fuse_each_allocation_of_an_exclusive_create_may_fail, std::chrono::seconds(60))
{
	fuse_rig rig(t);
	const std::string path = rig.path("x");

	rig.server.set("x", {0, 0, false});
	rig.server.set_created({ENOSPC, 0, false});
	fail_each_allocation(t, [&](nth_fault &fault, unsigned nth) {
		drop_caches();
		fault.arm(nth);
		const int fd = ::open(path.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
		const int error = errno;
		const bool failed = fault.disarm();

		t.require(fd < 0, "it was created");
		t.require(failed || error == ENOSPC, "errno {}", error);
		rig.must_stat("x", ENOENT);
		return failed;
	});
	rig.nothing_must_be_in_use();
}

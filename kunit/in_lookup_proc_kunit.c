// SPDX-License-Identifier: GPL-2.0
/*
 * readdir of procfs and of sysctl looks every entry up, so that it can tell its
 * inode number.  When that fails it has to end the lookup itself, and whatever
 * comes of it, nothing in the directory may stay in lookup or in use.
 */
#include <linux/dcache.h>
#include <linux/file.h>
#include <linux/fcntl.h>

#include "dcache_playground.h"
#include "dcache_probe.h"

struct listing {
	struct dir_context ctx;
	unsigned int names;
};

static bool count_name(struct dir_context *ctx, const char *name, int len,
		       loff_t offset, u64 ino, unsigned int type)
{
	container_of(ctx, struct listing, ctx)->names++;
	return true;
}

static unsigned int list(struct kunit *test, struct file *dir)
{
	struct listing listing = { .ctx.actor = count_name };

	KUNIT_EXPECT_EQ(test, vfs_llseek(dir, 0, SEEK_SET), 0);
	KUNIT_EXPECT_EQ(test, iterate_dir(dir, &listing.ctx), 0);
	return listing.names;
}

/* Nobody else knows @dir, and only its file is in use. */
static void expect_nothing_left(struct kunit *test, struct file *dir,
				const char *when)
{
	struct census census = census_of(file_dentry(dir));

	KUNIT_EXPECT_EQ_MSG(test, census.in_lookup, 0, "%s", when);
	KUNIT_EXPECT_EQ_MSG(test, census.references, 0, "%s", when);
	KUNIT_EXPECT_EQ_MSG(test, census.parents, 1, "%s", when);
}

static void expect_failed_entry_ended(struct kunit *test, const char *path,
				      const char *make_inode,
				      struct inode *failure)
{
	struct listing listing = { .ctx.actor = count_name };
	struct file *dir = proc_directory(test, path);
	unsigned int *ended;

	ended = fail_one_inode(test, make_inode, failure,
			       file_dentry(dir));
	KUNIT_EXPECT_EQ(test, iterate_dir(dir, &listing.ctx), 0);

	/* one entry failed, and no ->lookup() ended that lookup */
	KUNIT_EXPECT_EQ_MSG(test, *ended, 1,
			    "lookups ended by d_lookup_done() in /proc/%s, %u names",
			    path, listing.names);
	expect_nothing_left(test, dir, "an entry has failed");
}

/* All names are new the first time, and known the second time. */
static void expect_listing_leaves_nothing(struct kunit *test, const char *path)
{
	struct file *dir = proc_directory(test, path);
	unsigned int names = list(test, dir);

	KUNIT_EXPECT_GT(test, names, 2);
	KUNIT_EXPECT_GT(test, census_of(file_dentry(dir)).children, 0);
	expect_nothing_left(test, dir, "all names were new");
	KUNIT_EXPECT_EQ(test, list(test, dir), names);
	expect_nothing_left(test, dir, "all names were known");
}

static void fail_each_allocation(struct kunit *test, const char *path)
{
	unsigned int nth, failures = 0;
	bool failed = true;
	struct file *dir;

	need_faults(test);
	dir = proc_directory(test, path);
	for (nth = 1; failed && nth < MAX_ALLOCATIONS; nth++) {
		struct listing listing = { .ctx.actor = count_name };

		KUNIT_EXPECT_EQ(test, vfs_llseek(dir, 0, SEEK_SET), 0);
		fail_allocation(nth);
		/* an entry that fails is passed over, or ends the listing */
		iterate_dir(dir, &listing.ctx);
		failed = allocation_has_failed();
		failures += failed;
		expect_nothing_left(test, dir, "an allocation has failed");
		shrink_dcache_parent(file_dentry(dir));
	}
	/* a dentry and an inode at least */
	KUNIT_EXPECT_GE(test, failures, 2);
	KUNIT_EXPECT_LT(test, nth, MAX_ALLOCATIONS);
}

static void procfs_readdir_ends_the_lookup_of_an_entry_that_fails(struct kunit *test)
{
	expect_failed_entry_ended(test, "1", "proc_pid_make_inode", NULL);
}

static void sysctl_readdir_ends_the_lookup_of_an_entry_that_fails(struct kunit *test)
{
	expect_failed_entry_ended(test, "sys/kernel", "proc_sys_make_inode",
				  ERR_PTR(-ENOENT));
}

static void procfs_readdir_leaves_no_lookup_and_no_reference(struct kunit *test)
{
	expect_listing_leaves_nothing(test, "1");
}

static void sysctl_readdir_leaves_no_lookup_and_no_reference(struct kunit *test)
{
	expect_listing_leaves_nothing(test, "sys/kernel");
}

static void each_allocation_of_a_procfs_readdir_may_fail(struct kunit *test)
{
	fail_each_allocation(test, "1");
}

static void each_allocation_of_a_sysctl_readdir_may_fail(struct kunit *test)
{
	fail_each_allocation(test, "sys/kernel");
}

static struct kunit_case in_lookup_proc_cases[] = {
	KUNIT_CASE(procfs_readdir_ends_the_lookup_of_an_entry_that_fails),
	KUNIT_CASE(sysctl_readdir_ends_the_lookup_of_an_entry_that_fails),
	KUNIT_CASE(procfs_readdir_leaves_no_lookup_and_no_reference),
	KUNIT_CASE(sysctl_readdir_leaves_no_lookup_and_no_reference),
	KUNIT_CASE(each_allocation_of_a_procfs_readdir_may_fail),
	KUNIT_CASE(each_allocation_of_a_sysctl_readdir_may_fail),
	{}
};

IN_LOOKUP_SUITE(in_lookup_proc, in_lookup_proc_cases, "readdir of procfs and sysctl");

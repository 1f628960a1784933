// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite dir_retry_proc: readdir of procfs and sysctl, whose inode numbers come
 * from a lookup, while somebody else looks one of the names up.
 *
 * The property: it waits with the directory unlocked, lists what it would have listed
 * without that, and tells the inode number that the entry has from then on.
 *
 * Symptoms of a bug: a directory that nobody can lock; a listing that ends at the
 * entry, or before it; inode number 1 or 0, or no type.
 */
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/stringhash.h>

#include "dir_retry_scene.h"

struct proc_stage {
	struct file *dir;
	struct reader *all;		/* has listed it, with nothing in the way */
	struct reader *reader;		/* lists it while "name" is in lookup */
	const char *name;
};

static bool is_dots(const char *name)
{
	return !strcmp(name, ".") || !strcmp(name, "..");
}

static struct qstr name_in(struct file *dir, const char *text)
{
	struct qstr name = QSTR_INIT(text, strlen(text));

	name.hash = full_name_hash(file_dentry(dir), name.name, name.len);
	return name;
}

/* For a lookup, in one way or another: where the lock is, is for the cases. */
static bool sleeps(struct reader *reader)
{
	return reader_is_parked(reader) ||
	       parked_thread_sleeps(&reader->thread, TASK_UNINTERRUPTIBLE,
				    "d_alloc_parallel");
}

/*
 * Begin to look up an entry of /proc/@path that is in no cache, and that is @wanted,
 * or any, but not the first one; and have a reader wait for it.
 */
static struct proc_stage park_in_proc(struct kunit *test, const char *path,
				      const char *wanted)
{
	struct proc_stage stage = { .dir = proc_directory(test, path) };
	DECLARE_WAIT_QUEUE_HEAD_ONSTACK(wq);
	struct dentry *dentry;
	unsigned int i;

	stage.all = reader_new(test, NULL, stage.dir);
	reader_run(stage.all);
	reader_finish(stage.all);
	KUNIT_ASSERT_EQ(test, stage.all->result, 0);
	shrink_dcache_parent(file_dentry(stage.dir));
	KUNIT_ASSERT_EQ(test, vfs_llseek(stage.dir, 0, SEEK_SET), 0);

	stage.reader = reader_new(test, NULL, stage.dir);
	for (i = stage.all->nr; i--; ) {
		const char *text = stage.all->entries[i].name;
		struct qstr name = name_in(stage.dir, text);

		if (is_dots(text) || (wanted && strcmp(text, wanted)))
			continue;
		dentry = d_alloc_parallel_compat(file_dentry(stage.dir), &name,
						 &wq);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dentry);
		if (d_in_lookup(dentry)) {
			compat_d_in_lookup_disown(dentry);
			stage.name = text;
			stage.reader->blocker = dentry;
			break;
		}
		dput(dentry);
	}
	/* as of process 1 while the kernel still boots */
	if (!stage.name && stage.all->nr <= 2)
		kunit_skip(test, "/proc/%s is empty", path);
	KUNIT_ASSERT_NOT_NULL_MSG(test, stage.name,
				  "/proc/%s: no entry to look up", path);
	reader_run(stage.reader);
	KUNIT_ASSERT_SOON_MSG(test, sleeps(stage.reader),
			      "/proc/%s: the reader does not wait for \"%s\"",
			      path, stage.name);
	return stage;
}

static void end_and_finish(struct proc_stage *stage)
{
	d_lookup_done(stage->reader->blocker);
	reader_finish(stage->reader);
}

/*
 * While the lookup ends somebody has the directory locked, and then asks for the name,
 * as open() with O_CREAT does.
 */
static void expect_no_deadlock(struct kunit *test, const char *path)
{
	struct proc_stage stage = park_in_proc(test, path, NULL);
	struct dentry *dir = file_dentry(stage.dir);
	struct creator *creator;

	need_stacks(test);
	creator = creator_start(test, dir, name_in(stage.dir, stage.name));
	d_lookup_done(stage.reader->blocker);
	KUNIT_ASSERT_SOON(test, reader_waits_for_lock(stage.reader));
	complete_all(&creator->go);
	KUNIT_EXPECT_SOON(test, creator_is_done(creator));
	reader_finish(stage.reader);
	KUNIT_EXPECT_EQ(test, reader_count(stage.reader, stage.name), 1);
}

static void expect_waits_unlocked(struct kunit *test, const char *path,
				  const char *wanted)
{
	struct proc_stage stage = park_in_proc(test, path, wanted);

	expect_lockable(test, file_dentry(stage.dir));
	end_and_finish(&stage);
	KUNIT_EXPECT_EQ(test, stage.reader->result, 0);
}

/* What does not come and go is listed as it was, in its order. */
static void expect_complete(struct kunit *test, const char *path)
{
	struct proc_stage stage = park_in_proc(test, path, NULL);
	unsigned int i;

	end_and_finish(&stage);
	KUNIT_EXPECT_EQ(test, stage.reader->nr, stage.all->nr);
	for (i = 0; i < min(stage.reader->nr, stage.all->nr); i++)
		KUNIT_EXPECT_STREQ(test, stage.reader->entries[i].name,
				   stage.all->entries[i].name);
}

/* Of the entry that was waited for, and those around it. */
static void expect_inode_numbers(struct kunit *test, const char *path)
{
	struct proc_stage stage = park_in_proc(test, path, NULL);
	struct dentry *dir = file_dentry(stage.dir);
	unsigned int i;

	end_and_finish(&stage);
	KUNIT_EXPECT_EQ(test, reader_count(stage.reader, stage.name), 1);
	for (i = 0; i < stage.reader->nr; i++) {
		struct entry *entry = &stage.reader->entries[i];
		struct qstr name = name_in(stage.dir, entry->name);
		struct dentry *child;

		if (is_dots(entry->name))
			continue;
		child = d_lookup(dir, &name);
		KUNIT_ASSERT_NOT_NULL_MSG(test, child, "%s", entry->name);
		KUNIT_EXPECT_EQ_MSG(test, entry->ino, d_inode(child)->i_ino,
				    "%s", entry->name);
		KUNIT_EXPECT_EQ_MSG(test, entry->type,
				    d_inode(child)->i_mode >> 12, "%s",
				    entry->name);
		dput(child);
	}
}

static void expect_nothing_in_use(struct kunit *test, const char *path)
{
	struct proc_stage stage = park_in_proc(test, path, NULL);
	struct census census;

	end_and_finish(&stage);
	census = census_of(file_dentry(stage.dir));
	KUNIT_EXPECT_EQ(test, census.in_lookup, 0);
	/* ours to the dentry that was in lookup */
	KUNIT_EXPECT_EQ(test, census.references, 1);
	KUNIT_EXPECT_EQ(test, census.parents, 1);
}

static void readdir_of_processes_waits_unlocked(struct kunit *test)
{
	expect_waits_unlocked(test, ".", "1");
}

static void readdir_of_a_process_waits_unlocked(struct kunit *test)
{
	expect_waits_unlocked(test, "1", NULL);
}

static void readdir_of_threads_waits_unlocked(struct kunit *test)
{
	expect_waits_unlocked(test, "1/task", NULL);
}

static void readdir_of_descriptors_waits_unlocked(struct kunit *test)
{
	expect_waits_unlocked(test, "1/fd", NULL);
}

static void readdir_of_mappings_waits_unlocked(struct kunit *test)
{
	expect_waits_unlocked(test, "1/map_files", NULL);
}

static void readdir_of_namespaces_waits_unlocked(struct kunit *test)
{
	expect_waits_unlocked(test, "1/ns", NULL);
}

static void readdir_of_sysctl_waits_unlocked(struct kunit *test)
{
	expect_waits_unlocked(test, "sys/kernel", NULL);
}

static void readdir_of_the_root_of_sysctl_waits_unlocked(struct kunit *test)
{
	expect_waits_unlocked(test, "sys", NULL);
}

static void readdir_of_a_process_and_a_creator_do_not_deadlock(struct kunit *test)
{
	expect_no_deadlock(test, "1");
}

static void readdir_of_sysctl_and_a_creator_do_not_deadlock(struct kunit *test)
{
	expect_no_deadlock(test, "sys/kernel");
}

static void listing_of_a_process_is_complete(struct kunit *test)
{
	expect_complete(test, "1");
}

static void listing_of_threads_is_complete(struct kunit *test)
{
	expect_complete(test, "1/task");
}

static void listing_of_descriptors_is_complete(struct kunit *test)
{
	expect_complete(test, "1/fd");
}

static void listing_of_mappings_is_complete(struct kunit *test)
{
	expect_complete(test, "1/map_files");
}

static void listing_of_sysctl_is_complete(struct kunit *test)
{
	expect_complete(test, "sys/kernel");
}

static void listing_of_a_process_has_its_inode_numbers(struct kunit *test)
{
	expect_inode_numbers(test, "1");
}

static void listing_of_sysctl_has_its_inode_numbers(struct kunit *test)
{
	expect_inode_numbers(test, "sys/kernel");
}

static void wait_in_procfs_leaves_nothing_in_use(struct kunit *test)
{
	expect_nothing_in_use(test, "1");
}

static void wait_in_sysctl_leaves_nothing_in_use(struct kunit *test)
{
	expect_nothing_in_use(test, "sys/kernel");
}

static struct kunit_case dir_retry_proc_cases[] = {
	KUNIT_CASE(readdir_of_processes_waits_unlocked),
	KUNIT_CASE(readdir_of_a_process_waits_unlocked),
	KUNIT_CASE(readdir_of_threads_waits_unlocked),
	KUNIT_CASE(readdir_of_descriptors_waits_unlocked),
	KUNIT_CASE(readdir_of_mappings_waits_unlocked),
	KUNIT_CASE(readdir_of_namespaces_waits_unlocked),
	KUNIT_CASE(readdir_of_sysctl_waits_unlocked),
	KUNIT_CASE(readdir_of_the_root_of_sysctl_waits_unlocked),
	KUNIT_CASE(readdir_of_a_process_and_a_creator_do_not_deadlock),
	KUNIT_CASE(readdir_of_sysctl_and_a_creator_do_not_deadlock),
	KUNIT_CASE(listing_of_a_process_is_complete),
	KUNIT_CASE(listing_of_threads_is_complete),
	KUNIT_CASE(listing_of_descriptors_is_complete),
	KUNIT_CASE(listing_of_mappings_is_complete),
	KUNIT_CASE(listing_of_sysctl_is_complete),
	KUNIT_CASE(listing_of_a_process_has_its_inode_numbers),
	KUNIT_CASE(listing_of_sysctl_has_its_inode_numbers),
	KUNIT_CASE(wait_in_procfs_leaves_nothing_in_use),
	KUNIT_CASE(wait_in_sysctl_leaves_nothing_in_use),
	{}
};

IN_LOOKUP_SUITE_IF(dir_retry_proc, dir_retry_proc_cases, "readdir of procfs and sysctl",
		   (strstr(test->name, "sysctl") ? COMPAT_SYSCTL_RETRIES :
						   COMPAT_PROCFS_RETRIES) ? NULL :
		   "readdir does not use dir_retry(): with SERIES=readdir it does");

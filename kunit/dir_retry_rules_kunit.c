// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite dir_retry_rules: why iterate_dir() waits, and not ->iterate_shared().
 *
 * Two rules: nobody takes i_rwsem of a directory as the owner of a lookup in it, and no
 * lookup in it is begun without that lock.  ->iterate_shared() that drops the lock,
 * calls d_alloc_parallel() and takes it again breaks both, and the cases called
 * control_* show what comes of that: a task that has the lock and waits for the lookup,
 * as open() with O_CREAT does, for ever; and a second dentry of one name, made by a task
 * that does not look at lookups because it has the lock for itself, as mkdir() does not.
 * In the other cases the same happens to dir_retry(), and nothing comes of it.
 *
 * The last case is about overlayfs, which needs nothing of this: no lookup is under way
 * in a directory of its own while that is listed.
 */
#include <linux/file.h>
#include <linux/module.h>

#include "dir_retry_scene.h"

struct stage {
	struct playground *pg;
	struct scene *scene;
	struct lookup *b;
	struct reader *reader;
};

/* A reader waits for the lookup of "b", with the directory unlocked. */
static struct stage set_stage(struct kunit *test, bool drops_lock)
{
	struct stage stage;

	need_stacks(test);
	stage.pg = playground_open(test, PLAIN);
	stage.scene = scene_open(stage.pg, "dir", false);
	stage.scene->drops_lock = drops_lock;
	stage.b = lookup_begin(stage.pg, stage.scene->dir, "b");
	stage.reader = reader_new(test, stage.pg, stage.scene->file);
	reader_run(stage.reader);
	if (drops_lock) {
		KUNIT_ASSERT_SOON(test,
				  parked_thread_sleeps(&stage.reader->thread,
						       TASK_UNINTERRUPTIBLE,
						       "d_alloc_parallel"));
	} else {
		reader_park(stage.reader);
	}
	return stage;
}

/*
 * End the lookup of "b" while somebody has the directory locked.  It may be the test
 * itself, which must not abort then.
 */
static bool ends_and_waits_for_the_lock(struct stage *stage)
{
	d_lookup_done(stage->b->dentry);
	return poll_until(reader_waits_for_lock(stage->reader)) &&
	       !!READ_ONCE(stage->scene->dropped) == stage->scene->drops_lock;
}

static void reader_and_creator_do_not_deadlock(struct kunit *test)
{
	struct stage stage = set_stage(test, false);
	struct creator *creator = creator_start(test, stage.scene->dir,
						stage.b->name);

	KUNIT_ASSERT_TRUE(test, ends_and_waits_for_the_lock(&stage));
	complete_all(&creator->go);
	KUNIT_EXPECT_SOON(test, creator_is_done(creator));
	reader_finish(stage.reader);
	expect_listed(stage.reader, "abc");
}

static void control_reader_that_drops_the_lock_deadlocks(struct kunit *test)
{
	struct stage stage = set_stage(test, true);
	struct creator *creator = creator_start(test, stage.scene->dir,
						stage.b->name);
	struct dentry *owned;

	creator->scene = stage.scene;
	/* reader: owner of a new dentry "b", waits for the lock */
	KUNIT_ASSERT_TRUE(test, ends_and_waits_for_the_lock(&stage));
	owned = READ_ONCE(stage.scene->dropped);
	KUNIT_ASSERT_TRUE(test, d_in_lookup(owned));
	/* creator: has the lock, waits for that dentry */
	complete_all(&creator->go);
	KUNIT_EXPECT_SOON(test, creator_is_parked(creator));
	KUNIT_EXPECT_FALSE(test, reader_is_done(stage.reader));

	/* only somebody else can let them go */
	d_lookup_done(owned);
	KUNIT_EXPECT_SOON(test, creator_is_done(creator));
	reader_finish(stage.reader);
}

static void expect_reader_meets_mkdir(struct kunit *test, bool drops_lock,
				      unsigned int hashed)
{
	struct stage stage = set_stage(test, drops_lock);
	struct inode *dir = d_inode(stage.scene->dir);
	struct qstr name = stage.b->name;
	struct dentry *made;
	bool waits;
	u64 listed;

	inode_lock(dir);
	waits = ends_and_waits_for_the_lock(&stage);
	made = scene_mkdir(stage.scene, name);
	inode_unlock(dir);
	KUNIT_ASSERT_NOT_NULL(test, made);
	playground_keep(stage.pg, made);
	KUNIT_ASSERT_TRUE_MSG(test, waits, "the reader does not wait for the lock");
	reader_finish(stage.reader);
	expect_listed(stage.reader, "abc");
	KUNIT_EXPECT_EQ(test, scene_hashed(stage.scene, name), hashed);
	KUNIT_ASSERT_EQ(test, reader_count(stage.reader, "b"), 1);
	listed = stage.reader->entries[1].ino;
	KUNIT_EXPECT_EQ(test, listed == d_inode(made)->i_ino, !drops_lock);
}

static void entry_that_was_made_meanwhile_is_listed_as_it_is(struct kunit *test)
{
	expect_reader_meets_mkdir(test, false, 1);
}

static void control_reader_that_drops_the_lock_hashes_a_twin(struct kunit *test)
{
	expect_reader_meets_mkdir(test, true, 2);
}

struct lister {
	struct dir_context ctx;
	struct inode *dir;
	unsigned int entries;
	unsigned int shared;		/* while others could have it for reading, too */
};

static bool note_lock(struct dir_context *ctx, const char *name, int len,
		      loff_t offset, u64 ino, unsigned int type)
{
	struct lister *lister = container_of(ctx, struct lister, ctx);

	lister->entries++;
	if (down_read_trylock(&lister->dir->i_rwsem)) {
		up_read(&lister->dir->i_rwsem);
		lister->shared++;
	}
	return true;
}

static void overlayfs_lists_a_directory_locked_for_itself(struct kunit *test)
{
	struct file *file = filp_open("/mnt/overlay", O_RDONLY | O_DIRECTORY, 0);
	struct lister lister = { .ctx.actor = note_lock };
	int err;

	if (IS_ERR(file))
		kunit_skip(test,
			   "/mnt/overlay: error %ld; make kunit has it, not for threads of 7.3",
			   PTR_ERR(file));
	lister.dir = file_inode(file);
	err = iterate_dir(file, &lister.ctx);
	fput(file);
	flush_delayed_fput();
	KUNIT_EXPECT_EQ(test, err, 0);
	/* "." and "..", at least */
	KUNIT_EXPECT_GE(test, lister.entries, 2);
	KUNIT_EXPECT_EQ(test, lister.shared, 0);
}

static struct kunit_case dir_retry_rules_cases[] = {
	KUNIT_CASE(reader_and_creator_do_not_deadlock),
	KUNIT_CASE(control_reader_that_drops_the_lock_deadlocks),
	KUNIT_CASE(entry_that_was_made_meanwhile_is_listed_as_it_is),
	KUNIT_CASE(control_reader_that_drops_the_lock_hashes_a_twin),
	KUNIT_CASE(overlayfs_lists_a_directory_locked_for_itself),
	{}
};

IN_LOOKUP_SUITE_IF(dir_retry_rules, dir_retry_rules_cases, "why iterate_dir() waits",
		   COMPAT_HAS_DIR_RETRY ? NULL :
		   "this kernel has no dir_retry(): SERIES=readdir adds it");

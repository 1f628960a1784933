// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite dir_retry: iterate_dir() that waits for a lookup where
 * ->iterate_shared() must not.
 *
 * The property: the directory is not locked while the reader waits, and what is
 * listed is what would have been listed without the wait: each entry once, unless the
 * reader was killed or the directory has been removed.  It ends, whatever others do.
 *
 * Symptoms of a bug: a reader that holds up writers; an entry that is listed twice,
 * or not at all; ->iterate_shared() of a directory that is gone; a dentry that stays
 * in use; a request that outlives iterate_dir(), on whose stack it was.
 */
#include <linux/cred.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/module.h>
#include <linux/sched/signal.h>

#include "dir_retry_scene.h"

struct stage {
	struct playground *pg;
	struct scene *scene;
	struct lookup *b;
	struct reader *reader;
};

/* "b" is in lookup, and a reader that does not run yet. */
static struct stage set_stage(struct kunit *test, bool wrapped)
{
	struct stage stage;

	stage.pg = playground_open(test, PLAIN);
	stage.scene = scene_open(stage.pg, "dir", wrapped);
	stage.b = lookup_begin(stage.pg, stage.scene->dir, "b");
	stage.reader = reader_new(test, stage.pg, stage.scene->file);
	return stage;
}

/* The same, and the reader waits for it. */
static struct stage park_reader(struct kunit *test)
{
	struct stage stage = set_stage(test, false);

	reader_run(stage.reader);
	reader_park(stage.reader);
	return stage;
}

static void reader_waits_with_the_directory_unlocked(struct kunit *test)
{
	struct stage stage = park_reader(test);

	expect_lockable(test, stage.scene->dir);
	KUNIT_EXPECT_TRUE(test, reader_is_parked(stage.reader));
}

static void wrapped_reader_waits_with_the_directory_unlocked(struct kunit *test)
{
	struct stage stage = set_stage(test, true);

	reader_run(stage.reader);
	reader_park(stage.reader);
	expect_lockable(test, stage.scene->dir);
	d_add(stage.b->dentry, NULL);
	reader_finish(stage.reader);
	expect_listed(stage.reader, "abc");
}

static void reader_calls_again_with_the_directory_locked(struct kunit *test)
{
	struct stage stage = set_stage(test, false);
	struct inode *dir = d_inode(stage.scene->dir);

	need_stacks(test);
	reader_run(stage.reader);
	reader_park(stage.reader);
	inode_lock(dir);
	d_add(stage.b->dentry, NULL);
	/* which is ours */
	KUNIT_EXPECT_SOON(test, reader_waits_for_lock(stage.reader));
	KUNIT_EXPECT_EQ(test, stage.scene->calls, 1);
	inode_unlock(dir);
	reader_finish(stage.reader);
	expect_lockable(test, stage.scene->dir);
}

static void each_entry_is_listed_once(struct kunit *test)
{
	struct stage stage = park_reader(test);

	d_add(stage.b->dentry, NULL);
	reader_finish(stage.reader);
	KUNIT_EXPECT_EQ(test, stage.reader->result, 0);
	expect_listed(stage.reader, "abc");
}

static void entry_whose_lookup_leaves_nothing_is_listed_once(struct kunit *test)
{
	struct stage stage = park_reader(test);

	d_lookup_done(stage.b->dentry);
	reader_finish(stage.reader);
	KUNIT_EXPECT_EQ(test, stage.reader->result, 0);
	expect_listed(stage.reader, "abc");
}

static void first_entry_can_be_waited_for(struct kunit *test)
{
	struct playground *pg = playground_open(test, PLAIN);
	struct scene *scene = scene_open(pg, "dir", false);
	struct lookup *a = lookup_begin(pg, scene->dir, "a");
	struct reader *reader = reader_new(test, pg, scene->file);

	reader_run(reader);
	reader_park(reader);
	d_add(a->dentry, NULL);
	reader_finish(reader);
	expect_listed(reader, "abc");
}

static void position_is_saved_before_the_wait(struct kunit *test)
{
	struct stage stage = park_reader(test);

	KUNIT_EXPECT_EQ(test, stage.scene->file->f_pos, 1);
}

static void put_file(void *file)
{
	if (somebody_is_left())
		return;
	fput(file);
	flush_delayed_fput();
}

static void two_readers_wait_for_one_lookup(struct kunit *test)
{
	struct stage stage = park_reader(test);
	struct scene *scene = stage.scene;
	struct path path = scene->file->f_path;
	struct file *file = dentry_open(&path, O_RDONLY | O_DIRECTORY,
					current_cred());
	struct reader *other;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, put_file, file));
	other = reader_new(test, stage.pg, file);
	reader_run(other);
	reader_park(other);
	KUNIT_EXPECT_EQ(test, d_count(stage.b->dentry), 3);
	d_add(stage.b->dentry, NULL);
	reader_finish(stage.reader);
	reader_finish(other);
	expect_listed(stage.reader, "abc");
	expect_listed(other, "abc");
}

static void waiters_and_readers_wait_for_one_lookup(struct kunit *test)
{
	struct stage stage = park_reader(test);
	struct crowd crowd;

	crowd_start(stage.pg, &crowd, stage.scene->dir, "b", FEW, ANY_CPU);
	KUNIT_ASSERT_SOON(test, crowd_is_parked(&crowd));
	d_add(stage.b->dentry, NULL);
	crowd_expect_dentry(stage.pg, &crowd, stage.b->dentry);
	reader_finish(stage.reader);
	expect_listed(stage.reader, "abc");
}

static void removed_directory_is_not_listed_again(struct kunit *test)
{
	struct stage stage = park_reader(test);
	struct inode *dir = d_inode(stage.scene->dir);

	inode_lock(dir);
	dir->i_flags |= S_DEAD;
	inode_unlock(dir);
	d_lookup_done(stage.b->dentry);
	reader_finish(stage.reader);
	KUNIT_EXPECT_EQ(test, stage.reader->result, -ENOENT);
	KUNIT_EXPECT_EQ(test, stage.scene->calls, 1);
	expect_listed(stage.reader, "a");
}

static void killed_reader_does_not_wait_for_the_lookup(struct kunit *test)
{
	struct stage stage = set_stage(test, false);

	stage.reader->take_sigkill = true;
	reader_run(stage.reader);
	reader_park(stage.reader);
	send_sig(SIGKILL, stage.reader->thread.task, 1);
	reader_finish(stage.reader);
	KUNIT_EXPECT_EQ(test, stage.reader->result, -EINTR);
	expect_listed(stage.reader, "a");
}

static void killed_reader_leaves_the_lookup_as_it_was(struct kunit *test)
{
	struct stage stage = set_stage(test, false);

	stage.reader->take_sigkill = true;
	reader_run(stage.reader);
	reader_park(stage.reader);
	KUNIT_EXPECT_EQ(test, d_count(stage.b->dentry), 2);
	send_sig(SIGKILL, stage.reader->thread.task, 1);
	reader_finish(stage.reader);
	KUNIT_EXPECT_TRUE(test, d_in_lookup(stage.b->dentry));
	KUNIT_EXPECT_EQ(test, d_count(stage.b->dentry), 1);
	KUNIT_EXPECT_TRUE(test, list_empty(&stage.b->dentry->d_lru));
}

static void killed_reader_does_not_wait_for_the_lock(struct kunit *test)
{
	struct stage stage = set_stage(test, false);
	struct inode *dir = d_inode(stage.scene->dir);

	need_stacks(test);
	stage.reader->take_sigkill = true;
	reader_run(stage.reader);
	reader_park(stage.reader);
	inode_lock(dir);
	d_lookup_done(stage.b->dentry);
	KUNIT_EXPECT_SOON(test, reader_waits_for_lock(stage.reader));
	send_sig(SIGKILL, stage.reader->thread.task, 1);
	KUNIT_EXPECT_SOON(test, reader_is_done(stage.reader));
	inode_unlock(dir);
	reader_finish(stage.reader);
	KUNIT_EXPECT_EQ(test, stage.reader->result, -EINTR);
	KUNIT_EXPECT_EQ(test, stage.scene->calls, 1);
}

static void wait_leaves_no_reference(struct kunit *test)
{
	struct stage stage = park_reader(test);

	d_add(stage.b->dentry, NULL);
	reader_finish(stage.reader);
	KUNIT_EXPECT_EQ(test, d_count(stage.b->dentry), 1);
	/* the file, and what the playground keeps */
	KUNIT_EXPECT_EQ(test, census_of(stage.scene->dir).parents, 2);
}

/* The reader finds @contended in lookup whenever it comes there. */
static struct reader *contend(struct kunit *test, struct scene **scene,
			      const char *contended)
{
	struct playground *pg = playground_open(test, PLAIN);
	struct reader *reader;

	*scene = scene_open(pg, "dir", false);
	(*scene)->contended = contended;
	reader = reader_new(test, pg, (*scene)->file);
	reader->scene = *scene;
	reader_run(reader);
	return reader;
}

/* End the lookup that the reader waits for, from the @first to the @last time. */
static void let_go(struct scene *scene, struct reader *reader,
		   unsigned int first, unsigned int last)
{
	struct kunit *test = scene->pg->test;
	unsigned int i;

	for (i = first; i <= last; i++) {
		KUNIT_ASSERT_SOON_MSG(test, READ_ONCE(scene->asked) == i &&
				      reader_is_parked(reader),
				      "wait %u has not come, but %u", i,
				      READ_ONCE(scene->asked));
		scene_end_held(scene);
	}
}

static void reader_waits_a_few_times_for_an_entry(struct kunit *test)
{
	struct scene *scene;
	struct reader *reader = contend(test, &scene, "b");

	let_go(scene, reader, 1, SCENE_RETRIES);
	reader_finish(reader);
	KUNIT_EXPECT_EQ(test, scene->refused, 1);
	KUNIT_EXPECT_EQ(test, scene->calls, SCENE_RETRIES + 1);
	expect_listed(reader, "abc");
}

static void each_entry_can_be_waited_for_as_often(struct kunit *test)
{
	struct scene *scene;
	struct reader *reader = contend(test, &scene, "bc");

	let_go(scene, reader, 1, SCENE_RETRIES);
	/* "b" is emitted without its dentry then */
	let_go(scene, reader, SCENE_RETRIES + 1, 2 * SCENE_RETRIES);
	reader_finish(reader);
	KUNIT_EXPECT_EQ(test, scene->refused, 2);
	expect_listed(reader, "abc");
}

static void caller_that_is_not_iterate_dir_cannot_retry(struct kunit *test)
{
	struct stage stage = set_stage(test, false);
	struct dir_context ctx = { .pos = 1 };
	struct qstr name = stage.b->name;

	KUNIT_EXPECT_FALSE(test, compat_dir_retry(&ctx, stage.scene->dir, &name));
	KUNIT_EXPECT_EQ(test, d_count(stage.b->dentry), 1);
}

static void request_does_not_outlive_iterate_dir(struct kunit *test)
{
	struct stage stage = park_reader(test);

	d_add(stage.b->dentry, NULL);
	reader_finish(stage.reader);
	KUNIT_EXPECT_NULL(test, compat_retry_of(&stage.reader->ctx));
}

static void request_is_over_when_it_was_granted(struct kunit *test)
{
	struct stage stage = park_reader(test);

	d_add(stage.b->dentry, NULL);
	reader_finish(stage.reader);
	/* once for "b", and once more from there to the end */
	KUNIT_EXPECT_EQ(test, stage.scene->calls, 2);
	KUNIT_EXPECT_EQ(test, stage.scene->asked, 1);
}

static void second_request_of_a_call_is_ignored(struct kunit *test)
{
	struct stage stage = set_stage(test, false);

	stage.scene->asks_twice = true;
	reader_run(stage.reader);
	reader_park(stage.reader);
	KUNIT_EXPECT_FALSE(test, stage.scene->refused_twice);
	KUNIT_EXPECT_EQ(test, d_count(stage.b->dentry), 2);
	d_add(stage.b->dentry, NULL);
	reader_finish(stage.reader);
	KUNIT_EXPECT_EQ(test, d_count(stage.b->dentry), 1);
	expect_listed(stage.reader, "abc");
}

static void error_is_returned_without_a_wait(struct kunit *test)
{
	struct stage stage = set_stage(test, false);

	stage.scene->error = -EIO;
	reader_run(stage.reader);
	reader_finish(stage.reader);
	KUNIT_EXPECT_EQ(test, stage.reader->result, -EIO);
	KUNIT_EXPECT_EQ(test, stage.scene->calls, 1);
	KUNIT_EXPECT_EQ(test, d_count(stage.b->dentry), 1);
}

static void entry_is_not_lost_when_the_position_moves_on(struct kunit *test)
{
	struct stage stage = set_stage(test, false);

	stage.scene->moves_on = true;
	reader_run(stage.reader);
	reader_park(stage.reader);
	d_add(stage.b->dentry, NULL);
	reader_finish(stage.reader);
	KUNIT_EXPECT_EQ(test, stage.reader->result, 0);
	expect_listed(stage.reader, "abc");
}

/* As overlayfs hands its context on to the directory below. */
static void context_of_another_iterate_dir_is_given_back(struct kunit *test)
{
	struct stage stage = set_stage(test, false);
	struct scene *outer = scene_open(stage.pg, "outer", false);
	struct reader *reader = reader_new(test, stage.pg, outer->file);
	static struct lock_class_key outer_key;

	/* as that of a directory in another filesystem */
	lockdep_set_class(&d_inode(outer->dir)->i_rwsem, &outer_key);
	outer->inner = stage.scene;
	reader_run(reader);
	reader_park(reader);
	expect_lockable(test, stage.scene->dir);
	d_add(stage.b->dentry, NULL);
	reader_finish(reader);
	KUNIT_EXPECT_TRUE(test, outer->context_restored);
	KUNIT_EXPECT_EQ(test, outer->calls, 1);
	expect_listed(reader, "abc");
}

static struct kunit_case dir_retry_cases[] = {
	KUNIT_CASE(reader_waits_with_the_directory_unlocked),
	KUNIT_CASE(wrapped_reader_waits_with_the_directory_unlocked),
	KUNIT_CASE(reader_calls_again_with_the_directory_locked),
	KUNIT_CASE(each_entry_is_listed_once),
	KUNIT_CASE(entry_whose_lookup_leaves_nothing_is_listed_once),
	KUNIT_CASE(first_entry_can_be_waited_for),
	KUNIT_CASE(position_is_saved_before_the_wait),
	KUNIT_CASE(waiters_and_readers_wait_for_one_lookup),
	KUNIT_CASE(removed_directory_is_not_listed_again),
	KUNIT_CASE(killed_reader_does_not_wait_for_the_lookup),
	KUNIT_CASE(killed_reader_leaves_the_lookup_as_it_was),
	KUNIT_CASE(killed_reader_does_not_wait_for_the_lock),
	KUNIT_CASE(wait_leaves_no_reference),
	KUNIT_CASE(reader_waits_a_few_times_for_an_entry),
	KUNIT_CASE(each_entry_can_be_waited_for_as_often),
	KUNIT_CASE(caller_that_is_not_iterate_dir_cannot_retry),
	KUNIT_CASE(request_does_not_outlive_iterate_dir),
	KUNIT_CASE(request_is_over_when_it_was_granted),
	KUNIT_CASE(second_request_of_a_call_is_ignored),
	KUNIT_CASE(error_is_returned_without_a_wait),
	KUNIT_CASE(entry_is_not_lost_when_the_position_moves_on),
	KUNIT_CASE(context_of_another_iterate_dir_is_given_back),
	KUNIT_CASE(two_readers_wait_for_one_lookup),
	{}
};

IN_LOOKUP_SUITE_IF(dir_retry, dir_retry_cases, "iterate_dir() that waits",
		   COMPAT_HAS_DIR_RETRY ? NULL :
		   "this kernel has no dir_retry(): SERIES=readdir adds it");

// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite afs_block: lookups of a file that kafs is unlinking or renaming.
 *
 * The property: ->d_revalidate() sleeps until the server has answered, and then tells
 * what has come of the dentry; whatever the answer, nothing stays blocked.
 *
 * Symptoms of a bug: a file that is opened while the server removes it; a lookup that
 * never returns; a dentry that is unhashed although the server has refused.
 *
 * The state that most cases start from:
 *
 *	worker:		has the directory locked; waits for the server
 *	looker:		TASK_KILLABLE in d_wait_unblocked(), below ->d_revalidate()
 */
#include <linux/module.h>
#include <linux/namei.h>

#include "afs_scene.h"

struct worker {
	struct parked_thread thread;
	struct afs_scene *scene;
	int (*work)(struct afs_scene *scene);
	struct dentry *dentry;		/* revalidate that, if there is no work */
	int result;
	struct completion done;
};

static void worker_body(struct parked_thread *self)
{
	struct worker *worker = container_of(self, struct worker, thread);

	parked_thread_announce(self);
	worker->result = worker->work ? worker->work(worker->scene) :
		afs_scene_revalidate(worker->scene, worker->dentry, 0);
	complete_all(&worker->done);
}

/* Ends what it may wait for, or it would not come back. */
static void worker_release(void *data)
{
	struct worker *worker = data;

	afs_server_let_go();
	afs_check_let_go();
	if (!parked_thread_collect(&worker->thread, 4 * dcache_bound_ms)) {
		leave_behind();
		return;
	}
	kfree(worker);
}

/* A reference until release_ref(), or until the case ends. */
static void put_ref(void *dentry)
{
	if (!somebody_is_left())
		dput(dentry);
}

static void take_ref(struct kunit *test, struct dentry *dentry)
{
	dget(dentry);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, put_ref, dentry));
}

static void release_ref(struct kunit *test, struct dentry *dentry)
{
	kunit_release_action(test, put_ref, dentry);
}

static struct worker *start(struct afs_scene *scene,
			    int (*work)(struct afs_scene *scene),
			    struct dentry *dentry)
{
	struct worker *worker = kzalloc(sizeof(*worker), GFP_KERNEL);
	struct kunit *test = scene->test;

	KUNIT_ASSERT_NOT_NULL(test, worker);
	worker->scene = scene;
	worker->work = work;
	worker->dentry = dentry;
	init_completion(&worker->done);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, worker_release, worker));
	KUNIT_ASSERT_EQ(test, 0,
			parked_thread_create(&worker->thread, worker_body,
					     ANY_CPU, "dcache_kafs"));
	parked_thread_run(&worker->thread);
	return worker;
}

static bool sleeps(struct worker *looker)
{
	return !completion_done(&looker->done) &&
	       parked_thread_sleeps(&looker->thread, TASK_KILLABLE,
				    "d_wait_unblocked");
}

static void finish(struct worker *worker, int result)
{
	struct kunit *test = worker->scene->test;

	KUNIT_ASSERT_SOON_MSG(test, completion_done(&worker->done),
			      "the thread does not come back");
	KUNIT_EXPECT_EQ(test, worker->result, result);
}

/* @work waits for the server, which will say @answer, and a lookup of @dentry for that. */
static struct worker *look_meanwhile(struct afs_scene *scene,
				     int (*work)(struct afs_scene *scene),
				     struct dentry *dentry, int answer,
				     struct worker **looker)
{
	struct kunit *test = scene->test;
	struct worker *worker;

	afs_server_says(answer, true);
	/* nothing but what is done to it stops a walk */
	KUNIT_ASSERT_EQ(test, afs_scene_revalidate(scene, dentry, LOOKUP_RCU), 1);
	worker = start(scene, work, NULL);
	KUNIT_ASSERT_SOON(test, afs_server_is_asked());
	KUNIT_EXPECT_EQ(test, afs_scene_revalidate(scene, dentry, LOOKUP_RCU),
			-ECHILD);
	/* d_count() has been looked at: this is a reference of a lookup */
	take_ref(test, dentry);
	*looker = start(scene, NULL, dentry);
	KUNIT_ASSERT_SOON_MSG(test, sleeps(*looker),
			      "->d_revalidate() does not wait");
	return worker;
}

static void expect(struct kunit *test, int (*work)(struct afs_scene *scene),
		   bool of_target, int answer, int valid)
{
	struct afs_scene *scene = afs_scene_open(test);
	struct dentry *dentry = of_target ? scene->target : scene->old;
	struct worker *worker, *looker;

	worker = look_meanwhile(scene, work, dentry, answer, &looker);
	KUNIT_EXPECT_FALSE(test, d_unhashed(dentry));
	afs_server_let_go();
	finish(worker, answer);
	finish(looker, valid);
	release_ref(test, dentry);
	KUNIT_EXPECT_EQ(test, d_unhashed(dentry), !valid);
	KUNIT_EXPECT_FALSE(test, compat_d_is_blocked(scene->old));
	KUNIT_EXPECT_FALSE(test, compat_d_is_blocked(scene->target));
}

static void lookup_waits_for_an_unlink(struct kunit *test)
{
	expect(test, afs_scene_unlink, false, 0, 0);
}

static void lookup_waits_for_an_unlink_of_a_file_that_is_gone(struct kunit *test)
{
	expect(test, afs_scene_unlink, false, -ENOENT, 0);
}

static void lookup_finds_what_the_server_refuses_to_unlink(struct kunit *test)
{
	expect(test, afs_scene_unlink, false, -EACCES, 1);
}

static void lookup_of_the_source_waits_for_a_rename(struct kunit *test)
{
	expect(test, afs_scene_rename, false, 0, 1);
}

static void lookup_of_the_target_waits_for_a_rename(struct kunit *test)
{
	expect(test, afs_scene_rename, true, 0, 0);
}

static void lookup_finds_the_source_that_the_server_refuses_to_rename(struct kunit *test)
{
	expect(test, afs_scene_rename, false, -EACCES, 1);
}

static void lookup_finds_the_target_of_a_rename_that_the_server_refuses(struct kunit *test)
{
	expect(test, afs_scene_rename, true, -EACCES, 1);
}

/* As if it had been somewhere between the cache and ->d_revalidate() all the time. */
static void lookup_that_is_late_does_not_find_what_was_unlinked(struct kunit *test)
{
	struct afs_scene *scene = afs_scene_open(test);
	struct worker *worker;

	afs_server_says(0, true);
	worker = start(scene, afs_scene_unlink, NULL);
	KUNIT_ASSERT_SOON(test, afs_server_is_asked());
	/* d_count() has been looked at: this is a reference of a lookup */
	take_ref(test, scene->old);
	afs_server_let_go();
	finish(worker, 0);
	KUNIT_EXPECT_EQ(test, afs_scene_revalidate(scene, scene->old, 0), 0);
	release_ref(test, scene->old);
}

/* A filesystem on top keeps it, as overlayfs does: it must not be invalid for ever. */
static void dentry_that_is_unhashed_is_searched_for(struct kunit *test)
{
	struct afs_scene *scene = afs_scene_open(test);

	d_drop(scene->old);
	/* it has the version of the directory, which says nothing about it now */
	KUNIT_EXPECT_EQ(test, afs_scene_revalidate(scene, scene->old, 0), 0);
	KUNIT_EXPECT_EQ(test, afs_directory_searches(), 1);
	afs_directory_has_both();
	KUNIT_EXPECT_EQ(test, afs_scene_revalidate(scene, scene->old, 0), 1);
	KUNIT_EXPECT_EQ(test, afs_directory_searches(), 2);
}

/* A version that no directory here has. */
#define OF_ANOTHER_DIRECTORY	77

/*
 * A revalidation is under way while all of a rename happens.  What it finds out is about
 * the old name: it must not be stored, and a dentry that is where it was moved to must
 * not be dropped, with what is mounted there.
 */
static void overtaken_by_a_rename(struct kunit *test, bool finds_it_deleted)
{
	struct afs_scene *scene = afs_scene_open(test);
	struct dentry *dentry = scene->old;
	struct worker *looker;

	afs_check_holds(finds_it_deleted);
	take_ref(test, dentry);
	looker = start(scene, NULL, dentry);
	KUNIT_ASSERT_SOON(test, afs_check_is_reached());
	KUNIT_ASSERT_EQ(test, afs_scene_rename(scene), 0);
	WRITE_ONCE(dentry->d_time, OF_ANOTHER_DIRECTORY);
	afs_check_let_go();
	finish(looker, 1);
#ifdef COMPAT_HAVE_REVALIDATE_NAME
	/* It counts as found before, whatever the directory says now. */
	KUNIT_EXPECT_EQ(test, afs_checks(), 1);
	KUNIT_EXPECT_EQ(test, READ_ONCE(dentry->d_time), OF_ANOTHER_DIRECTORY);
#else
	/* Its new name is looked for where it is now. */
	KUNIT_EXPECT_EQ(test, afs_checks(), 2);
#endif
	KUNIT_EXPECT_FALSE(test, d_unhashed(dentry));
	release_ref(test, dentry);
}

static void lookup_that_a_rename_overtakes_stores_no_version(struct kunit *test)
{
	overtaken_by_a_rename(test, false);
}

static void lookup_that_a_rename_overtakes_does_not_drop_it(struct kunit *test)
{
	overtaken_by_a_rename(test, true);
}

/* Then the status of the file is fetched, by an operation of another kind. */
static void unlink_after_a_conflict_leaves_nothing_blocked(struct kunit *test)
{
	struct afs_scene *scene = afs_scene_open(test);

	afs_server_says(0, false);
	afs_server_reports_a_conflict();
	KUNIT_EXPECT_EQ(test, afs_scene_unlink(scene), 0);
	KUNIT_EXPECT_EQ(test, afs_server_requests(), 2);
	KUNIT_EXPECT_FALSE(test, compat_d_is_blocked(scene->old));
	KUNIT_EXPECT_TRUE(test, d_unhashed(scene->old));
}

static void target_is_not_blocked_after_its_silly_rename(struct kunit *test)
{
	struct afs_scene *scene = afs_scene_open(test);

	/* the file has been renamed at the server, and then all goes well */
	afs_silly_rename_fails(test, 0);
	afs_scene_use(scene, scene->target, 1);
	KUNIT_EXPECT_EQ(test, afs_scene_rename(scene), 0);
	afs_scene_use(scene, scene->target, -1);
	KUNIT_EXPECT_FALSE(test, compat_d_is_blocked(scene->target));
	KUNIT_EXPECT_FALSE(test, compat_d_is_blocked(scene->old));
}

static struct kunit_case afs_block_cases[] = {
	KUNIT_CASE(lookup_waits_for_an_unlink),
	KUNIT_CASE(lookup_waits_for_an_unlink_of_a_file_that_is_gone),
	KUNIT_CASE(lookup_finds_what_the_server_refuses_to_unlink),
	KUNIT_CASE(lookup_of_the_source_waits_for_a_rename),
	KUNIT_CASE(lookup_of_the_target_waits_for_a_rename),
	KUNIT_CASE(lookup_finds_the_source_that_the_server_refuses_to_rename),
	KUNIT_CASE(lookup_finds_the_target_of_a_rename_that_the_server_refuses),
	KUNIT_CASE(lookup_that_is_late_does_not_find_what_was_unlinked),
	KUNIT_CASE(dentry_that_is_unhashed_is_searched_for),
	KUNIT_CASE(lookup_that_a_rename_overtakes_stores_no_version),
	KUNIT_CASE(lookup_that_a_rename_overtakes_does_not_drop_it),
	KUNIT_CASE(unlink_after_a_conflict_leaves_nothing_blocked),
	KUNIT_CASE(target_is_not_blocked_after_its_silly_rename),
	{}
};

IN_LOOKUP_SUITE_IF(afs_block, afs_block_cases, "lookups of what kafs unlinks",
		   COMPAT_AFS_BLOCKS ? NULL :
		   "kafs has no use of d_block(): SERIES=readdir adds it");

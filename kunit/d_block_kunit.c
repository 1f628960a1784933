// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite d_block: a dentry that a filesystem keeps everybody from.
 *
 * The property: a task that revalidates the dentry sleeps until it is unblocked by the
 * task that has blocked it, and none gets past that did not have a reference before.
 *
 * Symptoms of a bug: a waiter that returns early, or never; a walk under RCU that
 * takes a reference after all; a nested caller that unblocks for the outer one.
 *
 * The state that most cases start from:
 *
 *	"file"	a hashed dentry, blocked by the test thread
 */
#include <linux/module.h>
#include <linux/sched/signal.h>

#include "dcache_playground.h"

struct waiter {
	struct parked_thread thread;
	struct dentry *dentry;
	bool take_sigkill;
	int result;
	unsigned int seq;		/* what it compares with at its end */
	struct completion done;
};

struct stage {
	struct kunit *test;
	struct dentry *file;
	struct waiter *waiter[FEW];
};

static bool block(struct dentry *dentry)
{
	bool blocked;

	spin_lock(&dentry->d_lock);
	blocked = compat_d_block(dentry);
	spin_unlock(&dentry->d_lock);
	return blocked;
}

static void unblock_if_blocked(void *dentry)
{
	if (compat_d_is_blocked(dentry))
		compat_d_unblock(dentry);
}

static struct stage set_stage(struct kunit *test)
{
	struct stage stage = { .test = test };
	struct playground *pg = playground_open(test, PLAIN);

	stage.file = playground_child(pg, pg->root, "file", S_IFREG);
	KUNIT_ASSERT_TRUE(test, block(stage.file));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, unblock_if_blocked,
							   stage.file));
	return stage;
}

static void waiter_body(struct parked_thread *self)
{
	struct waiter *waiter = container_of(self, struct waiter, thread);

	if (waiter->take_sigkill)
		allow_signal(SIGKILL);
	parked_thread_announce(self);
	waiter->result = compat_d_wait_unblocked(waiter->dentry, &waiter->seq);
	complete_all(&waiter->done);
	if (waiter->take_sigkill) {
		flush_signals(current);
		disallow_signal(SIGKILL);
	}
}

static void waiter_release(void *data)
{
	struct waiter *waiter = data;

	unblock_if_blocked(waiter->dentry);
	if (!parked_thread_collect(&waiter->thread, dcache_bound_ms)) {
		leave_behind();
		return;
	}
	kfree(waiter);
}

static bool sleeps(struct waiter *waiter)
{
	return !completion_done(&waiter->done) &&
	       parked_thread_sleeps(&waiter->thread, TASK_KILLABLE,
				    "d_wait_unblocked");
}

static struct waiter *wait_for(struct stage *stage, bool take_sigkill)
{
	struct waiter *waiter = kzalloc(sizeof(*waiter), GFP_KERNEL);
	struct kunit *test = stage->test;

	KUNIT_ASSERT_NOT_NULL(test, waiter);
	waiter->dentry = stage->file;
	waiter->take_sigkill = take_sigkill;
	init_completion(&waiter->done);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, waiter_release, waiter));
	KUNIT_ASSERT_EQ(test, 0,
			parked_thread_create(&waiter->thread, waiter_body,
					     ANY_CPU, "dcache_blocked"));
	parked_thread_run(&waiter->thread);
	KUNIT_ASSERT_SOON_MSG(test, sleeps(waiter),
			      "d_wait_unblocked() does not wait");
	return waiter;
}

static void expect_result(struct stage *stage, struct waiter *waiter, int result)
{
	struct kunit *test = stage->test;

	KUNIT_ASSERT_SOON_MSG(test, completion_done(&waiter->done),
			      "d_wait_unblocked() does not return");
	KUNIT_EXPECT_EQ(test, waiter->result, result);
}

static void blocked_dentry_stays_hashed(struct kunit *test)
{
	struct stage stage = set_stage(test);

	KUNIT_EXPECT_TRUE(test, compat_d_is_blocked(stage.file));
	KUNIT_EXPECT_FALSE(test, d_unhashed(stage.file));
	compat_d_unblock(stage.file);
	KUNIT_EXPECT_FALSE(test, compat_d_is_blocked(stage.file));
	KUNIT_EXPECT_NULL(test, stage.file->d_fsdata);
}

static void dentry_that_is_not_blocked_is_not_waited_for(struct kunit *test)
{
	struct stage stage = set_stage(test);
	unsigned int seq;

	compat_d_unblock(stage.file);
	KUNIT_EXPECT_EQ(test, compat_d_wait_unblocked(stage.file, &seq), 0);
	KUNIT_EXPECT_TRUE(test, compat_d_unchanged(stage.file, seq));
}

static void waiters_sleep_until_the_dentry_is_unblocked(struct kunit *test)
{
	struct stage stage = set_stage(test);
	unsigned int i;

	for (i = 0; i < FEW; i++)
		stage.waiter[i] = wait_for(&stage, false);
	for (i = 0; i < FEW; i++)
		KUNIT_EXPECT_TRUE(test, sleeps(stage.waiter[i]));
	compat_d_unblock(stage.file);
	for (i = 0; i < FEW; i++)
		expect_result(&stage, stage.waiter[i], 0);
}

static void waiter_that_is_woken_for_nothing_sleeps_on(struct kunit *test)
{
	struct stage stage = set_stage(test);
	struct waiter *waiter = wait_for(&stage, false);
	unsigned long before = parked_thread_switches(&waiter->thread);

	wake_up_process(waiter->thread.task);
	KUNIT_EXPECT_SOON(test, parked_thread_switches(&waiter->thread) != before &&
			  sleeps(waiter));
	compat_d_unblock(stage.file);
	expect_result(&stage, waiter, 0);
}

static void dentry_that_was_dropped_is_told(struct kunit *test)
{
	struct stage stage = set_stage(test);
	struct waiter *waiter = wait_for(&stage, false);
	unsigned int seq;

	d_drop(stage.file);
	compat_d_unblock(stage.file);
	expect_result(&stage, waiter, 1);
	/* also to a task that is late, and need not wait */
	KUNIT_EXPECT_EQ(test, compat_d_wait_unblocked(stage.file, &seq), 1);
}

/* What a task finds out between its wait and its end is about what the dentry was. */
static void change_after_the_wait_is_noticed(struct kunit *test)
{
	struct stage stage = set_stage(test);
	struct waiter *waiter = wait_for(&stage, false);
	unsigned int seq;

	compat_d_unblock(stage.file);
	expect_result(&stage, waiter, 0);
	KUNIT_EXPECT_TRUE(test, compat_d_unchanged(stage.file, waiter->seq));
	block(stage.file);
	KUNIT_EXPECT_FALSE(test, compat_d_unchanged(stage.file, waiter->seq));
	compat_d_unblock(stage.file);
	KUNIT_EXPECT_FALSE(test, compat_d_unchanged(stage.file, waiter->seq));

	KUNIT_EXPECT_EQ(test, compat_d_wait_unblocked(stage.file, &seq), 0);
	d_drop(stage.file);
	KUNIT_EXPECT_FALSE(test, compat_d_unchanged(stage.file, seq));
}

static void killed_waiter_does_not_wait(struct kunit *test)
{
	struct stage stage = set_stage(test);
	struct waiter *waiter = wait_for(&stage, true);

	send_sig(SIGKILL, waiter->thread.task, 1);
	expect_result(&stage, waiter, -EINTR);
	KUNIT_EXPECT_TRUE(test, compat_d_is_blocked(stage.file));
}

static void nested_block_leaves_the_dentry_to_the_outer_one(struct kunit *test)
{
	struct stage stage = set_stage(test);
	struct waiter *waiter = wait_for(&stage, false);

	KUNIT_EXPECT_FALSE(test, block(stage.file));
	KUNIT_EXPECT_TRUE(test, compat_d_is_blocked(stage.file));
	KUNIT_EXPECT_TRUE(test, sleeps(waiter));
}

/* It has revalidated the dentry, and is about to take a reference. */
static void walk_under_rcu_does_not_get_past(struct kunit *test)
{
	struct stage stage = set_stage(test);
	unsigned int seq;
	bool changed;

	compat_d_unblock(stage.file);
	rcu_read_lock();
	seq = raw_seqcount_begin(&stage.file->d_seq);
	block(stage.file);
	changed = read_seqcount_retry(&stage.file->d_seq, seq);
	rcu_read_unlock();
	KUNIT_EXPECT_TRUE(test, changed);
}

static void walk_under_rcu_survives_the_end(struct kunit *test)
{
	struct stage stage = set_stage(test);
	unsigned int seq;
	bool changed;

	rcu_read_lock();
	seq = raw_seqcount_begin(&stage.file->d_seq);
	compat_d_unblock(stage.file);
	changed = read_seqcount_retry(&stage.file->d_seq, seq);
	rcu_read_unlock();
	KUNIT_EXPECT_FALSE(test, changed);
}

static struct kunit_case d_block_cases[] = {
	KUNIT_CASE(blocked_dentry_stays_hashed),
	KUNIT_CASE(dentry_that_is_not_blocked_is_not_waited_for),
	KUNIT_CASE(waiters_sleep_until_the_dentry_is_unblocked),
	KUNIT_CASE(waiter_that_is_woken_for_nothing_sleeps_on),
	KUNIT_CASE(dentry_that_was_dropped_is_told),
	KUNIT_CASE(change_after_the_wait_is_noticed),
	KUNIT_CASE(killed_waiter_does_not_wait),
	KUNIT_CASE(nested_block_leaves_the_dentry_to_the_outer_one),
	KUNIT_CASE(walk_under_rcu_does_not_get_past),
	KUNIT_CASE(walk_under_rcu_survives_the_end),
	{}
};

IN_LOOKUP_SUITE_IF(d_block, d_block_cases, "dentries that are blocked",
		   COMPAT_HAS_D_BLOCK ? NULL :
		   "this kernel has no d_block(): SERIES=readdir adds it");

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Cases of wait_var_locked and wait_var_queue: what a waiter does with the lock, and when
 * it sleeps.  The file of each suite includes this one, and says with ON_QUEUE whether its
 * scenes have queues.
 */
#ifndef WAIT_VAR_SLEEP_CASES_H
#define WAIT_VAR_SLEEP_CASES_H

#include "wait_var_scene.h"

static void true_condition_does_not_sleep(struct kunit *test)
{
	struct scene *scene = scene_begin(test, ON_QUEUE);
	struct waiter *waiter = scene_waiter(scene, &scene->var[0]);

	scene->var[0] = DONE;
	waiter_start(waiter, wait_var_body);
	KUNIT_ASSERT_SOON(test, parked_thread_has_left(&waiter->thread));

	/* one look, under the lock, which was never dropped */
	KUNIT_EXPECT_EQ(test, waiter->looks, 1);
	KUNIT_EXPECT_EQ(test, waiter->looks_unlocked, 0);
	KUNIT_EXPECT_EQ(test, waiter->slept, 0);
	KUNIT_EXPECT_EQ(test, waiter->result, 0);
	KUNIT_EXPECT_FALSE(test, waiter->returned_unlocked);
}

static void lock_is_free_while_waiters_sleep(struct kunit *test)
{
	struct scene *scene = scene_begin(test, ON_QUEUE);
	struct waiter *all[FEW];

	waiters_park(scene, all, FEW, &scene->var[0]);
	KUNIT_ASSERT_SOON(test, spin_trylock(&scene->lock));
	spin_unlock(&scene->lock);

	scene_finish(scene, &scene->var[0]);
	waiters_expect_left(scene, all, FEW);
}

static void condition_is_looked_at_under_the_lock(struct kunit *test)
{
	struct scene *scene = scene_begin(test, ON_QUEUE);
	struct waiter *all[FEW];
	unsigned int i;

	if (!IS_ENABLED(CONFIG_SMP))
		kunit_skip(test, "a lock that is held cannot be told on UP");

	waiters_park(scene, all, FEW, &scene->var[0]);
	scene_finish(scene, &scene->var[0]);
	waiters_expect_left(scene, all, FEW);
	for (i = 0; i < FEW; i++)
		KUNIT_EXPECT_EQ(test, all[i]->looks_unlocked, 0);
}

/*
 * Between a look at the condition and the wait queue there is no moment without
 * the lock, or a wake-up could come in just then and find nobody.
 */
static void waiter_is_queued_under_the_lock(struct kunit *test)
{
	struct scene *scene = scene_begin(test, ON_QUEUE);
	struct waiter *all[FEW];
	struct queue_watch *seen = watch_queueing(scene);

	/* without the lock they would be in each other's way */
	waiters_park_in_turn(scene, all, FEW, &scene->var[0]);
	KUNIT_EXPECT_GE(test, seen->queued, FEW);
	KUNIT_EXPECT_EQ_MSG(test, seen->unlocked, 0, "of %u", seen->queued);
	scene_finish(scene, &scene->var[0]);
	waiters_expect_left(scene, all, FEW);
}

/* The same without a probe, and with the state, or a wake-up could come too early. */
static void waiter_can_be_woken_before_it_drops_the_lock(struct kunit *test)
{
	struct scene *scene = scene_begin(test, ON_QUEUE);
	struct waiter *waiter = scene_waiter(scene, &scene->var[0]);

	waiter->watched = true;
	waiter_start(waiter, wait_var_body);
	KUNIT_ASSERT_SOON(test, waiters_are_parked(&waiter, 1));
	wake_up_process(waiter->thread.task);
	KUNIT_ASSERT_SOON(test, READ_ONCE(waiter->looks) >= 2);
	scene_finish(scene, &scene->var[0]);
	waiters_expect_left(scene, &waiter, 1);
	KUNIT_EXPECT_EQ(test, waiter->unready, 0);
}

static void spurious_wake_up_is_slept_through(struct kunit *test)
{
	struct scene *scene = scene_begin(test, ON_QUEUE);
	struct waiter *all[FEW];
	unsigned long before;
	unsigned int i;

	waiters_park(scene, all, FEW, &scene->var[0]);
	before = waiter_switches(all, FEW);
	for (i = 0; i < FEW; i++)
		wake_up_process(all[i]->thread.task);
	KUNIT_ASSERT_SOON(test, parked_switches_are(waiter_switches(all, FEW),
						    before + FEW));
	KUNIT_ASSERT_SOON(test, waiters_are_parked(all, FEW));

	/* the right wake-up, but nothing has changed */
	spin_lock(&scene->lock);
	scene_wake(scene, &scene->var[0]);
	spin_unlock(&scene->lock);
	KUNIT_ASSERT_SOON(test, parked_switches_are(waiter_switches(all, FEW),
						    before + 2 * FEW));
	KUNIT_ASSERT_SOON(test, waiters_are_parked(all, FEW));

	scene_finish(scene, &scene->var[0]);
	waiters_expect_left(scene, all, FEW);
	for (i = 0; i < FEW; i++)
		KUNIT_EXPECT_GE(test, all[i]->slept, 3);
}

static void change_without_a_wake_up_is_slept_through(struct kunit *test)
{
	struct scene *scene = scene_begin(test, ON_QUEUE);
	struct waiter *all[FEW];
	unsigned long before;

	/*
	 * A busted waker: the condition is true and nobody is told.  If a case
	 * of this suite could pass like that, this one would not.
	 */
	waiters_park(scene, all, FEW, &scene->var[0]);
	before = waiter_switches(all, FEW);
	spin_lock(&scene->lock);
	scene->var[0] |= DONE;
	spin_unlock(&scene->lock);
	KUNIT_EXPECT_FALSE(test, poll_within(50, !waiters_are_parked(all, FEW)));
	KUNIT_EXPECT_EQ(test, waiter_switches(all, FEW), before);

	scene_finish(scene, &scene->var[0]);
	waiters_expect_left(scene, all, FEW);
}

static void mark_of_a_waiter_is_there_before_it_sleeps(struct kunit *test)
{
	struct scene *scene = scene_begin(test, ON_QUEUE);
	struct waiter *all[FEW];
	unsigned int i;
	unsigned long was;

	/* what d_alloc_parallel() does: "somebody waits", next to the state */
	for (i = 0; i < FEW; i++) {
		all[i] = scene_waiter(scene, &scene->var[0]);
		all[i]->mark = true;
		waiter_start(all[i], wait_var_body);
	}
	KUNIT_ASSERT_SOON(test, waiters_are_parked(all, FEW));
	spin_lock(&scene->lock);
	was = scene->var[0];
	scene->var[0] = DONE;
	scene_wake(scene, &scene->var[0]);
	spin_unlock(&scene->lock);
	KUNIT_EXPECT_EQ(test, was, MARK);

	waiters_expect_left(scene, all, FEW);
	KUNIT_EXPECT_EQ(test, scene->var[0], DONE);
}

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Cases of wait_var_locked and wait_var_queue: a wait that a signal may end, and one that
 * it may not.  As wait_var_sleep_cases.h a part of both.
 */
#ifndef WAIT_VAR_SIGNAL_CASES_H
#define WAIT_VAR_SIGNAL_CASES_H

#include <linux/sched/signal.h>

#include "wait_var_scene.h"

/* A fatal signal ends a sleep in one of these. */
static const unsigned int mortal_states[] = {
	TASK_INTERRUPTIBLE, TASK_KILLABLE,
};

static void kill_waiters(struct waiter **all)
{
	unsigned int i;

	for (i = 0; i < FEW; i++)
		send_sig(SIGKILL, all[i]->thread.task, 1);
}

/* Three that take signals and sleep in @state. */
static void park_signalled(struct scene *scene, struct waiter **all,
			   unsigned int state)
{
	unsigned int i;

	for (i = 0; i < FEW; i++) {
		all[i] = scene_waiter(scene, &scene->var[0]);
		all[i]->take_signals = true;
		all[i]->state = state;
		waiter_start(all[i], wait_var_body);
	}
	KUNIT_ASSERT_SOON(scene->test, waiters_are_parked(all, FEW));
}

static void sigkill_does_not_end_the_wait(struct kunit *test)
{
	struct scene *scene = scene_begin(test, ON_QUEUE);
	struct waiter *all[FEW];
	unsigned int i;

	park_signalled(scene, all, TASK_UNINTERRUPTIBLE);
	kill_waiters(all);
	for (i = 0; i < FEW; i++)
		KUNIT_EXPECT_TRUE(test, signal_pending(all[i]->thread.task));
	KUNIT_ASSERT_SOON(test, waiters_are_parked(all, FEW));

	scene_finish(scene, &scene->var[0]);
	waiters_expect_left(scene, all, FEW);
}

static void interrupted_wait_returns_with_the_lock_held(struct kunit *test)
{
	struct scene *scene = scene_begin(test, ON_QUEUE);
	struct waiter *all[FEW];
	unsigned int i;

	/* wait_var_event_any_lock() in these states, never finished */
	for (i = 0; i < ARRAY_SIZE(mortal_states); i++) {
		park_signalled(scene, all, mortal_states[i]);
		kill_waiters(all);
		waiters_expect_interrupted(scene, all, FEW);
		KUNIT_EXPECT_FALSE(test,
				   somebody_queues_for(scene, &scene->var[0]));
	}
}

/* Both come while the waiters sleep, and what counts is the condition. */
static void true_condition_counts_more_than_a_signal(struct kunit *test)
{
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(mortal_states); i++) {
		struct scene *scene = scene_begin(test, ON_QUEUE);
		struct waiter *all[FEW];
		unsigned int pending = 0;

		park_signalled(scene, all, mortal_states[i]);
		spin_lock(&scene->lock);
		kill_waiters(all);
		scene->var[0] |= DONE;
		scene_wake(scene, &scene->var[0]);
		for (j = 0; j < FEW; j++)
			pending += !!signal_pending(all[j]->thread.task);
		spin_unlock(&scene->lock);
		KUNIT_EXPECT_EQ(test, pending, FEW);

		/* asserts a result of 0 */
		waiters_expect_left(scene, all, FEW);
	}
}

/* Both come while the waiters sleep, but the wake-up is for nothing. */
static void signal_counts_more_than_a_wake_up_for_nothing(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(mortal_states); i++) {
		struct scene *scene = scene_begin(test, ON_QUEUE);
		struct waiter *all[FEW];

		park_signalled(scene, all, mortal_states[i]);
		spin_lock(&scene->lock);
		kill_waiters(all);
		scene_wake(scene, &scene->var[0]);
		spin_unlock(&scene->lock);

		waiters_expect_interrupted(scene, all, FEW);
		KUNIT_EXPECT_FALSE(test,
				   somebody_queues_for(scene, &scene->var[0]));
	}
}

static void pending_signal_keeps_a_wait_from_sleeping(struct kunit *test)
{
	unsigned int i, done;

	for (i = 0; i < ARRAY_SIZE(mortal_states); i++) {
		for (done = 0; done < 2; done++) {
			struct scene *scene = scene_begin(test, ON_QUEUE);
			struct waiter *waiter;

			scene->var[0] = done ? DONE : 0;
			waiter = scene_waiter(scene, &scene->var[0]);
			waiter->take_signals = true;
			waiter->kills_itself = true;
			waiter->state = mortal_states[i];
			waiter_start(waiter, wait_var_body);
			KUNIT_ASSERT_SOON(test,
					  parked_thread_has_left(&waiter->thread));
			KUNIT_EXPECT_EQ(test, waiter->result,
					done ? 0 : -ERESTARTSYS);
			KUNIT_EXPECT_TRUE(test,
					  parked_switches_are(waiter->slept, 0));
			KUNIT_EXPECT_FALSE(test, waiter->returned_unlocked);
			KUNIT_EXPECT_FALSE(test,
					   somebody_queues_for(scene, &scene->var[0]));
		}
	}
}

/* The others are woken all the same. */
static void waiter_in_the_middle_can_leave(struct kunit *test)
{
	struct scene *scene = scene_begin(test, ON_QUEUE);
	struct waiter *all[FEW];
	unsigned int i;

	for (i = 0; i < FEW; i++) {
		all[i] = scene_waiter(scene, &scene->var[0]);
		if (i == 1) {
			all[i]->take_signals = true;
			all[i]->state = TASK_INTERRUPTIBLE;
		}
		waiter_start(all[i], wait_var_body);
		KUNIT_ASSERT_SOON(test, waiters_are_parked(all, i + 1));
	}
	/* one, two, three; then one and three */
	send_sig(SIGKILL, all[1]->thread.task, 1);
	KUNIT_ASSERT_SOON(test, parked_thread_has_left(&all[1]->thread));
	KUNIT_EXPECT_EQ(test, all[1]->result, -ERESTARTSYS);
	KUNIT_EXPECT_TRUE(test, waiters_are_parked(all, 1));
	KUNIT_EXPECT_TRUE(test, waiters_are_parked(all + 2, 1));

	scene_finish(scene, &scene->var[0]);
	waiters_expect_left(scene, all, 1);
	waiters_expect_left(scene, all + 2, 1);
	KUNIT_EXPECT_FALSE(test, somebody_queues_for(scene, &scene->var[0]));
}

#endif

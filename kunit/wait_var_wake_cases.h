/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Cases of wait_var_locked and wait_var_queue: which waiters a wake-up reaches.  As
 * wait_var_sleep_cases.h a part of both.
 */
#ifndef WAIT_VAR_WAKE_CASES_H
#define WAIT_VAR_WAKE_CASES_H

#include "wait_var_scene.h"

static void all_of_many_waiters_are_woken(struct kunit *test)
{
	struct scene *scene = scene_begin(test, ON_QUEUE);
	struct waiter *all[MANY];

	waiters_park(scene, all, MANY, &scene->var[0]);
	scene_finish(scene, &scene->var[0]);
	waiters_expect_left(scene, all, MANY);
}

/* However long the queue is: what takes them off in batches has to go on. */
static void all_of_very_many_waiters_are_woken(struct kunit *test)
{
	struct scene *scene = scene_begin(test, ON_QUEUE);
	struct waiter **all;
	unsigned int i;

	all = kunit_kcalloc(test, VERY_MANY, sizeof(*all), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, all);
	for (i = 0; i < VERY_MANY; i++) {
		all[i] = scene_waiter(scene, &scene->var[0]);
		waiter_start(all[i], wait_var_body);
	}
	for (i = 0; i < VERY_MANY; i++)
		KUNIT_ASSERT_SOON_MSG(test, waiters_are_parked(&all[i], 1),
				      "waiter %u of %u", i, VERY_MANY);
	scene_finish(scene, &scene->var[0]);
	waiters_expect_left(scene, all, VERY_MANY);
	KUNIT_EXPECT_FALSE(test, somebody_queues_for(scene, &scene->var[0]));
}

/*
 * Each of three in turn, and then all of them: awake already because of something
 * else, and at the lock, when the wake-up comes.
 */
static void waiter_that_is_awake_already_holds_up_nobody(struct kunit *test)
{
	unsigned int round, i;

	for (round = 0; round <= FEW; round++) {
		struct scene *scene = scene_begin(test, ON_QUEUE);
		unsigned int state[FEW];
		struct waiter *all[FEW];

		waiters_park_in_turn(scene, all, FEW, &scene->var[0]);

		spin_lock(&scene->lock);
		for (i = 0; i < FEW; i++) {
			if (i == round || round == FEW)
				wake_up_process(all[i]->thread.task);
			state[i] = READ_ONCE(all[i]->thread.task->__state);
		}
		scene->var[0] |= DONE;
		scene_wake(scene, &scene->var[0]);
		spin_unlock(&scene->lock);

		for (i = 0; i < FEW; i++)
			KUNIT_EXPECT_EQ(test, state[i] == TASK_UNINTERRUPTIBLE,
					i != round && round != FEW);
		waiters_expect_left(scene, all, FEW);
		KUNIT_EXPECT_FALSE(test, somebody_queues_for(scene, &scene->var[0]));
	}
}

/*
 *	one, two: asleep	three
 *
 *				queue itself, drop the lock
 *				make the condition true, wake all
 *	back			not sleep
 */
static void waiter_that_is_not_asleep_yet_is_woken_with_the_others(struct kunit *test)
{
	struct scene *scene = scene_begin(test, ON_QUEUE);
	struct waiter *all[FEW];

	waiters_park(scene, all, FEW - 1, &scene->var[0]);
	all[FEW - 1] = scene_waiter(scene, &scene->var[0]);
	all[FEW - 1]->watched = true;
	all[FEW - 1]->finishes = true;
	waiter_start(all[FEW - 1], wait_var_body);

	KUNIT_ASSERT_SOON(test, parked_thread_has_left(&all[FEW - 1]->thread));
	KUNIT_EXPECT_TRUE(test, parked_switches_are(all[FEW - 1]->slept, 0));
	KUNIT_EXPECT_EQ(test, all[FEW - 1]->result, 0);
	KUNIT_EXPECT_EQ(test, all[FEW - 1]->unready, 0);
	waiters_expect_left(scene, all, FEW - 1);
	KUNIT_EXPECT_FALSE(test, somebody_queues_for(scene, &scene->var[0]));
}

static void waiters_in_all_states_are_woken(struct kunit *test)
{
	static const unsigned int states[] = {
		TASK_UNINTERRUPTIBLE, TASK_INTERRUPTIBLE, TASK_KILLABLE,
		TASK_INTERRUPTIBLE, TASK_UNINTERRUPTIBLE, TASK_KILLABLE,
	};
	struct scene *scene = scene_begin(test, ON_QUEUE);
	struct waiter *all[ARRAY_SIZE(states)];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(states); i++) {
		all[i] = scene_waiter(scene, &scene->var[0]);
		all[i]->state = states[i];
		waiter_start(all[i], wait_var_body);
		KUNIT_ASSERT_SOON(test, waiters_are_parked(all, i + 1));
	}
	scene_finish(scene, &scene->var[0]);
	waiters_expect_left(scene, all, ARRAY_SIZE(states));
	KUNIT_EXPECT_FALSE(test, somebody_queues_for(scene, &scene->var[0]));
}

/* Three wait for @a, three for @b; a wake-up for @b is none for @a. */
static void expect_only_its_own(struct scene *scene, unsigned long *a,
				unsigned long *b)
{
	struct kunit *test = scene->test;
	struct waiter *on_a[FEW], *on_b[FEW];
	unsigned long before;

	waiters_park(scene, on_a, FEW, a);
	waiters_park(scene, on_b, FEW, b);
	before = waiter_switches(on_a, FEW);
	scene_finish(scene, b);
	KUNIT_EXPECT_TRUE(test, waiters_are_parked(on_a, FEW));
	waiters_expect_left(scene, on_b, FEW);
	KUNIT_EXPECT_TRUE(test, waiters_are_parked(on_a, FEW));
	KUNIT_EXPECT_EQ(test, waiter_switches(on_a, FEW), before);

	scene_finish(scene, a);
	waiters_expect_left(scene, on_a, FEW);
}

static void waiters_on_another_variable_sleep_on(struct kunit *test)
{
	struct scene *scene = scene_begin(test, ON_QUEUE);

	expect_only_its_own(scene, &scene->var[0], &scene->var[1]);
}

/* A waiter that wakes up for nothing is not forgotten, nor is one that came later. */
static void spurious_wake_up_of_one_loses_nobody(struct kunit *test)
{
	struct scene *scene = scene_begin(test, ON_QUEUE);
	struct waiter *all[FEW];
	unsigned long before;

	waiters_park_in_turn(scene, all, FEW, &scene->var[0]);
	/* the first to come goes to sleep again, in whatever place that is */
	before = waiter_switches(all, 1);
	wake_up_process(all[0]->thread.task);
	KUNIT_ASSERT_SOON(test, parked_switches_are(waiter_switches(all, 1),
						    before + 1));
	KUNIT_ASSERT_SOON(test, waiters_are_parked(all, FEW));

	scene_finish(scene, &scene->var[0]);
	waiters_expect_left(scene, all, FEW);
	KUNIT_EXPECT_FALSE(test, somebody_queues_for(scene, &scene->var[0]));
}

static void waiter_that_has_left_is_off_the_queue(struct kunit *test)
{
	struct scene *scene = scene_begin(test, ON_QUEUE);
	struct waiter *all[FEW];

	waiters_park(scene, all, FEW, &scene->var[0]);
	KUNIT_EXPECT_TRUE(test, somebody_queues_for(scene, &scene->var[0]));
	scene_finish(scene, &scene->var[0]);
	waiters_expect_left(scene, all, FEW);
	KUNIT_EXPECT_FALSE(test, somebody_queues_for(scene, &scene->var[0]));
}

static void no_wake_up_is_lost_in_many_handovers(struct kunit *test)
{
	struct scene *scene = scene_begin(test, ON_QUEUE);
	struct waiter *players[2];
	unsigned int turns;
	unsigned int i;

	/*
	 * Each waits for the other's turn to be over, so that most wake-ups
	 * meet a thread between its look and its sleep, or just asleep.
	 */
	for (i = 0; i < 2; i++) {
		players[i] = scene_waiter(scene, &scene->var[0]);
		players[i]->parity = i;
		waiter_start(players[i], play_var_body);
	}
	/* however slow the machine is: the bound is on a turn, not on all */
	while (!scene_is_empty(scene)) {
		turns = READ_ONCE(scene->turns);
		KUNIT_ASSERT_SOON_MSG(test, scene_is_empty(scene) ||
				      READ_ONCE(scene->turns) != turns,
				      "stuck at turn %u of %u", turns,
				      HANDOVERS);
	}
	KUNIT_EXPECT_EQ(test, scene->turns, HANDOVERS);
	KUNIT_EXPECT_GE(test, players[0]->slept + players[1]->slept, 1);
	for (i = 0; i < 2; i++)
		KUNIT_EXPECT_EQ(test, players[i]->looks_unlocked, 0);
}

#endif

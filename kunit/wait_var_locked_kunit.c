// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suites wait_var_locked and wait_var_queue: wait_var_event_spinlock() and
 * wake_up_var_locked() alone, without a dentry in sight.  In the first one those
 * who wait share the table of wait queues, in the second one they hang on a struct
 * wait_var_queue; all else is the same.
 *
 * The property: a thread that waits with a lock held looks at its condition
 * with the lock held and never otherwise, drops the lock only to sleep, and is
 * woken by every wake-up that is sent for its variable under that lock.  What
 * wrong looks like: a look at the condition without the lock, a thread that
 * returns early or without the lock, and one that sleeps for ever.
 */
#include <linux/module.h>
#include <linux/sched/signal.h>

#include "wait_var_scene.h"

unsigned int wait_var_bound_ms = 2000;
module_param_named(bound_ms, wait_var_bound_ms, uint, 0444);
MODULE_PARM_DESC(bound_ms, "how long to wait for what has to happen, in milliseconds (default 2000)");

static void true_condition_does_not_sleep(struct kunit *test)
{
	struct scene *scene = scene_begin(test);
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
	struct scene *scene = scene_begin(test);
	struct waiter *all[FEW];

	waiters_park(scene, all, FEW, &scene->var[0]);
	KUNIT_ASSERT_SOON(test, spin_trylock(&scene->lock));
	spin_unlock(&scene->lock);

	scene_finish(scene, &scene->var[0]);
	waiters_expect_left(scene, all, FEW);
}

static void condition_is_looked_at_under_the_lock(struct kunit *test)
{
	struct scene *scene = scene_begin(test);
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
	struct scene *scene = scene_begin(test);
	struct waiter *all[FEW];
	struct queue_watch *seen = watch_queueing(scene);
	unsigned int i;

	/* one by one, or without the lock they would be in each other's way */
	for (i = 0; i < FEW; i++)
		waiters_park(scene, &all[i], 1, &scene->var[0]);
	KUNIT_EXPECT_GE(test, seen->queued, FEW);
	KUNIT_EXPECT_EQ_MSG(test, seen->unlocked, 0, "of %u", seen->queued);
	scene_finish(scene, &scene->var[0]);
	waiters_expect_left(scene, all, FEW);
}

/* The same without a probe, and with the state: or a wake-up could be too early. */
static void waiter_can_be_woken_before_it_drops_the_lock(struct kunit *test)
{
	struct scene *scene = scene_begin(test);
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

static void all_of_many_waiters_are_woken(struct kunit *test)
{
	struct scene *scene = scene_begin(test);
	struct waiter *all[MANY];

	waiters_park(scene, all, MANY, &scene->var[0]);
	scene_finish(scene, &scene->var[0]);
	waiters_expect_left(scene, all, MANY);
}

/* However long the queue is: what takes them off in batches has to go on. */
static void all_of_very_many_waiters_are_woken(struct kunit *test)
{
	struct scene *scene = scene_begin(test);
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
		struct scene *scene = scene_begin(test);
		unsigned int state[FEW];
		struct waiter *all[FEW];

		for (i = 0; i < FEW; i++)
			waiters_park(scene, &all[i], 1, &scene->var[0]);

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
	struct scene *scene = scene_begin(test);
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
	struct scene *scene = scene_begin(test);
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
	struct scene *scene = scene_begin(test);

	expect_only_its_own(scene, &scene->var[0], &scene->var[1]);
}

static void waiters_on_the_same_queue_sleep_on(struct kunit *test)
{
	struct scene *scene = scene_begin(test);
	unsigned int i, j;

	for (i = 0; i < VARIABLES; i++) {
		for (j = 0; j < i; j++) {
			if (__var_waitqueue(&scene->var[i]) !=
			    __var_waitqueue(&scene->var[j]))
				continue;
			expect_only_its_own(scene, &scene->var[j],
					    &scene->var[i]);
			return;
		}
	}
	KUNIT_FAIL(test, "%u variables and no two on one queue", VARIABLES);
}

static void spurious_wake_up_is_slept_through(struct kunit *test)
{
	struct scene *scene = scene_begin(test);
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

/* A waiter that wakes up for nothing is not forgotten, nor is one that came later. */
static void spurious_wake_up_of_one_loses_nobody(struct kunit *test)
{
	struct scene *scene = scene_begin(test);
	struct waiter *all[FEW];
	unsigned long before;
	unsigned int i;

	for (i = 0; i < FEW; i++) {
		all[i] = scene_waiter(scene, &scene->var[0]);
		waiter_start(all[i], wait_var_body);
		KUNIT_ASSERT_SOON(test, waiters_are_parked(all, i + 1));
	}
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

static void change_without_a_wake_up_is_slept_through(struct kunit *test)
{
	struct scene *scene = scene_begin(test);
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
	struct scene *scene = scene_begin(test);
	struct waiter *all[FEW];
	unsigned int i;

	/* what d_alloc_parallel() does: "somebody waits", next to the state */
	for (i = 0; i < FEW; i++) {
		all[i] = scene_waiter(scene, &scene->var[0]);
		all[i]->mark = true;
		waiter_start(all[i], wait_var_body);
	}
	KUNIT_ASSERT_SOON(test, waiters_are_parked(all, FEW));
	spin_lock(&scene->lock);
	KUNIT_EXPECT_EQ(test, scene->var[0], MARK);
	scene->var[0] = DONE;
	scene_wake(scene, &scene->var[0]);
	spin_unlock(&scene->lock);

	waiters_expect_left(scene, all, FEW);
	KUNIT_EXPECT_EQ(test, scene->var[0], DONE);
}

/* The others are woken all the same. */
static void waiter_in_the_middle_can_leave(struct kunit *test)
{
	struct scene *scene = scene_begin(test);
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

/* Those that a signal that kills ends. */
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
	struct scene *scene = scene_begin(test);
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
	struct scene *scene = scene_begin(test);
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
		struct scene *scene = scene_begin(test);
		struct waiter *all[FEW];

		park_signalled(scene, all, mortal_states[i]);
		spin_lock(&scene->lock);
		kill_waiters(all);
		scene->var[0] |= DONE;
		scene_wake(scene, &scene->var[0]);
		for (j = 0; j < FEW; j++)
			KUNIT_EXPECT_TRUE(test,
					  signal_pending(all[j]->thread.task));
		spin_unlock(&scene->lock);

		/* asserts a result of 0 */
		waiters_expect_left(scene, all, FEW);
	}
}

/* Both come while the waiters sleep, but the wake-up is for nothing. */
static void signal_counts_more_than_a_wake_up_for_nothing(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(mortal_states); i++) {
		struct scene *scene = scene_begin(test);
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
			struct scene *scene = scene_begin(test);
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

static void waiter_that_has_left_is_off_the_queue(struct kunit *test)
{
	struct scene *scene = scene_begin(test);
	struct waiter *all[FEW];

	waiters_park(scene, all, FEW, &scene->var[0]);
	KUNIT_EXPECT_TRUE(test, somebody_queues_for(scene, &scene->var[0]));
	scene_finish(scene, &scene->var[0]);
	waiters_expect_left(scene, all, FEW);
	KUNIT_EXPECT_FALSE(test, somebody_queues_for(scene, &scene->var[0]));
}

static void no_wake_up_is_lost_in_many_handovers(struct kunit *test)
{
	struct scene *scene = scene_begin(test);
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

static int wait_var_locked_init(struct kunit *test)
{
	/* a run that hangs has named its case */
	pr_info("# running: wait_var_locked.%s\n", test->name);
	scenes_have_queues = false;
	if (!HAVE_PRIMITIVE)
		kunit_skip(test, "this kernel has no wait_var_event_spinlock()");
	return 0;
}

static int wait_var_queue_init(struct kunit *test)
{
	pr_info("# running: wait_var_queue.%s\n", test->name);
	scenes_have_queues = true;
	if (!HAVE_QUEUE)
		kunit_skip(test, "this kernel has no struct wait_var_queue");
	return 0;
}

static struct kunit_case wait_var_locked_cases[] = {
	KUNIT_CASE(true_condition_does_not_sleep),
	KUNIT_CASE(lock_is_free_while_waiters_sleep),
	KUNIT_CASE(condition_is_looked_at_under_the_lock),
	KUNIT_CASE(waiter_is_queued_under_the_lock),
	KUNIT_CASE(waiter_can_be_woken_before_it_drops_the_lock),
	KUNIT_CASE(all_of_many_waiters_are_woken),
	KUNIT_CASE(all_of_very_many_waiters_are_woken),
	KUNIT_CASE(waiter_that_is_awake_already_holds_up_nobody),
	KUNIT_CASE(waiter_that_is_not_asleep_yet_is_woken_with_the_others),
	KUNIT_CASE(waiters_in_all_states_are_woken),
	KUNIT_CASE(waiters_on_another_variable_sleep_on),
	KUNIT_CASE(waiters_on_the_same_queue_sleep_on),
	KUNIT_CASE(spurious_wake_up_is_slept_through),
	KUNIT_CASE(spurious_wake_up_of_one_loses_nobody),
	KUNIT_CASE(change_without_a_wake_up_is_slept_through),
	KUNIT_CASE(mark_of_a_waiter_is_there_before_it_sleeps),
	KUNIT_CASE(sigkill_does_not_end_the_wait),
	KUNIT_CASE(interrupted_wait_returns_with_the_lock_held),
	KUNIT_CASE(true_condition_counts_more_than_a_signal),
	KUNIT_CASE(signal_counts_more_than_a_wake_up_for_nothing),
	KUNIT_CASE(pending_signal_keeps_a_wait_from_sleeping),
	KUNIT_CASE(waiter_in_the_middle_can_leave),
	KUNIT_CASE(waiter_that_has_left_is_off_the_queue),
	KUNIT_CASE(no_wake_up_is_lost_in_many_handovers),
	{}
};

/* All but the one about a queue that others share. */
static struct kunit_case wait_var_queue_cases[] = {
	KUNIT_CASE(true_condition_does_not_sleep),
	KUNIT_CASE(lock_is_free_while_waiters_sleep),
	KUNIT_CASE(condition_is_looked_at_under_the_lock),
	KUNIT_CASE(waiter_is_queued_under_the_lock),
	KUNIT_CASE(waiter_can_be_woken_before_it_drops_the_lock),
	KUNIT_CASE(all_of_many_waiters_are_woken),
	KUNIT_CASE(all_of_very_many_waiters_are_woken),
	KUNIT_CASE(waiter_that_is_awake_already_holds_up_nobody),
	KUNIT_CASE(waiter_that_is_not_asleep_yet_is_woken_with_the_others),
	KUNIT_CASE(waiters_in_all_states_are_woken),
	KUNIT_CASE(waiters_on_another_variable_sleep_on),
	KUNIT_CASE(spurious_wake_up_is_slept_through),
	KUNIT_CASE(spurious_wake_up_of_one_loses_nobody),
	KUNIT_CASE(change_without_a_wake_up_is_slept_through),
	KUNIT_CASE(mark_of_a_waiter_is_there_before_it_sleeps),
	KUNIT_CASE(sigkill_does_not_end_the_wait),
	KUNIT_CASE(interrupted_wait_returns_with_the_lock_held),
	KUNIT_CASE(true_condition_counts_more_than_a_signal),
	KUNIT_CASE(signal_counts_more_than_a_wake_up_for_nothing),
	KUNIT_CASE(pending_signal_keeps_a_wait_from_sleeping),
	KUNIT_CASE(waiter_in_the_middle_can_leave),
	KUNIT_CASE(waiter_that_has_left_is_off_the_queue),
	KUNIT_CASE(no_wake_up_is_lost_in_many_handovers),
	{}
};

static struct kunit_suite wait_var_locked_suite = {
	.name = "wait_var_locked",
	.init = wait_var_locked_init,
	.test_cases = wait_var_locked_cases,
};

static struct kunit_suite wait_var_queue_suite = {
	.name = "wait_var_queue",
	.init = wait_var_queue_init,
	.test_cases = wait_var_queue_cases,
};

kunit_test_suites(&wait_var_locked_suite, &wait_var_queue_suite);

MODULE_DESCRIPTION("KUnit tests of waits on a variable under a lock");
MODULE_LICENSE("GPL");
/* MODULE_IMPORT_NS() has taken a name, and takes a string; this is what it makes of both. */
MODULE_INFO(import_ns, "EXPORTED_FOR_KUNIT_TESTING");

// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite wait_var_locked: wait_var_event_spinlock() and wake_up_var_locked()
 * alone, without a dentry in sight, for waiters that share the table of wait queues.
 *
 * The property: a thread that waits with a lock held looks at its condition
 * with the lock held and never otherwise, drops the lock only to sleep, and is
 * woken by every wake-up that is sent for its variable under that lock.  Wrong
 * would be: a look at the condition without the lock, a thread that
 * returns early or without the lock, and one that sleeps for ever.
 */
#define ON_QUEUE	false

#include "wait_var_signal_cases.h"
#include "wait_var_sleep_cases.h"
#include "wait_var_wake_cases.h"

static void waiters_on_the_same_queue_sleep_on(struct kunit *test)
{
	struct scene *scene = scene_begin(test, ON_QUEUE);
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

SUITE_IF(wait_var_locked, wait_var_locked_cases, "waits on a variable under a lock",
	 HAVE_PRIMITIVE ? NULL : "this kernel has no wait_var_event_spinlock()");

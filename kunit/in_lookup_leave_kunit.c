// SPDX-License-Identifier: GPL-2.0
/*
 * Signals and unmounts while threads wait: the wait is not killable, and a
 * superblock stays until the last waiter has left.
 *
 * Wrong would be: a waiter that leaves early and returns a dentry that
 * is still in lookup, one that is lost, or dentries in use when the superblock
 * is shut down, which the kernel complains about on its console.
 */
#include <linux/sched/signal.h>

#include "dcache_playground.h"

#define ROUNDS	10

/* Three threads that ask for "/a" and take SIGKILL. */
static void mortal_crowd(struct playground *pg, struct crowd *crowd)
{
	unsigned int i;

	crowd_create(pg, crowd, pg->root, playground_name(pg->root, "a"), FEW,
		     ANY_CPU);
	for (i = 0; i < FEW; i++)
		crowd->one[i]->take_sigkill = true;
	crowd_run(crowd);
}

static void kill_crowd(struct crowd *crowd)
{
	unsigned int i;

	for (i = 0; i < crowd->nr; i++)
		send_sig(SIGKILL, crowd->one[i]->thread.task, 1);
}

/* Three threads that ask for "/a" and hold the mount themselves. */
static void mounted_crowd(struct playground *pg, struct crowd *crowd)
{
	unsigned int i;

	crowd_create(pg, crowd, pg->root, playground_name(pg->root, "a"), FEW,
		     ANY_CPU);
	for (i = 0; i < FEW; i++)
		crowd->one[i]->hold = mntget(pg->mnt);
	crowd_run(crowd);
}

static void sigkill_does_not_end_the_wait(struct kunit *test)
{
	struct playground *pg = playground_open(test, PLAIN);
	struct lookup *a = lookup_begin(pg, pg->root, "a");
	struct crowd crowd;
	unsigned int i;

	mortal_crowd(pg, &crowd);
	crowd_park_on(pg, &crowd, a->dentry);
	kill_crowd(&crowd);

	/* "a": in lookup, 1 + 3 references, a signal pending for each */
	for (i = 0; i < FEW; i++)
		KUNIT_EXPECT_TRUE(test, signal_pending(crowd.one[i]->thread.task));
	crowd_expect_parked_on(pg, &crowd, a->dentry);

	d_add(a->dentry, NULL);
	crowd_expect_dentry(pg, &crowd, a->dentry);
	for (i = 0; i < FEW; i++)
		KUNIT_EXPECT_TRUE(test, crowd.one[i]->signalled);
}

static void killed_waiters_own_the_name_in_turn(struct kunit *test)
{
	struct playground *pg = playground_open(test, PLAIN);
	struct lookup *a = lookup_begin(pg, pg->root, "a");
	struct crowd crowd;

	mortal_crowd(pg, &crowd);
	crowd_park_on(pg, &crowd, a->dentry);
	kill_crowd(&crowd);
	d_lookup_done(a->dentry);

	/* each waits again, and with the signal pending still */
	crowd_expect_owners_in_turn(pg, &crowd);
}

struct killer {
	struct parked_thread thread;
	struct crowd *crowd;
	bool go;
	bool ready;
};

static void killer_body(struct parked_thread *self)
{
	struct killer *killer = container_of(self, struct killer, thread);
	unsigned long until = jiffies + msecs_to_jiffies(dcache_bound_ms);

	raise_flag(&killer->ready);
	while (!flag_is_up(&killer->go) && time_before(jiffies, until))
		cpu_relax();
	kill_crowd(killer->crowd);
}

static void sigkill_that_races_with_the_end_loses_nobody(struct kunit *test)
{
	unsigned int round;

	pin_test(test, raw_smp_processor_id());
	for (round = 0; round < ROUNDS; round++) {
		struct playground *pg = playground_open(test, PLAIN);
		struct lookup *a = lookup_begin(pg, pg->root, "a");
		struct crowd crowd;
		struct killer killer = { .crowd = &crowd };

		mortal_crowd(pg, &crowd);
		crowd_park_on(pg, &crowd, a->dentry);
		KUNIT_ASSERT_EQ(test, 0,
				parked_thread_create(&killer.thread,
						     killer_body,
						     other_cpu(test),
						     "dcache_killer"));
		parked_thread_run(&killer.thread);
		poll_until(flag_is_up(&killer.ready));

		/* both at once, and in each round a little later */
		raise_flag(&killer.go);
		udelay(round);
		d_add(a->dentry, NULL);

		/* it is bounded itself, and everything it uses is right here */
		wait_for_completion(&killer.thread.left);
		parked_thread_collect(&killer.thread, 0);
		crowd_expect_dentry(pg, &crowd, a->dentry);
	}
}

static void unmount_is_finished_by_the_last_waiter(struct kunit *test)
{
	struct playground *pg = playground_open(test, PLAIN);
	unsigned int killed = playground_supers_killed();
	struct crowd crowd;
	unsigned int i;

	/*
	 * One of the three owns "/a", the others wait for it; each holds the
	 * mount.  The test lets go of it.
	 */
	mounted_crowd(pg, &crowd);
	KUNIT_ASSERT_SOON(test, crowd_answered(&crowd) == 1);
	playground_unmount(pg);
	KUNIT_EXPECT_EQ(test, playground_supers_killed(), killed);

	crowd_expect_owners_in_turn(pg, &crowd);
	for (i = 0; i < FEW; i++)
		KUNIT_ASSERT_SOON(test,
				  parked_thread_has_left(&crowd.one[i]->thread));
	KUNIT_EXPECT_EQ(test, playground_supers_killed(), killed + 1);
}

static void unmount_may_race_with_waiters_that_leave(struct kunit *test)
{
	unsigned int round;

	for (round = 0; round < ROUNDS; round++) {
		struct playground *pg = playground_open(test, PLAIN);
		struct lookup *a = lookup_begin(pg, pg->root, "a");
		unsigned int killed = playground_supers_killed();
		struct crowd crowd;

		mounted_crowd(pg, &crowd);
		crowd_park_on(pg, &crowd, a->dentry);

		/* the three run while we unmount; the last one out kills it */
		d_add(a->dentry, NULL);
		lookup_forget(a);
		playground_unmount(pg);
		KUNIT_ASSERT_SOON(test, crowd_answered(&crowd) == FEW);
		KUNIT_ASSERT_SOON(test,
				  playground_supers_killed() == killed + 1);
	}
}

static struct kunit_case in_lookup_leave_cases[] = {
	KUNIT_CASE(sigkill_does_not_end_the_wait),
	KUNIT_CASE(killed_waiters_own_the_name_in_turn),
	KUNIT_CASE(sigkill_that_races_with_the_end_loses_nobody),
	KUNIT_CASE(unmount_is_finished_by_the_last_waiter),
	KUNIT_CASE(unmount_may_race_with_waiters_that_leave),
	{}
};

IN_LOOKUP_SUITE(in_lookup_leave, in_lookup_leave_cases, "signals and unmounts");

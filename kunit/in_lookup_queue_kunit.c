// SPDX-License-Identifier: GPL-2.0
/*
 * Where waiters are queued, and that they sleep until it is their dentry whose
 * lookup has ended.
 *
 * Wrong would be: a waiter that is on no list or on two, a wake-up of
 * somebody else, or a wait that a spurious wake-up ends.
 */
#include "dcache_playground.h"

/* All queues of __var_waitqueue() and one more: two of them are the same. */
#define COLLIDING	257

/*
 * Wake all of @crowd, by @wake or each by itself.  They run, find @a in lookup and sleep
 * again.
 */
static void wake_for_nothing(struct playground *pg, struct crowd *crowd,
			     struct lookup *a, void (*wake)(struct lookup *a))
{
	unsigned long switches = crowd_switches(crowd);
	unsigned int i;

	for (i = 0; !wake && i < crowd->nr; i++)
		wake_up_process(crowd->one[i]->thread.task);
	if (wake)
		wake(a);
	KUNIT_ASSERT_SOON(pg->test, parked_switches_are(crowd_switches(crowd),
							switches + crowd->nr));
	crowd_expect_parked_on(pg, crowd, a->dentry);
}

#ifdef COMPAT_HAVE_D_LOOKUP_WAITERS

/* Each of @crowd is on the list that hangs on @dentry, once. */
static bool all_hang_on(struct crowd *crowd, struct dentry *dentry)
{
	struct wait_var_queue_entry *entry;
	unsigned int i, seen[FEW] = {}, nr = 0;

	spin_lock(&dentry->d_lock);
	list_for_each_entry(entry, &dentry->d_lookup_waiters.entries, entry) {
		nr++;
		for (i = 0; i < FEW; i++)
			seen[i] += entry->task == crowd->one[i]->thread.task;
	}
	spin_unlock(&dentry->d_lock);
	for (i = 0; i < FEW; i++)
		if (seen[i] != 1)
			return false;
	return nr == FEW;
}

static void waiters_hang_on_the_dentry(struct kunit *test)
{
	enum end end;

	for (end = 0; end < ENDS; end++) {
		struct playground *pg = playground_open(test, PLAIN);
		struct lookup *a = lookup_begin(pg, pg->root, "a");
		struct crowd crowd;

		/* in lookup, nobody waits */
		KUNIT_EXPECT_TRUE(test, list_empty(&a->dentry->d_lookup_waiters.entries));

		/* three wait; they wake up for nothing, and are there again */
		crowd_start(pg, &crowd, pg->root, "a", FEW, ANY_CPU);
		crowd_park_on(pg, &crowd, a->dentry);
		KUNIT_EXPECT_TRUE(test, all_hang_on(&crowd, a->dentry));
		wake_for_nothing(pg, &crowd, a, NULL);
		KUNIT_EXPECT_TRUE(test, all_hang_on(&crowd, a->dentry));

		/* ended: nobody is left there, whether or not they have run */
		if (end_lookup(pg, a, lookup_heir(pg, a, end), end)) {
			KUNIT_EXPECT_TRUE(test, list_empty(&a->dentry->d_lru));
			crowd_expect_owners_in_turn(pg, &crowd);
		}
		KUNIT_EXPECT_TRUE_MSG(test, list_empty(&a->dentry->d_lru), "by %s",
				      end_names[end]);
		KUNIT_ASSERT_SOON(test, crowd_answered(&crowd) == FEW);
	}
}

#else

static void waiters_hang_on_the_dentry(struct kunit *test)
{
	kunit_skip(test, "this kernel keeps waiters elsewhere, not on the dentry");
}

#endif

/*
 * @a and @b: in lookup, three waiters each.  The waiters of @a sleep on, and have not
 * run in between, when @b has ended and its waiters are back.
 */
static void expect_b_does_not_wake_a(struct playground *pg, struct lookup *a,
				     struct lookup *b)
{
	struct kunit *test = pg->test;
	struct crowd on_a, on_b;
	unsigned long switches;

	crowd_create(pg, &on_a, pg->root, a->name, FEW, ANY_CPU);
	crowd_run(&on_a);
	crowd_create(pg, &on_b, pg->root, b->name, FEW, ANY_CPU);
	crowd_run(&on_b);
	crowd_park_on(pg, &on_a, a->dentry);
	crowd_park_on(pg, &on_b, b->dentry);

	switches = crowd_switches(&on_a);
	d_add(b->dentry, NULL);
	KUNIT_EXPECT_TRUE(test, crowd_is_parked(&on_a));
	crowd_expect_dentry(pg, &on_b, b->dentry);
	KUNIT_EXPECT_EQ(test, crowd_switches(&on_a), switches);
	crowd_expect_parked_on(pg, &on_a, a->dentry);
	KUNIT_EXPECT_EQ(test, crowd_switches(&on_a), switches);

	d_add(a->dentry, NULL);
	crowd_expect_dentry(pg, &on_a, a->dentry);
}

static void waiters_are_not_woken_for_another_name(struct kunit *test)
{
	struct playground *pg = playground_open(test, PLAIN);
	struct lookup *a = lookup_begin(pg, pg->root, "a");
	struct lookup *b = lookup_begin(pg, pg->root, "b");

	expect_b_does_not_wake_a(pg, a, b);
}

static void waiters_are_not_woken_for_a_dentry_on_the_same_queue(struct kunit *test)
{
	struct playground *pg;
	struct lookup **all;
	static char texts[COLLIDING][8];
	unsigned int i, j;

	if (!COMPAT_WAITS_ON_SHARED_QUEUE)
		kunit_skip(test, "this kernel has no queue that dentries share");

	pg = playground_open(test, PLAIN);
	all = kunit_kcalloc(test, COLLIDING, sizeof(*all), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, all);

	/* more lookups, until the table of wait queues is out of queues */
	for (i = 0; i < COLLIDING; i++) {
		snprintf(texts[i], sizeof(texts[i]), "n%u", i);
		all[i] = lookup_begin(pg, pg->root, texts[i]);
		for (j = 0; j < i; j++) {
			if (__var_waitqueue(&all[i]->dentry->d_flags) !=
			    __var_waitqueue(&all[j]->dentry->d_flags))
				continue;
			expect_b_does_not_wake_a(pg, all[j], all[i]);
			return;
		}
	}
	KUNIT_FAIL(test, "%u dentries and no two on one queue", COLLIDING);
}

static void spurious_wake_ups_do_not_end_the_wait(struct kunit *test)
{
	struct playground *pg = playground_open(test, PLAIN);
	struct lookup *a = lookup_begin(pg, pg->root, "a");
	struct crowd crowd;

	crowd_start(pg, &crowd, pg->root, "a", FEW, ANY_CPU);
	crowd_park_on(pg, &crowd, a->dentry);

	/* each of the three runs, finds "a" in lookup and sleeps again */
	wake_for_nothing(pg, &crowd, a, NULL);
	KUNIT_EXPECT_EQ(test, lookup_bits(a), COMPAT_DCACHE_LOOKUP_BITS);

	/* again, by the wake-up that they wait for, but too early */
	wake_for_nothing(pg, &crowd, a, lookup_wake);
	KUNIT_EXPECT_EQ(test, lookup_bits(a), COMPAT_DCACHE_LOOKUP_BITS);

	d_add(a->dentry, NULL);
	crowd_expect_dentry(pg, &crowd, a->dentry);
}

static struct kunit_case in_lookup_queue_cases[] = {
	KUNIT_CASE(waiters_are_not_woken_for_another_name),
	KUNIT_CASE(waiters_are_not_woken_for_a_dentry_on_the_same_queue),
	KUNIT_CASE(waiters_hang_on_the_dentry),
	KUNIT_CASE(spurious_wake_ups_do_not_end_the_wait),
	{}
};

IN_LOOKUP_SUITE(in_lookup_queue, in_lookup_queue_cases, "where waiters are queued");

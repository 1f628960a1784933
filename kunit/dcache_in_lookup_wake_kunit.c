// SPDX-License-Identifier: GPL-2.0
/*
 * The wake-up itself, and what it goes by: the list of waiters, or the bits of
 * ->d_flags.
 *
 * Ended under one hold of ->d_lock: the bits go, the section of ->i_dir_seq
 * closes, and then, if somebody waits, one wake-up is sent for the
 * dentry that was in lookup.  What wrong looks like: a wake-up for nobody, a
 * wake-up of somebody else, a bit that stays, or a bit that is lost.
 */
#include "dcache_in_lookup.h"
#include "dcache_probe.h"

/* All queues of __var_waitqueue() and one more: two of them are the same. */
#define COLLIDING	257

/* Tries until one lookup is without the trap of a watchpoint that is late. */
#define LATE_TRAPS	16

static void need_waiter_bit(struct kunit *test)
{
	if (!COMPAT_DCACHE_WAITER)
		kunit_skip(test, "this kernel has no bit for waiters");
}

static unsigned int lookup_bits(struct lookup *lookup)
{
	return READ_ONCE(lookup->dentry->d_flags) & COMPAT_DCACHE_LOOKUP_BITS;
}

void waiter_bit_is_set_while_somebody_waits(struct kunit *test)
{
	struct playground *pg;
	struct crowd crowd;
	struct lookup *a;

	need_waiter_bit(test);
	pg = playground_open(test, PLAIN);

	/* in lookup, nobody waits */
	a = lookup_begin(pg, pg->root, "a");
	KUNIT_EXPECT_EQ(test, lookup_bits(a), DCACHE_PAR_LOOKUP);

	/* in lookup, 1 + 3 references */
	crowd_start(pg, &crowd, pg->root, "a", FEW, ANY_CPU);
	crowd_park_on(pg, &crowd, a->dentry);
	KUNIT_EXPECT_EQ(test, lookup_bits(a), COMPAT_DCACHE_LOOKUP_BITS);

	/* ended; the three may not have run yet */
	d_add(a->dentry, NULL);
	KUNIT_EXPECT_EQ(test, lookup_bits(a), 0);
	crowd_expect_dentry(pg, &crowd, a->dentry);
	KUNIT_EXPECT_EQ(test, lookup_bits(a), 0);
}

void waiter_bit_is_not_set_by_who_does_not_wait(struct kunit *test)
{
	struct playground *pg;
	struct lookup *a;

	need_waiter_bit(test);
	pg = playground_open(test, PLAIN);
	a = lookup_begin(pg, pg->root, "a");

	/* "a" in lookup; another name, another directory, d_lookup() of "a" */
	lookup_begin(pg, pg->root, "b");
	lookup_begin(pg, playground_child(pg, pg->root, "d", S_IFDIR), "a");
	KUNIT_EXPECT_NULL(test, d_lookup(pg->root, &a->name));
	KUNIT_EXPECT_EQ(test, lookup_bits(a), DCACHE_PAR_LOOKUP);

	/* hashed: found, and nothing to wait for */
	d_add(a->dentry, NULL);
	KUNIT_EXPECT_PTR_EQ(test, playground_ask(pg, pg->root, "a"), a->dentry);
	KUNIT_EXPECT_EQ(test, lookup_bits(a), 0);
}

/* Go through every way to end a lookup for which @waiters wait, watched. */
static void watch_all_ends(struct kunit *test, unsigned int waiters,
			   void (*judge)(struct kunit *test, enum end end,
					 const struct wake_watch *seen))
{
	enum end end;

	for (end = 0; end < ENDS; end++) {
		struct playground *pg = playground_open(test, PLAIN);
		struct lookup *a = lookup_begin(pg, pg->root, "a");
		const struct wake_watch *seen;
		struct dentry *named;
		struct crowd crowd;

		crowd_start(pg, &crowd, pg->root, "a", waiters, ANY_CPU);
		crowd_park_on(pg, &crowd, a->dentry);
		named = lookup_heir(pg, a, end);
		seen = watch_wakes(pg, a);
		expect_hashed(named);
		if (end_lookup(pg, a, named, end) && waiters)
			crowd_expect_owners_in_turn(pg, &crowd);
		KUNIT_ASSERT_SOON(test, crowd_answered(&crowd) == waiters);
		judge(test, end, seen);
	}
}

static void judge_silent(struct kunit *test, enum end end,
			 const struct wake_watch *seen)
{
	KUNIT_EXPECT_EQ_MSG(test, seen->sent, 0, "by %s", end_names[end]);
}

static void judge_one(struct kunit *test, enum end end,
		      const struct wake_watch *seen)
{
	KUNIT_EXPECT_EQ_MSG(test, seen->sent, 1, "by %s", end_names[end]);
}

static void judge_ended(struct kunit *test, enum end end,
			const struct wake_watch *seen)
{
	KUNIT_EXPECT_GE_MSG(test, seen->sent, 1, "by %s", end_names[end]);
	KUNIT_EXPECT_EQ_MSG(test, seen->in_lookup, 0, "by %s", end_names[end]);
}

static void judge_order(struct kunit *test, enum end end,
			const struct wake_watch *seen)
{
	KUNIT_EXPECT_GE_MSG(test, seen->sent, 1, "by %s", end_names[end]);
	KUNIT_EXPECT_EQ_MSG(test, seen->seq_odd, 0, "by %s", end_names[end]);
}

static void judge_lock(struct kunit *test, enum end end,
		       const struct wake_watch *seen)
{
	KUNIT_EXPECT_GE_MSG(test, seen->sent, 1, "by %s", end_names[end]);
	KUNIT_EXPECT_EQ_MSG(test, seen->unlocked, 0, "by %s", end_names[end]);
}

static void judge_seq(struct kunit *test, enum end end,
		      const struct wake_watch *seen)
{
	KUNIT_EXPECT_GE_MSG(test, seen->sent, 1, "by %s", end_names[end]);
	KUNIT_EXPECT_EQ_MSG(test, seen->seq_gone_on, end == BY_DONE ? 0 : 2,
			    "by %s", end_names[end]);
}

static void judge_hashed(struct kunit *test, enum end end,
			 const struct wake_watch *seen)
{
	KUNIT_EXPECT_GE_MSG(test, seen->sent, 1, "by %s", end_names[end]);
	KUNIT_EXPECT_EQ_MSG(test, seen->unhashed,
			    end == BY_DONE ? seen->sent : 0, "by %s",
			    end_names[end]);
}

void nobody_waits_and_no_wake_up_is_sent(struct kunit *test)
{
	if (!COMPAT_WAKES_WAITERS_ONLY)
		kunit_skip(test, "this kernel looks for waiters each time");
	watch_all_ends(test, 0, judge_silent);
}

void waiters_cost_one_wake_up_for_all(struct kunit *test)
{
	watch_all_ends(test, FEW, judge_one);
}

void wake_up_is_sent_when_the_lookup_has_ended(struct kunit *test)
{
	watch_all_ends(test, FEW, judge_ended);
}

void wake_up_is_sent_when_the_dir_seq_is_even_again(struct kunit *test)
{
	watch_all_ends(test, FEW, judge_order);
}

void wake_up_is_sent_when_the_dir_seq_has_gone_on_by_two(struct kunit *test)
{
	watch_all_ends(test, FEW, judge_seq);
}

void wake_up_is_sent_when_the_name_is_hashed(struct kunit *test)
{
	watch_all_ends(test, FEW, judge_hashed);
}

void wake_up_is_sent_under_d_lock(struct kunit *test)
{
	if (!IS_ENABLED(CONFIG_SMP) || IS_ENABLED(CONFIG_PREEMPT_RT))
		kunit_skip(test, "the state of a lock is not observable on UP");
	watch_all_ends(test, FEW, judge_lock);
}

/*
 * One that waits queues itself under ->d_lock.  Whether anybody does is told by the list
 * or, sooner, by the number of references; asked before the lock is held, either misses
 * one that comes in between.
 *
 * As to why there are several tries: see flags_of_a_lookup_are_written_under_d_lock().
 */
void waiters_are_looked_for_under_d_lock(struct kunit *test)
{
	unsigned int looks = 0, count, i;
	enum end end;

	if (!COMPAT_WAITS_ON_DENTRY)
		kunit_skip(test, "no list hangs on the dentry");
	for (end = 0; end < ENDS; end++) {
		for (count = 0; count < 2; count++) {
			struct look_watch seen;

			for (i = 0; i < LATE_TRAPS; i++) {
				struct playground *pg = playground_open(test, PLAIN);
				struct lookup *a = lookup_begin(pg, pg->root, "a");
				struct dentry *named = lookup_heir(pg, a, end);
				struct look_watch *watch;

				watch = watch_looks(test, a->dentry, count);
				end_lookup(pg, a, named, end);
				seen = *watch;
				unwatch(test);
				looks += seen.looks;
				if (!seen.unlocked)
					break;
			}
			KUNIT_EXPECT_EQ_MSG(test, seen.unlocked, 0,
					    "of %u looks at the %s, by %s",
					    seen.looks,
					    count ? "number of references" : "list",
					    end_names[end]);
		}
	}
	KUNIT_EXPECT_GE(test, looks, ENDS);
}

void dentry_is_hashed_within_the_section_of_the_dir_seq(struct kunit *test)
{
	enum end end;

	for (end = BY_ADD; end < ENDS; end++) {
		struct section_watch seen;
		unsigned int i;

		for (i = 0; i < LATE_TRAPS; i++) {
			struct playground *pg = playground_open(test, PLAIN);
			struct lookup *a = lookup_begin(pg, pg->root, "a");
			struct dentry *named = lookup_heir(pg, a, end);
			struct section_watch *watch;

			watch = watch_section(test, a->dentry, named);
			end_lookup(pg, a, named, end);
			seen = *watch;
			unwatch(test);
			if (seen.opened == 1 && seen.closed == 1 &&
			    !seen.opened_late && !seen.closed_early)
				break;
		}
		KUNIT_EXPECT_EQ_MSG(test, seen.opened, 1, "by %s", end_names[end]);
		KUNIT_EXPECT_EQ_MSG(test, seen.closed, 1, "by %s", end_names[end]);
		KUNIT_EXPECT_EQ_MSG(test, seen.opened_late, 0,
				    "by %s: the lookup has ended when the section opens",
				    end_names[end]);
		KUNIT_EXPECT_EQ_MSG(test, seen.closed_early, 0,
				    "by %s: nothing is hashed when the section closes",
				    end_names[end]);
	}
}

/* Without probes, and whether or not there is anybody to wake. */
void dir_seq_has_gone_on_by_two_when_the_lookup_has_ended(struct kunit *test)
{
	unsigned int waiters;
	enum end end;

	for (end = 0; end < ENDS; end++) {
		for (waiters = 0; waiters <= FEW; waiters += FEW) {
			struct playground *pg = playground_open(test, PLAIN);
			struct lookup *a = lookup_begin(pg, pg->root, "a");
			unsigned int *seq = &d_inode(pg->root)->i_dir_seq;
			struct dentry *named = lookup_heir(pg, a, end);
			unsigned int before = READ_ONCE(*seq);
			struct crowd crowd;

			crowd_start(pg, &crowd, pg->root, "a", waiters, ANY_CPU);
			crowd_park_on(pg, &crowd, a->dentry);
			KUNIT_EXPECT_EQ(test, READ_ONCE(*seq), before);
			if (end_lookup(pg, a, named, end) && waiters)
				crowd_expect_owners_in_turn(pg, &crowd);
			KUNIT_ASSERT_SOON(test, crowd_answered(&crowd) == waiters);
			KUNIT_EXPECT_EQ_MSG(test, READ_ONCE(*seq) - before,
					    end == BY_DONE ? 0 : 2, "by %s",
					    end_names[end]);
		}
	}
}

/*
 * Negative control: with the wake-up taken away the waiters of each kind of end
 * stay asleep, and the test sees that they do.
 */
void waiters_whose_wake_up_is_lost_are_noticed(struct kunit *test)
{
	enum end end;

	for (end = 0; end < ENDS; end++) {
		struct playground *pg = playground_open(test, PLAIN);
		struct lookup *a = lookup_begin(pg, pg->root, "a");
		const struct wake_watch *seen;
		struct crowd crowd;
		bool in_turn;

		crowd_start(pg, &crowd, pg->root, "a", FEW, ANY_CPU);
		crowd_park_on(pg, &crowd, a->dentry);
		seen = watch_wakes(pg, a);
		lose_watched_wakes(true);
		in_turn = end_lookup(pg, a, lookup_heir(pg, a, end), end);
		lose_watched_wakes(false);

		/* "a": not in lookup, 1 + 3 references, three asleep on it */
		KUNIT_EXPECT_EQ_MSG(test, seen->sent, 1, "by %s", end_names[end]);
		KUNIT_EXPECT_FALSE(test, d_in_lookup(a->dentry));
		KUNIT_EXPECT_FALSE(test, poll_within(20, !crowd_is_parked(&crowd)));
		crowd_expect_parked_on(pg, &crowd, a->dentry);

		/* a late one does as well */
		lookup_wake(a);
		if (in_turn)
			crowd_expect_owners_in_turn(pg, &crowd);
		KUNIT_ASSERT_SOON(test, crowd_answered(&crowd) == FEW);
	}
}

void both_bits_are_gone_when_the_lookup_has_ended(struct kunit *test)
{
	enum end end;

	for (end = 0; end < ENDS; end++) {
		struct playground *pg = playground_open(test, PLAIN);
		struct lookup *a = lookup_begin(pg, pg->root, "a");
		struct crowd crowd;

		crowd_start(pg, &crowd, pg->root, "a", FEW, ANY_CPU);
		crowd_park_on(pg, &crowd, a->dentry);
		KUNIT_EXPECT_EQ(test, lookup_bits(a), COMPAT_DCACHE_LOOKUP_BITS);
		if (end_lookup(pg, a, lookup_heir(pg, a, end), end))
			crowd_expect_owners_in_turn(pg, &crowd);
		KUNIT_EXPECT_EQ_MSG(test, lookup_bits(a), 0, "by %s",
				    end_names[end]);
		KUNIT_ASSERT_SOON(test, crowd_answered(&crowd) == FEW);
		KUNIT_EXPECT_EQ_MSG(test, lookup_bits(a), 0, "by %s",
				    end_names[end]);
	}
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

void waiters_hang_on_the_dentry(struct kunit *test)
{
	enum end end;

	for (end = 0; end < ENDS; end++) {
		struct playground *pg = playground_open(test, PLAIN);
		struct lookup *a = lookup_begin(pg, pg->root, "a");
		unsigned long switches;
		struct crowd crowd;
		unsigned int i;

		/* in lookup, nobody waits */
		KUNIT_EXPECT_TRUE(test, list_empty(&a->dentry->d_lookup_waiters.entries));

		/* three wait; they wake up for nothing, and are there again */
		crowd_start(pg, &crowd, pg->root, "a", FEW, ANY_CPU);
		crowd_park_on(pg, &crowd, a->dentry);
		KUNIT_EXPECT_TRUE(test, all_hang_on(&crowd, a->dentry));
		switches = crowd_switches(&crowd);
		for (i = 0; i < FEW; i++)
			wake_up_process(crowd.one[i]->thread.task);
		KUNIT_ASSERT_SOON(test, parked_switches_are(crowd_switches(&crowd),
							    switches + FEW));
		crowd_expect_parked_on(pg, &crowd, a->dentry);
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

void waiters_hang_on_the_dentry(struct kunit *test)
{
	kunit_skip(test, "this kernel keeps waiters elsewhere, not on the dentry");
}

#endif

/*
 * @a and @b: in lookup, three waiters each.  Those of @a sleep on, and have not
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

void waiters_are_not_woken_for_another_name(struct kunit *test)
{
	struct playground *pg = playground_open(test, PLAIN);
	struct lookup *a = lookup_begin(pg, pg->root, "a");
	struct lookup *b = lookup_begin(pg, pg->root, "b");

	expect_b_does_not_wake_a(pg, a, b);
}

void waiters_are_not_woken_for_a_dentry_on_the_same_queue(struct kunit *test)
{
	struct playground *pg;
	struct lookup **all;
	char (*texts)[8];
	unsigned int i, j;

	if (!COMPAT_WAITS_ON_SHARED_QUEUE)
		kunit_skip(test, "this kernel has no queue that dentries share");

	pg = playground_open(test, PLAIN);
	all = kunit_kcalloc(test, COLLIDING, sizeof(*all), GFP_KERNEL);
	texts = kunit_kcalloc(test, COLLIDING, sizeof(*texts), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, all);
	KUNIT_ASSERT_NOT_NULL(test, texts);

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

void spurious_wake_ups_do_not_end_the_wait(struct kunit *test)
{
	struct playground *pg = playground_open(test, PLAIN);
	struct lookup *a = lookup_begin(pg, pg->root, "a");
	unsigned long switches;
	struct crowd crowd;
	unsigned int i;

	crowd_start(pg, &crowd, pg->root, "a", FEW, ANY_CPU);
	crowd_park_on(pg, &crowd, a->dentry);

	/* each of the three runs, finds "a" in lookup and sleeps again */
	switches = crowd_switches(&crowd);
	for (i = 0; i < FEW; i++)
		wake_up_process(crowd.one[i]->thread.task);
	KUNIT_ASSERT_SOON(test, parked_switches_are(crowd_switches(&crowd),
						    switches + FEW));
	crowd_expect_parked_on(pg, &crowd, a->dentry);
	KUNIT_EXPECT_EQ(test, lookup_bits(a), COMPAT_DCACHE_LOOKUP_BITS);

	/* again, by the wake-up that they wait for, but too early */
	switches = crowd_switches(&crowd);
	lookup_wake(a);
	KUNIT_ASSERT_SOON(test, parked_switches_are(crowd_switches(&crowd),
						    switches + FEW));
	crowd_expect_parked_on(pg, &crowd, a->dentry);
	KUNIT_EXPECT_EQ(test, lookup_bits(a), COMPAT_DCACHE_LOOKUP_BITS);

	d_add(a->dentry, NULL);
	crowd_expect_dentry(pg, &crowd, a->dentry);
}

#ifdef COMPAT_HAVE_D_SET_D_OP

static int keep_nothing(const struct dentry *dentry)
{
	return 1;
}

static const struct dentry_operations delete_ops = {
	.d_delete = keep_nothing,
};

void d_set_d_op_during_a_lookup_keeps_all_bits(struct kunit *test)
{
	struct playground *pg = playground_open(test, PLAIN);
	struct lookup *a = lookup_begin(pg, pg->root, "a");
	struct crowd crowd;

	crowd_start(pg, &crowd, pg->root, "a", FEW, ANY_CPU);
	crowd_park_on(pg, &crowd, a->dentry);

	/* as simple_lookup() does; the bit of ->d_delete() joins the others */
	d_set_d_op(a->dentry, &delete_ops);
	KUNIT_EXPECT_TRUE(test, a->dentry->d_flags & DCACHE_OP_DELETE);
	KUNIT_EXPECT_EQ(test, lookup_bits(a), COMPAT_DCACHE_LOOKUP_BITS);
	crowd_expect_parked_on(pg, &crowd, a->dentry);

	d_add(a->dentry, NULL);
	KUNIT_EXPECT_TRUE(test, a->dentry->d_flags & DCACHE_OP_DELETE);
	KUNIT_EXPECT_EQ(test, lookup_bits(a), 0);
	crowd_expect_dentry(pg, &crowd, a->dentry);
}

#else

void d_set_d_op_during_a_lookup_keeps_all_bits(struct kunit *test)
{
	kunit_skip(test, "d_set_d_op() is not exported");
}

#endif

/* The flags that kernels have had; a bit that is there twice is one too many. */
static const unsigned int other_flags[] = {
	DCACHE_PAR_LOOKUP,
	DCACHE_OP_HASH | DCACHE_OP_COMPARE | DCACHE_OP_REVALIDATE,
	DCACHE_OP_DELETE | DCACHE_OP_PRUNE | DCACHE_OP_WEAK_REVALIDATE,
	DCACHE_OP_REAL | DCACHE_DISCONNECTED | DCACHE_REFERENCED,
	DCACHE_DONTCACHE | DCACHE_CANT_MOUNT | DCACHE_SHRINK_LIST,
	DCACHE_FSNOTIFY_PARENT_WATCHED | DCACHE_DENTRY_KILLED,
	DCACHE_MOUNTED | DCACHE_NEED_AUTOMOUNT | DCACHE_MANAGE_TRANSIT,
	DCACHE_LRU_LIST | DCACHE_ENTRY_TYPE | DCACHE_NOKEY_NAME,
	DCACHE_DENTRY_CURSOR | DCACHE_NORCU,
#ifdef DCACHE_GENOCIDE
	DCACHE_GENOCIDE,
#endif
#ifdef DCACHE_NFSFS_RENAMED
	DCACHE_NFSFS_RENAMED,
#endif
#ifdef DCACHE_FALLTHRU
	DCACHE_FALLTHRU,
#endif
#ifdef DCACHE_PERSISTENT
	DCACHE_PERSISTENT,
#endif
};

void waiter_bit_is_nobody_elses(struct kunit *test)
{
	unsigned int i;

	need_waiter_bit(test);
	KUNIT_EXPECT_EQ(test, hweight32(COMPAT_DCACHE_WAITER), 1);
	for (i = 0; i < ARRAY_SIZE(other_flags); i++)
		KUNIT_EXPECT_EQ(test, COMPAT_DCACHE_WAITER & other_flags[i], 0);
}

static void put_dentry(void *dentry)
{
	dput(dentry);
}

/*
 * Watch a lookup from its first waiter to its end.  Its dentry stays until nobody
 * watches any more: who waited may look the name up again, in memory that is free.
 */
static struct flags_watch watch_one_lookup(struct kunit *test, enum end end)
{
	struct playground *pg = playground_open(test, PLAIN);
	struct lookup *a = lookup_begin(pg, pg->root, "a");
	struct dentry *dentry = a->dentry;
	struct flags_watch *watch = watch_flags(test, dentry), seen;
	struct crowd crowd;

	crowd_start(pg, &crowd, pg->root, "a", FEW, ANY_CPU);
	crowd_park_on(pg, &crowd, dentry);
	dget(dentry);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, put_dentry, dentry));
	if (end_lookup(pg, a, lookup_heir(pg, a, end), end))
		crowd_expect_owners_in_turn(pg, &crowd);
	KUNIT_ASSERT_SOON(test, crowd_answered(&crowd) == FEW);
	seen = *watch;
	unwatch(test);
	kunit_release_action(test, put_dentry, dentry);
	return seen;
}

/*
 * A write without the lock can take a bit back that somebody else has set with
 * it.  All who write here are in the kernel: who waits and who ends the lookup.
 *
 * An emulator can deliver the trap of a watchpoint late, when an interrupt has come
 * first: then it hits whoever writes near the dentry next.  So one trap without the
 * lock is no proof; a writer that does not take it is there every time.  KCSAN has
 * interrupts wait just before the write, so that there are many late ones.
 */
void flags_of_a_lookup_are_written_under_d_lock(struct kunit *test)
{
	enum end end;

	for (end = 0; end < ENDS; end++) {
		struct flags_watch seen;
		unsigned int i;

		for (i = 0; i < LATE_TRAPS; i++) {
			seen = watch_one_lookup(test, end);
			/* the bit of a waiter is set, and all are cleared */
			KUNIT_EXPECT_GE(test, seen.writes,
					COMPAT_DCACHE_WAITER ? 2 : 1);
			if (!seen.unlocked)
				break;
		}
		KUNIT_EXPECT_EQ_MSG(test, seen.unlocked, 0,
				    "of %u writes, in a lookup ended by %s, first in %pS",
				    seen.writes, end_names[end],
				    (void *)seen.where);
	}
}

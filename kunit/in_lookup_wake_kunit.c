// SPDX-License-Identifier: GPL-2.0
/*
 * The wake-up itself.
 *
 * Ended under one hold of ->d_lock: the bits go, the section of ->i_dir_seq
 * closes, and then, if somebody waits, one wake-up is sent for the
 * dentry that was in lookup.  Wrong would be: a wake-up for nobody, or
 * one that is sent too early.
 */
#include "dcache_playground.h"
#include "dcache_probe.h"

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

static void nobody_waits_and_no_wake_up_is_sent(struct kunit *test)
{
	if (!COMPAT_WAKES_WAITERS_ONLY)
		kunit_skip(test, "this kernel looks for waiters each time");
	watch_all_ends(test, 0, judge_silent);
}

static void waiters_cost_one_wake_up_for_all(struct kunit *test)
{
	watch_all_ends(test, FEW, judge_one);
}

static void wake_up_is_sent_when_the_lookup_has_ended(struct kunit *test)
{
	watch_all_ends(test, FEW, judge_ended);
}

static void wake_up_is_sent_when_the_dir_seq_is_even_again(struct kunit *test)
{
	watch_all_ends(test, FEW, judge_order);
}

static void wake_up_is_sent_when_the_dir_seq_has_gone_on_by_two(struct kunit *test)
{
	watch_all_ends(test, FEW, judge_seq);
}

static void wake_up_is_sent_when_the_name_is_hashed(struct kunit *test)
{
	watch_all_ends(test, FEW, judge_hashed);
}

static void wake_up_is_sent_under_d_lock(struct kunit *test)
{
	if (!IS_ENABLED(CONFIG_SMP) || IS_ENABLED(CONFIG_PREEMPT_RT))
		kunit_skip(test, "the state of ->d_lock is not observable on this kernel");
	watch_all_ends(test, FEW, judge_lock);
}

/*
 * One that waits queues itself under ->d_lock.  Whether anybody does is told by the list
 * or, sooner, by the number of references; asked before the lock is held, either misses
 * one that comes in between.
 *
 * As to why there are several tries: see LATE_TRAPS.
 */
static void waiters_are_looked_for_under_d_lock(struct kunit *test)
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

static void dentry_is_hashed_within_the_section_of_the_dir_seq(struct kunit *test)
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
static void dir_seq_has_gone_on_by_two_when_the_lookup_has_ended(struct kunit *test)
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
static void waiters_whose_wake_up_is_lost_are_noticed(struct kunit *test)
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

static struct kunit_case in_lookup_wake_cases[] = {
	KUNIT_CASE(nobody_waits_and_no_wake_up_is_sent),
	KUNIT_CASE(waiters_cost_one_wake_up_for_all),
	KUNIT_CASE(wake_up_is_sent_when_the_lookup_has_ended),
	KUNIT_CASE(wake_up_is_sent_when_the_dir_seq_is_even_again),
	KUNIT_CASE(wake_up_is_sent_when_the_dir_seq_has_gone_on_by_two),
	KUNIT_CASE(wake_up_is_sent_when_the_name_is_hashed),
	KUNIT_CASE(dir_seq_has_gone_on_by_two_when_the_lookup_has_ended),
	KUNIT_CASE(dentry_is_hashed_within_the_section_of_the_dir_seq),
	KUNIT_CASE(waiters_are_looked_for_under_d_lock),
	KUNIT_CASE(wake_up_is_sent_under_d_lock),
	KUNIT_CASE(waiters_whose_wake_up_is_lost_are_noticed),
	{}
};

IN_LOOKUP_SUITE(in_lookup_wake, in_lookup_wake_cases, "the wake-up");

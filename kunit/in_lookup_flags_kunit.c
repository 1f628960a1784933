// SPDX-License-Identifier: GPL-2.0
/*
 * The bits of ->d_flags that a wait goes by, and the other writers of that word.
 *
 * Wrong would be: a bit that stays, a bit that is lost, or a write
 * without ->d_lock, which can take back what somebody else has set.
 */
#include "dcache_playground.h"
#include "dcache_probe.h"

static void need_waiter_bit(struct kunit *test)
{
	if (!COMPAT_DCACHE_WAITER)
		kunit_skip(test, "this kernel has no bit for waiters");
}

static void waiter_bit_is_set_while_somebody_waits(struct kunit *test)
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

static void waiter_bit_is_not_set_by_who_does_not_wait(struct kunit *test)
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

static void both_bits_are_gone_when_the_lookup_has_ended(struct kunit *test)
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

#ifdef COMPAT_HAVE_D_SET_D_OP

static int keep_nothing(const struct dentry *dentry)
{
	return 1;
}

static const struct dentry_operations delete_ops = {
	.d_delete = keep_nothing,
};

static void d_set_d_op_during_a_lookup_keeps_all_bits(struct kunit *test)
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

static void d_set_d_op_during_a_lookup_keeps_all_bits(struct kunit *test)
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
#ifdef COMPAT_HAVE_GENOCIDE
	DCACHE_GENOCIDE,
#endif
#ifdef COMPAT_HAVE_NFSFS_RENAMED
	DCACHE_NFSFS_RENAMED,
#endif
#ifdef COMPAT_HAVE_FALLTHRU
	DCACHE_FALLTHRU,
#endif
#ifdef COMPAT_HAVE_PERSISTENT
	DCACHE_PERSISTENT,
#endif
};

static void waiter_bit_is_nobody_elses(struct kunit *test)
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
 * watches any more: a waiter may look the name up again, in memory that is free.
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
 * it.  All writers are in the kernel: the waiters and the end of the lookup.
 * One trap without the lock proves nothing, see LATE_TRAPS.
 */
static void flags_of_a_lookup_are_written_under_d_lock(struct kunit *test)
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

#ifdef COMPAT_HAVE_D_SET_D_OP

/* The schedule is forced, so it comes out the same way each time. */
#define SPLITS	10

/*
 *	owner, held in d_set_d_op()	waiter, on another CPU
 *
 *	load d_flags
 *	let the waiter go		ask for "a": in lookup
 *	...for a while			leave word that it waits, sleep
 *	store d_flags | OP_DELETE
 *	d_add()
 *
 * If a waiter leaves word in ->d_flags, d_set_d_op() has to hold ->d_lock, so that
 * it does so after the store.  If it does not, the word is lost, and so is the
 * waiter.  There is one waiter here, since a second one would put the bit back.
 */
struct split_outcome {
	unsigned int overwritten;	/* a bit that came between is gone */
	unsigned int erased;		/* so is the bit of the waiter */
	unsigned int lost;		/* nobody has woken the waiter */
};

static void split_once(struct playground *pg, const char *text,
		       struct split_outcome *outcome)
{
	static bool go;		/* outlives a waiter that does not come back */
	struct kunit *test = pg->test;
	struct lookup *a = lookup_begin(pg, pg->root, text);
	struct asker *waiter = asker_new(pg, pg->root, a->name);
	struct split_store *store;

	WRITE_ONCE(go, false);
	waiter->start = &go;
	asker_create(pg, waiter, other_cpu(test));
	store = split_store(test, a->dentry, waiter);

	asker_run(waiter);
	KUNIT_ASSERT_SOON(test, flag_is_up(&waiter->spinning));
	d_set_d_op(a->dentry, &delete_ops);
	raise_flag(&go);
	if (!store->split)
		kunit_skip(test, "d_set_d_op() did not pass a store that could be split");

	/* "a": in lookup, 1 + 1 references, the waiter asleep */
	KUNIT_ASSERT_SOON(test, asker_is_parked(waiter));
	KUNIT_EXPECT_EQ(test, d_count(a->dentry), 2);
	KUNIT_EXPECT_TRUE(test, a->dentry->d_flags & DCACHE_OP_DELETE);
	outcome->overwritten += store->bit_came_between;
	outcome->erased += COMPAT_DCACHE_WAITER &&
			   !(READ_ONCE(a->dentry->d_flags) & COMPAT_DCACHE_WAITER);

	d_add(a->dentry, NULL);
	if (!poll_until(completion_done(&waiter->answered))) {
		outcome->lost++;
		wake_up_process(waiter->thread.task);
		KUNIT_EXPECT_SOON(test, completion_done(&waiter->answered));
	}
}

static void d_set_d_op_loses_no_waiter(struct kunit *test)
{
	static char names[SPLITS][4];	/* outlive the playground */
	struct playground *pg;
	struct split_outcome outcome = {};
	unsigned int i;

	pin_test(test, raw_smp_processor_id());
	pg = playground_open(test, PLAIN);
	for (i = 0; i < SPLITS; i++) {
		snprintf(names[i], sizeof(names[i]), "a%u", i);
		split_once(pg, names[i], &outcome);
	}
	/* each says what was seen, and not what it comes from */
	KUNIT_EXPECT_EQ_MSG(test, outcome.overwritten, 0,
			    "of %u stores of d_set_d_op() so many have taken back a bit that was set meanwhile",
			    SPLITS);
	KUNIT_EXPECT_EQ_MSG(test, outcome.erased, 0,
			    "of %u waiters so many have no bit in ->d_flags while they sleep",
			    SPLITS);
	KUNIT_EXPECT_EQ_MSG(test, outcome.lost, 0,
			    "of %u waiters so many were not woken by d_add()",
			    SPLITS);
}

#else

static void d_set_d_op_loses_no_waiter(struct kunit *test)
{
	kunit_skip(test, "d_set_d_op() is not exported");
}

#endif

static struct kunit_case in_lookup_flags_cases[] = {
	KUNIT_CASE(waiter_bit_is_set_while_somebody_waits),
	KUNIT_CASE(waiter_bit_is_not_set_by_who_does_not_wait),
	KUNIT_CASE(both_bits_are_gone_when_the_lookup_has_ended),
	KUNIT_CASE(d_set_d_op_during_a_lookup_keeps_all_bits),
	KUNIT_CASE(waiter_bit_is_nobody_elses),
	KUNIT_CASE(flags_of_a_lookup_are_written_under_d_lock),
	KUNIT_CASE_SLOW(d_set_d_op_loses_no_waiter),
	{}
};

IN_LOOKUP_SUITE(in_lookup_flags, in_lookup_flags_cases, "the bits in d_flags");

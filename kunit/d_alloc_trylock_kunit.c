// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite d_alloc_trylock: d_alloc_parallel() that fails where that would sleep.
 *
 * The property: it fails only while another task is looking the name up, that task
 * never notices, and otherwise it is d_alloc_parallel().
 *
 * Symptoms of a bug: a caller that sleeps with the directory locked; a dentry in lookup
 * that is pinned, or marked; a child of the directory that stays behind; a dentry that
 * is neither in lookup nor hashed.
 *
 * The state that most cases start from:
 *
 *	test thread:	owner of dentry "a", in lookup, one reference
 */
#include <linux/module.h>

#include "dcache_probe.h"

#define ROUNDS	200

/* A thread that calls d_alloc_trylock(), since one that is wrong may sleep. */
struct tryer {
	struct parked_thread thread;
	struct playground *pg;
	struct dentry *parent;
	struct qstr name;
	char text[16];			/* the name */
	bool again;			/* as long as that is -EWOULDBLOCK */

	struct dentry *got;
	bool owner;			/* what it got was in lookup */
	bool hashed;
	unsigned int tries;
	unsigned long slept;		/* how often, in the last try */
	struct completion answered;
};

static void tryer_body(struct parked_thread *self)
{
	struct tryer *tryer = container_of(self, struct tryer, thread);
	unsigned long until = jiffies + msecs_to_jiffies(dcache_bound_ms);
	unsigned long before;
	struct dentry *got;

	do {
		WRITE_ONCE(tryer->tries, tryer->tries + 1);
		before = current->nvcsw;
		got = compat_d_alloc_trylock(tryer->parent, &tryer->name);
		tryer->slept = current->nvcsw - before;
	} while (tryer->again && got == ERR_PTR(-EWOULDBLOCK) &&
		 time_before(jiffies, until));

	if (!IS_ERR(got)) {
		tryer->owner = d_in_lookup(got);
		tryer->hashed = !d_unhashed(got);
		d_lookup_done(got);
	}
	tryer->got = got;
	complete_all(&tryer->answered);
}

/* Ends what it may sleep for, or it would not come back. */
static void tryer_release(void *data)
{
	struct tryer *tryer = data;
	struct lookup *lookup;

	list_for_each_entry(lookup, &tryer->pg->lookups, list)
		d_lookup_done(lookup->dentry);
	if (!parked_thread_collect(&tryer->thread, dcache_bound_ms)) {
		leave_behind();
		return;
	}
	if (!IS_ERR_OR_NULL(tryer->got))
		dput(tryer->got);
	kfree(tryer);
}

static struct tryer *tryer_start(struct playground *pg, struct dentry *parent,
				 const char *text, bool again)
{
	struct tryer *tryer = kzalloc(sizeof(*tryer), GFP_KERNEL);
	int err;

	KUNIT_ASSERT_NOT_NULL(pg->test, tryer);
	tryer->pg = pg;
	tryer->parent = parent;
	strscpy(tryer->text, text, sizeof(tryer->text));
	tryer->name = (struct qstr)QSTR_INIT(tryer->text, strlen(tryer->text));
	tryer->again = again;
	init_completion(&tryer->answered);
	err = kunit_add_action_or_reset(pg->test, tryer_release, tryer);
	KUNIT_ASSERT_EQ(pg->test, err, 0);
	err = parked_thread_create(&tryer->thread, tryer_body, ANY_CPU,
				   "dcache_tryer");
	KUNIT_ASSERT_EQ(pg->test, err, 0);
	parked_thread_run(&tryer->thread);
	return tryer;
}

static struct tryer *try_name(struct playground *pg, struct dentry *parent,
			      const char *text)
{
	struct tryer *tryer = tryer_start(pg, parent, text, false);

	KUNIT_ASSERT_SOON_MSG(pg->test, completion_done(&tryer->answered),
			      "\"%s\": d_alloc_trylock() does not return", text);
	return tryer;
}

static void expect_error(struct tryer *tryer, long error)
{
	struct kunit *test = tryer->pg->test;

	KUNIT_ASSERT_TRUE_MSG(test, IS_ERR(tryer->got), "a dentry");
	KUNIT_EXPECT_EQ(test, PTR_ERR(tryer->got), error);
}

static void expect_dentry(struct tryer *tryer, struct dentry *dentry)
{
	struct kunit *test = tryer->pg->test;

	KUNIT_ASSERT_FALSE_MSG(test, IS_ERR(tryer->got), "error %ld",
			       PTR_ERR(tryer->got));
	KUNIT_EXPECT_PTR_EQ(test, tryer->got, dentry);
	KUNIT_EXPECT_FALSE(test, tryer->owner);
	KUNIT_EXPECT_TRUE(test, tryer->hashed);
}

static void expect_owner(struct tryer *tryer)
{
	struct kunit *test = tryer->pg->test;

	KUNIT_ASSERT_FALSE_MSG(test, IS_ERR(tryer->got), "error %ld",
			       PTR_ERR(tryer->got));
	KUNIT_EXPECT_TRUE(test, tryer->owner);
	KUNIT_EXPECT_FALSE(test, tryer->hashed);
}

static void trylock_fails_while_the_name_is_looked_up(struct kunit *test)
{
	struct playground *pg = playground_open(test, PLAIN);

	lookup_begin(pg, pg->root, "a");
	expect_error(try_name(pg, pg->root, "a"), -EWOULDBLOCK);
}

static void trylock_does_not_sleep(struct kunit *test)
{
	struct playground *pg = playground_open(test, PLAIN);

	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		kunit_skip(test, "a spinlock that is contended counts as sleep on PREEMPT_RT");
	lookup_begin(pg, pg->root, "a");
	KUNIT_EXPECT_EQ(test, try_name(pg, pg->root, "a")->slept, 0);
}

static void trylock_does_not_pin_the_blocker(struct kunit *test)
{
	struct playground *pg = playground_open(test, PLAIN);
	struct lookup *a = lookup_begin(pg, pg->root, "a");

	try_name(pg, pg->root, "a");
	KUNIT_EXPECT_EQ(test, d_count(a->dentry), 1);
}

/* Nor until it returns: the last reference to go is that which has the work. */
static void trylock_does_not_pin_the_blocker_for_a_while(struct kunit *test)
{
	struct playground *pg = playground_open(test, PLAIN);
	struct lookup *a = lookup_begin(pg, pg->root, "a");
	struct flags_watch *seen = watch_count(test, a->dentry);

	expect_error(try_name(pg, pg->root, "a"), -EWOULDBLOCK);
	KUNIT_EXPECT_EQ(test, seen->writes, 0);

	/* which would be seen */
	dget(a->dentry);
	dput(a->dentry);
	KUNIT_EXPECT_EQ(test, seen->writes, 2);
}

static void trylock_marks_nothing(struct kunit *test)
{
	struct playground *pg = playground_open(test, PLAIN);
	struct lookup *a = lookup_begin(pg, pg->root, "a");
	unsigned int flags = a->dentry->d_flags;

	try_name(pg, pg->root, "a");
	KUNIT_EXPECT_EQ(test, a->dentry->d_flags, flags);
	KUNIT_EXPECT_TRUE(test, list_empty(&a->dentry->d_lru));
}

static void trylock_that_fails_leaves_no_child_behind(struct kunit *test)
{
	struct playground *pg = playground_open(test, PLAIN);
	struct census before, after;

	lookup_begin(pg, pg->root, "a");
	before = census_of(pg->root);
	try_name(pg, pg->root, "a");
	/* what is dropped leaves the list of children at once */
	after = census_of(pg->root);
	KUNIT_EXPECT_EQ(test, after.children, before.children);
	KUNIT_EXPECT_EQ(test, after.in_lookup, before.in_lookup);
	KUNIT_EXPECT_EQ(test, after.parents, before.parents);
}

static void trylock_that_fails_loses_no_waiter(struct kunit *test)
{
	struct playground *pg = playground_open(test, PLAIN);
	struct lookup *a = lookup_begin(pg, pg->root, "a");
	struct crowd crowd;

	crowd_start(pg, &crowd, pg->root, "a", FEW, ANY_CPU);
	crowd_park_on(pg, &crowd, a->dentry);
	expect_error(try_name(pg, pg->root, "a"), -EWOULDBLOCK);
	crowd_expect_parked_on(pg, &crowd, a->dentry);
	d_add(a->dentry, NULL);
	crowd_expect_dentry(pg, &crowd, a->dentry);
}

static void trylock_owns_a_name_that_nobody_looks_up(struct kunit *test)
{
	struct playground *pg = playground_open(test, PLAIN);

	lookup_begin(pg, pg->root, "a");
	expect_owner(try_name(pg, pg->root, "b"));
}

static void waiters_wait_for_the_lookup_of_a_trylock(struct kunit *test)
{
	struct playground *pg = playground_open(test, PLAIN);
	struct qstr name = QSTR_INIT("a", 1);
	struct crowd crowd;
	struct dentry *a;

	a = compat_d_alloc_trylock(pg->root, &name);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, a);
	playground_keep(pg, a);
	KUNIT_ASSERT_TRUE(test, d_in_lookup(a));
	crowd_start(pg, &crowd, pg->root, "a", FEW, ANY_CPU);
	/* not to be left before the lookup has ended */
	KUNIT_EXPECT_SOON(test, crowd_is_parked(&crowd));
	d_add(a, NULL);
	crowd_expect_dentry(pg, &crowd, a);
}

static void trylock_finds_what_is_in_the_cache(struct kunit *test)
{
	struct playground *pg = playground_open(test, PLAIN);
	struct dentry *file = playground_child(pg, pg->root, "a", S_IFREG);
	struct dentry *none = playground_child(pg, pg->root, "b", 0);

	expect_dentry(try_name(pg, pg->root, "a"), file);
	expect_dentry(try_name(pg, pg->root, "b"), none);
}

static void trylock_allocates_nothing_for_a_known_name(struct kunit *test)
{
	struct playground *pg = playground_open(test, REFUSING);
	struct dentry *file = playground_child(pg, pg->root, "a", S_IFREG);

	playground_refuse(true);
	expect_dentry(try_name(pg, pg->root, "a"), file);
}

static void expect_after(struct kunit *test, enum end end)
{
	struct playground *pg = playground_open(test, PLAIN);
	struct lookup *a = lookup_begin(pg, pg->root, "a");
	struct dentry *heir = lookup_heir(pg, a, end);

	expect_error(try_name(pg, pg->root, "a"), -EWOULDBLOCK);
	if (end_lookup(pg, a, heir, end))
		expect_owner(try_name(pg, pg->root, "a"));
	else
		expect_dentry(try_name(pg, pg->root, "a"), heir);
}

static void trylock_owns_the_name_after_d_lookup_done(struct kunit *test)
{
	expect_after(test, BY_DONE);
}

static void trylock_finds_the_dentry_of_d_add(struct kunit *test)
{
	expect_after(test, BY_ADD);
}

static void trylock_finds_the_dentry_of_d_splice_alias(struct kunit *test)
{
	expect_after(test, BY_SPLICE);
}

static void trylock_finds_the_directory_that_was_moved(struct kunit *test)
{
	expect_after(test, BY_MOVE);
}

/* One thread tries for as long as it takes while the lookup ends. */
static void expect_races(struct kunit *test, bool add)
{
	struct playground *pg = playground_open(test, PLAIN);
	unsigned int i, failed = 0;

	for (i = 0; i < ROUNDS; i++) {
		char *text = kunit_kzalloc(test, 16, GFP_KERNEL);
		unsigned int tries = 1 + i % 8;
		struct lookup *a;
		struct tryer *tryer;

		KUNIT_ASSERT_NOT_NULL(test, text);
		snprintf(text, 16, "a%u", i);
		a = lookup_begin(pg, pg->root, text);
		tryer = tryer_start(pg, pg->root, text, true);
		KUNIT_ASSERT_SOON(test, READ_ONCE(tryer->tries) > tries);
		if (add)
			d_add(a->dentry, NULL);
		else
			d_lookup_done(a->dentry);
		KUNIT_ASSERT_SOON(test, completion_done(&tryer->answered));
		failed += tryer->tries - 1;
		if (add)
			expect_dentry(tryer, a->dentry);
		else
			expect_owner(tryer);
	}
	KUNIT_EXPECT_GE(test, failed, ROUNDS);
}

static void trylock_that_races_with_d_add_gets_that_dentry(struct kunit *test)
{
	expect_races(test, true);
}

static void trylock_that_races_with_d_lookup_done_owns_the_name(struct kunit *test)
{
	expect_races(test, false);
}

static void names_that_compare_equal_are_one_name(struct kunit *test)
{
	struct playground *pg = playground_open(test, CASE_INSENSITIVE);

	lookup_begin(pg, pg->root, "name");
	expect_error(try_name(pg, pg->root, "NAME"), -EWOULDBLOCK);
}

static void trylock_sets_the_hash_of_the_name(struct kunit *test)
{
	struct playground *pg = playground_open(test, CASE_INSENSITIVE);
	struct tryer *tryer = try_name(pg, pg->root, "NAME");

	KUNIT_EXPECT_EQ(test, tryer->name.hash,
			playground_name(pg->root, "name").hash);
}

static void another_name_of_that_hash_does_not_block(struct kunit *test)
{
	struct playground *pg = playground_open(test, ONE_HASH);

	lookup_begin(pg, pg->root, "a");
	expect_owner(try_name(pg, pg->root, "b"));
}

static int failing_hash(const struct dentry *parent, struct qstr *name)
{
	return -EUCLEAN;
}

static const struct dentry_operations failing_ops = {
	.d_hash = failing_hash,
};

static void trylock_reports_the_error_of_d_hash(struct kunit *test)
{
	struct playground *pg = playground_open(test, PLAIN);
	struct dentry *dir = playground_child(pg, pg->root, "dir", S_IFDIR);

	spin_lock(&dir->d_lock);
	dir->d_op = &failing_ops;
	dir->d_flags |= DCACHE_OP_HASH;
	spin_unlock(&dir->d_lock);
	expect_error(try_name(pg, dir, "a"), -EUCLEAN);
	KUNIT_EXPECT_EQ(test, census_of(dir).children, 0);
}

static void trylock_without_memory_leaves_nothing_behind(struct kunit *test)
{
	struct playground *pg = playground_open(test, REFUSING);
	struct census before = census_of(pg->root), after;

	playground_refuse(true);
	expect_error(try_name(pg, pg->root, "a"), -ENOMEM);
	after = census_of(pg->root);
	KUNIT_EXPECT_EQ(test, after.children, before.children);
	KUNIT_EXPECT_EQ(test, after.parents, before.parents);
}

static struct kunit_case d_alloc_trylock_cases[] = {
	/* Somebody looks the name up */
	KUNIT_CASE(trylock_fails_while_the_name_is_looked_up),
	KUNIT_CASE(trylock_does_not_sleep),
	KUNIT_CASE(trylock_does_not_pin_the_blocker),
	KUNIT_CASE(trylock_does_not_pin_the_blocker_for_a_while),
	KUNIT_CASE(trylock_marks_nothing),
	KUNIT_CASE(trylock_that_fails_leaves_no_child_behind),
	KUNIT_CASE(trylock_that_fails_loses_no_waiter),
	KUNIT_CASE(names_that_compare_equal_are_one_name),
	/* Nobody does */
	KUNIT_CASE(trylock_owns_a_name_that_nobody_looks_up),
	KUNIT_CASE(waiters_wait_for_the_lookup_of_a_trylock),
	KUNIT_CASE(trylock_finds_what_is_in_the_cache),
	KUNIT_CASE(trylock_allocates_nothing_for_a_known_name),
	KUNIT_CASE(another_name_of_that_hash_does_not_block),
	/* The lookup has ended */
	KUNIT_CASE(trylock_owns_the_name_after_d_lookup_done),
	KUNIT_CASE(trylock_finds_the_dentry_of_d_add),
	KUNIT_CASE(trylock_finds_the_dentry_of_d_splice_alias),
	KUNIT_CASE(trylock_finds_the_directory_that_was_moved),
	KUNIT_CASE(trylock_that_races_with_d_add_gets_that_dentry),
	KUNIT_CASE(trylock_that_races_with_d_lookup_done_owns_the_name),
	/* The name, and what fails */
	KUNIT_CASE(trylock_sets_the_hash_of_the_name),
	KUNIT_CASE(trylock_reports_the_error_of_d_hash),
	KUNIT_CASE(trylock_without_memory_leaves_nothing_behind),
	{}
};

IN_LOOKUP_SUITE_IF(d_alloc_trylock, d_alloc_trylock_cases, "d_alloc_trylock()",
		   COMPAT_HAS_TRYLOCK ? NULL :
		   "this kernel has no d_alloc_trylock(): SERIES=readdir adds it");

// SPDX-License-Identifier: GPL-2.0
/*
 * d_add_ci(), which looks up the exact name while the lookup of the name that
 * was asked for goes on: what waiters on either get, and what is left when it
 * fails.
 *
 * Wrong would be: a waiter on the queue that the owner of the other
 * lookup has lent, a dentry that stays in lookup, or an inode that stays in use.
 */
#include "dcache_playground.h"
#include "dcache_probe.h"

/*
 * Three waiters on the exact name "A", while d_add_ci() is held after it has
 * put "A" in lookup and before d_splice_alias() hashes it:
 *
 *	"a"	in lookup, the test's
 *	"A"	in lookup, d_add_ci()'s, 1 + 3 references
 *
 * then "A" is let go, and on return the three have got it.
 */
static struct lookup *wait_inside_add_ci(struct playground *pg,
					 struct crowd *crowd,
					 struct dentry **found)
{
	struct kunit *test = pg->test;
	struct lookup *a = lookup_begin(pg, pg->root, "a");
	struct asker *adder;

	adder = adder_create(pg, a, "A");
	crowd_create(pg, crowd, pg->root, adder->name, FEW, ANY_CPU);
	hold_splice(test, adder->add_ci_inode);

	asker_run(adder);
	KUNIT_ASSERT_SOON(test, splice_is_held() ||
			  completion_done(&adder->answered));
	if (!splice_is_held()) {
		/* it has done its work, or else that is the bug to be told of */
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, adder->got);
		KUNIT_ASSERT_TRUE(test, d_really_is_positive(adder->got));
		kunit_skip(test, "d_add_ci() does not call d_splice_alias()");
	}
	crowd_run(crowd);
	KUNIT_ASSERT_SOON(test, crowd_is_parked(crowd));
	release_splice();

	KUNIT_ASSERT_SOON(test, completion_done(&adder->answered));
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, adder->got);
	*found = adder->got;
	crowd_expect_dentry(pg, crowd, adder->got);
	KUNIT_EXPECT_TRUE(test, d_really_is_positive(adder->got));
	KUNIT_EXPECT_TRUE(test, d_in_lookup(a->dentry));
	return a;
}

static void waiters_on_the_exact_name_get_it_from_add_ci(struct kunit *test)
{
	struct playground *pg;
	struct dentry *found;
	struct crowd crowd;
	struct lookup *a;

	pg = playground_open(test, PLAIN);
	a = wait_inside_add_ci(pg, &crowd, &found);

	/* dead entries on it are the subject of d_add_ci_leaves_no_waiter... */
	init_waitqueue_head(&a->wq);
	d_lookup_done(a->dentry);
	KUNIT_EXPECT_EQ(test, d_count(a->dentry), 1);
}

static void add_ci_waits_for_the_exact_name_like_all(struct kunit *test)
{
	struct playground *pg = playground_open(test, PLAIN);
	struct lookup *exact = lookup_begin(pg, pg->root, "A");
	struct lookup *a = lookup_begin(pg, pg->root, "a");
	struct asker *adder = adder_create(pg, a, "A");
	struct crowd crowd;

	crowd_start(pg, &crowd, pg->root, "A", FEW, ANY_CPU);
	asker_run(adder);

	/* "A": in lookup, the test's, 1 + 3 + 1 references; "a": as well, 1 */
	KUNIT_ASSERT_SOON(test, asker_is_parked(adder) &&
			  parked_thread_is_in(&adder->thread, "d_add_ci") &&
			  crowd_is_parked(&crowd));
	KUNIT_EXPECT_EQ(test, d_count(exact->dentry), 1 + FEW + 1);

	d_add(exact->dentry, playground_inode(pg, S_IFREG));
	crowd_expect_dentry(pg, &crowd, exact->dentry);
	KUNIT_ASSERT_SOON(test, completion_done(&adder->answered));
	KUNIT_ASSERT_PTR_EQ(test, adder->got, exact->dentry);
	KUNIT_EXPECT_TRUE(test, d_in_lookup(a->dentry));
}

/* Entries for @dentry on the list that hangs on it, or on its shared queue. */
#ifdef COMPAT_HAVE_D_LOOKUP_WAITERS

static unsigned int entries_for(struct dentry *dentry)
{
	unsigned int nr;

	spin_lock(&dentry->d_lock);
	nr = list_count_nodes(&dentry->d_lookup_waiters.entries);
	spin_unlock(&dentry->d_lock);
	return nr;
}

#else

static unsigned int entries_for(struct dentry *dentry)
{
	struct wait_queue_head *queue = __var_waitqueue(&dentry->d_flags);
	struct wait_bit_queue_entry *entry;
	unsigned long irq;
	unsigned int nr = 0;

	spin_lock_irqsave(&queue->lock, irq);
	list_for_each_entry(entry, &queue->head, wq_entry.entry)
		nr += (void *)entry->key.flags == &dentry->d_flags;
	spin_unlock_irqrestore(&queue->lock, irq);
	return nr;
}

#endif

static void d_add_ci_leaves_no_waiter_on_a_lent_queue(struct kunit *test)
{
	struct dentry *found = NULL;
	struct playground *pg;
	struct crowd crowd;
	struct lookup *a;

	pg = playground_open(test, PLAIN);
	a = wait_inside_add_ci(pg, &crowd, &found);

	/*
	 * "a" is in lookup, and the end of that walks the queue that its owner
	 * has lent, or that of its own.  The three have returned
	 * from d_alloc_parallel() and their stack frames are gone, so there
	 * must be nobody.
	 */
	if (COMPAT_WAITS_ON_LENT_QUEUE && waitqueue_active(&a->wq)) {
		/* or the end of the case would be the end of the kernel */
		init_waitqueue_head(&a->wq);
		KUNIT_FAIL(test, "use after return: threads that have left are on the lent queue");
	}
	KUNIT_EXPECT_EQ(test, entries_for(a->dentry), 0);
	KUNIT_EXPECT_EQ(test, entries_for(found), 0);
	d_lookup_done(a->dentry);
}

static void each_allocation_of_add_ci_may_fail(struct kunit *test)
{
	unsigned int nth, failures = 0;
	bool failed = true;

	need_faults(test);
	for (nth = 1; failed && nth < MAX_ALLOCATIONS; nth++) {
		struct playground *pg = playground_open(test, PLAIN);
		struct lookup *a = lookup_begin(pg, pg->root, "a");
		struct qstr exact = playground_name(pg->root, "A");
		struct inode *inode = playground_inode(pg, S_IFREG);
		struct dentry *found;

		ihold(inode);
		fail_allocation(nth);
		found = d_add_ci(a->dentry, inode, &exact);
		failed = allocation_has_failed();
		failures += failed;
		if (!IS_ERR(found))
			dput(found);
		else
			KUNIT_EXPECT_EQ(test, PTR_ERR(found), -ENOMEM);
		KUNIT_EXPECT_EQ(test, IS_ERR(found), failed);
		KUNIT_EXPECT_EQ(test, census_of(pg->root).in_lookup, 1);
		KUNIT_EXPECT_EQ(test, census_of(pg->root).references, 1);
		KUNIT_EXPECT_EQ(test, atomic_read(&inode->i_count),
				IS_ERR(found) ? 1 : 2);
		iput(inode);
	}
	KUNIT_EXPECT_GE(test, failures, 1);
}

/*
 * d_add_ci() of "A" for "a", once with "a" in lookup and once as filesystems have called
 * it that looked the name up with the directory locked.
 */
struct add_ci {
	struct playground *pg;
	struct dentry *a;
	struct qstr exact;
	struct inode *inode;		/* has one more reference, of the case */
	struct census before;
	bool in_lookup;
};

static void put_inode(void *inode)
{
	iput(inode);
}

/* A reference until put_inode() is released, or until the case ends. */
static void take_inode(struct kunit *test, struct inode *inode)
{
	ihold(inode);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, put_inode, inode));
}

static void set_add_ci(struct kunit *test, struct add_ci *s,
		       enum playground_kind kind, bool in_lookup)
{
	struct qstr name;

	s->pg = playground_open(test, kind);
	s->exact = playground_name(s->pg->root, "A");
	s->inode = playground_inode(s->pg, S_IFREG);
	take_inode(test, s->inode);
	s->in_lookup = in_lookup;
	if (in_lookup) {
		s->a = lookup_begin(s->pg, s->pg->root, "a")->dentry;
		return;
	}
	name = playground_name(s->pg->root, "a");
	s->a = d_alloc(s->pg->root, &name);
	KUNIT_ASSERT_NOT_NULL(test, s->a);
	playground_keep(s->pg, s->a);
}

/* "a" is what it was, and the inode is in use only by what has it. */
static void expect_add_ci_left(struct kunit *test, struct add_ci *s,
			       unsigned int more_references)
{
	struct census now = census_of(s->pg->root);

	KUNIT_EXPECT_EQ(test, !!d_in_lookup(s->a), s->in_lookup);
	KUNIT_EXPECT_EQ_MSG(test, now.in_lookup, s->in_lookup,
			    "children of the directory in lookup");
	KUNIT_EXPECT_EQ(test, d_count(s->a), 1);
	KUNIT_EXPECT_EQ_MSG(test, now.references,
			    s->before.references + more_references,
			    "references to children of the directory");
	KUNIT_EXPECT_EQ(test, now.parents, s->before.parents);
	KUNIT_EXPECT_EQ_MSG(test, atomic_read(&s->inode->i_count), 1,
			    "references to the inode");
	kunit_release_action(test, put_inode, s->inode);
}

static void add_ci_without_a_dentry_gives_its_inode_back(struct kunit *test)
{
	unsigned int in_lookup;

	for (in_lookup = 0; in_lookup < 2; in_lookup++) {
		struct dentry *got;
		struct add_ci s;

		set_add_ci(test, &s, REFUSING, in_lookup);
		s.before = census_of(s.pg->root);
		playground_refuse(true);
		got = d_add_ci(s.a, s.inode, &s.exact);
		playground_refuse(false);
		KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(got), -ENOMEM);
		expect_add_ci_left(test, &s, 0);
	}
}

static void add_ci_that_finds_the_name_gives_its_inode_back(struct kunit *test)
{
	unsigned int in_lookup;

	for (in_lookup = 0; in_lookup < 2; in_lookup++) {
		struct dentry *exact, *got;
		struct add_ci s;

		set_add_ci(test, &s, PLAIN, in_lookup);
		exact = playground_child(s.pg, s.pg->root, "A", S_IFREG);
		s.before = census_of(s.pg->root);
		got = d_add_ci(s.a, s.inode, &s.exact);
		KUNIT_EXPECT_PTR_EQ(test, got, exact);
		expect_add_ci_left(test, &s, 1);
		if (!IS_ERR_OR_NULL(got))
			dput(got);
	}
}

/* It waits for the lookup of somebody else, and gets what that has found. */
static void add_ci_that_has_waited_gives_its_inode_back(struct kunit *test)
{
	struct playground *pg = playground_open(test, PLAIN);
	struct lookup *exact = lookup_begin(pg, pg->root, "A");
	struct lookup *a = lookup_begin(pg, pg->root, "a");
	struct asker *adder = adder_create(pg, a, "A");
	struct inode *inode = adder->add_ci_inode;

	take_inode(test, inode);
	asker_run(adder);
	KUNIT_ASSERT_SOON(test, asker_is_parked(adder));
	d_add(exact->dentry, playground_inode(pg, S_IFREG));
	KUNIT_ASSERT_SOON(test, completion_done(&adder->answered));
	KUNIT_EXPECT_PTR_EQ(test, adder->got, exact->dentry);
	KUNIT_EXPECT_EQ(test, d_count(exact->dentry), 2);
	KUNIT_EXPECT_EQ(test, census_of(pg->root).in_lookup, 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&inode->i_count), 1);
	kunit_release_action(test, put_inode, inode);
}

/* The inode is that of a directory above, so that it cannot be spliced. */
static void add_ci_whose_splice_fails_ends_its_lookup(struct kunit *test)
{
	unsigned int in_lookup;

	for (in_lookup = 0; in_lookup < 2; in_lookup++) {
		struct dentry *got;
		struct inode *root;
		struct add_ci s;
		int count;

		set_add_ci(test, &s, PLAIN, in_lookup);
		s.before = census_of(s.pg->root);
		root = d_inode(s.pg->root);
		count = atomic_read(&root->i_count);
		ihold(root);
		got = d_add_ci(s.a, root, &s.exact);
		KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(got), -ELOOP);
		KUNIT_EXPECT_EQ(test, atomic_read(&root->i_count), count);
		/* it was not asked to take this one */
		iput(s.inode);
		expect_add_ci_left(test, &s, 0);

		/* nobody is in the way of the next one that asks */
		lookup_begin(s.pg, s.pg->root, "A");
	}
}

static void add_ci_of_a_known_directory_ends_its_lookup(struct kunit *test)
{
	unsigned int in_lookup;

	for (in_lookup = 0; in_lookup < 2; in_lookup++) {
		struct dentry *known, *got;
		struct add_ci s;

		set_add_ci(test, &s, PLAIN, in_lookup);
		known = playground_child(s.pg, s.pg->root, "known", S_IFDIR);
		s.before = census_of(s.pg->root);
		ihold(d_inode(known));
		got = d_add_ci(s.a, d_inode(known), &s.exact);
		KUNIT_EXPECT_PTR_EQ(test, got, known);
		KUNIT_EXPECT_EQ(test, atomic_read(&d_inode(known)->i_count), 1);
		iput(s.inode);
		expect_add_ci_left(test, &s, 1);
		if (!IS_ERR_OR_NULL(got))
			dput(got);
	}
}

/* Waiters on "A" while d_add_ci() is held before its splice, which fails. */
static void waiters_own_the_exact_name_when_add_ci_fails(struct kunit *test)
{
	struct playground *pg = playground_open(test, PLAIN);
	struct lookup *a = lookup_begin(pg, pg->root, "a");
	struct asker *adder = adder_create(pg, a, "A");
	struct crowd crowd;

	iput(adder->add_ci_inode);
	adder->add_ci_inode = d_inode(pg->root);
	ihold(adder->add_ci_inode);
	crowd_create(pg, &crowd, pg->root, adder->name, FEW, ANY_CPU);
	hold_splice(test, adder->add_ci_inode);

	asker_run(adder);
	KUNIT_ASSERT_SOON(test, splice_is_held() ||
			  completion_done(&adder->answered));
	if (!splice_is_held()) {
		KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(adder->got), -ELOOP);
		kunit_skip(test, "d_add_ci() does not call d_splice_alias()");
	}
	crowd_run(&crowd);
	KUNIT_ASSERT_SOON(test, crowd_is_parked(&crowd));
	release_splice();

	KUNIT_ASSERT_SOON(test, completion_done(&adder->answered));
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(adder->got), -ELOOP);
	/* dead entries on a lent queue are the subject of d_add_ci_leaves_no_waiter... */
	init_waitqueue_head(&a->wq);
	crowd_expect_owners_in_turn(pg, &crowd);
}

/* As ->lookup() returns NULL, when the dentry that it was called for is the result. */
static void add_ci_of_the_name_itself_takes_the_dentry(struct kunit *test)
{
	struct playground *pg = playground_open(test, PLAIN);
	struct lookup *a = lookup_begin(pg, pg->root, "a");
	struct asker *adder = adder_create(pg, a, "a");
	struct inode *inode = adder->add_ci_inode;

	if (!COMPAT_ADD_CI_KNOWS_ITSELF)
		kunit_skip(test, "d_add_ci() of this kernel waits for itself");
	asker_run(adder);
	if (!poll_until(completion_done(&adder->answered))) {
		KUNIT_FAIL(test, "d_add_ci() waits for itself");
		d_lookup_done(a->dentry);
		return;
	}
	KUNIT_EXPECT_NULL(test, adder->got);
	KUNIT_EXPECT_FALSE(test, d_in_lookup(a->dentry));
	KUNIT_EXPECT_FALSE(test, d_unhashed(a->dentry));
	KUNIT_EXPECT_PTR_EQ(test, d_inode(a->dentry), inode);
	KUNIT_EXPECT_EQ(test, d_count(a->dentry), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&inode->i_count), 1);
}

static struct kunit_case in_lookup_add_ci_cases[] = {
	KUNIT_CASE(waiters_on_the_exact_name_get_it_from_add_ci),
	KUNIT_CASE(add_ci_waits_for_the_exact_name_like_all),
	KUNIT_CASE(d_add_ci_leaves_no_waiter_on_a_lent_queue),
	KUNIT_CASE(each_allocation_of_add_ci_may_fail),
	KUNIT_CASE(add_ci_without_a_dentry_gives_its_inode_back),
	KUNIT_CASE(add_ci_that_finds_the_name_gives_its_inode_back),
	KUNIT_CASE(add_ci_that_has_waited_gives_its_inode_back),
	KUNIT_CASE(add_ci_whose_splice_fails_ends_its_lookup),
	KUNIT_CASE(add_ci_of_a_known_directory_ends_its_lookup),
	KUNIT_CASE(waiters_own_the_exact_name_when_add_ci_fails),
	KUNIT_CASE(add_ci_of_the_name_itself_takes_the_dentry),
	{}
};

IN_LOOKUP_SUITE(in_lookup_add_ci, in_lookup_add_ci_cases, "d_add_ci()");

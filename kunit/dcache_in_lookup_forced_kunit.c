// SPDX-License-Identifier: GPL-2.0
/*
 * Interleavings that are forced, not hoped for.
 *
 * Two means: waiters that are bound to the CPU of a test that does not give it
 * up run only after all of what the test does, though they were woken first.
 * And kprobes hold a thread between two steps, see dcache_probe.h.
 */
#include "dcache_in_lookup.h"
#include "dcache_probe.h"

/* Three waiters on "/a", bound to the CPU of the test. */
struct scene {
	struct playground *pg;
	struct lookup *a;
	struct crowd crowd;
};

static void set_scene_in(struct kunit *test, struct scene *scene,
			 enum playground_kind kind)
{
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		kunit_skip(test, "preemption cannot be kept off on PREEMPT_RT");

	pin_test(test, raw_smp_processor_id());
	scene->pg = playground_open(test, kind);
	scene->a = lookup_begin(scene->pg, scene->pg->root, "a");
	crowd_start(scene->pg, &scene->crowd, scene->pg->root, "a", FEW,
		    raw_smp_processor_id());
	crowd_park_on(scene->pg, &scene->crowd, scene->a->dentry);
}

static void set_scene(struct kunit *test, struct scene *scene)
{
	set_scene_in(test, scene, PLAIN);
}

void waiters_retry_when_the_dentry_is_dropped_before_they_run(struct kunit *test)
{
	unsigned int ran;
	struct scene s;

	set_scene(test, &s);

	preempt_disable();
	d_add(s.a->dentry, NULL);
	d_drop(s.a->dentry);
	ran = crowd_answered(&s.crowd);
	preempt_enable();

	/* "/a" is unhashed now: nothing that a waiter could return */
	KUNIT_ASSERT_EQ(test, ran, 0);
	crowd_expect_owners_in_turn(s.pg, &s.crowd);
	KUNIT_EXPECT_EQ(test, d_count(s.a->dentry), 1);
}

/* Rename "/a", positive, to @text in @parent before its waiters run. */
static void rename_before_waiters_run(struct scene *s, struct dentry *parent,
				      const char *text)
{
	struct inode *inode = playground_inode(s->pg, S_IFREG);
	struct qstr name = playground_name(parent, text);
	struct dentry *target = d_alloc(parent, &name);
	unsigned int ran;

	KUNIT_ASSERT_NOT_NULL(s->pg->test, target);
	playground_keep(s->pg, target);

	preempt_disable();
	d_add(s->a->dentry, inode);
	d_move(s->a->dentry, target);
	ran = crowd_answered(&s->crowd);
	preempt_enable();

	KUNIT_ASSERT_EQ(s->pg->test, ran, 0);
	KUNIT_EXPECT_FALSE(s->pg->test, d_unhashed(s->a->dentry));
	crowd_expect_owners_in_turn(s->pg, &s->crowd);
}

void waiters_retry_when_the_dentry_is_renamed_before_they_run(struct kunit *test)
{
	struct scene s;

	set_scene(test, &s);
	rename_before_waiters_run(&s, s.pg->root, "b");
}

/* Only the names themselves tell: the hash and the parent are what they were. */
void waiters_retry_when_it_is_renamed_to_a_name_of_that_hash(struct kunit *test)
{
	struct scene s;

	set_scene_in(test, &s, ONE_HASH);
	rename_before_waiters_run(&s, s.pg->root, "b");
}

void waiters_retry_when_the_dentry_is_moved_before_they_run(struct kunit *test)
{
	struct dentry *dir;
	struct scene s;

	set_scene(test, &s);
	dir = playground_child(s.pg, s.pg->root, "elsewhere", S_IFDIR);
	rename_before_waiters_run(&s, dir, "a");
}

/* The parent is part of the hash, unless a filesystem has a hash of its own. */
void waiters_retry_when_it_is_moved_and_has_that_hash_there(struct kunit *test)
{
	struct dentry *dir;
	struct scene s;

	set_scene_in(test, &s, ONE_HASH);
	dir = playground_child(s.pg, s.pg->root, "elsewhere", S_IFDIR);
	rename_before_waiters_run(&s, dir, "a");
}

void waiters_find_what_replaced_the_dentry_before_they_run(struct kunit *test)
{
	struct dentry *other;
	unsigned int ran;
	struct scene s;

	set_scene(test, &s);
	other = d_alloc(s.pg->root, &s.a->name);
	KUNIT_ASSERT_NOT_NULL(test, other);
	playground_keep(s.pg, other);

	preempt_disable();
	d_lookup_done(s.a->dentry);
	d_add(other, NULL);
	ran = crowd_answered(&s.crowd);
	preempt_enable();

	/* the one they slept on: unhashed; another one: hashed as "/a" */
	KUNIT_ASSERT_EQ(test, ran, 0);
	crowd_expect_dentry(s.pg, &s.crowd, other);
	KUNIT_EXPECT_EQ(test, d_count(s.a->dentry), 1);
}

void waiters_find_the_dentry_added_after_the_lookup_was_done(struct kunit *test)
{
	unsigned int ran;
	struct scene s;

	set_scene(test, &s);

	preempt_disable();
	d_lookup_done(s.a->dentry);
	d_add(s.a->dentry, NULL);
	ran = crowd_answered(&s.crowd);
	preempt_enable();

	KUNIT_ASSERT_EQ(test, ran, 0);
	crowd_expect_dentry(s.pg, &s.crowd, s.a->dentry);
}

/* Each of the three in turn is awake for nothing when the lookup ends. */
void waiters_that_are_awake_at_the_end_are_not_lost(struct kunit *test)
{
	unsigned int awake;
	enum end end;

	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		kunit_skip(test, "->d_lock sleeps, so preemption cannot be disabled");
	for (end = 0; end < ENDS; end++) {
		for (awake = 0; awake < FEW; awake++) {
			struct dentry *heir;
			bool in_turn;
			struct scene s;

			set_scene(test, &s);
			heir = lookup_heir(s.pg, s.a, end);
			/* runnable, but on this CPU */
			preempt_disable();
			wake_up_process(s.crowd.one[awake]->thread.task);
			in_turn = end_lookup(s.pg, s.a, heir, end);
			preempt_enable();

			if (in_turn)
				crowd_expect_owners_in_turn(s.pg, &s.crowd);
			else
				crowd_expect_dentry(s.pg, &s.crowd, heir);
		}
	}
}

/*
 * A newcomer that has walked through the cache in vain, and has not looked into the
 * in-lookup hash yet, while the lookup ends:
 *
 *	newcomer		owner
 *
 *	read ->i_dir_seq
 *	miss "a" in the cache
 *				end the lookup of "a"
 *	miss "a" in lookup
 *
 * That ->i_dir_seq has gone on tells it to start over.
 */
void newcomer_finds_what_was_added_behind_its_back(struct kunit *test)
{
	enum end end;

	pin_test(test, raw_smp_processor_id());
	for (end = 0; end < ENDS; end++) {
		struct playground *pg = playground_open(test, WALKED);
		struct dentry *decoy = playground_child(pg, pg->root, "decoy", 0);
		struct lookup *a = lookup_begin(pg, pg->root, "a");
		struct asker *newcomer = asker_new(pg, pg->root, a->name);
		struct dentry *heir = lookup_heir(pg, a, end);

		asker_create(pg, newcomer, other_cpu(test));
		playground_hold_walk(newcomer, decoy, 1);
		asker_run(newcomer);
		KUNIT_ASSERT_SOON(test, playground_walk_is_held());
		end_lookup(pg, a, heir, end);
		KUNIT_EXPECT_FALSE(test, completion_done(&newcomer->answered));
		playground_let_walk();

		KUNIT_ASSERT_SOON_MSG(test, completion_done(&newcomer->answered),
				      "by %s", end_names[end]);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, newcomer->got);
		KUNIT_EXPECT_EQ_MSG(test, newcomer->owner, end == BY_DONE,
				    "by %s", end_names[end]);
		if (end == BY_DONE)
			KUNIT_EXPECT_PTR_NE(test, newcomer->got, a->dentry);
		else
			KUNIT_EXPECT_PTR_EQ_MSG(test, newcomer->got, heir,
						"by %s", end_names[end]);
	}
}

/*
 * The test is in the section of ->i_dir_seq itself: "a" is not in lookup any more and not
 * hashed yet.  A newcomer must not look it up, and not sleep: it looks again and again.
 */
void newcomer_goes_round_until_the_section_is_closed(struct kunit *test)
{
	struct playground *pg;
	struct asker *newcomer;
	struct dentry *decoy, *b;
	unsigned int *seq;
	struct qstr name;
	bool early;

	pin_test(test, raw_smp_processor_id());
	pg = playground_open(test, WALKED);
	decoy = playground_child(pg, pg->root, "decoy", 0);
	name = playground_name(pg->root, "a");
	b = d_alloc(pg->root, &name);
	KUNIT_ASSERT_NOT_NULL(test, b);
	playground_keep(pg, b);
	newcomer = asker_new(pg, pg->root, name);
	asker_create(pg, newcomer, other_cpu(test));
	playground_hold_walk(newcomer, decoy, 0);

	seq = &d_inode(pg->root)->i_dir_seq;
	WRITE_ONCE(*seq, *seq + 1);
	asker_run(newcomer);
	KUNIT_EXPECT_SOON(test, playground_walks() > FEW ||
			  completion_done(&newcomer->answered));
	early = completion_done(&newcomer->answered);
	d_add(b, NULL);
	/* pairs with the acquire in d_alloc_parallel() */
	smp_store_release(seq, *seq + 1);

	KUNIT_EXPECT_FALSE_MSG(test, early, "it did not wait for the section to close");
	KUNIT_ASSERT_SOON(test, completion_done(&newcomer->answered));
	KUNIT_EXPECT_PTR_EQ(test, newcomer->got, b);
	KUNIT_EXPECT_FALSE(test, newcomer->owner);
}

/* Other names are added while they wait, so that ->i_dir_seq is not what it was. */
void waiters_read_the_dir_seq_anew_when_they_retry(struct kunit *test)
{
	static const char *const others[] = { "b", "c", "d" };
	struct playground *pg = playground_open(test, PLAIN);
	struct lookup *a = lookup_begin(pg, pg->root, "a");
	struct crowd crowd;
	unsigned int i;

	crowd_start(pg, &crowd, pg->root, "a", FEW, ANY_CPU);
	crowd_park_on(pg, &crowd, a->dentry);
	for (i = 0; i < ARRAY_SIZE(others); i++)
		d_add(lookup_begin(pg, pg->root, others[i])->dentry, NULL);
	d_lookup_done(a->dentry);
	crowd_expect_owners_in_turn(pg, &crowd);
}

/*
 *	waiter			test
 *
 *	sleep on "a"
 *				end the lookup of "a", which is not added
 *	miss "a" in the cache
 *				look "a" up again, and add it
 *	miss "a" in lookup
 *
 * A waiter that starts over is a newcomer, as to all that it has to look at.
 */
void waiter_that_retries_finds_what_was_added_behind_its_back(struct kunit *test)
{
	struct playground *pg;
	struct lookup *a, *again;
	struct asker *waiter;
	struct dentry *decoy;

	pin_test(test, raw_smp_processor_id());
	pg = playground_open(test, WALKED);
	decoy = playground_child(pg, pg->root, "decoy", 0);
	a = lookup_begin(pg, pg->root, "a");
	waiter = asker_new(pg, pg->root, a->name);
	asker_create(pg, waiter, other_cpu(test));
	playground_hold_walk(waiter, decoy, 2);
	asker_run(waiter);
	KUNIT_ASSERT_SOON(test, asker_is_parked(waiter));

	d_lookup_done(a->dentry);
	KUNIT_ASSERT_SOON(test, playground_walk_is_held());
	again = lookup_begin(pg, pg->root, "a");
	d_add(again->dentry, NULL);
	KUNIT_EXPECT_FALSE(test, completion_done(&waiter->answered));
	playground_let_walk();

	KUNIT_ASSERT_SOON(test, completion_done(&waiter->answered));
	KUNIT_EXPECT_PTR_EQ(test, waiter->got, again->dentry);
	KUNIT_EXPECT_FALSE(test, waiter->owner);
}

/*
 * What a newcomer sees without ->d_lock is over when it has the lock.  One that looks
 * then is held between the two; one that does not goes to sleep, as it should.
 */
void newcomer_asks_under_d_lock_whether_to_sleep(struct kunit *test)
{
	enum end end;

	pin_test(test, raw_smp_processor_id());
	for (end = 0; end < ENDS; end++) {
		struct playground *pg = playground_open(test, PLAIN);
		struct lookup *a = lookup_begin(pg, pg->root, "a");
		struct asker *newcomer = asker_new(pg, pg->root, a->name);
		struct dentry *heir = lookup_heir(pg, a, end);

		asker_create(pg, newcomer, other_cpu(test));
		hold_look(test, a->dentry);
		asker_run(newcomer);
		KUNIT_ASSERT_SOON(test, look_is_held() || asker_is_parked(newcomer));
		end_lookup(pg, a, heir, end);
		let_look();
		unwatch(test);

		KUNIT_ASSERT_SOON_MSG(test, completion_done(&newcomer->answered),
				      "by %s", end_names[end]);
		if (end == BY_DONE)
			KUNIT_EXPECT_TRUE(test, newcomer->owner);
		else
			KUNIT_EXPECT_PTR_EQ(test, newcomer->got, heir);
	}
}

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

void waiters_on_the_exact_name_get_it_from_add_ci(struct kunit *test)
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

void add_ci_waits_for_the_exact_name_like_all(struct kunit *test)
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

void d_add_ci_leaves_no_waiter_on_a_lent_queue(struct kunit *test)
{
	struct dentry *found = NULL;
	struct playground *pg;
	struct crowd crowd;
	struct lookup *a;

	pg = playground_open(test, PLAIN);
	a = wait_inside_add_ci(pg, &crowd, &found);

	/*
	 * "a" is in lookup, and whoever ends it walks the queue that its owner
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

#ifdef COMPAT_HAVE_D_SET_D_OP

/* The schedule is forced, so it comes out the same way each time. */
#define SPLITS	10

static int keep_nothing(const struct dentry *dentry)
{
	return 1;
}

static const struct dentry_operations delete_ops = {
	.d_delete = keep_nothing,
};

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
	store = split_store(test, a->dentry, &go);

	asker_run(waiter);
	KUNIT_ASSERT_SOON(test, flag_is_up(&waiter->spinning));
	d_set_d_op(a->dentry, &delete_ops);
	raise_flag(&go);
	if (!store->split)
		kunit_skip(test, "d_set_d_op() did not pass a store that could be split");
	stop_splitting(test);

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

void d_set_d_op_loses_no_waiter(struct kunit *test)
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

void d_set_d_op_loses_no_waiter(struct kunit *test)
{
	kunit_skip(test, "d_set_d_op() is not exported");
}

#endif

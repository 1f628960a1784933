// SPDX-License-Identifier: GPL-2.0
/*
 * Interleavings that are forced, not hoped for.
 *
 * Two means: waiters that are bound to the CPU of a test that does not give it
 * up run only after all of what the test does, though they were woken first.
 * And kprobes hold a thread between two steps, see dcache_probe.h.
 */
#include "dcache_playground.h"
#include "dcache_probe.h"

/* Three waiters on "/a", bound to the CPU of the test. */
struct scene {
	struct playground *pg;
	struct lookup *a;
	struct crowd crowd;
};

static void park_crowd(struct kunit *test, struct scene *scene,
		       enum playground_kind kind)
{
	pin_test(test, raw_smp_processor_id());
	scene->pg = playground_open(test, kind);
	scene->a = lookup_begin(scene->pg, scene->pg->root, "a");
	crowd_start(scene->pg, &scene->crowd, scene->pg->root, "a", FEW,
		    raw_smp_processor_id());
	crowd_park_on(scene->pg, &scene->crowd, scene->a->dentry);
}

/* For cases that disable preemption where they take ->d_lock. */
static void set_scene_in(struct kunit *test, struct scene *scene,
			 enum playground_kind kind)
{
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		kunit_skip(test, "preemption cannot be kept off on PREEMPT_RT");
	park_crowd(test, scene, kind);
}

static void set_scene(struct kunit *test, struct scene *scene)
{
	set_scene_in(test, scene, PLAIN);
}

static void waiters_retry_when_the_dentry_is_dropped_before_they_run(struct kunit *test)
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

static void waiters_retry_when_the_dentry_is_renamed_before_they_run(struct kunit *test)
{
	struct scene s;

	set_scene(test, &s);
	rename_before_waiters_run(&s, s.pg->root, "b");
}

/* Only the names themselves tell: the hash and the parent are what they were. */
static void waiters_retry_when_it_is_renamed_to_a_name_of_that_hash(struct kunit *test)
{
	struct scene s;

	set_scene_in(test, &s, ONE_HASH);
	rename_before_waiters_run(&s, s.pg->root, "b");
}

static void waiters_retry_when_the_dentry_is_moved_before_they_run(struct kunit *test)
{
	struct dentry *dir;
	struct scene s;

	set_scene(test, &s);
	dir = playground_child(s.pg, s.pg->root, "elsewhere", S_IFDIR);
	rename_before_waiters_run(&s, dir, "a");
}

/* The parent is part of the hash, unless a filesystem has a hash of its own. */
static void waiters_retry_when_it_is_moved_and_has_that_hash_there(struct kunit *test)
{
	struct dentry *dir;
	struct scene s;

	set_scene_in(test, &s, ONE_HASH);
	dir = playground_child(s.pg, s.pg->root, "elsewhere", S_IFDIR);
	rename_before_waiters_run(&s, dir, "a");
}

static void waiters_find_what_replaced_the_dentry_before_they_run(struct kunit *test)
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

static void waiters_find_the_dentry_added_after_the_lookup_was_done(struct kunit *test)
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
static void waiters_that_are_awake_at_the_end_are_not_lost(struct kunit *test)
{
	unsigned int awake;
	enum end end;

	for (end = 0; end < ENDS; end++) {
		for (awake = 0; awake < FEW; awake++) {
			struct task_struct *waiter;
			unsigned long slept;
			struct dentry *heir;
			bool in_turn;
			struct scene s;

			park_crowd(test, &s, PLAIN);
			heir = lookup_heir(s.pg, s.a, end);
			waiter = s.crowd.one[awake]->thread.task;
			slept = READ_ONCE(waiter->nvcsw);
			/*
			 * Runnable, but on this CPU and behind us.  Preemption
			 * cannot be disabled: d_splice_alias() may sleep where
			 * it moves a directory, and ->d_lock does on RT.
			 */
			sched_set_fifo(current);
			wake_up_process(waiter);
			in_turn = end_lookup(s.pg, s.a, heir, end);
			/* It would have gone to sleep again. */
			KUNIT_EXPECT_EQ(test, READ_ONCE(waiter->nvcsw), slept);
			sched_set_normal(current, 0);

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
static void newcomer_finds_what_was_added_behind_its_back(struct kunit *test)
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
static void newcomer_goes_round_until_the_section_is_closed(struct kunit *test)
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
static void waiters_read_the_dir_seq_anew_when_they_retry(struct kunit *test)
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
static void waiter_that_retries_finds_what_was_added_behind_its_back(struct kunit *test)
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
 * A newcomer that looks without ->d_lock sees what is over when it has the lock.  Such a
 * one is held between the two; one that looks with the lock goes to sleep, as it should.
 */
static void newcomer_asks_under_d_lock_whether_to_sleep(struct kunit *test)
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

static struct kunit_case in_lookup_retry_cases[] = {
	KUNIT_CASE(waiters_retry_when_the_dentry_is_dropped_before_they_run),
	KUNIT_CASE(waiters_retry_when_the_dentry_is_renamed_before_they_run),
	KUNIT_CASE(waiters_retry_when_it_is_renamed_to_a_name_of_that_hash),
	KUNIT_CASE(waiters_retry_when_the_dentry_is_moved_before_they_run),
	KUNIT_CASE(waiters_retry_when_it_is_moved_and_has_that_hash_there),
	KUNIT_CASE(waiters_find_what_replaced_the_dentry_before_they_run),
	KUNIT_CASE(waiters_find_the_dentry_added_after_the_lookup_was_done),
	KUNIT_CASE(waiters_that_are_awake_at_the_end_are_not_lost),
	KUNIT_CASE(newcomer_finds_what_was_added_behind_its_back),
	KUNIT_CASE(newcomer_goes_round_until_the_section_is_closed),
	KUNIT_CASE(newcomer_asks_under_d_lock_whether_to_sleep),
	KUNIT_CASE(waiters_read_the_dir_seq_anew_when_they_retry),
	KUNIT_CASE(waiter_that_retries_finds_what_was_added_behind_its_back),
	{}
};

IN_LOOKUP_SUITE(in_lookup_retry, in_lookup_retry_cases, "interleavings that are forced");

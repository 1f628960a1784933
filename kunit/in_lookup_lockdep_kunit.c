// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite in_lookup_lockdep: lockdep that takes the lookup of a dentry for a lock.
 *
 * The property: an owner of a lookup that takes the lock of the directory is reported,
 * with nobody else there and so without a hang; what does not break that rule is not.
 *
 * Symptoms of a bug: silence; a report of what all filesystems do; a lock that lockdep
 * believes to be held when the lookup is over.
 *
 * The two forms that were posted, and deadlock with a task that has the directory locked
 * and waits for the lookup, are in the cases that have "reported" in their names.  What
 * lockdep finds there is not printed.  The directory of each case is of a lock class of
 * its own: what was reported once is known from then on.
 */
#include <linux/debug_locks.h>
#include <linux/lockdep.h>
#include <linux/module.h>
#include <linux/smp.h>

#include "dcache_playground.h"

struct stage {
	struct kunit *test;
	struct playground *pg;
	struct dentry *dir;
	struct inode *inode;
};

#define set_stage(test)							\
({									\
	static struct lock_class_key __key;				\
									\
	__set_stage(test, &__key);					\
})

/*
 * A directory in which one name has been looked up already, with the directory locked,
 * as always.
 */
static struct stage __set_stage(struct kunit *test, struct lock_class_key *key)
{
	struct stage stage = { .test = test };

	if (!IS_ENABLED(CONFIG_DEBUG_IN_LOOKUP))
		kunit_skip(test, "needs CONFIG_DEBUG_IN_LOOKUP");
#ifdef CONFIG_LOCKDEP
	if (!debug_locks)
		kunit_skip(test, "lockdep has found something else before and is off");
#endif
	stage.pg = playground_open(test, PLAIN);
	stage.dir = playground_child(stage.pg, stage.pg->root, "dir", S_IFDIR);
	stage.inode = d_inode(stage.dir);
	lockdep_set_class_and_name(&stage.inode->i_rwsem, key, "dir of a case");
	inode_lock_shared(stage.inode);
	playground_ask(stage.pg, stage.dir, "before");
	inode_unlock_shared(stage.inode);
	return stage;
}

#ifdef CONFIG_LOCKDEP
/* The other CPUs spin in an interrupt. */
struct standstill {
	atomic_t cpus;
	bool over;
};

static void stand_still(void *data)
{
	struct standstill *standstill = data;

	atomic_inc(&standstill->cpus);
	/* after it lockdep is as it was; pairs with the release in reports_retaking() */
	while (!smp_load_acquire(&standstill->over))
		cpu_relax();
	atomic_dec(&standstill->cpus);
}

/* What inode_lock_shared() tells lockdep, and whether lockdep has an objection. */
static bool retaking_is_reported(struct inode *dir)
{
	bool reported;

	if (!debug_locks)
		return false;	/* something else was reported: see the console */
	rwsem_acquire_read(&dir->i_rwsem.dep_map, 0, 0, _THIS_IP_);
	reported = !debug_locks;
	if (reported)
		debug_locks = 1;	/* the lock was not noted */
	else
		rwsem_release(&dir->i_rwsem.dep_map, _THIS_IP_);
	return reported;
}

/*
 * The lock itself is free, and is not taken.  A report switches lockdep off, for all tasks:
 * what one of them locks or unlocks until it is on again would be missed, and reported
 * later.  So none of them runs meanwhile.
 */
static bool reports_retaking(struct stage *stage)
{
	struct standstill standstill = {};
	unsigned long flags;
	bool reported;
	int others;

	preempt_disable();
	others = num_online_cpus() - 1;
	smp_call_function(stand_still, &standstill, 0);
	while (atomic_read(&standstill.cpus) < others)
		cpu_relax();
	local_irq_save(flags);
	debug_locks_silent = 1;
	reported = retaking_is_reported(stage->inode);
	debug_locks_silent = 0;
	local_irq_restore(flags);
	/* pairs with the acquire in stand_still() */
	smp_store_release(&standstill.over, true);
	/* they have done with what is on our stack */
	while (atomic_read(&standstill.cpus))
		cpu_relax();
	preempt_enable();
	return reported;
}

static bool is_on(void)
{
	return debug_locks;
}

static int held(void)
{
	return current->lockdep_depth;
}
#else
static bool reports_retaking(struct stage *stage)
{
	return false;
}

static bool is_on(void)
{
	return false;
}

static int held(void)
{
	return 0;
}
#endif

static struct dentry *own(struct stage *stage, const char *text)
{
	struct qstr name = playground_name(stage->dir, text);
	DECLARE_WAIT_QUEUE_HEAD_ONSTACK(wq);

	/* lookup_begin() would disown it */
	return playground_keep(stage->pg,
			       d_alloc_parallel_compat(stage->dir, &name, &wq));
}

/* What readdir of procfs does in the posting, when somebody else was first. */
static bool drop_look_up_retake(struct stage *stage)
{
	struct dentry *a;
	bool reported;

	inode_lock_shared(stage->inode);
	inode_unlock_shared(stage->inode);
	a = own(stage, "a");
	reported = reports_retaking(stage);
	d_lookup_done(a);
	return reported;
}

/* What d_add_ci() does in the posting: the other name is looked up unlocked. */
static bool drop_look_up_another_name_retake(struct stage *stage)
{
	struct dentry *given, *exact;
	bool reported;

	inode_lock_shared(stage->inode);
	given = own(stage, "NAME");
	inode_unlock_shared(stage->inode);
	exact = own(stage, "name");
	d_lookup_done(exact);
	reported = reports_retaking(stage);
	d_lookup_done(given);
	return reported;
}

/* What all filesystems do, d_add_ci() of today among them. */
static void look_up_locked(struct stage *stage)
{
	struct dentry *given, *exact;

	inode_lock_shared(stage->inode);
	given = own(stage, "NAME");
	exact = own(stage, "name");
	d_lookup_done(exact);
	d_lookup_done(given);
	inode_unlock_shared(stage->inode);
	inode_lock(stage->inode);
	d_lookup_done(own(stage, "other"));
	inode_unlock(stage->inode);
}

static void owner_that_drops_and_takes_the_lock_is_reported(struct kunit *test)
{
	struct stage stage = set_stage(test);

	KUNIT_EXPECT_TRUE(test, drop_look_up_retake(&stage));
	KUNIT_EXPECT_TRUE(test, is_on());
}

static void owner_of_the_other_name_that_takes_the_lock_is_reported(struct kunit *test)
{
	struct stage stage = set_stage(test);

	KUNIT_EXPECT_TRUE(test, drop_look_up_another_name_retake(&stage));
	KUNIT_EXPECT_TRUE(test, is_on());
}

static void lookups_with_the_directory_locked_are_not_reported(struct kunit *test)
{
	struct stage stage = set_stage(test);

	look_up_locked(&stage);
	KUNIT_EXPECT_TRUE_MSG(test, is_on(), "reported, see the console");
}

static void owner_holds_its_lookup_until_that_ends(struct kunit *test)
{
	struct stage stage = set_stage(test);
	int before = held();
	struct dentry *a = own(&stage, "a");

	KUNIT_EXPECT_EQ(test, held(), before + 1);
	d_add(a, NULL);
	KUNIT_EXPECT_EQ(test, held(), before);
}

struct ender {
	struct parked_thread thread;
	struct dentry *dentry;
};

static void end_it(struct parked_thread *self)
{
	d_lookup_done(container_of(self, struct ender, thread)->dentry);
}

static void end_by_another_task(struct stage *stage, struct dentry *dentry)
{
	struct ender ender = { .dentry = dentry };
	struct kunit *test = stage->test;

	KUNIT_ASSERT_EQ(test, 0, parked_thread_create(&ender.thread, end_it, ANY_CPU,
						      "dcache_ender"));
	parked_thread_run(&ender.thread);
	wait_for_completion(&ender.thread.left);
	KUNIT_ASSERT_TRUE(test, parked_thread_collect(&ender.thread,
						      dcache_bound_ms));
}

static void owner_lets_go_of_a_lookup_that_another_task_has_ended(struct kunit *test)
{
	struct stage stage = set_stage(test);
	int before = held();
	struct dentry *a = own(&stage, "a");

	end_by_another_task(&stage, a);
	KUNIT_EXPECT_FALSE(test, d_in_lookup(a));
	d_lookup_done(a);
	KUNIT_EXPECT_EQ(test, held(), before);
}

static void lookup_that_is_handed_over_is_not_held(struct kunit *test)
{
	struct stage stage = set_stage(test);
	int before = held();
	struct dentry *a = own(&stage, "a");

	compat_d_in_lookup_disown(a);
	KUNIT_EXPECT_EQ(test, held(), before);
	end_by_another_task(&stage, a);
	KUNIT_EXPECT_EQ(test, held(), before);
}

static struct kunit_case in_lookup_lockdep_cases[] = {
	KUNIT_CASE(lookups_with_the_directory_locked_are_not_reported),
	KUNIT_CASE(owner_holds_its_lookup_until_that_ends),
	KUNIT_CASE(owner_lets_go_of_a_lookup_that_another_task_has_ended),
	KUNIT_CASE(lookup_that_is_handed_over_is_not_held),
	KUNIT_CASE(owner_that_drops_and_takes_the_lock_is_reported),
	KUNIT_CASE(owner_of_the_other_name_that_takes_the_lock_is_reported),
	{}
};

IN_LOOKUP_SUITE(in_lookup_lockdep, in_lookup_lockdep_cases, "lockdep");

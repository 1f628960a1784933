// SPDX-License-Identifier: GPL-2.0
/*
 * Threads that ask for the names of lookups that the test owns.
 *
 * The state that most cases start from, with three waiters on "a":
 *
 *	test thread:	dentry "a", in lookup, one reference
 *	each waiter:	TASK_UNINTERRUPTIBLE in d_alloc_parallel(),
 *			one reference to that dentry
 *
 * so that the dentry has 1 + 3 references.
 */
#include <linux/cleanup.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "dcache_playground.h"

/* An owner that nobody tells to end its lookup does it by itself. */
#define OWNER_MS	60000

static void asker_body(struct parked_thread *self)
{
	struct asker *asker = container_of(self, struct asker, thread);
	unsigned long until = jiffies + msecs_to_jiffies(dcache_bound_ms);
	struct dentry *in_hand[2] = { asker->add_ci_for };
	struct dentry *got;

	if (asker->take_sigkill)
		allow_signal(SIGKILL);

	if (asker->start) {
		raise_flag(&asker->spinning);
		while (!flag_is_up(asker->start) &&
		       time_before(jiffies, until))
			cpu_relax();
	}

	/* as ->lookup() and its caller have it, whatever the compiler thinks */
	OPTIMIZER_HIDE_VAR(in_hand[0]);
	barrier_data(in_hand);

	parked_thread_announce(self);
	if (asker->add_ci_for)
		got = d_add_ci(asker->add_ci_for, no_free_ptr(asker->add_ci_inode),
			       &asker->name);
	else
		got = d_alloc_parallel_compat(asker->parent, &asker->name,
					      &asker->wq);

	asker->signalled = signal_pending(current);
	if (!IS_ERR_OR_NULL(got)) {
		asker->owner = d_in_lookup(got);
		asker->hashed = !d_unhashed(got);
	}
	asker->got = got;
	in_hand[1] = got;
	barrier_data(in_hand);
	complete_all(&asker->answered);

	if (asker->owner) {
		wait_for_completion_timeout(&asker->finish,
					    msecs_to_jiffies(OWNER_MS));
		barrier_data(in_hand);
		d_lookup_done(got);
	}
	if (asker->take_sigkill) {
		flush_signals(current);
		disallow_signal(SIGKILL);
	}
	if (asker->hold) {
		/* a dentry must not outlive the last reference to its mount */
		if (!IS_ERR(got))
			dput(got);
		asker->got = NULL;
		mntput(asker->hold);
	}
}

struct asker *asker_new(struct playground *pg, struct dentry *parent,
			struct qstr name)
{
	struct asker *asker = kzalloc(sizeof(*asker), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(pg->test, asker);
	asker->parent = parent;
	asker->name = name;
	init_waitqueue_head(&asker->wq);
	init_completion(&asker->answered);
	init_completion(&asker->finish);
	list_add(&asker->list, &pg->askers);
	return asker;
}
EXPORT_SYMBOL_GPL(asker_new);

/* The thread exists, but does not run before asker_run(). */
void asker_create(struct playground *pg, struct asker *asker, int cpu)
{
	int err = parked_thread_create(&asker->thread, asker_body, cpu,
				       "dcache_asker");

	KUNIT_ASSERT_EQ(pg->test, err, 0);
}
EXPORT_SYMBOL_GPL(asker_create);

/* A thread that will call d_add_ci() for @lookup, which is the test's. */
struct asker *adder_create(struct playground *pg, struct lookup *lookup,
			   const char *exact)
{
	struct asker *adder = asker_new(pg, pg->root,
					playground_name(pg->root, exact));

	adder->add_ci_for = lookup->dentry;
	adder->add_ci_inode = playground_inode(pg, S_IFREG);
	asker_create(pg, adder, ANY_CPU);
	return adder;
}
EXPORT_SYMBOL_GPL(adder_create);

void asker_run(struct asker *asker)
{
	parked_thread_run(&asker->thread);
}
EXPORT_SYMBOL_GPL(asker_run);

void crowd_create(struct playground *pg, struct crowd *crowd,
		  struct dentry *parent, struct qstr name, unsigned int nr,
		  int cpu)
{
	unsigned int i;

	crowd->nr = 0;
	for (i = 0; i < nr; i++) {
		struct asker *asker = asker_new(pg, parent, name);

		asker_create(pg, asker, cpu);
		crowd->one[crowd->nr++] = asker;
	}
}
EXPORT_SYMBOL_GPL(crowd_create);

void crowd_run(struct crowd *crowd)
{
	unsigned int i;

	for (i = 0; i < crowd->nr; i++)
		asker_run(crowd->one[i]);
}
EXPORT_SYMBOL_GPL(crowd_run);

/* @nr threads ask for @text. */
void crowd_start(struct playground *pg, struct crowd *crowd,
		 struct dentry *parent, const char *text, unsigned int nr,
		 int cpu)
{
	crowd_create(pg, crowd, parent, playground_name(parent, text), nr, cpu);
	crowd_run(crowd);
}
EXPORT_SYMBOL_GPL(crowd_start);

bool asker_is_parked(struct asker *asker)
{
	return !completion_done(&asker->answered) &&
	       parked_thread_sleeps(&asker->thread, TASK_UNINTERRUPTIBLE,
				    "d_alloc_parallel");
}
EXPORT_SYMBOL_GPL(asker_is_parked);

bool crowd_is_parked(struct crowd *crowd)
{
	unsigned int i;

	for (i = 0; i < crowd->nr; i++) {
		if (!asker_is_parked(crowd->one[i]))
			return false;
	}
	return true;
}
EXPORT_SYMBOL_GPL(crowd_is_parked);

unsigned int crowd_answered(struct crowd *crowd)
{
	unsigned int i, nr = 0;

	for (i = 0; i < crowd->nr; i++)
		nr += completion_done(&crowd->one[i]->answered);
	return nr;
}
EXPORT_SYMBOL_GPL(crowd_answered);

/* How often the threads of @crowd have gone to sleep so far. */
unsigned long crowd_switches(struct crowd *crowd)
{
	unsigned long sum = 0;
	unsigned int i;

	for (i = 0; i < crowd->nr; i++)
		sum += parked_thread_switches(&crowd->one[i]->thread);
	return sum;
}
EXPORT_SYMBOL_GPL(crowd_switches);

/* Proof that all of @crowd, and nobody else, sleep on @dentry. */
void crowd_park_on(struct playground *pg, struct crowd *crowd,
		   struct dentry *dentry)
{
	KUNIT_ASSERT_SOON_MSG(pg->test, d_count(dentry) == 1 + crowd->nr &&
			      crowd_is_parked(crowd),
			      "%u threads do not all sleep on the dentry: it has %u references, %u were answered",
			      crowd->nr, d_count(dentry), crowd_answered(crowd));
}
EXPORT_SYMBOL_GPL(crowd_park_on);

void crowd_expect_parked_on(struct playground *pg, struct crowd *crowd,
			    struct dentry *dentry)
{
	KUNIT_EXPECT_EQ(pg->test, crowd_answered(crowd), 0);
	crowd_park_on(pg, crowd, dentry);
}
EXPORT_SYMBOL_GPL(crowd_expect_parked_on);

/* All of @crowd come back by themselves with @dentry, found in the cache. */
void crowd_expect_dentry(struct playground *pg, struct crowd *crowd,
			 struct dentry *dentry)
{
	unsigned int i;

	KUNIT_ASSERT_SOON_MSG(pg->test, crowd_answered(crowd) == crowd->nr,
			      "only %u of %u waiters came back",
			      crowd_answered(crowd), crowd->nr);
	for (i = 0; i < crowd->nr; i++) {
		struct asker *asker = crowd->one[i];

		KUNIT_EXPECT_PTR_EQ(pg->test, asker->got, dentry);
		KUNIT_EXPECT_FALSE(pg->test, asker->owner);
		KUNIT_EXPECT_TRUE(pg->test, asker->hashed);
	}
}
EXPORT_SYMBOL_GPL(crowd_expect_dentry);

static struct asker *current_owner(struct crowd *crowd)
{
	unsigned int i;

	for (i = 0; i < crowd->nr; i++) {
		struct asker *asker = crowd->one[i];

		if (completion_done(&asker->answered) && !asker->finished)
			return asker;
	}
	return NULL;
}

static bool others_are_parked(struct crowd *crowd)
{
	unsigned int i;

	for (i = 0; i < crowd->nr; i++) {
		struct asker *asker = crowd->one[i];

		if (!completion_done(&asker->answered) &&
		    !asker_is_parked(asker))
			return false;
	}
	return true;
}

/*
 * The lookup that @crowd waited for left nothing behind under the name:
 *
 *	one of them:	owner of a new dentry
 *	the others:	asleep on that new dentry, 1 + others references
 *
 * and when the owner gives up, again, until each was the owner once.
 */
void crowd_expect_owners_in_turn(struct playground *pg, struct crowd *crowd)
{
	unsigned int others;

	for (others = crowd->nr - 1; ; others--) {
		struct asker *owner = NULL;

		KUNIT_ASSERT_SOON_MSG(pg->test, (owner = current_owner(crowd)),
				      "nobody took the name over with %u left",
				      others + 1);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(pg->test, owner->got);
		KUNIT_ASSERT_TRUE(pg->test, owner->owner);
		KUNIT_ASSERT_SOON_MSG(pg->test, others_are_parked(crowd) &&
				      d_count(owner->got) == 1 + others,
				      "%u others do not all sleep on the new dentry, it has %u references",
				      others, d_count(owner->got));
		KUNIT_EXPECT_EQ(pg->test, crowd_answered(crowd),
				crowd->nr - others);

		owner->finished = true;
		complete_all(&owner->finish);
		if (!others)
			break;
	}
}
EXPORT_SYMBOL_GPL(crowd_expect_owners_in_turn);

bool askers_have_left(struct playground *pg)
{
	struct asker *asker;

	list_for_each_entry(asker, &pg->askers, list) {
		if (!parked_thread_has_left(&asker->thread))
			return false;
	}
	return true;
}

/*
 * To be called when no lookup goes on any more: a thread that sleeps was forgotten, and
 * finds that out as soon as it runs.
 */
bool askers_rescue(struct playground *pg)
{
	struct asker *asker;

	list_for_each_entry(asker, &pg->askers, list) {
		if (!parked_thread_has_left(&asker->thread))
			wake_up_process(asker->thread.task);
	}
	return askers_have_left(pg);
}

bool askers_collect(struct playground *pg)
{
	struct asker *asker;
	bool all = true;

	list_for_each_entry(asker, &pg->askers, list)
		all &= parked_thread_collect(&asker->thread, 0);
	return all;
}

void askers_free(struct playground *pg)
{
	struct asker *asker, *next;

	list_for_each_entry_safe(asker, next, &pg->askers, list) {
		if (!IS_ERR_OR_NULL(asker->got))
			dput(asker->got);
		iput(asker->add_ci_inode);	/* of one that was never let run */
		kfree(asker);
	}
	INIT_LIST_HEAD(&pg->askers);
}

/* From now on a thread that the test wakes on @cpu runs only when the test lets it. */
void pin_test(struct kunit *test, int cpu)
{
	KUNIT_ASSERT_EQ(test, 0,
			set_cpus_allowed_ptr(current, cpumask_of(cpu)));
}
EXPORT_SYMBOL_GPL(pin_test);

/* A CPU that the caller, which is pinned, does not run on. */
int other_cpu(struct kunit *test)
{
	unsigned int cpu = cpumask_any_but(cpu_online_mask,
					   raw_smp_processor_id());

	if (cpu >= nr_cpu_ids)
		kunit_skip(test, "needs two CPUs");
	return cpu;
}
EXPORT_SYMBOL_GPL(other_cpu);

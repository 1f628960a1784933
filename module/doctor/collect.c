// SPDX-License-Identifier: GPL-2.0
/*
 * Collects the waiters, the dentries that they wait for, and the threads that have these
 * in hand; and then forgets all that has moved meanwhile.
 */
#include <linux/delay.h>
#include <linux/kernel.h>
#include <linux/sched/signal.h>
#include <linux/sched/task_stack.h>
#include <linux/string.h>
#include <linux/bit_spinlock.h>	/* needs cpu_relax(), and does not say so */

#include "dcache_compat.h"
#include "report.h"

/* The record of @dentry, or NULL. */
struct ld_dentry *ld_known(struct ld_report *r, const struct dentry *dentry)
{
	unsigned int i;

	for (i = 0; i < r->nr_dentries; i++)
		if (r->dentries[i].dentry == dentry)
			return &r->dentries[i];
	return NULL;
}

static struct ld_dentry *ld_dentry(struct ld_report *r, struct dentry *dentry)
{
	struct ld_dentry *d = ld_known(r, dentry);

	if (d)
		return d;
	if (r->nr_dentries == LD_MAX) {
		r->left_out++;
		return NULL;
	}
	d = &r->dentries[r->nr_dentries++];
	memset(d, 0, sizeof(*d));
	d->dentry = dentry;
	d->readable = ld_read(&d->copy, dentry, sizeof(d->copy));
	return d;
}

/*
 * The chain is locked if that can be had at once: its owner may be what we have
 * interrupted, or be stuck.  Otherwise what we walk may change below us, which is
 * why there is an end to it.  A dentry ceases to be in lookup and leaves the chain in
 * one section of that lock.
 */
static void ld_collect_chain(struct ld_report *r, struct hlist_bl_head *b)
{
	bool locked = bit_spin_trylock(0, (unsigned long *)b);
	struct hlist_bl_node *node, *next;
	unsigned int steps = 0;
	struct ld_dentry *d;

	for (node = hlist_bl_first(b); node && steps < LD_CHAIN_MAX; steps++) {
		d = ld_dentry(r, container_of(node, struct dentry,
					      COMPAT_D_IN_LOOKUP_HASH));
		if (d) {
			d->readable = ld_read(&d->copy, d->dentry,
					      sizeof(d->copy));
			d->on_chain = true;
			d->dirty = locked && d->readable && !ld_in_lookup(d);
		}
		if (!ld_read(&next, &node->next, sizeof(next)))
			break;
		node = next;
	}
	if (locked)
		bit_spin_unlock(0, (unsigned long *)b);
}

static void ld_collect_chains(struct ld_report *r)
{
	unsigned int i;

	for (i = 0; i < ld_table_size; i++)
		ld_collect_chain(r, &ld_table[i]);
}

static void ld_collect_waiter(struct ld_report *r, struct task_struct *task)
{
	unsigned long switches = ld_switches(task);
	struct ld_waiter *w;

	smp_rmb(); /* then it is asleep since, or ld_has_moved() sees another number */
	/* the second one has a caller with the directory unlocked, for readdir */
	if (!ld_is_asleep(task) || (!ld_is_in(task, "d_alloc_parallel") &&
				    !ld_is_in(task, "d_wait_in_lookup")))
		return;
	if (r->nr_waiters == LD_MAX) {
		r->left_out++;
		return;
	}
	w = &r->waiters[r->nr_waiters++];
	memset(w, 0, sizeof(*w));
	w->task = task;
	w->switches = switches;
	ld_find_dentry_of(w);
}

/* Returns whether the dentry of each waiter that is on a queue could be found. */
static bool ld_name_dentries(struct ld_report *r)
{
	bool all = true;
	struct ld_waiter *w;
	unsigned int i;

	for (i = 0; i < r->nr_waiters; i++) {
		w = &r->waiters[i];
		if (!w->dentry && w->queued)
			ld_follow_queue(r, w);
		if (w->dentry)
			ld_dentry(r, w->dentry);
		else
			all = all && !w->queued;
	}
	return all;
}

struct ld_waiter *ld_waiter(struct ld_report *r, struct task_struct *task)
{
	unsigned int i;

	for (i = 0; i < r->nr_waiters; i++)
		if (r->waiters[i].task == task)
			return &r->waiters[i];
	return NULL;
}

/* @task has the address of some dentry on its stack: is it one of ours? */
static void ld_has_in_hand(struct ld_report *r, struct task_struct *task,
			   unsigned long word)
{
	struct ld_waiter *w = ld_waiter(r, task);
	struct ld_dentry *d;
	unsigned int i;

	for (i = 0; i < r->nr_dentries; i++) {
		d = &r->dentries[i];
		if (word != (unsigned long)d->dentry ||
		    (w && w->dentry == d->dentry) || d->owners == LD_OWNERS ||
		    (d->owners && d->owner[d->owners - 1] == task))
			continue;
		d->owner[d->owners++] = task;
	}
}

/* One walk over the stack, as there may be many dentries. */
static void ld_collect_owners(struct ld_report *r, struct task_struct *task)
{
	unsigned long lowest = ULONG_MAX, highest = 0, at, end, word;
	unsigned long stack = (unsigned long)READ_ONCE(task->stack);
	unsigned int i;

	for (i = 0; i < r->nr_dentries; i++) {
		word = (unsigned long)r->dentries[i].dentry;
		lowest = min(lowest, word);
		highest = max(highest, word);
	}
	at = ALIGN(ld_stack_from(task), sizeof(long));
	if (!stack || at < stack)
		return;
	for (end = stack + THREAD_SIZE; at + sizeof(long) <= end; at += sizeof(long))
		if (ld_read(&word, (void *)at, sizeof(word)) &&
		    word >= lowest && word <= highest)
			ld_has_in_hand(r, task, word);
}

/* Settling */

/*
 * Between the end of a lookup and the wake-up there is some time, and a CPU may be taken
 * away in it.  Where nobody takes a woken waiter off the queue, its movement tells.
 */
static bool ld_stays_queued(struct ld_report *r, struct ld_waiter *w)
{
	struct ld_dentry *d = w->dentry ? ld_known(r, w->dentry) : NULL;

	while (ld_is_queued(w->entry) && !ld_has_moved(w)) {
		if ((d && ld_in_lookup(d)) || !r->patience)
			return true;
		r->patience--;
		udelay(LD_PAUSE_US);
	}
	return false;
}

/*
 * A waiter sets its bit, if there is one, before it is queued, and is taken off the queue
 * after the lookup has ended; so dentries are read again after it was found queued, and
 * then it must still be.
 */
static void ld_read_again(struct ld_report *r)
{
	struct ld_dentry *d;
	struct ld_waiter *w;
	unsigned int i;

	for (i = 0; i < r->nr_dentries; i++) {
		d = &r->dentries[i];
		d->readable = ld_read(&d->copy, d->dentry, sizeof(d->copy));
		d->on_chain = d->dirty || (d->on_chain && ld_in_lookup(d));
	}
	for (i = 0; i < r->nr_waiters; i++) {
		w = &r->waiters[i];
		w->queued = w->queued && ld_stays_queued(r, w);
	}
}

/* Forget the waiters that have moved on. */
static void ld_keep_settled(struct ld_report *r)
{
	unsigned int i, kept = 0;

	for (i = 0; i < r->nr_waiters; i++) {
		if (ld_has_moved(&r->waiters[i]))
			r->moved++;
		else
			r->waiters[kept++] = r->waiters[i];
	}
	r->nr_waiters = kept;
}

static void ld_count_waiters(struct ld_report *r)
{
	struct ld_dentry *d;
	unsigned int i;

	for (i = 0; i < r->nr_waiters; i++) {
		if (!r->waiters[i].dentry)
			continue;
		d = ld_known(r, r->waiters[i].dentry);
		if (!d)
			continue;
		d->waiters++;
		d->queued += r->waiters[i].queued;
	}
}

/*
 * And the dentries that nobody has to do with any more, or that never were any.  In some
 * kernels a dentry has a const name, so that its copies cannot be assigned.
 */
static void ld_keep_in_question(struct ld_report *r)
{
	unsigned int i, kept = 0;

	for (i = 0; i < r->nr_dentries; i++)
		if (r->dentries[i].waiters || r->dentries[i].on_chain)
			memmove(&r->dentries[kept++], &r->dentries[i],
				sizeof(r->dentries[0]));
	r->nr_dentries = kept;
}

/* The owner of a dentry that is still in lookup has owned it while we looked for it. */
static void ld_settle(struct ld_report *r)
{
	ld_read_again(r);
	ld_keep_settled(r);
	ld_count_waiters(r);
	ld_keep_in_question(r);
}

/*
 * A thread that asks is not at work on a lookup, whatever dentries its earlier calls have
 * left in the gaps of its stack.  One that is interrupted may be.
 */
static bool ld_is_asking(struct task_struct *task)
{
	return task == current && in_task();
}

/* Has @task run while its stack was read, and may have had anything in hand? */
static bool ld_has_run(struct task_struct *task, unsigned long switches)
{
	smp_rmb(); /* after the reads from its stack */
	if (task == current)
		return !ld_is_asking(task);	/* we have looked at another stack */
	return ld_runs_elsewhere(task) || ld_switches(task) != switches;
}

void ld_collect(struct ld_report *r)
{
	struct task_struct *leader, *task;
	unsigned long switches;

	ld_collect_chains(r);
	for_each_process_thread(leader, task)
		ld_collect_waiter(r, task);
	if (!ld_name_dentries(r)) {
		/* its lookup may have begun since */
		ld_collect_chains(r);
		ld_name_dentries(r);
	}
	for_each_process_thread(leader, task) {
		switches = ld_switches(task);
		smp_rmb(); /* pairs with ld_has_run() */
		if (!ld_runs_elsewhere(task) && !ld_is_asking(task))
			ld_collect_owners(r, task);
		r->running += ld_has_run(task, switches);
	}
	ld_settle(r);
}

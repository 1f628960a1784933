// SPDX-License-Identifier: GPL-2.0
/*
 * Which queue a waiter is on, and whose that is.  There is one form of this for each form
 * of the wait: a list in the dentry, a table of queues that all share, a lent queue.
 */
#include <linux/sched/signal.h>
#include <linux/wait_bit.h>

#include "dcache_compat.h"
#include "report.h"

bool ld_is_queued(const struct list_head *entry)
{
	struct list_head *next;

	return ld_read(&next, &entry->next, sizeof(next)) && next != entry;
}

#ifdef COMPAT_HAVE_D_LOOKUP_WAITERS

static bool ld_is_linked(const struct list_head *entry)
{
	struct list_head copy, *back, *forth;

	return ld_read(&copy, entry, sizeof(copy)) &&
	       ld_read(&back, &copy.next->prev, sizeof(back)) && back == entry &&
	       ld_read(&forth, &copy.prev->next, sizeof(forth)) && forth == entry;
}

/* The entry is what names its task, until that is woken, and is part of a list. */
void ld_find_dentry_of(struct ld_waiter *w)
{
	unsigned long at = 0;
	struct wait_var_queue_entry *entry;

	while ((at = ld_find_on_stack(w->task, (unsigned long)w->task, at))) {
		entry = (void *)at - offsetof(struct wait_var_queue_entry, task);
		if (ld_is_linked(&entry->entry)) {
			w->entry = &entry->entry;
			w->queued = ld_is_queued(w->entry);
			return;
		}
	}
}

/* No entry names a function. */
void ld_find_wake_function(void)
{
}

static bool ld_is_on_a_stack(const void *at)
{
	struct task_struct *leader, *task;
	const void *stack;

	for_each_process_thread(leader, task) {
		stack = READ_ONCE(task->stack);
		if (stack && at >= stack && at < stack + THREAD_SIZE)
			return true;
	}
	return false;
}

/*
 * The one link of the list of @w that is no waiter is in the dentry.  Mostly the
 * next waiter knows already.
 */
void ld_follow_queue(struct ld_report *r, struct ld_waiter *w)
{
	const struct list_head *at = w->entry, *next;
	unsigned int i, steps;

	for (steps = 0; steps < LD_CHAIN_MAX; steps++) {
		if (!ld_read(&next, &at->next, sizeof(next)) || next == w->entry)
			return;
		at = next;
		for (i = 0; i < r->nr_waiters && r->waiters[i].entry != at; i++)
			;
		if (i < r->nr_waiters) {
			/* one that has moved may be back at the same place, for another dentry */
			w->dentry = r->waiters[i].dentry;
			if (w->dentry && !ld_has_moved(&r->waiters[i]))
				return;
			w->dentry = NULL;
		} else if (!ld_is_on_a_stack(at)) {
			w->dentry = container_of(at, struct dentry,
						 d_lookup_waiters.entries);
			return;
		}
	}
}

#else

static wait_queue_func_t ld_var_wake_function;

/* The function that wait_var_event() puts into an entry is not exported. */
void ld_find_wake_function(void)
{
	struct wait_bit_queue_entry probe;

	init_wait_var_entry(&probe, NULL, 0);
	ld_var_wake_function = probe.wq_entry.func;
}

/* The entry that @task has put on a queue with @func, or NULL. */
static struct wait_queue_entry *ld_wait_entry(struct task_struct *task,
					      wait_queue_func_t func)
{
	struct wait_queue_entry *entry;
	unsigned long at = 0;
	void *private;

	while ((at = ld_find_on_stack(task, (unsigned long)func, at))) {
		entry = (void *)at - offsetof(struct wait_queue_entry, func);
		if (ld_read(&private, &entry->private, sizeof(private)) &&
		    private == task)
			return entry;
	}
	return NULL;
}

void ld_find_dentry_of(struct ld_waiter *w)
{
	struct wait_queue_entry *entry;
	void *key;

	entry = ld_wait_entry(w->task, ld_var_wake_function);
	if (entry) {
		w->entry = &entry->entry;
		w->queued = ld_is_queued(w->entry);
		if (ld_read(&key, &container_of(entry, struct wait_bit_queue_entry,
						wq_entry)->key.flags, sizeof(key)))
			w->dentry = container_of(key, struct dentry, d_flags);
		return;
	}
	/* on a lent queue; ld_follow_queue() finds out whose */
	entry = ld_wait_entry(w->task, default_wake_function);
	if (entry) {
		w->entry = &entry->entry;
		w->queued = ld_is_queued(w->entry);
	}
}

/* Which of the dentries in lookup has lent the queue that @w is on? */
void ld_follow_queue(struct ld_report *r, struct ld_waiter *w)
{
#ifdef COMPAT_HAVE_D_WAIT
	const struct list_head *at = w->entry, *next;
	unsigned int i, steps;

	for (steps = 0; at && steps < LD_CHAIN_MAX; steps++) {
		for (i = 0; i < r->nr_dentries; i++)
			if (at == &r->dentries[i].copy.d_wait->head)
				w->dentry = r->dentries[i].dentry;
		if (w->dentry || !ld_read(&next, &at->next, sizeof(next)) ||
		    next == w->entry)
			return;
		at = next;
	}
#endif
}

#endif

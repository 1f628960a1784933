// SPDX-License-Identifier: GPL-2.0
/*
 * lookup_doctor: says why threads sleep in d_alloc_parallel().
 *
 * It looks and does not touch: no lock of the dcache is waited for, and every
 * read of what may be gone is one that survives that, so it can be asked on a
 * kernel that is broken in just this place, and from an interrupt.
 *
 * What it goes by:
 *
 *	waiter	a thread in TASK_UNINTERRUPTIBLE below d_alloc_parallel().  Its stack
 *		holds its entry of a queue, and that names the dentry, or leads to it.
 *	dentry	what is waited for, and what is on the in-lookup hash
 *	owner	a thread that is no waiter for the dentry and has its address on
 *		the stack.  Nothing records who owns a lookup, but everybody who
 *		ends one has the dentry in hand while it sleeps.
 *
 * and what it makes of that, for each dentry:
 *
 *	lost wake-up	it is not in lookup, and somebody sleeps for it
 *	erased bit	it is in lookup, has waiters, and not the bit that says so
 *	cycle		its owner waits for a dentry whose owner ... waits for it, and
 *			nobody else may be the owner
 *	abandoned	it is in lookup, and nobody is at it
 *	dirty chain	it is on the in-lookup hash, and not in lookup
 *	slow owner	its owner sleeps elsewhere or runs: that can still end
 *
 * A thread that runs cannot be examined, so what it owns may look abandoned; the
 * report then says that there are such threads.
 *
 * Most of what one sees while lookups go on is over before it can be read.  What is
 * found out of a waiter has been read while it slept all the time, so its reference has
 * kept its dentry.  Others are only counted.
 */
#include <linux/dcache.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/kprobes.h>
#include <linux/list_bl.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/task_stack.h>
#include <linux/seq_file.h>
#include <linux/sysrq.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <linux/wait_bit.h>
#include <linux/bit_spinlock.h>	/* needs cpu_relax(), and does not say so */

#include "dcache_compat.h"
#include "lookup_doctor.h"

#define LD_MAX		1024		/* waiters, and dentries, in a report */
#define LD_OWNERS	4		/* candidates shown for a dentry */
#define LD_FRAMES	16		/* of a stack */
#define LD_CHAIN_MAX	4096		/* steps along a chain that may be broken */
#define LD_TEXT		(256 * 1024)	/* bytes of a report */
#define LD_NAME		64
#define LD_PAUSE_US	10
#define LD_PATIENCE	1000		/* such pauses in a report, 10 ms */

struct ld_waiter {
	struct task_struct	*task;
	struct dentry		*dentry;	/* NULL: could not be told */
	const struct list_head	*entry;		/* of the queue, on its stack */
	bool			queued;
	unsigned long		switches;	/* when it was found asleep */
};

struct ld_dentry {
	struct dentry		*dentry;
	struct dentry		copy;		/* of the moment */
	bool			readable;
	bool			on_chain;
	bool			dirty;		/* on it, and not in lookup */
	unsigned int		waiters;
	unsigned int		queued;
	struct task_struct	*owner[LD_OWNERS];
	unsigned int		owners;
};

/* One report at a time; all of it is used under RCU. */
struct ld_report {
	struct ld_waiter	waiters[LD_MAX];
	unsigned int		nr_waiters;
	struct ld_dentry	dentries[LD_MAX];
	unsigned int		nr_dentries;
	unsigned int		left_out;
	unsigned int		moved;		/* waiters that did not stay asleep */
	unsigned int		patience;	/* what is left of LD_PATIENCE */
	unsigned int		running;	/* threads that could not be examined */
	unsigned long		frames[LD_FRAMES];	/* of the stack said last */
	unsigned int		nr_frames;
	unsigned long		own_frame;
	bool			chains_seen;
	int			hopeless;
	size_t			len;
	char			text[LD_TEXT];
};

static struct ld_report *ld_report;
static unsigned long ld_busy;
static struct dentry *ld_debugfs;
static struct hlist_bl_head *ld_table;
static unsigned int ld_table_size;

static __printf(2, 3) void ld_say(struct ld_report *r, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	r->len += vscnprintf(r->text + r->len, sizeof(r->text) - r->len, fmt,
			     args);
	va_end(args);
}

static bool ld_read(void *to, const void *from, size_t size)
{
	return !copy_from_kernel_nofault(to, from, size);
}

/* A string of at most LD_NAME - 1 bytes. */
static void ld_read_name(char *to, const char *from)
{
	unsigned int i;

	for (i = 0; i < LD_NAME - 1; i++)
		if (!ld_read(&to[i], from + i, 1) || !to[i])
			break;
	to[i] = '\0';
}

/* Stacks */

/*
 * Where the live part of a stack begins: for a thread that does not run where it
 * was left, for ourselves the frame of lookup_doctor_examine().  Below is what
 * earlier calls have left behind, or what we do here, neither of which must be
 * taken for what the thread has in hand.
 */
static unsigned long ld_stack_from(struct task_struct *task)
{
	if (task == current)
		return ld_report->own_frame;
#ifdef CONFIG_X86
	return READ_ONCE(task->thread.sp);
#else
	return (unsigned long)READ_ONCE(task->stack);
#endif
}

/* Address of the first word in @task's stack that is @word; go on behind @from. */
static unsigned long ld_find_on_stack(struct task_struct *task,
				      unsigned long word, unsigned long from)
{
	unsigned long stack = (unsigned long)READ_ONCE(task->stack);
	unsigned long value;

	if (!stack)
		return 0;
	from = from ? from + sizeof(long) : ld_stack_from(task);
	if (from < stack)
		return 0;
	from = ALIGN(from, sizeof(long));
	for (; from + sizeof(long) <= stack + THREAD_SIZE; from += sizeof(long))
		if (ld_read(&value, (void *)from, sizeof(value)) &&
		    value == word)
			return from;
	return 0;
}

static unsigned int ld_trace(struct task_struct *task, unsigned long *pc)
{
	return compat_stack_trace(task, pc, LD_FRAMES);
}

/* Compilers append .suffixes to the name of a function. */
static bool ld_is_in(struct task_struct *task, const char *function)
{
	size_t len = strlen(function);
	unsigned long pc[LD_FRAMES];
	unsigned int i, nr = ld_trace(task, pc);
	char symbol[64];

	for (i = 0; i < nr; i++) {
		snprintf(symbol, sizeof(symbol), "%ps", (void *)pc[i]);
		if (!strncmp(symbol, function, len) &&
		    (!symbol[len] || symbol[len] == '.'))
			return true;
	}
	return false;
}

static void ld_say_task(struct ld_report *r, const char *what,
			struct task_struct *task)
{
	unsigned long pc[LD_FRAMES];
	unsigned int i, nr;

	ld_say(r, "  %s: %s/%d, state %c\n", what, task->comm,
	       task_pid_nr(task), task_state_to_char(task));
	nr = ld_trace(task, pc);
	if (nr && nr == r->nr_frames &&
	    !memcmp(pc, r->frames, nr * sizeof(*pc))) {
		ld_say(r, "      the same stack\n");
		return;
	}
	for (i = 0; i < nr; i++)
		ld_say(r, "      %pS\n", (void *)pc[i]);
	memcpy(r->frames, pc, nr * sizeof(*pc));
	r->nr_frames = nr;
}

/* Collecting */

static bool ld_in_lookup(const struct ld_dentry *d)
{
	return d->copy.d_flags & DCACHE_PAR_LOOKUP;
}

/* What has been collected of @dentry, or NULL. */
static struct ld_dentry *ld_known(struct ld_report *r,
				  const struct dentry *dentry)
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

static bool ld_runs_elsewhere(struct task_struct *task)
{
#ifdef CONFIG_SMP
	return task != current && READ_ONCE(task->on_cpu);
#else
	return false;
#endif
}

/* How often a thread has been switched away from. */
static unsigned long ld_switches(struct task_struct *task)
{
	return READ_ONCE(task->nvcsw) + READ_ONCE(task->nivcsw);
}

/* A thread that sets its state has not gone to sleep before it is off its CPU. */
static bool ld_is_asleep(struct task_struct *task)
{
	return READ_ONCE(task->__state) & TASK_UNINTERRUPTIBLE &&
	       !ld_runs_elsewhere(task);
}

/* Has @w been awake since it was collected? */
static bool ld_has_moved(const struct ld_waiter *w)
{
	smp_rmb(); /* after all that has been read because of it */
	return !ld_is_asleep(w->task) || ld_switches(w->task) != w->switches;
}

static bool ld_is_queued(const struct list_head *entry)
{
	struct list_head *next;

	return ld_read(&next, &entry->next, sizeof(next)) && next != entry;
}

#ifdef COMPAT_HAVE_D_WAITERS

static bool ld_is_linked(const struct list_head *entry)
{
	struct list_head copy, *back, *forth;

	return ld_read(&copy, entry, sizeof(copy)) &&
	       ld_read(&back, &copy.next->prev, sizeof(back)) && back == entry &&
	       ld_read(&forth, &copy.prev->next, sizeof(forth)) && forth == entry;
}

/* The entry is what names its task, until that is woken, and is part of a list. */
static void ld_find_dentry_of(struct ld_waiter *w)
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
static void ld_find_wake_function(void)
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
static void ld_follow_queue(struct ld_report *r, struct ld_waiter *w)
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
			/* who has moved may be back at the same place, for another one */
			w->dentry = r->waiters[i].dentry;
			if (w->dentry && !ld_has_moved(&r->waiters[i]))
				return;
			w->dentry = NULL;
		} else if (!ld_is_on_a_stack(at)) {
			w->dentry = container_of(at, struct dentry,
						 d_waiters.entries);
			return;
		}
	}
}

#else

static wait_queue_func_t ld_var_wake_function;

/* What wait_var_event() puts into an entry is not exported. */
static void ld_find_wake_function(void)
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

static void ld_find_dentry_of(struct ld_waiter *w)
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
static void ld_follow_queue(struct ld_report *r, struct ld_waiter *w)
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

static void ld_collect_waiter(struct ld_report *r, struct task_struct *task)
{
	unsigned long switches = ld_switches(task);
	struct ld_waiter *w;

	smp_rmb(); /* then it is asleep since, or ld_has_moved() sees another number */
	if (!ld_is_asleep(task) || !ld_is_in(task, "d_alloc_parallel"))
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

/* Returns whether that of each who is on a queue could be found. */
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

static struct ld_waiter *ld_waiter(struct ld_report *r,
				   struct task_struct *task)
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
 * away in it.  Where nobody takes who is woken off the queue, it is told by that he moves.
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

/* Has @task run while its stack was read, and may have had anything in hand? */
static bool ld_has_run(struct task_struct *task, unsigned long switches)
{
	smp_rmb(); /* after the reads from its stack */
	if (task == current)
		return !in_task();	/* we have looked at another stack */
	return ld_runs_elsewhere(task) || ld_switches(task) != switches;
}

static void ld_collect(struct ld_report *r)
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
		if (!ld_runs_elsewhere(task))
			ld_collect_owners(r, task);
		r->running += ld_has_run(task, switches);
	}
	ld_settle(r);
}

/* The verdict */

enum ld_cycle { LD_NO_CYCLE, LD_MAYBE_A_CYCLE, LD_CYCLE };

/*
 * Does the chain of owners that wait come back to @d?  An owner waits for one dentry
 * only, so it is a walk.  But who has a dentry on its stack may own it no longer: there
 * is no doubt where all who have it wait.
 */
static enum ld_cycle ld_find_cycle(struct ld_report *r, struct ld_dentry *d)
{
	enum ld_cycle found = LD_CYCLE;
	struct ld_dentry *at = d;
	struct ld_waiter *w, *next;
	unsigned int i, steps;

	for (steps = 0; steps < LD_MAX; steps++) {
		for (i = 0, w = NULL; i < at->owners; i++) {
			next = ld_waiter(r, at->owner[i]);
			if (!next)
				found = LD_MAYBE_A_CYCLE;
			else if (!w)
				w = next;
		}
		if (!w || !w->dentry)
			return LD_NO_CYCLE;
		if (w->dentry == d->dentry)
			return found;
		at = ld_known(r, w->dentry);
		if (!at)
			return LD_NO_CYCLE;
	}
	return LD_NO_CYCLE;
}

static const char *ld_verdict(struct ld_report *r, struct ld_dentry *d,
			      bool *hopeless)
{
	enum ld_cycle cycle;

	*hopeless = d->waiters > 0;
	if (!d->readable)
		return "the dentry is gone: its memory cannot be read";
	if (!ld_in_lookup(d) && d->queued)
		return "LOST WAKE-UP: the lookup has ended, and who waited was not woken";
	if (!ld_in_lookup(d) && d->on_chain)
		return "DIRTY CHAIN: not in lookup, but still on the in-lookup hash";
	if (!ld_in_lookup(d))
		return "LOST WAKE-UP: the lookup has ended, and who waited sleeps on no queue";
	if (COMPAT_DCACHE_WAITER && d->queued &&
	    !(d->copy.d_flags & COMPAT_DCACHE_WAITER))
		return "ERASED BIT: nobody will be woken when the lookup ends";
	cycle = ld_find_cycle(r, d);
	if (cycle == LD_CYCLE)
		return "CYCLE: its owner waits, in the end, for this very lookup";
	if (d->owners) {
		*hopeless = false;
		return cycle == LD_MAYBE_A_CYCLE ?
			"slow owner, or a cycle: one who has it waits for this very lookup" :
			"slow owner: the lookup is under way";
	}
	if (r->running) {
		*hopeless = false;
		return "owner unknown: nobody who sleeps is at it, but some threads run";
	}
	return "ABANDONED: in lookup, and nobody is at it; was d_lookup_done() forgotten?";
}

static void ld_say_name(struct ld_report *r, const struct ld_dentry *d)
{
	struct dentry parent;
	char name[LD_NAME] = "?", dir[LD_NAME] = "?", type[LD_NAME] = "?";
	struct file_system_type *fs = NULL;
	const char *text = NULL;

	ld_read_name(name, d->copy.d_name.name);
	if (ld_read(&parent, d->copy.d_parent, sizeof(parent)))
		ld_read_name(dir, parent.d_name.name);
	if (ld_read(&fs, &d->copy.d_sb->s_type, sizeof(fs)) &&
	    ld_read(&text, &fs->name, sizeof(text)))
		ld_read_name(type, text);
	ld_say(r, "dentry %p \"%s\" in \"%s\" of %s\n", d->dentry, name, dir,
	       type);
}

static void ld_say_dentry(struct ld_report *r, struct ld_dentry *d)
{
	unsigned int i;
	bool hopeless;
	const char *verdict = ld_verdict(r, d, &hopeless);

	ld_say_name(r, d);
	ld_say(r, "  d_flags %#x: %sin lookup%s\n", d->copy.d_flags,
	       ld_in_lookup(d) ? "" : "not ", !COMPAT_DCACHE_WAITER ? "" :
	       d->copy.d_flags & COMPAT_DCACHE_WAITER ? ", waiter bit set" :
							", waiter bit clear");
	ld_say(r, "  %s, %son the in-lookup hash, %d references\n",
	       hlist_bl_unhashed(&d->copy.d_hash) ? "unhashed" : "hashed",
	       d->on_chain ? "" : r->chains_seen ? "not " : "maybe ",
	       d->copy.d_lockref.count);
	for (i = 0; i < r->nr_waiters; i++)
		if (r->waiters[i].dentry == d->dentry)
			ld_say_task(r, r->waiters[i].queued ? "waiter" :
				    "waiter, on no queue", r->waiters[i].task);
	for (i = 0; i < d->owners; i++)
		ld_say_task(r, ld_waiter(r, d->owner[i]) ?
			    "owner, which waits itself" : "owner, or user",
			    d->owner[i]);
	ld_say(r, "  verdict: %s\n", verdict);
	if (hopeless)
		r->hopeless += d->waiters;
}

/* Of a waiter whose dentry could not be found out. */
static void ld_say_nameless(struct ld_report *r, const struct ld_waiter *w)
{
	const char *verdict = "unknown: no entry of a queue on its stack";

	if (w->queued && r->chains_seen) {
		verdict = "LOST WAKE-UP: on a queue that no dentry in lookup has";
		r->hopeless++;
	} else if (w->queued) {
		verdict = "unknown: on a queue, and whose it is cannot be told";
	}
	ld_say_task(r, "waiter", w->task);
	ld_say(r, "  verdict: %s\n", verdict);
}

static void ld_say_all(struct ld_report *r)
{
	unsigned int i;

	ld_say(r, "%u threads wait in d_alloc_parallel(), %u dentries in question\n",
	       r->nr_waiters, r->nr_dentries);
	if (!r->chains_seen)
		ld_say(r, "no in_lookup_hashtable (needs KALLSYMS_ALL, KPROBES)\n");
	for (i = 0; i < r->nr_dentries; i++)
		ld_say_dentry(r, &r->dentries[i]);
	for (i = 0; i < r->nr_waiters; i++)
		if (!r->waiters[i].dentry)
			ld_say_nameless(r, &r->waiters[i]);
	if (r->left_out)
		ld_say(r, "%u more did not fit\n", r->left_out);
	if (r->moved)
		ld_say(r, "%u more have gone on while this was read\n", r->moved);
	ld_say(r, "%d of %u waiters will never be woken\n", r->hopeless,
	       r->nr_waiters);
}

noinline int lookup_doctor_examine(void (*line)(void *arg, const char *text), void *arg)
{
	struct ld_report *r = ld_report;
	char *at, *end;
	int hopeless;

	if (test_and_set_bit_lock(0, &ld_busy))
		return -EBUSY;
	r->nr_waiters = 0;
	r->nr_dentries = 0;
	r->left_out = 0;
	r->moved = 0;
	r->patience = LD_PATIENCE;
	r->nr_frames = 0;
	r->running = 0;
	r->hopeless = 0;
	r->len = 0;
	r->own_frame = (unsigned long)__builtin_frame_address(0);
	r->chains_seen = ld_table;

	rcu_read_lock();
	ld_collect(r);
	ld_say_all(r);
	rcu_read_unlock();

	for (at = r->text; (end = strchr(at, '\n')); at = end + 1) {
		*end = '\0';
		line(arg, at);
	}
	hopeless = r->hopeless;
	clear_bit_unlock(0, &ld_busy);
	return hopeless;
}
EXPORT_SYMBOL_GPL(lookup_doctor_examine);

/* Ways to ask */

static void ld_to_seq(void *m, const char *text)
{
	seq_printf(m, "%s\n", text);
}

static int report_show(struct seq_file *m, void *v)
{
	int ret = lookup_doctor_examine(ld_to_seq, m);

	return min(ret, 0);
}
DEFINE_SHOW_ATTRIBUTE(report);

static void ld_to_log(void *arg, const char *text)
{
	pr_info("lookup_doctor: %s\n", text);
}

#ifdef LD_HAVE_SYSRQ_U8
static void ld_sysrq_report(u8 key)
#else
static void ld_sysrq_report(int key)
#endif
{
	if (lookup_doctor_examine(ld_to_log, NULL) < 0)
		pr_info("lookup_doctor: busy\n");
	pr_info("lookup_doctor: end of report\n");
}

static const struct sysrq_key_op ld_sysrq_op = {
	.handler	= ld_sysrq_report,
	.help_msg	= "lookups-in-flight(L)",
	.action_msg	= "Who waits in d_alloc_parallel()",
	.enable_mask	= SYSRQ_ENABLE_DUMP,
};

/* The address of a symbol that is not exported, or 0. */
static unsigned long ld_symbol(const char *name)
{
	unsigned long addr = 0;
#ifdef CONFIG_KPROBES
	unsigned long (*lookup_name)(const char *name);
	struct kprobe kp = { .symbol_name = "kallsyms_lookup_name" };

#ifdef CONFIG_X86_KERNEL_IBT
	/*
	 * Where a probe sits is behind what a CPU wants to find at the end of an indirect
	 * call, if it tracks these, and the kernel is free to take that away.
	 */
	if (boot_cpu_has(X86_FEATURE_IBT))
		return 0;
#endif
	/* A probe knows its address only once it is registered. */
	if (register_kprobe(&kp))
		return 0;
	lookup_name = (void *)kp.addr;
	unregister_kprobe(&kp);
	addr = lookup_name(name);
#endif
	return addr;
}

/*
 * The table is static in fs/dcache.c.  "table+0x0/0x2000" tells where the next symbol
 * begins; the table, whose size is a power of two, may end before that.
 */
static void ld_find_table(void)
{
	unsigned long addr = ld_symbol("in_lookup_hashtable"), size;
	char text[KSYM_SYMBOL_LEN], *slash;

	if (!addr)
		return;
	sprint_symbol(text, addr);
	slash = strrchr(text, '/');
	if (!slash || kstrtoul(slash + 1, 0, &size) ||
	    size < sizeof(*ld_table))
		return;
	ld_table = (void *)addr;
	ld_table_size = rounddown_pow_of_two(size / sizeof(*ld_table));
}

static int __init ld_init(void)
{
	ld_report = vzalloc(sizeof(*ld_report));
	if (!ld_report)
		return -ENOMEM;
	ld_find_wake_function();
	ld_find_table();
	ld_debugfs = debugfs_create_file("lookup_doctor", 0400, NULL, NULL,
					 &report_fops);
	/* Not there without CONFIG_MAGIC_SYSRQ, and then not missed. */
	register_sysrq_key('L', &ld_sysrq_op);
	return 0;
}

static void __exit ld_exit(void)
{
	unregister_sysrq_key('L', &ld_sysrq_op);
	debugfs_remove(ld_debugfs);
	vfree(ld_report);
}

module_init(ld_init);
module_exit(ld_exit);
MODULE_DESCRIPTION("Says why threads sleep in d_alloc_parallel()");
MODULE_LICENSE("GPL");

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An examination of lookup_doctor's: what has been collected of waiters and dentries, and
 * what is to be said of it.  Data goes from thread.c and queue.c, which read one
 * thread, to collect.c, and from there to verdict.c.
 */
#ifndef LOOKUP_DOCTOR_REPORT_H
#define LOOKUP_DOCTOR_REPORT_H

#include <linux/dcache.h>
#include <linux/list.h>
#include <linux/list_bl.h>
#include <linux/sched.h>

#define LD_MAX		1024		/* waiters, and dentries, in a report */
#define LD_OWNERS	4		/* candidates shown for a dentry */
#define LD_FRAMES	16		/* of a stack */
#define LD_CHAIN_MAX	4096		/* steps along a chain that may be broken */
#define LD_TEXT		(256 * 1024)	/* bytes of a report */
#define LD_NAME		64
#define LD_PAUSE_US	10
#define LD_PATIENCE	1000		/* such pauses in a report, 10 ms */
#define LD_TRIES	40		/* to find the owner of a lookup */
#define LD_RETRY_MS	20

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
	bool			unsure;		/* one of these may own a lookup */
	unsigned long		frames[LD_FRAMES];	/* of the stack said last */
	unsigned int		nr_frames;
	unsigned long		own_frame;
	bool			chains_seen;
	int			hopeless;
	size_t			len;
	char			text[LD_TEXT];
};

extern struct ld_report *ld_report;
extern struct hlist_bl_head *ld_table;	/* in_lookup_hashtable, or NULL */
extern unsigned int ld_table_size;

static inline bool ld_in_lookup(const struct ld_dentry *d)
{
	return d->copy.d_flags & DCACHE_PAR_LOOKUP;
}

/* thread.c */
bool ld_read(void *to, const void *from, size_t size);
void ld_read_name(char *to, const char *from);
unsigned long ld_stack_from(struct task_struct *task);
unsigned long ld_find_on_stack(struct task_struct *task, unsigned long word,
			       unsigned long from);
unsigned int ld_trace(struct task_struct *task, unsigned long *pc);
bool ld_is_in(struct task_struct *task, const char *function);
bool ld_runs_elsewhere(struct task_struct *task);
unsigned long ld_switches(struct task_struct *task);
bool ld_is_asleep(struct task_struct *task);
bool ld_has_moved(const struct ld_waiter *w);

/* queue.c */
void ld_find_wake_function(void);
bool ld_is_queued(const struct list_head *entry);
void ld_find_dentry_of(struct ld_waiter *w);
void ld_follow_queue(struct ld_report *r, struct ld_waiter *w);

/* collect.c */
struct ld_dentry *ld_known(struct ld_report *r, const struct dentry *dentry);
struct ld_waiter *ld_waiter(struct ld_report *r, struct task_struct *task);
void ld_collect(struct ld_report *r);

/* verdict.c */
void ld_say_all(struct ld_report *r);

#endif /* LOOKUP_DOCTOR_REPORT_H */

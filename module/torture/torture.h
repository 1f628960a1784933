/* SPDX-License-Identifier: GPL-2.0 */
/*
 * lookup_torture: kernel threads that look up few names of one directory all
 * the time, so that they meet in d_alloc_parallel().  One of them becomes the
 * owner of a name and ends the lookup in one of many ways, the others sleep
 * until then.  Wrong is: a second owner, a waiter that nobody wakes, a dentry
 * that is not what was asked for, or a bit of the lookup that outlives it.
 *
 * Ownership: a reader alone writes its counters and the time at which it went
 * in, the control thread reads them.  A name is shared by all; see struct
 * lt_name.  All lookups are made with the i_rwsem of the directory held shared,
 * as ->lookup() has it.
 *
 * Calls go one way: main.c has the control thread and starts the readers; the control
 * thread calls stalls.c and disturb.c, a reader, in reader.c, calls ops.c and disturb.c, that
 * calls library.c, and all use state.c.
 */
#ifndef LOOKUP_TORTURE_H
#define LOOKUP_TORTURE_H

#include <linux/atomic.h>
#include <linux/dcache.h>
#include <linux/prandom.h>
#include <linux/sched.h>
#include <linux/types.h>

#define LT_NR_OPS_MAX	16

struct lt_name {
	char		text[16];
	struct qstr	q;
	bool		exact;		/* what a d_add_ci() may find */
	atomic_t	owners;		/* lookups in flight: 0 or 1 */
	atomic_t	drops_begun;	/* counted before the name is unhashed */
	atomic_t	drops_done;	/* and after that */
	atomic_t	left;		/* hashed and unused: only a shrinker takes it away */
};

enum lt_counter {
	LT_LOOKUPS,		/* calls of d_alloc_parallel() */
	LT_OWNED,		/* that had to look the name up */
	LT_FOUND,		/* that got what somebody else had put there */
	LT_SLEPT,		/* times that one of them slept, and was woken */
	LT_SLEPT_FOUND,		/* calls that slept and found */
	LT_NOMEM,
	LT_STUTTERS,		/* times that a reader was halted */
	LT_SHUFFLES,		/* times that it was kept from another CPU than before */
	LT_BOOSTS,		/* times that it got real-time priority */
	LT_EVICTED,		/* lookups of a name whose dentry a shrinker took away */
	LT_NR_COUNTERS
};

struct lt_op_stats {
	u64	ended;
	u64	waited_for;	/* of those, with others at the dentry */
};

struct lt_reader {
	struct task_struct	*task;
	unsigned int		nr;
	struct rnd_state	rnd;
	u64			serial;		/* for names that are unique */
	u64			counters[LT_NR_COUNTERS];
	struct lt_op_stats	ops[LT_NR_OPS_MAX];
	unsigned long		since;		/* jiffies | 1, 0: not inside */
	bool			idle;		/* done, waits to be stopped */
	bool			boosted;	/* to real-time priority */
	unsigned int		spared;		/* the first CPU that it may not run on */

	/* of the control thread */
	unsigned long		reported;	/* ->since of the last stall */
	unsigned int		tries;		/* to get it out of this one */
};

/* By the reader itself, of whose counters lt_sum() makes sums meanwhile. */
static inline void lt_count(struct lt_reader *r, enum lt_counter counter, u64 n)
{
	WRITE_ONCE(r->counters[counter], r->counters[counter] + n);
}

struct lt_op {
	const char	*name;
	/*
	 * End the lookup of @dentry.  Returns what is under the name now, with
	 * a reference: @dentry itself, another one, or NULL.
	 */
	struct dentry	*(*end)(struct lt_reader *r, struct lt_name *name,
				struct dentry *dentry);
	bool		(*available)(void);	/* NULL: always */
	bool		only_by_name;		/* not part of "all" */
	bool		ci;			/* finds the exact name */
};

/* state.c */
extern struct dentry *lt_dir;		/* where the names are */
extern struct dentry *lt_elsewhere;	/* where directories are moved from */
extern struct lt_name *lt_names;	/* nnames, then as many exact ones */
extern struct lt_reader *lt_readers;
extern unsigned int lt_nreaders;
extern unsigned int lt_nnames;
extern unsigned int lt_hold_us;
extern unsigned int lt_gather;		/* waiters that an owner waits for */
extern unsigned int lt_stall_ms;
extern bool lt_look_up_exact;		/* readers ask for the exact names too */
extern bool lt_inject_faults;		/* readers are subject to fault injection */
extern bool lt_evicting;		/* shrinkers are to find something */
extern bool lt_stopping;
extern atomic_t lt_errors;

__printf(1, 2) void lt_error(const char *fmt, ...);
u32 lt_random(struct lt_reader *r, u32 below);
void lt_enter(struct lt_reader *r);
void lt_leave(struct lt_reader *r);
void lt_sum(u64 *counters);
int lt_start_thread(struct task_struct **task, int (*fn)(void *unused), const char *name);
void lt_stop_thread(struct task_struct **task);
void lt_pause(long jiffies);

/* While others take references: d_count() is a plain read, which is a data race. */
static inline int lt_users(const struct dentry *dentry)
{
	return READ_ONCE(dentry->d_lockref.count);
}

/* reader.c */
int lt_reader_fn(void *arg);

/* stalls.c: for the control thread */
extern unsigned int lt_stalls, lt_rescued;
void lt_check_stalls(void);
void lt_ask_doctor(void);

/* disturb.c: for the control thread, and the last two for a reader */
int lt_disturb_check(void);
int lt_disturb_begin(bool verbose, u64 seed);
void lt_disturb_end(void);
bool lt_disturbed(bool complain);
void lt_print_disturbance(void);
void lt_be_disturbed(struct lt_reader *r);
void lt_unboost(struct lt_reader *r);

/* library.c: for disturb.c */
struct lt_library {
	unsigned int	stutter, shuffle_interval;	/* jiffies, 0: not */
	unsigned int	onoff_interval, onoff_holdoff;	/* seconds */
	bool		verbose;
	u64		seed;
};

const char *lt_library_name(void);
int lt_library_begin(const struct lt_library *want);
void lt_library_end(void);
bool lt_stutter_wait(void);

/* ops.c */
extern const struct lt_op lt_ops[];
extern const unsigned int lt_nr_ops;
int lt_select_ops(char *list);
bool lt_op_selected(unsigned int op);
unsigned int lt_pick_op(struct lt_reader *r, const struct lt_name *name);

#endif /* LOOKUP_TORTURE_H */

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * lookup_scale: what it costs to end a lookup in d_alloc_parallel() when nobody
 * waits for it, when few or many do, and when others wait for other names.
 *
 * After kernel/rcu/refscale.c: the module measures when it is loaded, and prints
 * every single measurement, a line "lookup_scale: cost ROW: VALUE..." for each
 * row, in what get_cycles() counts.  In a guest of one CPU that QEMU runs with
 * -icount shift=0 that is instructions.  Elsewhere it is cycles, and rows with
 * waiters are only as good as the machine is quiet.  User-mode Linux has no
 * get_cycles(), but runs on a processor that has a time stamp counter.
 *
 * Rows, N waiters and K threads that wait for K other names:
 *
 *   alloc-add	d_alloc_parallel() and d_add(): a lookup that finds nothing
 *   alloc-done	d_alloc_parallel() and d_lookup_done(): one that fails
 *   splice	d_alloc_parallel() and d_splice_alias() of a directory that is
 *		known in another one, and so moves
 *   wake-N	d_add() of a name that N threads wait for
 *   return-N	from the beginning of that to the return of the last of them
 *   sleep-1	from the entry of a thread into d_alloc_parallel() until
 *		another one runs
 *   alloc-add-unrelated-K, wake-1-unrelated-K, return-1-unrelated-K
 *   alloc-add-colliding-K, wake-1-colliding-K, return-1-colliding-K: the K names
 *		are chosen so that, if waiters on a dentry share the wait queues of
 *		wait_var_event(), all share one
 *
 * Nobody is woken, and no lookup ended, before all its waiters are known to sleep:
 * each has a reference to the dentry and is in state D.
 *
 * Calls go one way: main.c has the parameters and the control thread, which calls the rows:
 * alone.c those in which nobody waits, waited.c those in which somebody does, others.c
 * those in which others wait for other names.  These use threads.c, and all use state.c.
 */
#ifndef LOOKUP_SCALE_H
#define LOOKUP_SCALE_H

#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/dcache.h>
#include <linux/sched.h>
#include <linux/timex.h>
#include <linux/wait.h>

#define LS_MAX_RUNS		61		/* values that fit on a line of the log */
#define LS_WARM_UP		3		/* runs that are not counted */
#define LS_COLLIDING		64

/*
 * Waits for one name after the other.  The control thread writes ->name and then
 * ->inside, which is the order to go; the thread clears ->inside when it is back.
 */
struct ls_thread {
	struct task_struct	*task;
	const struct qstr	*name;
	bool			inside;
	u64			entered;
};

/* A lookup of ours, in flight from ls_begin() to ls_end() or ls_forget(). */
struct ls_lookup {
	struct dentry		*dentry;	/* NULL once that is over */
	wait_queue_head_t	wq;		/* for kernels that want one */
};

/* state.c */
extern struct dentry *ls_dir;		/* where the names are */
extern struct dentry *ls_elsewhere;	/* the other directory */
extern struct dentry *ls_moving;	/* is in one of the two, and goes to the other one */
extern unsigned int ls_runs;		/* of a row, of those that count */
extern bool ls_failed;

/* The measurements of a row. */
extern u64 ls_values[LS_WARM_UP + LS_MAX_RUNS], ls_returns[LS_WARM_UP + LS_MAX_RUNS];

void ls_fail(const char *what);
unsigned int ls_runs_with(unsigned int waiters);
void ls_print(const char *row, const u64 *values, unsigned int n);

static inline u64 ls_now(void)
{
#ifdef CONFIG_UML
	return __builtin_ia32_rdtsc();
#else
	return get_cycles();
#endif
}

/* threads.c */
extern atomic_t ls_left;		/* threads that are not back yet */
extern u64 ls_back;			/* when the last of them was */
extern struct completion ls_all_back;

bool ls_begin(struct ls_lookup *l, struct dentry *dir);
void ls_forget(struct ls_lookup *l);
void ls_end(struct ls_lookup *l);

struct ls_thread *ls_start_threads(const char *what, unsigned int n);
void ls_stop_threads(struct ls_thread *threads, unsigned int n);
void ls_send(struct ls_thread *t, const struct ls_lookup *l);
bool ls_asleep(const struct ls_thread *t);
void ls_await_asleep(const struct ls_thread *threads, unsigned int n);
void ls_await_back(const struct ls_thread *threads, unsigned int n);

/* alone.c */
u64 ls_alloc_add(void);
u64 ls_alloc_done(void);
u64 ls_splice(void);
void ls_alone(const char *row, u64 (*measure)(void));

/* waited.c: all with threads of @pool */
void ls_wake_row(struct ls_thread *pool, unsigned int n, const char *others,
		 struct ls_lookup **lookups);
void ls_wake_rows(struct ls_thread *pool, unsigned int most);
void ls_sleep_row(struct ls_thread *pool);

/* others.c: so do these */
void ls_unrelated_rows(struct ls_thread *pool, unsigned int most);
void ls_colliding_row(struct ls_thread *pool);

#endif /* LOOKUP_SCALE_H */

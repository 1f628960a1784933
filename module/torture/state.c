// SPDX-License-Identifier: GPL-2.0
/*
 * Shared by the rest of lookup_torture.  Nothing here calls any of it.
 */
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/printk.h>

#include "torture.h"

#define LT_MAX_PRINTED	50		/* errors; all are counted */

struct dentry *lt_dir, *lt_elsewhere;
struct lt_name *lt_names;
struct lt_reader *lt_readers;
unsigned int lt_nreaders, lt_nnames, lt_hold_us, lt_gather, lt_stall_ms;
bool lt_look_up_exact, lt_inject_faults, lt_evicting, lt_stopping;
atomic_t lt_errors;

void lt_error(const char *fmt, ...)
{
	struct va_format vaf = { .fmt = fmt };
	va_list args;

	if (atomic_inc_return(&lt_errors) > LT_MAX_PRINTED)
		return;
	va_start(args, fmt);
	vaf.va = &args;
	pr_alert("lookup_torture: !!! %pV\n", &vaf);
	va_end(args);
}

u32 lt_random(struct lt_reader *r, u32 below)
{
	return below ? prandom_u32_state(&r->rnd) % below : 0;
}

/* In between, the reader may sleep for somebody else's lookup. */
void lt_enter(struct lt_reader *r)
{
	WRITE_ONCE(r->since, jiffies | 1);
}

void lt_leave(struct lt_reader *r)
{
	WRITE_ONCE(r->since, 0);
}

void lt_sum(u64 *counters)
{
	unsigned int i, c;

	memset(counters, 0, LT_NR_COUNTERS * sizeof(*counters));
	for (i = 0; i < lt_nreaders; i++)
		for (c = 0; c < LT_NR_COUNTERS; c++)
			counters[c] += READ_ONCE(lt_readers[i].counters[c]);
}

/* A thread that disturbs; it runs until it is stopped.  *@task is NULL if there is none. */
int lt_start_thread(struct task_struct **task, int (*fn)(void *unused), const char *name)
{
	struct task_struct *started = kthread_run(fn, NULL, "lookup_%s", name);

	if (IS_ERR(started))
		return PTR_ERR(started);
	*task = started;
	return 0;
}

void lt_stop_thread(struct task_struct **task)
{
	if (*task)
		kthread_stop(*task);
	*task = NULL;
}

/* Of such a thread: it ends early if the thread is to stop. */
void lt_pause(long jiffies)
{
	set_current_state(TASK_IDLE);
	if (kthread_should_stop())
		__set_current_state(TASK_RUNNING);
	else
		schedule_timeout(jiffies);
}

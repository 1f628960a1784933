/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A helper thread whose sleep can be proved.
 *
 * A test about waiting is worth nothing if the waiter has not gone to sleep
 * yet when it is woken.  So nobody here guesses: a thread announces that it is
 * about to wait, and it counts as parked once its state says that it sleeps,
 * it has given up its CPU since the announcement, and, where stacks can be
 * read, it sleeps below the function it is meant to sleep in.  On PREEMPT_RT it
 * must be in no run queue, either.
 *
 * The body of a thread counts and records.  It asserts nothing: that is for
 * the test, which reads what was recorded after parked_thread_has_left() or
 * after whatever release the body has made.
 *
 * All waits take a bound.  A thread that does not leave in time cannot be
 * ended by force; parked_thread_collect() says so and its caller has to keep
 * the memory and the module that the thread uses.
 */
#ifndef PARKED_THREAD_H
#define PARKED_THREAD_H

#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/string.h>

#include "dcache_compat.h"

#define ANY_CPU	(-1)

/* Poll until @condition is true, @ms milliseconds at most.  May sleep. */
#define poll_within(ms, condition)					\
({									\
	unsigned long __until = jiffies + msecs_to_jiffies(ms) + 1;	\
	bool __late, __true;						\
									\
	for (;;) {							\
		__late = time_after(jiffies, __until);			\
		__true = (condition);					\
		if (__true || __late)					\
			break;						\
		usleep_range(50, 100);					\
	}								\
	__true;								\
})

/*
 * @condition has to come true soon: within the bound of poll_until(), which each suite
 * defines for itself.  A failure shows @condition as it is written.
 */
#define KUNIT_ASSERT_SOON_MSG(test, condition, fmt, ...)		\
do {									\
	if (!poll_until(condition))					\
		KUNIT_FAIL_AND_ABORT(test, "did not happen: " #condition \
				     ": " fmt, ##__VA_ARGS__);		\
} while (0)

#define KUNIT_EXPECT_SOON(test, condition)				\
do {									\
	if (!poll_until(condition))					\
		KUNIT_FAIL(test, "did not happen: " #condition);	\
} while (0)

#define KUNIT_ASSERT_SOON(test, condition)				\
do {									\
	if (!poll_until(condition))					\
		KUNIT_FAIL_AND_ABORT(test, "did not happen: " #condition); \
} while (0)

/* One thread raises a flag, another one sees it and all that came before. */
static inline void raise_flag(bool *flag)
{
	/* pairs with flag_is_up() */
	smp_store_release(flag, true);
}

static inline bool flag_is_up(const bool *flag)
{
	/* pairs with raise_flag() */
	return smp_load_acquire(flag);
}

struct parked_thread {
	struct task_struct *task;
	void (*body)(struct parked_thread *self);
	unsigned long switches;		/* at the announcement */
	bool about_to_wait;
	bool running;
	struct completion left;
};

static inline int parked_thread_main(void *data)
{
	struct parked_thread *self = data;

	self->body(self);
	complete_all(&self->left);
	return 0;
}

/* The thread itself calls this right before the call that is to sleep. */
static inline void parked_thread_announce(struct parked_thread *self)
{
	self->switches = current->nvcsw;
	raise_flag(&self->about_to_wait);
}

/* Make the thread, bound to @cpu unless that is ANY_CPU; it does not run yet. */
static inline int parked_thread_create(struct parked_thread *pt,
				       void (*body)(struct parked_thread *self),
				       int cpu, const char *name)
{
	struct task_struct *task;

	pt->body = body;
	pt->about_to_wait = false;
	pt->running = false;
	init_completion(&pt->left);

	task = kthread_create(parked_thread_main, pt, "%s", name);
	if (IS_ERR(task))
		return PTR_ERR(task);
	if (cpu != ANY_CPU)
		kthread_bind(task, cpu);
	pt->task = get_task_struct(task);
	return 0;
}

static inline void parked_thread_run(struct parked_thread *pt)
{
	pt->running = true;
	wake_up_process(pt->task);
}

/* Is @function on the stack?  True as well where stacks cannot be read. */
static inline bool parked_thread_is_in(struct parked_thread *pt,
				       const char *function)
{
#if defined(CONFIG_STACKTRACE) && defined(CONFIG_KALLSYMS)
	size_t len = strlen(function);
	unsigned long pc[16];
	unsigned int i, nr;
	char symbol[64];

	nr = compat_stack_trace(pt->task, pc, ARRAY_SIZE(pc));
	for (i = 0; i < nr; i++) {
		snprintf(symbol, sizeof(symbol), "%ps", (void *)pc[i]);
		if (strncmp(symbol, function, len))
			continue;
		/* compilers append .suffixes, modules their [name] */
		if (!symbol[len] || symbol[len] == '.' || symbol[len] == ' ')
			return true;
	}
	return !nr;
#else
	return true;
#endif
}

/* How often the thread has gone to sleep since it was started. */
static inline unsigned long parked_thread_switches(struct parked_thread *pt)
{
	return READ_ONCE(pt->task->nvcsw);
}

/*
 * Have threads gone to sleep as often as @wanted?  No more often, either, but on
 * PREEMPT_RT, where a spinlock that is contended counts as well.
 */
static inline bool parked_switches_are(unsigned long switches,
				       unsigned long wanted)
{
	return IS_ENABLED(CONFIG_PREEMPT_RT) ? switches >= wanted :
					       switches == wanted;
}

/*
 * Not on its way to schedule(), with the state set already: on PREEMPT_RT it may have slept
 * before, for a spinlock.  A sleeper may stay in the run queue until it is picked next; when it
 * is taken off then, this can be false for a moment, so it is asked where it has to be.
 */
static inline bool parked_thread_is_dequeued(struct parked_thread *pt)
{
	if (!IS_ENABLED(CONFIG_PREEMPT_RT))
		return true;
#ifdef COMPAT_HAVE_SCHED_DELAYED
	if (READ_ONCE(pt->task->se.sched_delayed))
		return true;
#endif
	return !READ_ONCE(pt->task->on_rq);
}

static inline bool parked_thread_sleeps(struct parked_thread *pt,
					unsigned int state,
					const char *function)
{
	return flag_is_up(&pt->about_to_wait) &&
	       READ_ONCE(pt->task->__state) == state &&
	       parked_thread_switches(pt) != pt->switches &&
	       parked_thread_is_dequeued(pt) &&
	       parked_thread_is_in(pt, function);
}

static inline bool parked_thread_has_left(struct parked_thread *pt)
{
	return !pt->task || !pt->running || completion_done(&pt->left);
}

/*
 * Wait for the end of the thread and release it.  False if it is still in its
 * body after @ms: then everything it can touch has to stay.
 */
static inline bool parked_thread_collect(struct parked_thread *pt,
					 unsigned int ms)
{
	if (!pt->task)
		return true;
	if (pt->running &&
	    !wait_for_completion_timeout(&pt->left, msecs_to_jiffies(ms) + 1)) {
		pr_err("thread %s/%d does not come back, it is left behind\n",
		       pt->task->comm, task_pid_nr(pt->task));
		return false;
	}
	/* past its body or never in it, but maybe still in this module's text */
	kthread_stop(pt->task);
	put_task_struct(pt->task);
	pt->task = NULL;
	return true;
}

#endif

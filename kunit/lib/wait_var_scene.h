/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Threads that wait for a variable under a lock, with what the suites
 * wait_var_* test.  A scene ends by itself when its case is over: it
 * makes every condition true, wakes waiters that were forgotten and collects all.
 */
#ifndef WAIT_VAR_SCENE_H
#define WAIT_VAR_SCENE_H

#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/wait_bit.h>

#include "parked_thread.h"
#include "suite.h"

#ifdef wait_var_event_spinlock
#define HAVE_PRIMITIVE	true
#else
#define HAVE_PRIMITIVE	false
#endif

/* Waiters can hang on the object, and need not share the table of wait queues. */
#ifdef __is_wait_var_queue
#define HAVE_QUEUE	true
#else
#define HAVE_QUEUE	false
struct wait_var_queue {
	struct list_head entries;
};
#endif

#define FEW	3
#define MANY	16
#define VERY_MANY	320

/* More than there are wait queues for variables: two share one. */
#define VARIABLES	257

/* Times that two threads hand a variable to each other. */
#define HANDOVERS	200

/* A module parameter. */
extern unsigned int wait_var_bound_ms;

#define poll_until(condition)	poll_within(wait_var_bound_ms, condition)

/* Shared by the waiters. */
struct scene {
	struct kunit *test;
	spinlock_t lock;		/* protects var, queue and turns */
	unsigned long var[VARIABLES];
	struct wait_var_queue queue[VARIABLES];	/* of each, if on_queue */
	bool on_queue;
	unsigned int turns;
	struct list_head waiters;
};

/* A thread that waits until DONE is set in *@var, or for its turn. */
struct waiter {
	struct list_head list;
	struct parked_thread thread;
	struct scene *scene;
	unsigned long *var;
	unsigned int state;		/* to sleep in */
	bool take_signals;
	bool mark;			/* leave MARK in *var when about to wait */
	bool watched;			/* look at its state when it drops the lock, */
	bool finishes;			/* and make it finish there what it waits for */
	bool kills_itself;		/* a signal is pending before it waits */
	unsigned int parity;		/* of the turns that it waits for */

	unsigned int looks;		/* at the condition */
	unsigned int looks_unlocked;
	bool returned_unlocked;
	unsigned int unready;		/* dropped the lock when nobody could wake it */
	long result;
	unsigned long slept;
};

#define DONE	1ul
#define MARK	2ul

/* How often waiters of the scene were put on the queue of their variable. */
struct queue_watch {
	unsigned int queued;
	unsigned int unlocked;		/* while nobody held the lock */
};

/* Skips the case where that cannot be seen.  Read it when all is quiet. */
struct queue_watch *watch_queueing(struct scene *scene);

/* Called by a thread that should hold the lock.  On UP it cannot be told. */
static inline bool is_unlocked(spinlock_t *lock)
{
	if (!IS_ENABLED(CONFIG_SMP) || !spin_trylock(lock))
		return false;
	spin_unlock(lock);
	return true;
}

/* wait_var_ways.c: all with the lock held, which the first two drop to sleep */
long scene_wait(struct waiter *waiter);
void scene_wait_for_turn(struct waiter *waiter);
void scene_wake(struct scene *scene, unsigned long *var);

/* wait_var_ways.c: these take it */
bool somebody_queues_for(struct scene *scene, unsigned long *var);
void scene_finish(struct scene *scene, unsigned long *var);

/* wait_var_scene.c */
void wait_var_body(struct parked_thread *self);
void play_var_body(struct parked_thread *self);
bool scene_is_empty(struct scene *scene);
struct scene *scene_begin(struct kunit *test, bool on_queue);
struct waiter *scene_waiter(struct scene *scene, unsigned long *var);
void waiter_start(struct waiter *waiter,
		  void (*body)(struct parked_thread *self));
bool waiters_are_parked(struct waiter **all, unsigned int nr);
unsigned long waiter_switches(struct waiter **all, unsigned int nr);
void waiters_park(struct scene *scene, struct waiter **all, unsigned int nr,
		  unsigned long *var);
void waiters_park_in_turn(struct scene *scene, struct waiter **all,
			  unsigned int nr, unsigned long *var);
void waiters_expect_left(struct scene *scene, struct waiter **all,
			 unsigned int nr);
void waiters_expect_interrupted(struct scene *scene, struct waiter **all,
				unsigned int nr);

#endif

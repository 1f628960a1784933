// SPDX-License-Identifier: GPL-2.0
// compiles
// calls: __wake_up_var_queue 1
// calls: wake_up_var 0
// calls: __var_waitqueue 0
/* An array is the address of its first queue, here as elsewhere. */
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/wait_bit.h>

struct thing {
	spinlock_t lock;
	bool busy;
	struct wait_var_queue waiters[1];
};

void wait_for(struct thing *t);
void wake(struct thing *t);

void wait_for(struct thing *t)
{
	wait_var_event_spinlock(t->waiters, !t->busy, &t->lock);
}

void wake(struct thing *t)
{
	wake_up_var_locked(t->waiters, &t->lock);
}

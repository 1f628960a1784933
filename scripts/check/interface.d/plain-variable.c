// SPDX-License-Identifier: GPL-2.0
// compiles
// calls: wake_up_var 1
/* A plain variable needs no other headers than before there were queues. */
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/wait_bit.h>

struct thing {
	spinlock_t lock;
	bool busy;
};

void wait_for(struct thing *t);
void wake(struct thing *t);

void wait_for(struct thing *t)
{
	wait_var_event_spinlock(&t->busy, !t->busy, &t->lock);
}

void wake(struct thing *t)
{
	wake_up_var_locked(&t->busy, &t->lock);
}

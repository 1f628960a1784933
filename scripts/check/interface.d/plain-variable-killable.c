// SPDX-License-Identifier: GPL-2.0
// compiles
/* Neither does one that a signal may interrupt. */
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/wait_bit.h>

struct thing {
	spinlock_t lock;
	bool busy;
};

int wait_for(struct thing *t);

int wait_for(struct thing *t)
{
	return wait_var_event_any_lock(&t->busy, !t->busy, &t->lock, spin,
				       TASK_KILLABLE);
}

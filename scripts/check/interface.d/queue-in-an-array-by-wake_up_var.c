// SPDX-License-Identifier: GPL-2.0
// error: a wait_var_queue needs its lock
/* Nor would it if the address is that of an array. */
#include <linux/sched.h>
#include <linux/wait_bit.h>

struct thing {
	struct wait_var_queue waiters[1];
};

void wake(struct thing *t);

void wake(struct thing *t)
{
	wake_up_var(t->waiters);
}

// SPDX-License-Identifier: GPL-2.0
// error: a wait_var_queue needs its lock
/* It would wake nobody. */
#include <linux/sched.h>
#include <linux/wait_bit.h>

void wake(struct wait_var_queue *queue);

void wake(struct wait_var_queue *queue)
{
	wake_up_var(queue);
}

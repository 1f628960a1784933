// SPDX-License-Identifier: GPL-2.0
// error: a wait_var_queue needs its lock
/* Nothing would protect the queue. */
#include <linux/sched.h>
#include <linux/wait_bit.h>

void wait_for(struct wait_var_queue *queue, bool *done);

void wait_for(struct wait_var_queue *queue, bool *done)
{
	wait_var_event(queue, READ_ONCE(*done));
}

// SPDX-License-Identifier: GPL-2.0
// error: a wait_var_queue needs its lock
/* Nor here. */
#include <linux/sched.h>
#include <linux/wait_bit.h>

int wait_for(struct wait_var_queue *queue, bool *done);

int wait_for(struct wait_var_queue *queue, bool *done)
{
	return wait_var_event_killable(queue, READ_ONCE(*done));
}

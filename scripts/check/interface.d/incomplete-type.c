// SPDX-License-Identifier: GPL-2.0
// compiles
// calls: wake_up_var 2
/* The address may be that of something which is not known here, or of nothing. */
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/wait_bit.h>

struct unknown;

void wake(struct unknown *unknown, void *nothing, spinlock_t *lock);

void wake(struct unknown *unknown, void *nothing, spinlock_t *lock)
{
	wake_up_var_locked(unknown, lock);
	wake_up_var_locked(nothing, lock);
}

// SPDX-License-Identifier: GPL-2.0
// compiles
// calls: next_thing 3
// calls: next_lock 1
/* Arguments with side effects: three of these and one of those, each once. */
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/wait_bit.h>

struct thing {
	bool busy;
	struct wait_var_queue waiters;
};

struct thing *next_thing(void);
spinlock_t *next_lock(void);

void wake_queue(void);
void wake_variable(void);
void wait_for(struct thing *t);

void wake_queue(void)
{
	wake_up_var_protected(&next_thing()->waiters, true);
}

void wake_variable(void)
{
	wake_up_var_protected(&next_thing()->busy, true);
}

void wait_for(struct thing *t)
{
	wait_var_event_spinlock(&next_thing()->waiters, !t->busy, next_lock());
}

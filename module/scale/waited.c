// SPDX-License-Identifier: GPL-2.0
/*
 * Rows in which threads wait for the lookup that is measured.
 */
#include <linux/irqflags.h>
#include <linux/kernel.h>

#include "dcache_compat.h"
#include "scale.h"

static void ls_send_all(struct ls_thread *pool, unsigned int n, const struct ls_lookup *l)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		ls_send(&pool[i], l);
	ls_await_asleep(pool, n);
}

/*
 * End a lookup that the first @n of @pool wait for, run @i of its row.  With interrupts
 * off, so that a tick does not count, where d_add() can be called so.
 */
static void ls_wake(const struct ls_thread *pool, unsigned int n, struct ls_lookup *l,
		    unsigned int i)
{
	unsigned long flags = 0;
	u64 start;

	if (d_count(l->dentry) != 1 + n)
		ls_fail("not all who wait have a reference");
	atomic_set(&ls_left, n);
	reinit_completion(&ls_all_back);

	if (!IS_ENABLED(CONFIG_PREEMPT_RT))
		local_irq_save(flags);
	start = ls_now();
	d_add(l->dentry, NULL);
	ls_values[i] = ls_now() - start;
	if (!IS_ENABLED(CONFIG_PREEMPT_RT))
		local_irq_restore(flags);

	if (!ls_failed) {
		wait_for_completion(&ls_all_back);
		ls_returns[i] = ls_back - start;
	}
	ls_await_back(pool, n);
	ls_forget(l);
}

/* The lookups begin here, or are @lookups, which have begun. */
void ls_wake_row(struct ls_thread *pool, unsigned int n, const char *others,
		 struct ls_lookup **lookups)
{
	struct ls_lookup own, *l;
	char row[48];
	unsigned int i;

	for (i = 0; i < ls_runs_with(n) && !ls_failed; i++) {
		l = lookups ? lookups[i] : &own;
		if (!lookups && !ls_begin(l, ls_dir))
			return;
		ls_send_all(pool, n, l);
		ls_wake(pool, n, l, i);
	}
	snprintf(row, sizeof(row), "wake-%u%s", n, others);
	ls_print(row, ls_values, i);
	snprintf(row, sizeof(row), "return-%u%s", n, others);
	ls_print(row, ls_returns, i);
}

void ls_wake_rows(struct ls_thread *pool, unsigned int most)
{
	static const unsigned int sizes[] = { 1, 2, 16, 256, 2048 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		if (sizes[i] <= most)
			ls_wake_row(pool, sizes[i], "", NULL);
}

/* The control thread gives way, and comes back once no other thread can run. */
void ls_sleep_row(struct ls_thread *pool)
{
	struct ls_lookup l;
	u64 end;
	unsigned int i;

	for (i = 0; i < ls_runs_with(1) && !ls_failed; i++) {
		if (!ls_begin(&l, ls_dir))
			return;
		ls_send(&pool[0], &l);
		do {
			cond_resched();
			end = ls_now();
		} while (!ls_asleep(&pool[0]) && !ls_failed);
		ls_wake(pool, 1, &l, i);
		ls_values[i] = end - pool[0].entered;
	}
	ls_print("sleep-1", ls_values, i);
}

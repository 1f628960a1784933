// SPDX-License-Identifier: GPL-2.0
/*
 * Rows in which more threads wait, for other names.
 */
#include <linux/kernel.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/wait_bit.h>

#include "dcache_compat.h"
#include "scale.h"

#define LS_MAX_CANDIDATES	200000		/* to find enough that collide */

void ls_unrelated_rows(struct ls_thread *pool, unsigned int most)
{
	static const unsigned int sizes[] = { 1000, 8000, 64000 };
	struct ls_lookup *lookups;
	struct ls_thread *threads;
	unsigned int i, n = 0, nr = 0;
	char others[32], row[48];

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		if (sizes[i] <= most)
			nr = sizes[i];
	if (!nr || ls_failed)
		return;
	lookups = kvcalloc(nr, sizeof(*lookups), GFP_KERNEL);
	if (!lookups) {
		ls_fail("no memory");
		return;
	}
	threads = ls_start_threads("other", nr);
	if (!threads) {
		kvfree(lookups);
		return;
	}
	for (i = 0; i < ARRAY_SIZE(sizes) && sizes[i] <= nr; i++) {
		for (; n < sizes[i]; n++) {
			if (!ls_begin(&lookups[n], ls_dir))
				goto out;
			/* not counted in ls_left: these stay beyond the end of the row */
			ls_send(&threads[n], &lookups[n]);
			cond_resched();
		}
		ls_await_asleep(threads, n);
		snprintf(others, sizeof(others), "-unrelated-%u", n);
		snprintf(row, sizeof(row), "alloc-add%s", others);
		ls_alone(row, ls_alloc_add);
		ls_wake_row(pool, 1, others, NULL);
	}
out:
	atomic_set(&ls_left, INT_MAX);
	while (n--)
		ls_end(&lookups[n]);
	ls_stop_threads(threads, nr);
	kvfree(lookups);
}

static bool ls_collides(const struct ls_lookup *l, wait_queue_head_t *queue)
{
	return __var_waitqueue(compat_wait_key(l->dentry)) == queue;
}

/*
 * Lookups that nobody waits for, with the 64 others on @queue asleep.  A lookup is known
 * to belong there once it has begun, so it is timed in two parts.  One that does not is
 * kept, or its memory would come again.  Returns how many lookups of @all are in use.
 */
static unsigned int ls_colliding_alone(struct ls_lookup *all, unsigned int n,
				       wait_queue_head_t *queue)
{
	unsigned int i = 0;
	char row[32];
	u64 start, spent;

	while (i < ls_runs_with(0) && !ls_failed && n < LS_MAX_CANDIDATES) {
		struct ls_lookup *l = &all[n++];

		start = ls_now();
		if (!ls_begin(l, ls_dir)) {
			l->dentry = NULL;
			break;
		}
		spent = ls_now() - start;
		if (!ls_collides(l, queue))
			continue;
		start = ls_now();
		d_add(l->dentry, NULL);
		ls_values[i++] = spent + ls_now() - start;
		ls_forget(l);
	}
	snprintf(row, sizeof(row), "alloc-add-colliding-%u", LS_COLLIDING);
	if (i == ls_runs_with(0))
		ls_print(row, ls_values, i);
	else if (!ls_failed)
		pr_info("lookup_scale: left out %s: not enough of %u names collide\n",
			row, n);
	return n;
}

/* All of these lookups share one queue of wait_var_event(). */
void ls_colliding_row(struct ls_thread *pool)
{
	const unsigned int want = LS_COLLIDING + LS_WARM_UP + LS_MAX_RUNS;
	struct ls_lookup *all, **hit;
	unsigned int i, n, hits = 0;
	wait_queue_head_t *queue = NULL;
	char others[32];

	all = kvcalloc(LS_MAX_CANDIDATES, sizeof(*all), GFP_KERNEL);
	hit = kvcalloc(want, sizeof(*hit), GFP_KERNEL);
	if (!all || !hit)
		ls_fail("no memory");
	for (n = 0; !ls_failed && hits < want && n < LS_MAX_CANDIDATES; n++) {
		struct ls_lookup *l = &all[n];

		if (!ls_begin(l, ls_dir))
			break;
		if (!queue)
			queue = __var_waitqueue(compat_wait_key(l->dentry));
		if (ls_collides(l, queue))
			hit[hits++] = l;
	}
	if (hits == want) {
		/* pool[0] waits for the lookup that is measured */
		for (i = 0; i < LS_COLLIDING; i++)
			ls_send(&pool[1 + i], hit[i]);
		ls_await_asleep(pool + 1, LS_COLLIDING);
		n = ls_colliding_alone(all, n, queue);
		snprintf(others, sizeof(others), "-colliding-%u", LS_COLLIDING);
		ls_wake_row(pool, 1, others, hit + LS_COLLIDING);
	} else {
		pr_info("lookup_scale: left out alloc-add-colliding-%u wake-1-colliding-%u return-1-colliding-%u: not enough of %u names collide\n",
			LS_COLLIDING, LS_COLLIDING, LS_COLLIDING, n);
	}
	atomic_set(&ls_left, INT_MAX);
	while (n--)
		if (all[n].dentry)
			ls_end(&all[n]);
	kvfree(all);
	kvfree(hit);
}

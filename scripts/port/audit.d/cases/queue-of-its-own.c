// SPDX-License-Identifier: GPL-2.0
/*
 * calls in the old form are ported, and wait queues that nothing else uses are removed
 *
 * says: d_alloc_parallel\(\) in on_stack\(\): ported to the new form
 * says: d_alloc_parallel\(\) in initialised\(\): ported to the new form
 * says: &wq in (on_stack|initialised|static_one|in_loop)\(\): removed
 * says: call sites: 5 before, 5 ported, 0 left; 5 after, 5 of them in the new form
 * has: = d_alloc_parallel\(parent, name\);
 * has: = d_alloc_parallel\(parent, &name\[i\]\);
 * lacks: wq|wait_queue
 * last: 1 passed, 0 failed, 0 skipped
 */
#include <linux/dcache.h>

struct dentry *on_stack(struct dentry *parent, const struct qstr *name)
{
	DECLARE_WAIT_QUEUE_HEAD_ONSTACK(wq);
	struct dentry *dentry;

	dentry = d_alloc_parallel(parent, name, &wq);
	if (!IS_ERR(dentry) && is_stale(dentry)) {
		dput(dentry);
		dentry = d_alloc_parallel(parent, name,
					  &wq);
	}
	return dentry;
}

struct dentry *initialised(struct dentry *parent, const struct qstr *name)
{
	wait_queue_head_t wq;
	struct dentry *dentry;

	if (!parent)
		return NULL;
	init_waitqueue_head(&wq);
	dentry = d_alloc_parallel(parent, name, &wq);
	return dentry;
}

struct dentry *static_one(struct dentry *parent, const struct qstr *name)
{
	static DECLARE_WAIT_QUEUE_HEAD(wq);
	struct dentry *dentry = d_alloc_parallel(parent, name, &wq);

	return dentry;
}

struct dentry *in_loop(struct dentry *parent, const struct qstr *name)
{
	struct dentry *dentry = NULL;
	int i;

	for (i = 0; i < 2 && !dentry; i++) {
		DECLARE_WAIT_QUEUE_HEAD_ONSTACK(wq);

		dentry = d_alloc_parallel(parent, &name[i], &wq);
		if (!IS_ERR(dentry))
			break;
	}
	return dentry;
}

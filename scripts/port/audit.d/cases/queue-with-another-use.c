// SPDX-License-Identifier: GPL-2.0
/*
 * a wait queue that is used for something else is kept, and so is one from elsewhere
 *
 * says: &wq in waits\(\): kept, for it is used in "wait_event\(wq, parent->d_fsdata\);", too
 * says: &shared in of_the_file\(\): kept
 * says: wq in handed_in\(\): kept
 * says: call sites: 3 before, 3 ported, 0 left
 * has: ^	DECLARE_WAIT_QUEUE_HEAD_ONSTACK\(wq\);
 * has: ^static DECLARE_WAIT_QUEUE_HEAD\(shared\);
 * has: wait_queue_head_t \*wq\)
 * lacks: d_alloc_parallel\(parent, name, [&w]
 * last: 1 passed, 0 failed, 0 skipped
 */
#include <linux/dcache.h>

static DECLARE_WAIT_QUEUE_HEAD(shared);

struct dentry *waits(struct dentry *parent, const struct qstr *name)
{
	DECLARE_WAIT_QUEUE_HEAD_ONSTACK(wq);
	struct dentry *dentry;

	dentry = d_alloc_parallel(parent, name, &wq);
	if (IS_ERR(dentry))
		wait_event(wq, parent->d_fsdata);
	return dentry;
}

struct dentry *of_the_file(struct dentry *parent, const struct qstr *name)
{
	return d_alloc_parallel(parent, name, &shared);
}

struct dentry *handed_in(struct dentry *parent, const struct qstr *name,
			 wait_queue_head_t *wq)
{
	return d_alloc_parallel(parent, name, wq);
}

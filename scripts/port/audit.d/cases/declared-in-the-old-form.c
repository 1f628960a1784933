// SPDX-License-Identifier: GPL-2.0
/*
 * who declares the function in the old form has to leave that to the kernel
 *
 * says: :11: d_alloc_parallel\(\) is declared in the old form; leave that to <linux/dcache.h>
 * has: return d_alloc_parallel\(parent, &parent->d_name\);
 * last: 0 passed, 1 failed, 0 skipped
 */
#include <linux/fs.h>

extern struct dentry *d_alloc_parallel(struct dentry *, const struct qstr *,
				       wait_queue_head_t *);

struct dentry *look(struct dentry *parent)
{
	DECLARE_WAIT_QUEUE_HEAD_ONSTACK(wq);

	return d_alloc_parallel(parent, &parent->d_name, &wq);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * the new form, comments, strings and #if 0 are nothing to port
 *
 * says: call sites: 1 before, 0 ported, 0 left; 1 after, 1 of them in the new form
 * says: d_alloc_parallel\(\) in #if 0: left as it is
 * says: patch: none, for there is nothing to port
 * silent: ^calls in the old form|^not ported
 * last: 1 passed, 0 failed, 0 skipped
 */
#include <linux/dcache.h>

struct dentry *new_form(struct dentry *parent, const struct qstr *name)
{
	// not d_alloc_parallel(parent, name, &wq)
	pr_debug("d_alloc_parallel(%p, %p, &wq)\n", parent, name);
	return d_alloc_parallel(parent, name);
}

#if 0
struct dentry *old_form(struct dentry *parent, const struct qstr *name)
{
	DECLARE_WAIT_QUEUE_HEAD_ONSTACK(wq);

	return d_alloc_parallel(parent, name, &wq);
}
#endif

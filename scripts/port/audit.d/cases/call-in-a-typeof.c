// SPDX-License-Identifier: GPL-2.0
/*
 * a call after typeof() in the same statement is a call, and a name in typeof() is none
 *
 * says: d_alloc_parallel\(\) in typed\(\): ported to the new form
 * says: d_alloc_parallel\(\) in compatible\(\): ported to the new form
 * says: call sites: 2 before, 2 ported, 0 left; 2 after, 2 of them in the new form
 * lacks: &wq
 * last: 1 passed, 0 failed, 0 skipped
 */
#include <linux/dcache.h>

typedef typeof(d_alloc_parallel) allocates;

int typed(struct dentry *parent, const struct qstr *name)
{
	DECLARE_WAIT_QUEUE_HEAD_ONSTACK(wq);
	typeof(parent) dentry = d_alloc_parallel(parent, name, &wq);

	if (IS_ERR(dentry))
		return PTR_ERR(dentry);
	d_lookup_done(dentry);
	return 0;
}

struct dentry *compatible(struct dentry *parent, const struct qstr *name)
{
	DECLARE_WAIT_QUEUE_HEAD_ONSTACK(wq);

	if (__builtin_types_compatible_p(typeof(parent), struct dentry *))
		return d_alloc_parallel(parent, name, &wq);
	return NULL;
}

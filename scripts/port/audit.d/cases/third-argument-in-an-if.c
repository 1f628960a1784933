// SPDX-License-Identifier: GPL-2.0
/*
 * a call with only its third argument in an #if knows both forms; any other #if in it is not ported
 *
 * says: d_alloc_parallel\(\) in third\(\): is with the third argument in an #if; left as it is
 * says: d_alloc_parallel\(\) in second\(\): has an #if among its arguments; port it by hand
 * says: d_alloc_parallel\(\) in both_ways\(\): has an #if among its arguments; port it by hand
 * says: call sites: 3 before, 0 ported, 3 left
 * says: patch: none
 * last: 0 passed, 1 failed, 0 skipped
 */
#include <linux/dcache.h>

struct dentry *third(struct dentry *parent, const struct qstr *name)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 2, 0)
	DECLARE_WAIT_QUEUE_HEAD_ONSTACK(wq);
#endif

	return d_alloc_parallel(parent, name
#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 2, 0)
				, &wq
#endif
				);
}

struct dentry *second(struct dentry *parent, const struct qstr *name)
{
	DECLARE_WAIT_QUEUE_HEAD_ONSTACK(wq);

	return d_alloc_parallel(parent,
#ifdef CONFIG_UNICODE
				folded(name)
#else
				name
#endif
				, &wq);
}

struct dentry *both_ways(struct dentry *parent, const struct qstr *name)
{
	DECLARE_WAIT_QUEUE_HEAD_ONSTACK(wq);

	return d_alloc_parallel(parent, name,
#ifdef CONFIG_TRACE
				traced(&wq)
#else
				&wq
#endif
				);
}

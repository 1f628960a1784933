// SPDX-License-Identifier: GPL-2.0
/*
 * both forms, each in an #if of its own, are left to the reader
 *
 * says: :24: d_alloc_parallel\(\) in in_two\(\): is in an #if .* in another #if.* port it by hand
 * says: d_alloc_parallel\(\) in whole\(\): ported to the new form
 * says: call sites: 3 before, 1 ported, 1 left
 * has: ^	return d_alloc_parallel\(parent, name, &wq\);
 * has: ^	DECLARE_WAIT_QUEUE_HEAD_ONSTACK\(wq\);
 * last: 0 passed, 1 failed, 0 skipped
 */
#include <linux/dcache.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 2, 0)
#define OLD
#endif

#ifdef CONFIG_MYFS
struct dentry *in_two(struct dentry *parent, const struct qstr *name)
{
#ifdef OLD
	DECLARE_WAIT_QUEUE_HEAD_ONSTACK(wq);

	return d_alloc_parallel(parent, name, &wq);
#endif
#ifndef OLD
	return d_alloc_parallel(parent, name);
#endif
}

struct dentry *whole(struct dentry *parent, const struct qstr *name)
{
	DECLARE_WAIT_QUEUE_HEAD_ONSTACK(queue);

	return d_alloc_parallel(parent, name, &queue);
}
#endif

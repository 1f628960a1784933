// SPDX-License-Identifier: GPL-2.0
/*
 * the other form in an #if that is not just the opposite does not make a call know both
 *
 * says: :19: d_alloc_parallel\(\) in fast\(\): is in an #if that has the other form in another branch
 * says: :24: d_alloc_parallel\(\) in fast\(\): is in an #if that has the other form, too
 * says: call sites: 3 before, 0 ported, 3 left
 * last: 0 passed, 1 failed, 0 skipped
 */
#include <linux/dcache.h>

struct dentry *fast(struct dentry *parent, const struct qstr *name)
{
	DECLARE_WAIT_QUEUE_HEAD_ONSTACK(wq);

	if (!parent)
		return NULL;
#ifdef CONFIG_MYFS_FAST
	return d_alloc_parallel(parent, name, &wq);
#else
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 2, 0)
	return d_alloc_parallel(parent, name);
#else
	return d_alloc_parallel(parent, name, &wq);
#endif
#endif
}

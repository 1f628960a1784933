// SPDX-License-Identifier: GPL-2.0
/*
 * a call that is there in both forms, in an #if, is left as it is
 *
 * says: [0-9]+: d_alloc_parallel\(\) in by_version\(\): is in an #if that has the other form, too
 * says: d_alloc_parallel\(\) in by_version\(\): the version of the kernel decides which form it is, but one before 7.2
 * says: d_alloc_parallel\(\) in if_debug\(\): ported to the new form
 * says: call sites: 8 before, 1 ported, 6 left \(6 in an #if that has the other form, too\)
 * silent: d_alloc_parallel\(\) in by_option\(\): the version
 * has: ^	return d_alloc_parallel\(parent, name, &wq\);
 * has: ^	return d_alloc_parallel\(parent, name\);
 * last: 1 passed, 0 failed, 0 skipped
 */
#include <linux/dcache.h>

struct dentry *by_version(struct dentry *parent, const struct qstr *name)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 2, 0)
	DECLARE_WAIT_QUEUE_HEAD_ONSTACK(wq);

	return d_alloc_parallel(parent, name, &wq);
#else
	return d_alloc_parallel(parent, name);
#endif
}

struct dentry *by_option(struct dentry *parent, const struct qstr *name)
{
#ifdef OLD
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
	might_sleep();
#endif
	DECLARE_WAIT_QUEUE_HEAD_ONSTACK(wq);

	return d_alloc_parallel(parent, name, &wq);
#else
	return d_alloc_parallel(parent, name);
#endif
}

#ifdef OLD
#define ALLOC(parent, name, wq)	d_alloc_parallel((parent), (name), (wq))
#else
#define ALLOC(parent, name, wq)	d_alloc_parallel((parent), (name))
#endif

#ifdef DEBUG
struct dentry *if_debug(struct dentry *parent, const struct qstr *name)
{
	DECLARE_WAIT_QUEUE_HEAD_ONSTACK(wq);

	return d_alloc_parallel(parent, name, &wq);
}
#endif

struct dentry *always(struct dentry *parent, const struct qstr *name)
{
	return d_alloc_parallel(parent, name);
}

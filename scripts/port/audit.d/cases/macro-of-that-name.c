// SPDX-License-Identifier: GPL-2.0
/*
 * where a macro stands for the function, its calls are not ported without it
 *
 * says: :12: d_alloc_parallel\(\) in macro d_alloc_parallel\(\); port it, and who uses it, by hand
 * says: :19: d_alloc_parallel\(\) in look\(\): is that macro of macro-of-that-name.c; port both by hand
 * last: 0 passed, 1 failed, 0 skipped
 */
#include <linux/dcache.h>

#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 2, 0)
#define d_alloc_parallel(parent, name, wq)	d_alloc_parallel(parent, name)
#endif

struct dentry *look(struct dentry *parent, const struct qstr *name)
{
	DECLARE_WAIT_QUEUE_HEAD_ONSTACK(wq);

	return d_alloc_parallel(parent, name, &wq);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * a macro of that name counts for those who include it, and for nobody else
 *
 * says: d_alloc_parallel\(\) in look\(\): ported to the new form
 * says: ^sees.c:7: d_alloc_parallel\(\) in mocked\(\): is that macro of mock.h; port both by hand
 * has: ^	return d_alloc_parallel\(parent, name\);
 * last: 1 passed, 2 failed, 0 skipped
 */
#include <linux/dcache.h>

struct dentry *look(struct dentry *parent, const struct qstr *name)
{
	DECLARE_WAIT_QUEUE_HEAD_ONSTACK(wq);

	return d_alloc_parallel(parent, name, &wq);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * a call with statements among its arguments is left to the reader, and the others are ported
 *
 * says: :16: d_alloc_parallel\(\) in with_statements\(\): coccinelle has not understood this call; port it by hand
 * says: d_alloc_parallel\(\) in without\(\): ported to the new form
 * has: ^	return d_alloc_parallel\(parent, name\);
 * last: 0 passed, 1 failed, 0 skipped
 */
#include <linux/dcache.h>

struct dentry *with_statements(struct dentry *parent, const struct qstr *name)
{
	DECLARE_WAIT_QUEUE_HEAD_ONSTACK(wq);

	return d_alloc_parallel(parent, ({ check(name); name; }), &wq);
}

struct dentry *without(struct dentry *parent, const struct qstr *name)
{
	DECLARE_WAIT_QUEUE_HEAD_ONSTACK(wq);

	return d_alloc_parallel(parent, name, &wq);
}

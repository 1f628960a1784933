// SPDX-License-Identifier: GPL-2.0
/*
 * a cast and a literal are no hidden argument
 *
 * says: call sites: 2 before, 0 ported, 0 left; 2 after, 2 of them in the new form
 * last: 1 passed, 0 failed, 0 skipped
 */
#include <linux/dcache.h>

struct dentry *cast(void *parent, void *name)
{
	return d_alloc_parallel((struct dentry *)parent, (const struct qstr *) name);
}

struct dentry *literal(struct dentry *parent, const char *name, unsigned int len)
{
	return d_alloc_parallel(parent, &(struct qstr)QSTR_INIT(name, len));
}

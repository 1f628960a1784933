// SPDX-License-Identifier: GPL-2.0
/*
 * what coccinelle cannot parse is named, and is a failure
 *
 * says: [0-9]+: d_alloc_parallel\(\) in not_c\(\): coccinelle has not understood this call
 * says: [0-9]+: a write of ->d_flags in not_c_either\(\): coccinelle has not understood it
 * says: [0-9]+: coccinelle could not parse not_c\(\), not_c_either\(\)
 * says: call sites: 2 before, 1 ported, 1 left \(1 coccinelle has not understood this call\)
 * has: d_alloc_parallel\(parent, name\);
 * has: d_alloc_parallel\(parent, name, &wq\);
 * last: 0 passed, 1 failed, 0 skipped
 */
#include <linux/dcache.h>

struct dentry *not_c(struct dentry *parent, const struct qstr *name)
{
	DECLARE_WAIT_QUEUE_HEAD_ONSTACK(wq);
	FIELD(struct dentry) dentry of { parent };

	return d_alloc_parallel(parent, name, &wq);
}

struct dentry *c(struct dentry *parent, const struct qstr *name)
{
	DECLARE_WAIT_QUEUE_HEAD_ONSTACK(wq);

	return d_alloc_parallel(parent, name, &wq);
}

void not_c_either(struct dentry *dentry)
{
	FIELD(struct dentry) parent of { dentry };

	dentry->d_flags |= DCACHE_DONTCACHE;
}

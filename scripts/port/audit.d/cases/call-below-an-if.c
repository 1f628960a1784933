// SPDX-License-Identifier: GPL-2.0
/*
 * a call on the line below an #if is a call, and what is not understood is said
 *
 * says: d_alloc_parallel\(\) in below_ifdef\(\): ported to the new form
 * says: d_alloc_parallel\(\) in below_endif\(\): ported to the new form
 * says: d_alloc_parallel\(\) in behind_a_word\(\): .*; port it by hand
 * says: call sites: 3 before, 2 ported, 1 left
 * has: ^		d_alloc_parallel\(parent, name\);
 * has: d_alloc_parallel\(parent, name\)\);
 * silent: declares d_alloc_parallel
 * last: 0 passed, 1 failed, 0 skipped
 */
#include <linux/dcache.h>

struct dentry *below_ifdef(struct dentry *parent, const struct qstr *name)
{
	DECLARE_WAIT_QUEUE_HEAD_ONSTACK(wq);
	struct dentry *dentry =
#ifdef MYFS_PARALLEL
		d_alloc_parallel(parent, name, &wq);
#else
		d_alloc(parent, name);
#endif

	return dentry;
}

struct dentry *below_endif(struct dentry *parent, const struct qstr *name)
{
	DECLARE_WAIT_QUEUE_HEAD_ONSTACK(wq);

	return with_trace(parent,
#ifdef CONFIG_TRACE
			  name
#else
			  NULL
#endif
			  , d_alloc_parallel(parent, name, &wq));
}

struct dentry *behind_a_word(struct dentry *parent, const struct qstr *name)
{
	DECLARE_WAIT_QUEUE_HEAD_ONSTACK(wq);

	TRACED d_alloc_parallel(parent, name, &wq);
}

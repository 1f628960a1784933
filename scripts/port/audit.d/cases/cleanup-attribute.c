// SPDX-License-Identifier: GPL-2.0
/*
 * __free() does not hide a call from the parser, and is still there after the port
 *
 * says: d_alloc_parallel\(\) in with_cleanup\(\): ported to the new form
 * says: d_alloc_parallel\(\) in with_kfree\(\): ported to the new form
 * silent: could not parse
 * has: ^	struct text \*text __free\(kfree\) = kmalloc\(16, GFP_KERNEL\);
 * has: ^	struct dentry \*dentry __free\(dput\) = d_alloc_parallel\(parent, name\);
 * last: 1 passed, 0 failed, 0 skipped
 */
#include <linux/dcache.h>

/* Neither __free(kfree) here. */
int with_cleanup(struct dentry *parent, const struct qstr *name)
{
	DECLARE_WAIT_QUEUE_HEAD_ONSTACK(wq);
	struct text *text __free(kfree) = kmalloc(16, GFP_KERNEL);
	struct dentry *dentry __free(dput) = d_alloc_parallel(parent, name, &wq);

	if (!IS_ERR(dentry))
		d_lookup_done(dentry);
	return 0;
}

struct dentry *with_kfree(struct dentry *parent, const struct qstr *name, struct text *text)
{
	DECLARE_WAIT_QUEUE_HEAD_ONSTACK(wq);

	if (text)
		kfree(text->last);
	return d_alloc_parallel(parent, name, &wq);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * a dentry in lookup that the next one takes the place of is found, and common checks are known
 *
 * says: dentry can be in lookup still at the end of retried\(\)
 * silent: at the end of (retried_right|error_in_variable|both_checks)\(\)
 * last: 1 passed, 0 failed, 0 skipped
 */
#include <linux/dcache.h>

int retried(struct dentry *parent, const struct qstr *name)
{
	struct dentry *dentry;

again:
	dentry = d_alloc_parallel(parent, name);
	if (IS_ERR(dentry))
		return PTR_ERR(dentry);
	if (fetch(dentry) == -EAGAIN) {
		dput(dentry);
		goto again;
	}
	d_lookup_done(dentry);
	dput(dentry);
	return 0;
}

int retried_right(struct dentry *parent, const struct qstr *name)
{
	struct dentry *dentry;

again:
	dentry = d_alloc_parallel(parent, name);
	if (IS_ERR(dentry))
		return PTR_ERR(dentry);
	if (fetch(dentry) == -EAGAIN) {
		d_lookup_done(dentry);
		dput(dentry);
		goto again;
	}
	d_lookup_done(dentry);
	dput(dentry);
	return 0;
}

int error_in_variable(struct dentry *parent, const struct qstr *name)
{
	struct dentry *dentry = d_alloc_parallel(parent, name);
	int err = PTR_ERR_OR_ZERO(dentry);

	if (err)
		return err;
	d_lookup_done(dentry);
	return 0;
}

int both_checks(struct dentry *parent, const struct qstr *name)
{
	struct dentry *dentry = d_alloc_parallel(parent, name);

	if (!IS_ERR(dentry) && d_in_lookup(dentry)) {
		fetch(dentry);
		d_lookup_done(dentry);
	}
	return 0;
}

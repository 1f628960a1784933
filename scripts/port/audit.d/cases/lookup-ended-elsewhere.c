// SPDX-License-Identifier: GPL-2.0
/*
 * a static function of another file ends no lookup here, and a dentry from ?: is looked at
 *
 * says: other.c:[0-9]+: dentry can be in lookup still at the end of forgets\(\)
 * says: dentry can be in lookup still at the end of conditional\(\)
 * silent: at the end of (ends|conditional_right)\(\)
 * last: 2 passed, 0 failed, 0 skipped
 */
#include <linux/dcache.h>

static void finish(struct dentry *dentry)
{
	d_lookup_done(dentry);
}

int ends(struct dentry *parent, const struct qstr *name)
{
	struct dentry *dentry = d_alloc_parallel(parent, name);

	if (!IS_ERR(dentry))
		finish(dentry);
	return 0;
}

int conditional(struct dentry *parent, const struct qstr *name)
{
	struct dentry *dentry = parent ? d_alloc_parallel(parent, name) : NULL;

	if (IS_ERR_OR_NULL(dentry))
		return 0;
	if (fetch(dentry))
		return 1;
	d_lookup_done(dentry);
	return 0;
}

int conditional_right(struct dentry *parent, const struct qstr *name)
{
	struct dentry *dentry = parent ? d_alloc_parallel(parent, name) : NULL;

	if (IS_ERR_OR_NULL(dentry))
		return 0;
	d_lookup_done(dentry);
	return 0;
}

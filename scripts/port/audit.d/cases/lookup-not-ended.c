// SPDX-License-Identifier: GPL-2.0
/*
 * a dentry that is left in lookup is found, and one that somebody ends the lookup of is not
 *
 * says: dentry can be in lookup still at the end of forgotten\(\)
 * says: dentry can be in lookup still at the end of forgotten_on_error\(\)
 * says: dentry can be in lookup still at the end of declared_with_it\(\)
 * says: dentry can be in lookup still at the end of found_elsewhere\(\)
 * says: dentry stays in lookup if d_splice_alias\(\) fails in only_spliced\(\)
 * silent: fails in (ended|spliced|returned|stored|handed_on|remembered|in_condition|remembered_outside)\(\)
 * silent: at the end of (ended|spliced|returned|stored|handed_on|remembered|in_condition|remembered_outside)\(\)
 * last: 1 passed, 0 failed, 0 skipped
 */
#include <linux/dcache.h>

int forgotten(struct dentry *parent, const struct qstr *name)
{
	struct dentry *dentry;

	dentry = d_alloc_parallel(parent, name);
	if (IS_ERR(dentry))
		return PTR_ERR(dentry);
	dput(dentry);
	return 0;
}

int forgotten_on_error(struct dentry *parent, const struct qstr *name)
{
	struct dentry *dentry;
	struct inode *inode;

	dentry = d_alloc_parallel(parent, name);
	if (IS_ERR(dentry))
		return PTR_ERR(dentry);
	if (d_in_lookup(dentry)) {
		inode = get_inode(parent, name);
		if (IS_ERR(inode))
			goto out;
		d_add(dentry, inode);
	}
out:
	dput(dentry);
	return 0;
}

int declared_with_it(struct dentry *parent, const struct qstr *name)
{
	struct dentry *dentry = d_alloc_parallel(parent, name);

	if (!IS_ERR(dentry))
		dput(dentry);
	return 0;
}

int only_spliced(struct dentry *parent, const struct qstr *name)
{
	struct dentry *dentry, *alias;

	dentry = d_alloc_parallel(parent, name);
	if (IS_ERR(dentry))
		return PTR_ERR(dentry);
	if (d_in_lookup(dentry)) {
		alias = d_splice_alias(get_inode(parent, name), dentry);
		if (!IS_ERR_OR_NULL(alias))
			dput(alias);
	}
	dput(dentry);
	return 0;
}

int ended(struct dentry *parent, const struct qstr *name)
{
	struct dentry *dentry;

	dentry = d_alloc_parallel(parent, name);
	if (IS_ERR(dentry))
		return PTR_ERR(dentry);
	if (unlikely(!d_in_lookup(dentry))) {
		dput(dentry);
		return -EEXIST;
	}
	d_lookup_done(dentry);
	dput(dentry);
	return 0;
}

int spliced(struct dentry *parent, const struct qstr *name)
{
	struct dentry *dentry, *alias;

again:
	dentry = d_alloc_parallel(parent, name);
	if (IS_ERR(dentry))
		return PTR_ERR(dentry);
	if (d_in_lookup(dentry)) {
		alias = d_splice_alias(get_inode(parent, name), dentry);
		d_lookup_done(dentry);
		if (alias) {
			dput(dentry);
			dentry = alias;
		}
	} else if (is_stale(dentry)) {
		dput(dentry);
		goto again;
	}
	dput(dentry);
	return 0;
}

struct dentry *returned(struct dentry *parent, const struct qstr *name)
{
	struct dentry *dentry;

	dentry = d_alloc_parallel(parent, name);
	return dentry;
}

int stored(struct dentry *parent, const struct qstr *name, struct request *request)
{
	struct dentry *dentry;

	dentry = d_alloc_parallel(parent, name);
	if (IS_ERR(dentry) || !d_in_lookup(dentry))
		return -EEXIST;
	request->dentry = dentry;
	return 0;
}

static void give_up(struct dentry *dentry)
{
	d_lookup_done(dentry);
	dput(dentry);
}

static void give_up_later(struct dentry *dentry)
{
	give_up(dentry);
}

int handed_on(struct dentry *parent, const struct qstr *name)
{
	struct dentry *dentry;

	dentry = d_alloc_parallel(parent, name);
	if (IS_ERR(dentry))
		return PTR_ERR(dentry);
	give_up_later(dentry);
	return 0;
}

int remembered(struct dentry *parent, struct dentry *dentry, const struct qstr *name)
{
	bool switched = false;

	if (!d_in_lookup(dentry)) {
		dentry = d_alloc_parallel(parent, name);
		if (IS_ERR(dentry))
			return PTR_ERR(dentry);
		if (!d_in_lookup(dentry))
			return finish_no_open(dentry);
		switched = true;
	}
	open_it(parent);
	if (unlikely(switched)) {
		d_lookup_done(dentry);
		dput(dentry);
	}
	return 0;
}

int in_condition(struct dentry *parent, const struct qstr *name)
{
	struct dentry *dentry;

	if (IS_ERR(dentry = d_alloc_parallel(parent, name)))
		return -ENOMEM;
	d_lookup_done(dentry);
	dput(dentry);
	return 0;
}

bool another_one(struct dentry *parent)
{
	bool found = false;

	if (parent->d_fsdata)
		found = true;
	return found;
}

int found_elsewhere(struct dentry *parent, const struct qstr *name)
{
	struct inode *inode;
	bool found = probe(parent, &inode);
	struct dentry *dentry = d_alloc_parallel(parent, name);

	if (IS_ERR(dentry))
		return PTR_ERR(dentry);
	if (found)
		d_lookup_done(dentry);
	dput(dentry);
	return 0;
}

static bool fresh;

int remembered_outside(struct dentry *parent, const struct qstr *name)
{
	struct dentry *dentry;

	fresh = true;
	dentry = d_alloc_parallel(parent, name);
	if (IS_ERR(dentry))
		return PTR_ERR(dentry);
	if (fresh)
		d_lookup_done(dentry);
	dput(dentry);
	return 0;
}

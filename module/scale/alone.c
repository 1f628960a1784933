// SPDX-License-Identifier: GPL-2.0
/*
 * Rows in which nobody waits for the lookup that is measured.
 */
#include <linux/fs.h>
#include <linux/math64.h>

#include "dcache_compat.h"
#include "scale.h"

#define LS_SPLICES		63		/* for one value: some slabs full of dentries */

u64 ls_alloc_add(void)
{
	struct ls_lookup l;
	u64 start = ls_now(), end;

	if (!ls_begin(&l, ls_dir))
		return 0;
	d_add(l.dentry, NULL);
	end = ls_now();
	ls_forget(&l);
	return end - start;
}

u64 ls_alloc_done(void)
{
	struct ls_lookup l;
	u64 start = ls_now(), end;

	if (!ls_begin(&l, ls_dir))
		return 0;
	d_lookup_done(l.dentry);
	end = ls_now();
	dput(l.dentry);
	return end - start;
}

static u64 ls_splice_once(void)
{
	struct dentry *dir = ls_moving->d_parent == ls_dir ? ls_elsewhere : ls_dir;
	struct inode *inode = d_inode(ls_moving);
	u64 start, end;
	struct ls_lookup l;
	struct dentry *res;

	ihold(inode);
	inode_lock_shared_nested(d_inode(dir), I_MUTEX_CHILD);
	start = ls_now();
	if (!ls_begin(&l, dir)) {
		inode_unlock_shared(d_inode(dir));
		iput(inode);
		return 0;
	}
	res = d_splice_alias(inode, l.dentry);
	end = ls_now();
	inode_unlock_shared(d_inode(dir));
	if (res != ls_moving)
		ls_fail("the directory was not moved");
	if (!IS_ERR_OR_NULL(res))
		dput(res);
	dput(l.dentry);
	return end - start;
}

/* The mean of many: a dentry is freed late, so that now and then one is new to its slab. */
u64 ls_splice(void)
{
	u64 sum = 0;
	unsigned int i;

	for (i = 0; i < LS_SPLICES && !ls_failed; i++)
		sum += ls_splice_once();
	return div_u64(sum, LS_SPLICES);
}

void ls_alone(const char *row, u64 (*measure)(void))
{
	unsigned int i;

	for (i = 0; i < ls_runs_with(0) && !ls_failed; i++)
		ls_values[i] = measure();
	ls_print(row, ls_values, i);
}

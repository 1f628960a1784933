// SPDX-License-Identifier: GPL-2.0
/*
 * a write of ->d_flags on a path without ->d_lock is found, and one with it is not
 *
 * says: ->d_flags of dentry is written without ->d_lock, in never_locked\(\)
 * says: ->d_flags of dentry is written without ->d_lock, in locked_on_one_path\(\)
 * says: ->d_flags of dentry is written without ->d_lock, in unlocked_too_early\(\)
 * says: ->d_flags of sbi->root is written without ->d_lock, in lock_of_another\(\)
 * says: ->d_flags of dentry is written without ->d_lock, in stored\(\)
 * says: ->d_flags is written in macro SET_MARK\(\)
 * says: the address of ->d_flags is used in as_bits\(\)
 * says: d_set_d_op\(\) of dentry in give_operations\(\): writes
 * silent: in (locked|nested|guarded|scoped|asserted|tried|fresh|not_a_dentry)\(\)
 * last: 1 passed, 0 failed, 0 skipped
 */
#include <linux/dcache.h>

#define SET_MARK(dentry)	((dentry)->d_flags |= DCACHE_DONTCACHE)

void never_locked(struct dentry *dentry)
{
	dentry->d_flags |= DCACHE_DONTCACHE;
}

void locked_on_one_path(struct dentry *dentry, bool lock)
{
	if (lock)
		spin_lock(&dentry->d_lock);
	dentry->d_flags &= ~DCACHE_DONTCACHE;
	if (lock)
		spin_unlock(&dentry->d_lock);
}

void unlocked_too_early(struct dentry *dentry)
{
	spin_lock(&dentry->d_lock);
	dentry->d_fsdata = NULL;
	spin_unlock(&dentry->d_lock);
	dentry->d_flags ^= DCACHE_DONTCACHE;
}

void lock_of_another(struct sb_info *sbi, struct dentry *dentry)
{
	spin_lock(&dentry->d_lock);
	sbi->root->d_flags |= DCACHE_DONTCACHE;
	spin_unlock(&dentry->d_lock);
}

void stored(struct dentry *dentry)
{
	WRITE_ONCE(dentry->d_flags, 0);
}

void as_bits(struct dentry *dentry)
{
	set_bit(3, (unsigned long *)&dentry->d_flags);
}

void give_operations(struct dentry *dentry)
{
	d_set_d_op(dentry, &operations);
}

void locked(struct dentry *dentry)
{
	spin_lock(&dentry->d_lock);
	if (dentry->d_inode)
		dentry->d_flags |= DCACHE_DONTCACHE;
	spin_unlock(&dentry->d_lock);
}

void nested(struct dentry *dentry)
{
	spin_lock_nested(&dentry->d_lock, DENTRY_D_LOCK_NESTED);
	dentry->d_flags |= DCACHE_DONTCACHE;
	spin_unlock(&dentry->d_lock);
}

void guarded(struct dentry *dentry)
{
	guard(spinlock)(&dentry->d_lock);
	dentry->d_flags |= DCACHE_DONTCACHE;
}

void scoped(struct dentry *dentry)
{
	scoped_guard(spinlock, &dentry->d_lock) {
		dentry->d_flags |= DCACHE_DONTCACHE;
	}
}

void asserted(struct dentry *dentry)
{
	lockdep_assert_held(&dentry->d_lock);
	dentry->d_flags |= DCACHE_DONTCACHE;
}

void tried(struct dentry *dentry)
{
	if (!spin_trylock(&dentry->d_lock))
		return;
	dentry->d_flags |= DCACHE_DONTCACHE;
	spin_unlock(&dentry->d_lock);
}

struct dentry *fresh(struct dentry *parent, const struct qstr *name)
{
	struct dentry *dentry;

	dentry = d_alloc(parent, name);
	if (dentry)
		dentry->d_flags |= DCACHE_DONTCACHE;
	return dentry;
}

void not_a_dentry(struct fs_disk_quota *quota)
{
	quota->d_flags = FS_USER_QUOTA;
}

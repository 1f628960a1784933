// SPDX-License-Identifier: GPL-2.0
/*
 * a write of ->d_flags without ->d_lock is found in whatever way it is written
 *
 * says: ->d_flags of dentry is written without ->d_lock, in incremented\(\)
 * says: ->d_flags of dentry is written without ->d_lock, in parenthesised\(\)
 * says: ->d_flags of dentry is written without ->d_lock, in of_the_parent\(\)
 * says: ->d_flags of dentry is written without ->d_lock, in lock_not_taken\(\)
 * says: the address of ->d_flags is used in as_bit\(\)
 * says: the address of ->d_flags is used in as_mask\(\)
 * says: the address of ->d_flags is used in as_atomic\(\)
 * says: the address of ->d_flags is used in handed_on\(\)
 * says: the address of ->d_flags is used in as_number\(\)
 * says: declares d_alloc_parallel\(\)
 * silent: in (guarded_again|scoped_again|asserted_again|only_read)\(\)
 * last: 1 passed, 0 failed, 0 skipped
 */
#include <linux/dcache.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(4, 7, 0)
static inline struct dentry *d_alloc_parallel(struct dentry *parent, const struct qstr *name)
{
	return d_alloc(parent, name);
}
#endif

void incremented(struct dentry *dentry)
{
	++dentry->d_flags;
}

void parenthesised(struct dentry *dentry)
{
	(dentry->d_flags) |= 2;
}

void of_the_parent(struct dentry *dentry)
{
	spin_lock(&dentry->d_lock);
	dentry = dentry->d_parent;
	dentry->d_flags |= 2;
}

void lock_not_taken(struct dentry *dentry)
{
	if (!spin_trylock(&dentry->d_lock))
		dentry->d_flags |= 2;
}

void as_bit(struct dentry *dentry)
{
	__set_bit(3, (unsigned long *)&dentry->d_flags);
}

void as_mask(struct dentry *dentry)
{
	set_mask_bits(&dentry->d_flags, 1, 2);
}

void as_atomic(struct dentry *dentry)
{
	atomic_or(3, (atomic_t *)&dentry->d_flags);
}

void handed_on(struct dentry *dentry)
{
	mark(&dentry->d_flags);
}

void as_number(struct dentry *dentry, struct watch *watch)
{
	watch->address = (unsigned long)&dentry->d_flags;
}

void guarded_again(struct dentry *dentry)
{
	spin_lock(&dentry->d_lock);
	spin_unlock(&dentry->d_lock);
	guard(spinlock)(&dentry->d_lock);
	dentry->d_flags |= 2;
}

void scoped_again(struct dentry *dentry)
{
	spin_lock(&dentry->d_lock);
	spin_unlock(&dentry->d_lock);
	scoped_guard(spinlock, &dentry->d_lock) {
		dentry->d_flags |= 2;
	}
}

void asserted_again(struct dentry *dentry)
{
	spin_lock(&dentry->d_lock);
	spin_unlock(&dentry->d_lock);
	lock_it(dentry);
	lockdep_assert_held(&dentry->d_lock);
	dentry->d_flags |= 2;
}

int only_read(struct dentry *dentry, int mask)
{
	wake_up_var(&dentry->d_flags);
	return smp_load_acquire(&dentry->d_flags) & mask & dentry->d_flags;
}

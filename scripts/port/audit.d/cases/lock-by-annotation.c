// SPDX-License-Identifier: GPL-2.0
/*
 * what a function says of ->d_lock behind its parameters counts
 *
 * says: ->d_flags of d is written without ->d_lock, in released_first\(\)
 * says: ->d_flags of d is written without ->d_lock, in after_a_release\(\)
 * says: ->d_flags of d is written without ->d_lock, in lock_of_the_parent\(\)
 * says: ->d_flags of d is written without ->d_lock, in acquires_too_late\(\)
 * silent: in (must_hold|must_hold_below|released_last|after_an_acquire|acquires_it)\(\)
 * last: 1 passed, 0 failed, 0 skipped
 */
#include <linux/dcache.h>

static void must_hold(struct dentry *d) __must_hold(&d->d_lock)
{
	d->d_flags |= DCACHE_DONTCACHE;
}

static void must_hold_below(struct dentry *d)
	__must_hold(&d->d_lock)
{
	if (d->d_fsdata)
		d->d_flags &= ~DCACHE_DONTCACHE;
}

static void released_last(struct dentry *d)
	__releases(&d->d_lock)
{
	d->d_flags |= DCACHE_DONTCACHE;
	spin_unlock(&d->d_lock);
}

static void released_first(struct dentry *d)
	__releases(&d->d_lock)
{
	spin_unlock(&d->d_lock);
	d->d_flags |= DCACHE_DONTCACHE;
}

static void acquires_it(struct dentry *d)
	__acquires(&d->d_lock)
{
	spin_lock(&d->d_lock);
	d->d_flags |= DCACHE_DONTCACHE;
}

static void acquires_too_late(struct dentry *d)
	__acquires(&d->d_lock)
{
	d->d_flags |= DCACHE_DONTCACHE;
	spin_lock(&d->d_lock);
}

void after_an_acquire(struct dentry *d)
{
	acquires_it(d);
	d->d_flags |= DCACHE_DONTCACHE;
	released_last(d);
}

void after_a_release(struct dentry *d)
{
	acquires_it(d);
	released_last(d);
	d->d_flags |= DCACHE_DONTCACHE;
}

static void lock_of_the_parent(struct dentry *d) __must_hold(&d->d_parent->d_lock)
{
	d->d_flags |= DCACHE_DONTCACHE;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * d_set_d_op() under ->d_lock is no write without it, but some kernels would deadlock on it
 *
 * says: d_set_d_op\(\) of d in locked\(\): is called with ->d_lock held; a kernel whose d_set_d_op\(\) takes that lock would deadlock here
 * says: d_set_d_op\(\) of d in guarded\(\): is called with ->d_lock held
 * says: d_set_d_op\(\) of d in scoped\(\): is called with ->d_lock held
 * says: d_set_d_op\(\) of d in annotated\(\): is called with ->d_lock held
 * says: d_set_d_op\(\) of d in unlocked\(\): writes ->d_flags without ->d_lock
 * says: d_set_d_op\(\) of d in unlocked_again\(\): writes ->d_flags without ->d_lock
 * says: d_set_d_op\(\) of d in lock_of_another\(\): writes ->d_flags without ->d_lock
 * says: by set_default_d_op\(\) where the kernel exports that, else by ->s_d_op
 * silent: in (locked|guarded|scoped|annotated)\(\): writes
 * silent: in (unlocked|unlocked_again|lock_of_another)\(\): is called
 * last: 1 passed, 0 failed, 0 skipped
 */
#include <linux/dcache.h>

static const struct dentry_operations ops;

void locked(struct dentry *d)
{
	spin_lock(&d->d_lock);
	d_set_d_op(d, &ops);
	spin_unlock(&d->d_lock);
}

void guarded(struct dentry *d)
{
	guard(spinlock)(&d->d_lock);
	d_set_d_op(d, &ops);
}

void scoped(struct dentry *d)
{
	scoped_guard(spinlock, &d->d_lock) {
		d_set_d_op(d, &ops);
	}
}

static void annotated(struct dentry *d) __must_hold(&d->d_lock)
{
	d_set_d_op(d, &ops);
}

void unlocked(struct dentry *d)
{
	annotated(d);
	d_set_d_op(d, &ops);
}

void unlocked_again(struct dentry *d)
{
	spin_lock(&d->d_lock);
	d->d_fsdata = NULL;
	spin_unlock(&d->d_lock);
	d_set_d_op(d, &ops);
}

void lock_of_another(struct dentry *d)
{
	spin_lock(&d->d_parent->d_lock);
	d_set_d_op(d, &ops);
	spin_unlock(&d->d_parent->d_lock);
}

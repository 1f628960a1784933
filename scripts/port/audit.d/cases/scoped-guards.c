// SPDX-License-Identifier: GPL-2.0
/*
 * a function with scoped_guard(), scoped_cond_guard() or the like is not left out
 *
 * says: d_alloc_parallel\(\) in in_guard\(\): ported to the new form
 * says: d_alloc_parallel\(\) in returns\(\): ported to the new form
 * says: d_alloc_parallel\(\) in goes\(\): ported to the new form
 * says: d_alloc_parallel\(\) in continues\(\): ported to the new form
 * says: d_alloc_parallel\(\) in with_creds\(\): ported to the new form
 * says: call sites: 5 before, 5 ported, 0 left; 5 after, 5 of them in the new form
 * says: ->d_flags of d is written without ->d_lock, in write_in_another_guard\(\)
 * says: d can be in lookup still at the end of in_guard\(\)
 * has: scoped_cond_guard\(mutex_intr, return NULL, &lock\)
 * has: scoped_cond_guard\(mutex_intr, goto out, &lock\)
 * has: scoped_cond_guard\(mutex_try, continue, &lock\)
 * lacks: DECLARE_WAIT_QUEUE_HEAD_ONSTACK
 * lacks: &wq
 * lacks: re[t]ur_|con[t]inu_|go[t]O_
 * silent: not understood
 * last: 1 passed, 0 failed, 0 skipped
 */
#include <linux/dcache.h>

static DEFINE_MUTEX(lock);

void in_guard(struct dentry *p)
{
	DECLARE_WAIT_QUEUE_HEAD_ONSTACK(wq);
	struct dentry *d;

	scoped_guard(mutex, &lock) {
		d = d_alloc_parallel(p, &p->d_name, &wq);
	}
}

struct dentry *returns(struct dentry *p)
{
	DECLARE_WAIT_QUEUE_HEAD_ONSTACK(wq);

	scoped_cond_guard(mutex_intr, return NULL, &lock) {
		return d_alloc_parallel(p, &p->d_name, &wq);
	}
	return NULL;
}

struct dentry *goes(struct dentry *p)
{
	DECLARE_WAIT_QUEUE_HEAD_ONSTACK(wq);

	scoped_cond_guard(mutex_intr, goto out, &lock)
		return d_alloc_parallel(p, &p->d_name, &wq);
out:
	return NULL;
}

struct dentry *continues(struct dentry *p)
{
	DECLARE_WAIT_QUEUE_HEAD_ONSTACK(wq);

	while (p) {
		scoped_cond_guard(mutex_try, continue, &lock)
			return d_alloc_parallel(p, &p->d_name, &wq);
	}
	return NULL;
}

struct dentry *with_creds(struct dentry *p)
{
	DECLARE_WAIT_QUEUE_HEAD_ONSTACK(wq);

	with_our_creds(p->d_fsdata)
		return d_alloc_parallel(p, &p->d_name, &wq);
	return NULL;
}

void write_in_another_guard(struct dentry *d)
{
	scoped_guard(mutex, &lock) {
		d->d_flags |= DCACHE_DONTCACHE;
	}
}

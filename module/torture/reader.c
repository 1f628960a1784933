// SPDX-License-Identifier: GPL-2.0
/*
 * The reader: asks for a name, owns the lookup if it is told to, and otherwise
 * checks what it got.
 */
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/string.h>
#include <linux/wait.h>

#include "dcache_compat.h"
#include "lookup_mount.h"
#include "torture.h"

/* Be slow, every other time: nothing, spin, or sleep. */
static void lt_hold(struct lt_reader *r)
{
	u32 us = lt_random(r, lt_hold_us + 1);

	switch (lt_random(r, 4)) {
	case 0:
		udelay(min(us, 50));
		break;
	case 1:
		if (us)
			usleep_range(us, us + 10);
		break;
	}
}

/*
 * Let others run until so many have a reference to @dentry, for a bounded time.
 * A reader that has one to a dentry in lookup is about to sleep, or does.  That takes
 * some milliseconds, and looking more often takes the CPU from it.
 */
static void lt_await_users(const struct dentry *dentry, int from, int to)
{
	u64 until = ktime_get_ns() + (u64)lt_hold_us * NSEC_PER_USEC;

	while ((lt_users(dentry) < from || lt_users(dentry) > to) &&
	       !READ_ONCE(lt_stopping) && ktime_get_ns() < until)
		usleep_range(1000, 1200);
}

/*
 * Make the name one that has to be looked up again.  If, after somebody found
 * a dentry, no more drops have begun than were done before he asked, then the
 * dentry must be hashed.
 */
static void lt_drop(struct lt_reader *r, struct lt_name *name,
		    struct dentry *dentry)
{
	atomic_set(&name->left, 0);
	atomic_inc(&name->drops_begun);
	smp_mb__after_atomic();		/* pairs with that of lt_check_found() */
	if (lt_random(r, 2))
		d_drop(dentry);
	else
		d_invalidate(dentry);
	smp_mb__before_atomic();	/* pairs with that of lt_lookup() */
	atomic_inc(&name->drops_done);
}

/*
 * Now and then leave it to a shrinker to take the dentry away.  Returns whether that is so;
 * the caller's reference keeps it until then.  Nobody looks the name up before it is gone.
 */
static bool lt_leave_it(struct lt_reader *r, struct lt_name *name, const struct dentry *dentry)
{
	/* d_add_ci() finds an exact name that somebody else may be dropping. */
	if (!lt_evicting || lt_random(r, 16) || name->exact || d_unhashed(dentry) ||
	    /* these do not outlive their last user */
	    (READ_ONCE(dentry->d_flags) & (DCACHE_OP_DELETE | DCACHE_DISCONNECTED)))
		return false;
	atomic_set(&name->left, 1);
	return true;
}

/* We are the owner: look the name up. */
static void lt_own(struct lt_reader *r, struct lt_name *name,
		   struct dentry *dentry)
{
	unsigned int op = lt_pick_op(r, name);
	struct lt_name *under = lt_ops[op].ci ? name + lt_nnames : name;
	struct dentry *res;
	bool waited_for;

	if (atomic_inc_return(&name->owners) != 1)
		lt_error("%s: has two owners", name->text);
	lt_count(r, LT_EVICTED, atomic_xchg(&name->left, 0));
	if (lt_gather)
		lt_await_users(dentry, 1 + lt_gather, INT_MAX);
	else
		lt_hold(r);
	atomic_dec(&name->owners);
	waited_for = lt_users(dentry) > 1;
	res = lt_ops[op].end(r, name, dentry);

	if (READ_ONCE(dentry->d_flags) & COMPAT_DCACHE_LOOKUP_BITS)
		lt_error("%s: %s left d_flags %#x", name->text, lt_ops[op].name,
			 READ_ONCE(dentry->d_flags));
	r->ops[op].ended++;
	r->ops[op].waited_for += waited_for;

	if (!lt_gather)
		lt_hold(r);
	else if (res)
		/*
		 * Our two, once all waiters have found it and are through;
		 * and there may always be one on each CPU that finds it again.
		 */
		lt_await_users(res, 0, 2 + num_online_cpus());
	if (res) {
		if (!lt_leave_it(r, under, res))
			lt_drop(r, under, res);
		dput(res);
	}
}

/*
 * We got it from the dcache or from its owner.  @drops is what ->drops_done was
 * before we asked.
 */
static void lt_check_found(const struct lt_name *name,
			   const struct dentry *dentry, int drops)
{
	unsigned int flags = READ_ONCE(dentry->d_flags);

	if (flags & COMPAT_DCACHE_LOOKUP_BITS)
		lt_error("%s: found with d_flags %#x", name->text, flags);
	if (dentry->d_parent != lt_dir)
		lt_error("%s: found in directory %pd", name->text,
			 dentry->d_parent);
	if (dentry->d_name.len != name->q.len ||
	    memcmp(dentry->d_name.name, name->text, name->q.len))
		lt_error("%s: found %pd", name->text, dentry);
	if (d_unhashed(dentry)) {
		smp_rmb();	/* pairs with the first of lt_drop() */
		if (atomic_read(&name->drops_begun) == drops)
			lt_error("%s: found unhashed", name->text);
	}
}

/* Returns whether we slept for it. */
static bool lt_lookup(struct lt_reader *r, struct lt_name *name)
{
	int drops = atomic_read(&name->drops_done);
	DECLARE_WAIT_QUEUE_HEAD_ONSTACK(wq);
	struct dentry *dentry;
	unsigned long switches;
	u64 slept;

	smp_rmb();	/* pairs with the second of lt_drop() */
	switches = current->nvcsw;
	lt_enter(r);
	dentry = d_alloc_parallel_compat(lt_dir, &name->q, &wq);
	lt_leave(r);
	slept = current->nvcsw - switches;

	lt_count(r, LT_LOOKUPS, 1);
	if (IS_ERR(dentry)) {
		if (dentry != ERR_PTR(-ENOMEM))
			lt_error("%s: d_alloc_parallel(): %pe", name->text,
				 dentry);
		lt_count(r, LT_NOMEM, 1);
		return slept;
	}
	lt_count(r, LT_SLEPT, slept);
	if (!d_in_lookup(dentry)) {
		lt_check_found(name, dentry, drops);
		lt_count(r, LT_FOUND, 1);
		lt_count(r, LT_SLEPT_FOUND, !!slept);
	} else if (cmpxchg(&dentry->d_fsdata, NULL, r)) {
		lt_error("%s: found in lookup by somebody else", name->text);
	} else {
		lt_count(r, LT_OWNED, 1);
		lt_own(r, name, dentry);
	}
	dput(dentry);
	return slept;
}

int lt_reader_fn(void *arg)
{
	struct lt_reader *r = arg;
	struct inode *dir = d_inode(lt_dir);
	bool slept;
	u32 n;

#ifdef CONFIG_FAULT_INJECTION
	current->make_it_fail = lt_inject_faults;
#endif
	while (!READ_ONCE(lt_stopping)) {
		n = lt_random(r, lt_nnames);
		if (lt_look_up_exact && !lt_random(r, 4))
			n += lt_nnames;
		inode_lock_shared(dir);
		slept = lt_lookup(r, &lt_names[n]);
		inode_unlock_shared(dir);
		/* a reader that finds it again and again must not keep others from it */
		if (lt_gather && !slept)
			usleep_range(10, 100);
		lt_be_disturbed(r);
		cond_resched();
	}
	lt_unboost(r);

#ifdef CONFIG_FAULT_INJECTION
	current->make_it_fail = 0;
#endif
	/* Pairs with the acquire in lt_all_idle(). */
	smp_store_release(&r->idle, true);
	lookup_await_stop();
	return 0;
}

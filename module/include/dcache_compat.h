/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The one place that knows which shape of the dcache API the code around it is
 * built for.  This file tells apart what the compiler can tell by itself.  The
 * rest, where it is an error to name a thing that is not declared, is
 * looked up in the headers by dcache_probe.mk, which passes it in as
 * COMPAT_HAVE_* macros.
 */
#ifndef DCACHE_COMPAT_H
#define DCACHE_COMPAT_H

#include <linux/compiler.h>
#include <linux/dcache.h>
#include <linux/fs.h>
#include <linux/rcupdate.h>
#include <linux/seq_file.h>
#include <linux/stacktrace.h>
#include <linux/wait_bit.h>
#if defined(COMPAT_LACKS_STACK_TRACE_SAVE_TSK) && defined(CONFIG_X86)
#include <asm/unwind.h>
#endif

#include <linux/namei.h>

#include "d_alloc_parallel_compat.h"

/*
 * Where waiters sleep: on the queue that the owner lent, on a list that hangs on the
 * dentry, or, if neither, on the wait queues that all waits on a variable share.
 * The number of arguments does not tell: half-way through the series
 * d_alloc_parallel() still takes a queue and ignores it.
 */
#ifdef COMPAT_HAVE_D_WAIT
#define COMPAT_WAITS_ON_LENT_QUEUE	true
#else
#define COMPAT_WAITS_ON_LENT_QUEUE	false
#endif

#ifdef COMPAT_HAVE_D_LOOKUP_WAITERS
#define COMPAT_WAITS_ON_DENTRY		true
#else
#define COMPAT_WAITS_ON_DENTRY		false
#endif

#define COMPAT_WAITS_ON_SHARED_QUEUE					\
	(!COMPAT_WAITS_ON_LENT_QUEUE && !COMPAT_WAITS_ON_DENTRY)

/* Waiters and wakers name @dentry by this; not where waiters use a lent queue. */
static inline void *compat_wait_key(struct dentry *dentry)
{
#ifdef COMPAT_HAVE_D_LOOKUP_WAITERS
	return &dentry->d_lookup_waiters;
#else
	return &dentry->d_flags;
#endif
}

/*
 * The bit that a waiter leaves in ->d_flags, by the name that v3 of the posting gives
 * it or by mainline's.  0 where there is none.
 */
#if defined(COMPAT_HAVE_LOCK_WAITER)
#define COMPAT_DCACHE_WAITER	DCACHE_LOCK_WAITER
#elif defined(COMPAT_HAVE_LOOKUP_WAITERS)
#define COMPAT_DCACHE_WAITER	DCACHE_LOOKUP_WAITERS
#else
#define COMPAT_DCACHE_WAITER	0
#endif

/* The link of a dentry in the in-lookup hash, and that in the chain of aliases. */
#ifdef COMPAT_HAVE_D_U
#define COMPAT_D_IN_LOOKUP_HASH	d_u.d_in_lookup_hash
#define COMPAT_D_ALIAS		d_u.d_alias
#else
#define COMPAT_D_IN_LOOKUP_HASH	d_in_lookup_hash
#define COMPAT_D_ALIAS		d_alias
#endif

/*
 * The children of @dentry, also those that are in lookup: all of them, with its ->d_lock
 * held, and whether there are none.
 */
#ifdef COMPAT_HAVE_D_CHILDREN
#define compat_for_each_child(child, dentry)				\
	hlist_for_each_entry(child, &(dentry)->d_children, d_sib)
#define compat_has_no_child(dentry)	hlist_empty(&(dentry)->d_children)
#else
#define compat_for_each_child(child, dentry)				\
	list_for_each_entry(child, &(dentry)->d_subdirs, d_child)
#define compat_has_no_child(dentry)	list_empty(&(dentry)->d_subdirs)
#endif

/*
 * A negative dentry that is not in lookup has a list of the waiters for its eviction,
 * where a positive one has the link in its chain of aliases.
 */
#ifdef COMPAT_HAVE_EVICTION_WAITERS
#define COMPAT_HAS_EVICTION_WAITERS	true
#else
#define COMPAT_HAS_EVICTION_WAITERS	false
#endif

/* The owner knows whether anybody waits for its lookup, and wakes nobody if not. */
#define COMPAT_WAKES_WAITERS_ONLY					\
	(COMPAT_WAITS_ON_DENTRY || COMPAT_DCACHE_WAITER != 0)

/* Both bits of an in-lookup dentry; neither may outlive the lookup. */
#define COMPAT_DCACHE_LOOKUP_BITS	(DCACHE_PAR_LOOKUP | COMPAT_DCACHE_WAITER)

/*
 * Give operations to a dentry that is in lookup.  Only where COMPAT_HAS_SET_D_OP
 * is true; elsewhere no filesystem can do that, and false is returned.
 */
#ifdef COMPAT_HAVE_D_SET_D_OP
#define COMPAT_HAS_SET_D_OP	true
#else
#define COMPAT_HAS_SET_D_OP	false
#endif

static inline bool compat_d_set_d_op(struct dentry *dentry,
				     const struct dentry_operations *ops)
{
#ifdef COMPAT_HAVE_D_SET_D_OP
	d_set_d_op(dentry, ops);
#endif
	return COMPAT_HAS_SET_D_OP;
}

/* The operations that a dentry of @sb has from the beginning, or NULL. */
static inline const struct dentry_operations *
compat_default_d_op(const struct super_block *sb)
{
#ifdef COMPAT_HAVE_S_D_OP
	return sb->s_d_op;
#else
	return sb->__s_d_op;
#endif
}

/* Which ids the mount shows, as ->create() is told. */
#ifdef COMPAT_HAVE_MNT_IDMAP
#define COMPAT_IDMAP	struct mnt_idmap
#else
#define COMPAT_IDMAP	struct user_namespace
#endif

/* d_alloc_parallel() that fails where that would sleep, of the series readdir. */
#ifdef COMPAT_HAVE_D_ALLOC_TRYLOCK
#define COMPAT_HAS_TRYLOCK	true
#else
#define COMPAT_HAS_TRYLOCK	false
#endif

static inline struct dentry *compat_d_alloc_trylock(struct dentry *parent,
						    struct qstr *name)
{
#ifdef COMPAT_HAVE_D_ALLOC_TRYLOCK
	return d_alloc_trylock(parent, name);
#else
	return ERR_PTR(-EOPNOTSUPP);
#endif
}

/* A dentry that a filesystem keeps everybody from, of the series readdir. */
#ifdef COMPAT_HAVE_D_BLOCK
#define COMPAT_HAS_D_BLOCK	true
#else
#define COMPAT_HAS_D_BLOCK	false
#endif

#ifdef COMPAT_HAVE_AFS_BLOCK
#define COMPAT_AFS_BLOCKS	true
#else
#define COMPAT_AFS_BLOCKS	false
#endif

static inline bool compat_d_block(struct dentry *dentry)
{
#ifdef COMPAT_HAVE_D_BLOCK
	return d_block(dentry);
#else
	return false;
#endif
}

static inline bool compat_d_is_blocked(const struct dentry *dentry)
{
#ifdef COMPAT_HAVE_D_BLOCK
	return d_is_blocked(dentry);
#else
	return false;
#endif
}

static inline void compat_d_unblock(struct dentry *dentry)
{
#ifdef COMPAT_HAVE_D_BLOCK
	d_unblock(dentry);
#endif
}

static inline int compat_d_wait_unblocked(struct dentry *dentry, unsigned int *seq)
{
#ifdef COMPAT_HAVE_D_BLOCK
	return d_wait_unblocked(dentry, seq);
#else
	return 0;
#endif
}

static inline bool compat_d_unchanged(const struct dentry *dentry, unsigned int seq)
{
#ifdef COMPAT_HAVE_D_BLOCK
	return d_unchanged(dentry, seq);
#else
	return false;
#endif
}

/* A name that no file has, of the series readdir; @dir is locked exclusively. */
#ifdef COMPAT_HAVE_LOOKUP_UNUSED
#define COMPAT_HAS_LOOKUP_UNUSED	true
#else
#define COMPAT_HAS_LOOKUP_UNUSED	false
#endif

static inline struct dentry *compat_lookup_unused(struct qstr *name, struct dentry *dir)
{
#ifdef COMPAT_HAVE_LOOKUP_UNUSED
	return lookup_unused_noperm(name, dir);
#else
	return ERR_PTR(-EOPNOTSUPP);
#endif
}

/*
 * Another task ends the lookup of @dentry, for lockdep of that series.  A thread that plays
 * several tasks says so, too.
 */
static inline void compat_d_in_lookup_disown(const struct dentry *dentry)
{
#ifdef COMPAT_HAVE_DISOWN
	d_in_lookup_disown(dentry);
#endif
}

/*
 * ->iterate_shared() can have iterate_dir() wait and call again, in that series, and
 * procfs and sysctl do so.
 * compat_retry_of() is the request that @ctx has room for.
 */
#ifdef COMPAT_HAVE_DIR_RETRY
#define COMPAT_HAS_DIR_RETRY	true
#else
#define COMPAT_HAS_DIR_RETRY	false
#endif

#ifdef COMPAT_HAVE_PROCFS_RETRY
#define COMPAT_PROCFS_RETRIES	true
#else
#define COMPAT_PROCFS_RETRIES	false
#endif

#ifdef COMPAT_HAVE_SYSCTL_RETRY
#define COMPAT_SYSCTL_RETRIES	true
#else
#define COMPAT_SYSCTL_RETRIES	false
#endif

/* d_add_ci() of the name that it was called for takes that dentry. */
#ifdef COMPAT_HAVE_ADD_CI_OF_ITSELF
#define COMPAT_ADD_CI_KNOWS_ITSELF	true
#else
#define COMPAT_ADD_CI_KNOWS_ITSELF	false
#endif

static inline bool compat_dir_retry(struct dir_context *ctx, struct dentry *dir,
				    const struct qstr *name)
{
#ifdef COMPAT_HAVE_DIR_RETRY
	return dir_retry(ctx, dir, name);
#else
	return false;
#endif
}

static inline const void *compat_retry_of(const struct dir_context *ctx)
{
#ifdef COMPAT_HAVE_DIR_RETRY
	return ctx->retry;
#else
	return NULL;
#endif
}

/* All times of a new inode are now. */
static inline void compat_inode_init_ts(struct inode *inode)
{
#ifdef COMPAT_HAVE_SIMPLE_INODE_INIT_TS
	simple_inode_init_ts(inode);
#else
	inode->i_ctime = current_time(inode);
	inode->i_mtime = inode->i_ctime;
	inode->i_atime = inode->i_ctime;
#endif
}

/* Since 6.7: the operations of a file of @name##_show() and @name##_write(). */
#ifndef DEFINE_SHOW_STORE_ATTRIBUTE
#define DEFINE_SHOW_STORE_ATTRIBUTE(name)				\
static int name##_open(struct inode *inode, struct file *file)		\
{									\
	return single_open(file, name##_show, inode->i_private);	\
}									\
									\
static const struct file_operations name##_fops = {			\
	.owner		= THIS_MODULE,					\
	.llseek		= seq_lseek,					\
	.open		= name##_open,					\
	.read		= seq_read,					\
	.release	= single_release,				\
	.write		= name##_write,					\
}
#endif

/*
 * Where @task, which sleeps, has been called from: at most @size addresses, the
 * innermost first.  Modules had no stack_trace_save_tsk() before 6.3, but all that it
 * is made of on x86.  Returns how many there are, 0 where that cannot be told.
 */
static inline unsigned int compat_stack_trace(struct task_struct *task,
					      unsigned long *entries,
					      unsigned int size)
{
#if !defined(CONFIG_STACKTRACE)
	return 0;
#elif !defined(COMPAT_LACKS_STACK_TRACE_SAVE_TSK)
	return stack_trace_save_tsk(task, entries, size, 0);
#elif defined(CONFIG_X86)
	struct unwind_state state;
	unsigned int n = 0;

	/* Nor is there put_task_stack(), but stacks are freed by RCU. */
	rcu_read_lock();
	for (unwind_start(&state, task, NULL, NULL);
	     n < size && !unwind_done(&state); unwind_next_frame(&state)) {
		entries[n] = unwind_get_return_address(&state);
		if (!entries[n])
			break;
		n++;
	}
	rcu_read_unlock();
	return n;
#else
	return 0;
#endif
}

/* Where d_splice_alias(), which may be inlined, does what it does. */
#ifdef COMPAT_HAVE_D_SPLICE_ALIAS_OPS
#define COMPAT_D_SPLICE_ALIAS	"d_splice_alias_ops"
#else
#define COMPAT_D_SPLICE_ALIAS	"d_splice_alias"
#endif

/* No flags, as shmem_file_setup() wants them. */
#ifdef COMPAT_HAVE_VMA_FLAGS_T
#define COMPAT_NO_VMA_FLAGS	((vma_flags_t){})
#else
#define COMPAT_NO_VMA_FLAGS	0
#endif

/*
 * For negative controls only: hide the waiters that @dentry has so far from the end of
 * its lookup, which has to be in between these two.  They are in @hidden meanwhile.
 * This is known how to do only where COMPAT_CAN_LOSE_WAITERS is true.
 */
#define COMPAT_CAN_LOSE_WAITERS						\
	(COMPAT_WAITS_ON_LENT_QUEUE || COMPAT_WAKES_WAITERS_ONLY)

struct compat_hidden {
	wait_queue_head_t	fresh;		/* in place of a lent queue */
	struct list_head	waiters;
};

static inline void compat_hide_waiters(struct dentry *dentry,
				       struct compat_hidden *hidden)
{
	init_waitqueue_head(&hidden->fresh);
	spin_lock(&dentry->d_lock);
#if defined(COMPAT_HAVE_D_WAIT)
	dentry->d_wait = &hidden->fresh;
#elif defined(COMPAT_HAVE_D_LOOKUP_WAITERS)
	list_replace_init(&dentry->d_lookup_waiters.entries, &hidden->waiters);
#else
	dentry->d_flags &= ~COMPAT_DCACHE_WAITER;
#endif
	spin_unlock(&dentry->d_lock);
}

/* The lookup has ended; the caller has a reference, so ->d_lru is not in use. */
static inline void compat_unhide_waiters(struct dentry *dentry,
					 struct compat_hidden *hidden)
{
#ifdef COMPAT_HAVE_D_LOOKUP_WAITERS
	spin_lock(&dentry->d_lock);
	list_splice(&hidden->waiters, &dentry->d_lookup_waiters.entries);
	spin_unlock(&dentry->d_lock);
#endif
}

#endif /* DCACHE_COMPAT_H */

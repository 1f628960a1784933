/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The beginning and the end of both lookup_torture and lookup_scale: parameters in
 * their ranges, directories on a mount of their own that nobody else sees, and a
 * control thread that waits to be stopped.
 */
#ifndef LOOKUP_MOUNT_H
#define LOOKUP_MOUNT_H

#include <linux/fs.h>
#include <linux/fs_context.h>
#include <linux/kthread.h>
#include <linux/printk.h>
#include <linux/pseudo_fs.h>
#include <linux/sched.h>

#define LOOKUP_MOUNT_MAGIC	0x6c6f6f6b	/* "look" */

/* Returns 0, or -EINVAL, having said what the range of parameter @what is. */
static inline int lookup_check_range(const char *what, unsigned int value,
				     unsigned int from, unsigned int to)
{
	if (value >= from && value <= to)
		return 0;
	pr_err(KBUILD_MODNAME ": %s=%u is not in %u..%u\n", what, value, from, to);
	return -EINVAL;
}

static inline int lookup_init_fs_context(struct fs_context *fc)
{
	return init_pseudo(fc, LOOKUP_MOUNT_MAGIC) ? 0 : -ENOMEM;
}

/* For kern_mount().  It has no owner: our own mount would keep the module from being removed. */
#define LOOKUP_FS_TYPE						\
{								\
	.name			= KBUILD_MODNAME,		\
	.init_fs_context	= lookup_init_fs_context,	\
	.kill_sb		= kill_anon_super,		\
}

/* A directory that is hashed, with a reference for the caller; NULL: no memory. */
static inline struct dentry *lookup_mkdir(struct dentry *parent, const char *name)
{
	struct dentry *dentry = d_alloc_name(parent, name);
	struct inode *inode = dentry ? new_inode(parent->d_sb) : NULL;

	if (!inode) {
		dput(dentry);
		return NULL;
	}
	inode->i_ino = get_next_ino();
	inode->i_mode = S_IFDIR | 0755;
	inode->i_op = &simple_dir_inode_operations;
	inode->i_fop = &simple_dir_operations;
	d_add(dentry, inode);
	return dentry;
}

/* The end of a thread: sleeps until kthread_stop() is called, also if it has been. */
static inline void lookup_await_stop(void)
{
	while (!kthread_should_stop()) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (!kthread_should_stop())
			schedule();
		__set_current_state(TASK_RUNNING);
	}
}

#endif /* LOOKUP_MOUNT_H */

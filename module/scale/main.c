// SPDX-License-Identifier: GPL-2.0
/*
 * The parameters of lookup_scale, its mount, and the control thread, which measures one
 * row after the other.
 */
#include <linux/fs.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/sched/task.h>

#include "lookup_mount.h"
#include "scale.h"

static unsigned int runs = 31;
module_param(runs, uint, 0444);
MODULE_PARM_DESC(runs, "Measurements of each row, 1..61; a tenth of that where there are 2048 waiters (default: 31)");

static unsigned int waiters = 2048;
module_param(waiters, uint, 0444);
MODULE_PARM_DESC(waiters, "Leave out rows with more threads that wait for one name, 0..2048; with 0 nobody waits at all (default: 2048)");

static unsigned int unrelated = 64000;
module_param(unrelated, uint, 0444);
MODULE_PARM_DESC(unrelated, "Leave out rows with more threads that wait for other names, 0..64000; kernel.threads-max and kernel.pid_max have to allow for them (default: 64000)");

static bool colliding = true;
module_param(colliding, bool, 0444);
MODULE_PARM_DESC(colliding, "Measure the rows whose names share a wait queue, for which many thousands are tried (default: Y)");

static struct vfsmount *ls_mnt;
static struct task_struct *ls_control;

static void ls_measure(void)
{
	unsigned int n = max(waiters, 1U + LS_COLLIDING);
	struct ls_thread *pool;

	inode_lock_shared(d_inode(ls_dir));
	ls_alone("alloc-add", ls_alloc_add);
	ls_alone("alloc-done", ls_alloc_done);
	inode_unlock_shared(d_inode(ls_dir));
	ls_alone("splice", ls_splice);
	if (!waiters)
		return;

	pool = ls_start_threads("pool", n);
	if (!pool)
		return;
	inode_lock_shared(d_inode(ls_dir));
	ls_sleep_row(pool);
	ls_wake_rows(pool, waiters);
	if (colliding)
		ls_colliding_row(pool);
	ls_unrelated_rows(pool, unrelated);
	inode_unlock_shared(d_inode(ls_dir));
	ls_stop_threads(pool, n);
}

static int ls_control_fn(void *unused)
{
	ls_measure();
	pr_info("lookup_scale: End of test: %s\n", ls_failed ? "FAILURE" : "SUCCESS");
	lookup_await_stop();
	return 0;
}

/* Set-up */

static struct file_system_type ls_fs_type = LOOKUP_FS_TYPE;

static void ls_free(void)
{
	dput(ls_moving);
	dput(ls_elsewhere);
	dput(ls_dir);
	kern_unmount(ls_mnt);
}

static int ls_alloc(void)
{
	ls_mnt = kern_mount(&ls_fs_type);
	if (IS_ERR(ls_mnt))
		return PTR_ERR(ls_mnt);
	ls_dir = lookup_mkdir(ls_mnt->mnt_root, "dir");
	ls_elsewhere = lookup_mkdir(ls_mnt->mnt_root, "elsewhere");
	if (ls_elsewhere)
		ls_moving = lookup_mkdir(ls_elsewhere, "moving");
	if (ls_dir && ls_moving)
		return 0;
	ls_free();
	return -ENOMEM;
}

static int __init ls_init(void)
{
	int err;

	err = lookup_check_range("runs", runs, 1, LS_MAX_RUNS) ?:
	      lookup_check_range("waiters", waiters, 0, 2048) ?:
	      lookup_check_range("unrelated", unrelated, 0, 64000) ?:
	      ls_alloc();
	if (err)
		return err;
	ls_runs = runs;
	ls_control = kthread_create(ls_control_fn, NULL, "lookup_scale");
	if (IS_ERR(ls_control)) {
		ls_free();
		return PTR_ERR(ls_control);
	}
	get_task_struct(ls_control);
	wake_up_process(ls_control);
	return 0;
}

static void __exit ls_exit(void)
{
	kthread_stop(ls_control);
	put_task_struct(ls_control);
	ls_free();
}

module_init(ls_init);
module_exit(ls_exit);
MODULE_DESCRIPTION("Costs of waiting in d_alloc_parallel() and of waking");
MODULE_LICENSE("GPL");

// SPDX-License-Identifier: GPL-2.0
/*
 * Lookups that the control thread owns, and threads that wait for their names.
 */
#include <linux/fs.h>
#include <linux/kthread.h>
#include <linux/printk.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "dcache_compat.h"
#include "scale.h"

static unsigned int ls_serial;			/* of names */

atomic_t ls_left;
u64 ls_back;
DECLARE_COMPLETION(ls_all_back);

bool ls_begin(struct ls_lookup *l, struct dentry *dir)
{
	struct qstr name;
	char text[16];

	snprintf(text, sizeof(text), "s%u", ls_serial++);
	name = (struct qstr)QSTR_INIT(text, strlen(text));
	name.hash = full_name_hash(dir, name.name, name.len);
	init_waitqueue_head(&l->wq);
	l->dentry = d_alloc_parallel_compat(dir, &name, &l->wq);
	if (!IS_ERR(l->dentry) && d_in_lookup(l->dentry))
		return true;
	if (!IS_ERR(l->dentry))
		dput(l->dentry);
	ls_fail("a lookup could not be begun");
	return false;
}

/* Its waiters must have come back: they would look an unhashed name up again. */
void ls_forget(struct ls_lookup *l)
{
	d_drop(l->dentry);
	dput(l->dentry);
	l->dentry = NULL;
}

void ls_end(struct ls_lookup *l)
{
	d_add(l->dentry, NULL);
	dput(l->dentry);
	l->dentry = NULL;
}

static int ls_thread_fn(void *arg)
{
	DECLARE_WAIT_QUEUE_HEAD_ONSTACK(wq);
	struct ls_thread *t = arg;
	struct dentry *dentry;
	u64 now;

	inode_lock_shared(d_inode(ls_dir));
	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (!READ_ONCE(t->inside)) {
			if (kthread_should_stop())
				break;
			schedule();
			continue;
		}
		__set_current_state(TASK_RUNNING);
		t->entered = ls_now();
		dentry = d_alloc_parallel_compat(ls_dir, t->name, &wq);
		now = ls_now();
		if (atomic_dec_and_test(&ls_left)) {
			ls_back = now;
			complete(&ls_all_back);
		}
		if (IS_ERR(dentry)) {
			ls_fail("a waiter got an error");
		} else {
			if (d_in_lookup(dentry)) {
				ls_fail("a waiter did not wait");
				d_lookup_done(dentry);
			}
			dput(dentry);
		}
		WRITE_ONCE(t->inside, false);
	}
	__set_current_state(TASK_RUNNING);
	inode_unlock_shared(d_inode(ls_dir));
	return 0;
}

void ls_stop_threads(struct ls_thread *threads, unsigned int n)
{
	while (n--) {
		kthread_stop(threads[n].task);
		put_task_struct(threads[n].task);
	}
	kvfree(threads);
}

struct ls_thread *ls_start_threads(const char *what, unsigned int n)
{
	struct ls_thread *threads = kvcalloc(n, sizeof(*threads), GFP_KERNEL);
	struct task_struct *task;
	unsigned int i;

	if (!threads) {
		ls_fail("no memory");
		return NULL;
	}
	for (i = 0; i < n; i++) {
		task = kthread_run(ls_thread_fn, &threads[i], "ls_%s/%u", what, i);
		if (IS_ERR(task)) {
			pr_alert("lookup_scale: thread %u of %u: %pe\n", i, n, task);
			ls_fail("no thread; see the parameter unrelated");
			ls_stop_threads(threads, i);
			return NULL;
		}
		/* It costs the same each time to queue one of these; with CFS it does not. */
		sched_set_fifo_low(task);
		get_task_struct(task);
		threads[i].task = task;
		cond_resched();
	}
	return threads;
}

void ls_send(struct ls_thread *t, const struct ls_lookup *l)
{
	t->name = &l->dentry->d_name;
	WRITE_ONCE(t->inside, true);
	wake_up_process(t->task);
}

/* From ls_send() on, it sleeps uninterruptibly in one place only. */
bool ls_asleep(const struct ls_thread *t)
{
	if (!READ_ONCE(t->inside))
		ls_fail("a waiter came back before the lookup has ended");
	return READ_ONCE(t->task->__state) & TASK_UNINTERRUPTIBLE;
}

void ls_await_asleep(const struct ls_thread *threads, unsigned int n)
{
	unsigned int i = 0;

	while (i < n && !READ_ONCE(ls_failed)) {
		if (ls_asleep(&threads[i]))
			i++;
		else
			schedule_timeout_uninterruptible(1);
	}
}

/*
 * A thread can be sent again once it has left the loop's body: it clears ->inside last,
 * after the figure of the row has been taken.
 */
void ls_await_back(const struct ls_thread *threads, unsigned int n)
{
	while (n--)
		while (READ_ONCE(threads[n].inside))
			schedule_timeout_uninterruptible(1);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * lookup_scale: what it costs to end a lookup in d_alloc_parallel() when nobody
 * waits for it, when few or many do, and when others wait for other names.
 *
 * After kernel/rcu/refscale.c: the module measures when it is loaded, and prints
 * every single measurement, a line "lookup_scale: cost ROW: VALUE..." for each
 * row, in what get_cycles() counts.  In a guest of one CPU that QEMU runs with
 * -icount shift=0 that is instructions.  Elsewhere it is cycles, and rows with
 * waiters are only as good as the machine is quiet.  User-mode Linux has no
 * get_cycles(), but runs on a processor that has a time stamp counter.
 *
 * Rows, N waiters and K threads that wait for K other names:
 *
 *   alloc-add	d_alloc_parallel() and d_add(): a lookup that finds nothing
 *   alloc-done	d_alloc_parallel() and d_lookup_done(): one that fails
 *   splice	d_alloc_parallel() and d_splice_alias() of a directory that is
 *		known in another one, and so moves
 *   wake-N	d_add() of a name that N threads wait for
 *   return-N	from the beginning of that to the return of the last of them
 *   sleep-1	from the entry of a thread into d_alloc_parallel() until
 *		another one runs
 *   alloc-add-unrelated-K, wake-1-unrelated-K, return-1-unrelated-K
 *   alloc-add-colliding-K, wake-1-colliding-K, return-1-colliding-K: the K names
 *		are chosen so that, if waiters on a dentry share the wait queues of
 *		wait_var_event(), all share one
 *
 * Nobody is woken, and no lookup ended, before all who shall wait are known to
 * sleep: each has a reference to the dentry and is in state D.
 */
#include <linux/completion.h>
#include <linux/fs.h>
#include <linux/kthread.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/timex.h>
#include <linux/wait_bit.h>

#include "dcache_compat.h"
#include "lookup_mount.h"

#define LS_MAX_RUNS		61		/* values that fit on a line of the log */
#define LS_WARM_UP		3		/* runs that are not counted */
#define LS_SPLICES		63		/* for one value: some slabs full of dentries */
#define LS_COLLIDING		64
#define LS_MAX_CANDIDATES	200000		/* to find that many that collide */

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

/*
 * Waits for one name after the other.  The control thread writes ->name and then
 * ->inside, which is the order to go; the thread clears ->inside when it is back.
 */
struct ls_thread {
	struct task_struct	*task;
	const struct qstr	*name;
	bool			inside;
	u64			entered;
};

/* A lookup of ours, in flight from ls_begin() to ls_end() or ls_wake(). */
struct ls_lookup {
	struct dentry		*dentry;	/* NULL once that is over */
	wait_queue_head_t	wq;		/* for kernels that want one */
};

static struct vfsmount *ls_mnt;
static struct dentry *ls_dir, *ls_elsewhere;
static struct task_struct *ls_control;
static unsigned int ls_serial;			/* of names */
static atomic_t ls_left;			/* who are not back yet */
static u64 ls_back;				/* when the last of them was */
static struct completion ls_all_back;
static bool ls_failed;

/* What a row has measured, and the line that it is printed on. */
static u64 ls_values[LS_WARM_UP + LS_MAX_RUNS], ls_returns[LS_WARM_UP + LS_MAX_RUNS];
static char ls_line[LS_MAX_RUNS * 12];

static void ls_fail(const char *what)
{
	ls_failed = true;
	pr_alert("lookup_scale: !!! %s\n", what);
}

static u64 ls_now(void)
{
#ifdef CONFIG_UML
	return __builtin_ia32_rdtsc();
#else
	return get_cycles();
#endif
}

/* The lookups */

static bool ls_begin(struct ls_lookup *l, struct dentry *dir)
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

/* Those who waited must have come back: they would look an unhashed one up again. */
static void ls_forget(struct ls_lookup *l)
{
	d_drop(l->dentry);
	dput(l->dentry);
	l->dentry = NULL;
}

static void ls_end(struct ls_lookup *l)
{
	d_add(l->dentry, NULL);
	dput(l->dentry);
	l->dentry = NULL;
}

/* Those who wait */

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

static void ls_stop_threads(struct ls_thread *threads, unsigned int n)
{
	while (n--) {
		kthread_stop(threads[n].task);
		put_task_struct(threads[n].task);
	}
	kvfree(threads);
}

static struct ls_thread *ls_start_threads(const char *what, unsigned int n)
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
		/* To queue them costs the same each time, as it does not with CFS. */
		sched_set_fifo_low(task);
		get_task_struct(task);
		threads[i].task = task;
		cond_resched();
	}
	return threads;
}

static void ls_send(struct ls_thread *t, const struct ls_lookup *l)
{
	t->name = &l->dentry->d_name;
	WRITE_ONCE(t->inside, true);
	wake_up_process(t->task);
}

/* From ls_send() on, it sleeps uninterruptibly in one place only. */
static bool ls_asleep(const struct ls_thread *t)
{
	if (!READ_ONCE(t->inside))
		ls_fail("a waiter came back before the lookup has ended");
	return READ_ONCE(t->task->__state) & TASK_UNINTERRUPTIBLE;
}

static void ls_await_asleep(const struct ls_thread *threads, unsigned int n)
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
 * Only who has left the loop's body can be sent again: it clears ->inside last, after
 * the figure of the row has been taken.
 */
static void ls_await_back(const struct ls_thread *threads, unsigned int n)
{
	while (n--)
		while (READ_ONCE(threads[n].inside))
			schedule_timeout_uninterruptible(1);
}

/* Printing */

/* All but those that were there to warm up. */
static void ls_print(const char *row, const u64 *values, unsigned int n)
{
	unsigned int i;
	int used = 0;

	for (i = LS_WARM_UP; i < n; i++)
		used += scnprintf(ls_line + used, sizeof(ls_line) - used, " %llu",
				  values[i]);
	if (!ls_failed)
		pr_info("lookup_scale: cost %s:%s\n", row, ls_line);
}

static unsigned int ls_runs(unsigned int n)
{
	return LS_WARM_UP + (n < 2048 ? runs : DIV_ROUND_UP(runs, 10));
}

/* Rows in which nobody waits */

static u64 ls_alloc_add(void)
{
	struct ls_lookup l;
	u64 start = ls_now(), end;

	if (!ls_begin(&l, ls_dir))
		return 0;
	d_add(l.dentry, NULL);
	end = ls_now();
	ls_forget(&l);
	return end - start;
}

static u64 ls_alloc_done(void)
{
	struct ls_lookup l;
	u64 start = ls_now(), end;

	if (!ls_begin(&l, ls_dir))
		return 0;
	d_lookup_done(l.dentry);
	end = ls_now();
	dput(l.dentry);
	return end - start;
}

/* @ls_moving is in one of the two directories, and goes to the other one. */
static struct dentry *ls_moving;

static u64 ls_splice_once(void)
{
	struct dentry *dir = ls_moving->d_parent == ls_dir ? ls_elsewhere : ls_dir;
	struct inode *inode = d_inode(ls_moving);
	u64 start, end;
	struct ls_lookup l;
	struct dentry *res;

	ihold(inode);
	inode_lock_shared_nested(d_inode(dir), I_MUTEX_CHILD);
	start = ls_now();
	if (!ls_begin(&l, dir)) {
		inode_unlock_shared(d_inode(dir));
		iput(inode);
		return 0;
	}
	res = d_splice_alias(inode, l.dentry);
	end = ls_now();
	inode_unlock_shared(d_inode(dir));
	if (res != ls_moving)
		ls_fail("the directory was not moved");
	if (!IS_ERR_OR_NULL(res))
		dput(res);
	dput(l.dentry);
	return end - start;
}

/* The mean of many: a dentry is freed late, so that now and then one is new to its slab. */
static u64 ls_splice(void)
{
	u64 sum = 0;
	unsigned int i;

	for (i = 0; i < LS_SPLICES && !ls_failed; i++)
		sum += ls_splice_once();
	return div_u64(sum, LS_SPLICES);
}

static void ls_alone(const char *row, u64 (*measure)(void))
{
	unsigned int i;

	for (i = 0; i < ls_runs(0) && !ls_failed; i++)
		ls_values[i] = measure();
	ls_print(row, ls_values, i);
}

/* Rows in which somebody does */

static void ls_send_all(struct ls_thread *pool, unsigned int n, const struct ls_lookup *l)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		ls_send(&pool[i], l);
	ls_await_asleep(pool, n);
}

/*
 * End a lookup that the first @n of @pool wait for, run @i of its row.  With interrupts
 * off, so that a tick does not count, where d_add() can be called so.
 */
static void ls_wake(const struct ls_thread *pool, unsigned int n, struct ls_lookup *l,
		    unsigned int i)
{
	unsigned long flags = 0;
	u64 start;

	if (d_count(l->dentry) != 1 + n)
		ls_fail("not all who wait have a reference");
	atomic_set(&ls_left, n);
	reinit_completion(&ls_all_back);

	if (!IS_ENABLED(CONFIG_PREEMPT_RT))
		local_irq_save(flags);
	start = ls_now();
	d_add(l->dentry, NULL);
	ls_values[i] = ls_now() - start;
	if (!IS_ENABLED(CONFIG_PREEMPT_RT))
		local_irq_restore(flags);

	if (!ls_failed) {
		wait_for_completion(&ls_all_back);
		ls_returns[i] = ls_back - start;
	}
	ls_await_back(pool, n);
	ls_forget(l);
}

/* Of lookups that begin here, or of @lookups, which have begun. */
static void ls_wake_row(struct ls_thread *pool, unsigned int n, const char *others,
			struct ls_lookup **lookups)
{
	struct ls_lookup own, *l;
	char row[48];
	unsigned int i;

	for (i = 0; i < ls_runs(n) && !ls_failed; i++) {
		l = lookups ? lookups[i] : &own;
		if (!lookups && !ls_begin(l, ls_dir))
			return;
		ls_send_all(pool, n, l);
		ls_wake(pool, n, l, i);
	}
	snprintf(row, sizeof(row), "wake-%u%s", n, others);
	ls_print(row, ls_values, i);
	snprintf(row, sizeof(row), "return-%u%s", n, others);
	ls_print(row, ls_returns, i);
}

static void ls_wake_rows(struct ls_thread *pool)
{
	static const unsigned int sizes[] = { 1, 2, 16, 256, 2048 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		if (sizes[i] <= waiters)
			ls_wake_row(pool, sizes[i], "", NULL);
}

/* We give way, and come back once there is nobody else to run. */
static void ls_sleep_row(struct ls_thread *pool)
{
	struct ls_lookup l;
	u64 end;
	unsigned int i;

	for (i = 0; i < ls_runs(1) && !ls_failed; i++) {
		if (!ls_begin(&l, ls_dir))
			return;
		ls_send(&pool[0], &l);
		do {
			cond_resched();
			end = ls_now();
		} while (!ls_asleep(&pool[0]) && !ls_failed);
		ls_wake(pool, 1, &l, i);
		ls_values[i] = end - pool[0].entered;
	}
	ls_print("sleep-1", ls_values, i);
}

static void ls_unrelated_rows(struct ls_thread *pool)
{
	static const unsigned int sizes[] = { 1000, 8000, 64000 };
	struct ls_lookup *lookups;
	struct ls_thread *threads;
	unsigned int i, n = 0, most = 0;
	char others[32], row[48];

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		if (sizes[i] <= unrelated)
			most = sizes[i];
	if (!most || ls_failed)
		return;
	lookups = kvcalloc(most, sizeof(*lookups), GFP_KERNEL);
	if (!lookups) {
		ls_fail("no memory");
		return;
	}
	threads = ls_start_threads("other", most);
	if (!threads) {
		kvfree(lookups);
		return;
	}
	for (i = 0; i < ARRAY_SIZE(sizes) && sizes[i] <= most; i++) {
		for (; n < sizes[i]; n++) {
			if (!ls_begin(&lookups[n], ls_dir))
				goto out;
			/* none of ls_left: they stay beyond the end of the row */
			ls_send(&threads[n], &lookups[n]);
			cond_resched();
		}
		ls_await_asleep(threads, n);
		snprintf(others, sizeof(others), "-unrelated-%u", n);
		snprintf(row, sizeof(row), "alloc-add%s", others);
		ls_alone(row, ls_alloc_add);
		ls_wake_row(pool, 1, others, NULL);
	}
out:
	atomic_set(&ls_left, INT_MAX);
	while (n--)
		ls_end(&lookups[n]);
	ls_stop_threads(threads, most);
	kvfree(lookups);
}

static bool ls_collides(const struct ls_lookup *l, wait_queue_head_t *queue)
{
	return __var_waitqueue(compat_wait_key(l->dentry)) == queue;
}

/*
 * Lookups that nobody waits for, with the 64 others on @queue asleep.  Whether one
 * belongs there is known once it has begun, so what is timed is in two parts.  Those
 * that do not are kept, or their memory would come again.  Returns how many lookups
 * of @all are in use.
 */
static unsigned int ls_colliding_alone(struct ls_lookup *all, unsigned int n,
				       wait_queue_head_t *queue)
{
	unsigned int i = 0;
	char row[32];
	u64 start, spent;

	while (i < ls_runs(0) && !ls_failed && n < LS_MAX_CANDIDATES) {
		struct ls_lookup *l = &all[n++];

		start = ls_now();
		if (!ls_begin(l, ls_dir)) {
			l->dentry = NULL;
			break;
		}
		spent = ls_now() - start;
		if (!ls_collides(l, queue))
			continue;
		start = ls_now();
		d_add(l->dentry, NULL);
		ls_values[i++] = spent + ls_now() - start;
		ls_forget(l);
	}
	snprintf(row, sizeof(row), "alloc-add-colliding-%u", LS_COLLIDING);
	if (i == ls_runs(0))
		ls_print(row, ls_values, i);
	else if (!ls_failed)
		pr_info("lookup_scale: left out %s: not enough of %u names collide\n",
			row, n);
	return n;
}

/* Those of many lookups that share one queue of wait_var_event(). */
static void ls_colliding_row(struct ls_thread *pool)
{
	const unsigned int want = LS_COLLIDING + LS_WARM_UP + LS_MAX_RUNS;
	struct ls_lookup *all, **hit;
	unsigned int i, n, hits = 0;
	wait_queue_head_t *queue = NULL;
	char others[32];

	all = kvcalloc(LS_MAX_CANDIDATES, sizeof(*all), GFP_KERNEL);
	hit = kvcalloc(want, sizeof(*hit), GFP_KERNEL);
	if (!all || !hit)
		ls_fail("no memory");
	for (n = 0; !ls_failed && hits < want && n < LS_MAX_CANDIDATES; n++) {
		struct ls_lookup *l = &all[n];

		if (!ls_begin(l, ls_dir))
			break;
		if (!queue)
			queue = __var_waitqueue(compat_wait_key(l->dentry));
		if (ls_collides(l, queue))
			hit[hits++] = l;
	}
	if (hits == want) {
		/* pool[0] is who is woken */
		for (i = 0; i < LS_COLLIDING; i++)
			ls_send(&pool[1 + i], hit[i]);
		ls_await_asleep(pool + 1, LS_COLLIDING);
		n = ls_colliding_alone(all, n, queue);
		snprintf(others, sizeof(others), "-colliding-%u", LS_COLLIDING);
		ls_wake_row(pool, 1, others, hit + LS_COLLIDING);
	} else {
		pr_info("lookup_scale: left out alloc-add-colliding-%u wake-1-colliding-%u return-1-colliding-%u: not enough of %u names collide\n",
			LS_COLLIDING, LS_COLLIDING, LS_COLLIDING, n);
	}
	atomic_set(&ls_left, INT_MAX);
	while (n--)
		if (all[n].dentry)
			ls_end(&all[n]);
	kvfree(all);
	kvfree(hit);
}

/* The control thread */

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
	ls_wake_rows(pool);
	if (colliding)
		ls_colliding_row(pool);
	ls_unrelated_rows(pool);
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
	init_completion(&ls_all_back);
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

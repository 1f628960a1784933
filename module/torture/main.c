// SPDX-License-Identifier: GPL-2.0
/*
 * lookup_torture: parameters, the control thread, and the verdict.
 *
 * The control thread sums, prints, and looks for readers that do not come back
 * from d_alloc_parallel().
 */
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/fs.h>
#include <linux/hash.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/random.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "lookup_mount.h"
#include "torture.h"

#define LT_POLL_MS	100
#define LT_GRACE	40		/* seconds, on a slow machine */

static unsigned int nreaders;
module_param(nreaders, uint, 0444);
MODULE_PARM_DESC(nreaders, "Number of reader threads, 2..1024 (default: number of online CPUs, at least 2)");

static unsigned int nnames = 4;
module_param(nnames, uint, 0444);
MODULE_PARM_DESC(nnames, "Number of names they look up, 1..1024 (default: 4)");

static unsigned int stat_interval = 15;
module_param(stat_interval, uint, 0444);
MODULE_PARM_DESC(stat_interval, "Seconds between statistics, 0 for none (default: 15)");

static unsigned int duration;
module_param(duration, uint, 0444);
MODULE_PARM_DESC(duration, "Seconds to run, and up to 40 more until every op was waited for and all disturbances were seen, 0 for until rmmod (default: 0)");

static unsigned int hold_us = 200;
module_param(hold_us, uint, 0444);
MODULE_PARM_DESC(hold_us, "Microseconds for which an owner holds a lookup at most, 0..1000000 (default: 200)");

static unsigned int gather;
module_param(gather, uint, 0444);
MODULE_PARM_DESC(gather, "Number of readers that an owner lets come and wait before it ends a lookup, for hold_us at most, 0..nreaders-1 (default: 0)");

static unsigned int stall_ms = 5000;
module_param(stall_ms, uint, 0444);
MODULE_PARM_DESC(stall_ms, "Milliseconds of sleep after which a wait counts as lost, ten times that if the reader is not asleep, 100..600000 and at least ten times hold_us (default: 5000)");

static unsigned long long seed;
module_param(seed, ullong, 0444);
MODULE_PARM_DESC(seed, "Seed of the random numbers, 0 for a random one (default: 0)");

static bool verbose;
module_param(verbose, bool, 0444);
MODULE_PARM_DESC(verbose, "Print what became of each op with each statistics (default: N)");

static char *ops = "all";
module_param(ops, charp, 0444);
MODULE_PARM_DESC(ops, "Comma-separated ways to end a lookup, a wrong one prints the list (default: all)");

static bool inject_faults;
module_param(inject_faults, bool, 0444);
MODULE_PARM_DESC(inject_faults, "Have the readers' allocations fail as /sys/kernel/debug/fail* say, and fail if none did; needs CONFIG_FAULT_INJECTION (default: N)");

static struct vfsmount *lt_mnt;
static struct task_struct *lt_control;
static DECLARE_COMPLETION(lt_control_runs);

/* Printing */

static struct lt_op_stats lt_sum_op(unsigned int op)
{
	struct lt_op_stats sum = {};
	unsigned int i;

	for (i = 0; i < nreaders; i++) {
		sum.ended += READ_ONCE(lt_readers[i].ops[op].ended);
		sum.waited_for += READ_ONCE(lt_readers[i].ops[op].waited_for);
	}
	return sum;
}

static void lt_print_ops(void)
{
	struct lt_op_stats sum;
	unsigned int op;

	for (op = 0; op < lt_nr_ops; op++) {
		sum = lt_sum_op(op);
		if (sum.ended || lt_op_selected(op))
			pr_info("lookup_torture:   %s: ended=%llu waited_for=%llu\n",
				lt_ops[op].name, sum.ended, sum.waited_for);
	}
}

static void lt_print_line(const char *what)
{
	u64 c[LT_NR_COUNTERS];

	lt_sum(c);
	pr_info("lookup_torture: %s: nreaders=%u nnames=%u stat_interval=%u duration=%u hold_us=%u stall_ms=%u seed=%llu verbose=%d ops=%s; lookups=%llu owned=%llu found=%llu slept=%llu slept_found=%llu nomem=%llu stalls=%u rescued=%u errors=%d\n",
		what, nreaders, nnames, stat_interval, duration, hold_us,
		stall_ms, seed, verbose, ops, c[LT_LOOKUPS], c[LT_OWNED],
		c[LT_FOUND], c[LT_SLEPT], c[LT_SLEPT_FOUND], c[LT_NOMEM],
		lt_stalls, lt_rescued, atomic_read(&lt_errors));
}

static void lt_print_stats(unsigned int s)
{
	u64 c[LT_NR_COUNTERS];

	lt_sum(c);
	pr_info("lookup_torture: %u s: lookups=%llu owned=%llu found=%llu slept=%llu nomem=%llu stalls=%u errors=%d\n",
		s, c[LT_LOOKUPS], c[LT_OWNED], c[LT_FOUND], c[LT_SLEPT],
		c[LT_NOMEM], lt_stalls, atomic_read(&lt_errors));
	if (verbose)
		lt_print_ops();
}

/* The control thread */

static bool lt_all_idle(void)
{
	unsigned int i;

	for (i = 0; i < nreaders; i++)
		/* Pairs with the release in lt_reader_fn(). */
		if (!smp_load_acquire(&lt_readers[i].idle))
			return false;
	return true;
}

static void lt_stop_readers(void)
{
	unsigned int i;

	WRITE_ONCE(lt_stopping, true);
	while (!lt_all_idle()) {
		schedule_timeout_idle(msecs_to_jiffies(LT_POLL_MS));
		lt_check_stalls();
	}
	lt_check_stalls();
	for (i = 0; i < nreaders; i++) {
		kthread_stop(lt_readers[i].task);
		put_task_struct(lt_readers[i].task);
	}
}

static bool lt_all_waited_for(void)
{
	unsigned int op;

	for (op = 0; op < lt_nr_ops; op++)
		if (lt_op_selected(op) && !lt_sum_op(op).waited_for)
			return false;
	return true;
}

/* A run in which nobody waited has not tested anything. */
static void lt_check_coverage(void)
{
	unsigned int op;

	for (op = 0; op < lt_nr_ops; op++)
		if (lt_op_selected(op) && !lt_sum_op(op).waited_for)
			lt_error("%s: nobody ever waited for it",
				 lt_ops[op].name);
}

static void lt_verdict(void)
{
	u64 c[LT_NR_COUNTERS];

	lt_sum(c);
	if (!c[LT_SLEPT])
		lt_error("nobody slept");
	if (lt_inject_faults && !c[LT_NOMEM])
		lt_error("no allocation failed");
	lt_check_coverage();
	lt_disturbed(true);
	lt_print_ops();
	lt_print_disturbance();
	lt_print_line(atomic_read(&lt_errors) ? "End of test: FAILURE" :
						"End of test: SUCCESS");
}

static int lt_control_fn(void *unused)
{
	unsigned long start = jiffies;
	unsigned int s, printed = 0;

	complete(&lt_control_runs);
	while (!kthread_should_stop()) {
		schedule_timeout_idle(msecs_to_jiffies(LT_POLL_MS));
		lt_check_stalls();
		s = (jiffies - start) / HZ;
		if (duration && s >= duration &&
		    (s >= duration + LT_GRACE ||
		     (lt_all_waited_for() && lt_disturbed(false))))
			break;
		if (stat_interval && s >= printed + stat_interval) {
			printed = s;
			lt_print_stats(s);
			lt_ask_doctor();
		}
	}
	lt_ask_doctor();
	lt_disturb_end();
	lt_stop_readers();
	lt_verdict();

	lookup_await_stop();
	return 0;
}

/* Set-up */

static int lt_check_parameters(void)
{
	char *list;
	int err;

	if (!nreaders)
		nreaders = max(num_online_cpus(), 2);
	err = lookup_check_range("nreaders", nreaders, 2, 1024) ?:
	      lookup_check_range("nnames", nnames, 1, 1024) ?:
	      lookup_check_range("hold_us", hold_us, 0, USEC_PER_SEC) ?:
	      lookup_check_range("gather", gather, 0, nreaders - 1) ?:
	      lookup_check_range("stall_ms", stall_ms,
				 max(100U, hold_us / 100), 600000);
	if (err)
		return err;
	if (inject_faults && !IS_ENABLED(CONFIG_FAULT_INJECTION)) {
		pr_err("lookup_torture: inject_faults needs CONFIG_FAULT_INJECTION\n");
		return -EOPNOTSUPP;
	}
	err = lt_disturb_check();
	if (err)
		return err;
	if (!seed)
		seed = get_random_u32();

	list = kstrdup(ops, GFP_KERNEL);
	if (!list)
		return -ENOMEM;
	err = lt_select_ops(list);
	kfree(list);
	return err;
}

static struct file_system_type lt_fs_type = LOOKUP_FS_TYPE;

static void lt_init_name(struct lt_name *name, const char *fmt, unsigned int i)
{
	snprintf(name->text, sizeof(name->text), fmt, i);
	name->q = (struct qstr)QSTR_INIT(name->text, strlen(name->text));
	name->q.hash = full_name_hash(lt_dir, name->text, name->q.len);
}

static void lt_free(void)
{
	dput(lt_dir);
	dput(lt_elsewhere);
	if (!IS_ERR_OR_NULL(lt_mnt))
		kern_unmount(lt_mnt);
	kvfree(lt_readers);
	kvfree(lt_names);
}

static int lt_alloc(void)
{
	unsigned int i;

	lt_nreaders = nreaders;
	lt_nnames = nnames;
	lt_hold_us = hold_us;
	lt_gather = gather;
	lt_stall_ms = stall_ms;
	lt_inject_faults = inject_faults;
	lt_names = kvcalloc(2 * nnames, sizeof(*lt_names), GFP_KERNEL);
	lt_readers = kvcalloc(nreaders, sizeof(*lt_readers), GFP_KERNEL);
	if (!lt_names || !lt_readers)
		return -ENOMEM;
	lt_mnt = kern_mount(&lt_fs_type);
	if (IS_ERR(lt_mnt))
		return PTR_ERR(lt_mnt);
	lt_dir = lookup_mkdir(lt_mnt->mnt_root, "names");
	lt_elsewhere = lookup_mkdir(lt_mnt->mnt_root, "elsewhere");
	if (!lt_dir || !lt_elsewhere)
		return -ENOMEM;
	for (i = 0; i < nnames; i++) {
		lt_init_name(&lt_names[i], "Name%u", i);
		lt_init_name(&lt_names[nnames + i], "name%u", i);
		lt_names[nnames + i].exact = true;
	}
	return 0;
}

/* The first @n readers, none of which has run yet. */
static void lt_forget_readers(unsigned int n)
{
	while (n--) {
		kthread_stop(lt_readers[n].task);
		put_task_struct(lt_readers[n].task);
	}
}

static int lt_create_readers(void)
{
	struct task_struct *task;
	unsigned int i;

	for (i = 0; i < nreaders; i++) {
		struct lt_reader *r = &lt_readers[i];

		r->nr = i;
		prandom_seed_state(&r->rnd, hash_64(seed + i, 64));
		task = kthread_create(lt_reader_fn, r, "lookup_torture/%u", i);
		if (IS_ERR(task)) {
			lt_forget_readers(i);
			return PTR_ERR(task);
		}
		get_task_struct(task);
		r->task = task;
	}
	return 0;
}

/* All or none: the readers start only once everything else is there. */
static int lt_create_threads(void)
{
	struct task_struct *task;
	int err;

	err = lt_create_readers();
	if (err)
		return err;
	task = kthread_create(lt_control_fn, NULL, "lookup_torture");
	err = PTR_ERR_OR_ZERO(task);
	if (err) {
		lt_forget_readers(nreaders);
		return err;
	}
	err = lt_disturb_begin(verbose, seed);
	if (err) {
		pr_err("lookup_torture: the disturbances cannot be set up: %d\n", err);
		kthread_stop(task);
		lt_forget_readers(nreaders);
		return err;
	}
	get_task_struct(task);
	lt_control = task;
	return 0;
}

static int __init lt_init(void)
{
	unsigned int i;
	int err;

	err = lt_check_parameters();
	if (err)
		return err;
	err = lt_alloc() ?: lt_create_threads();
	if (err) {
		lt_free();
		return err;
	}
	lt_print_line("Start of test");
	lt_print_disturbance();
	for (i = 0; i < nreaders; i++)
		wake_up_process(lt_readers[i].task);
	wake_up_process(lt_control);
	/* a thread that is stopped before it has run would leave the readers to run on */
	wait_for_completion(&lt_control_runs);
	return 0;
}

static void __exit lt_exit(void)
{
	kthread_stop(lt_control);
	put_task_struct(lt_control);
	lt_free();
}

module_init(lt_init);
module_exit(lt_exit);
MODULE_DESCRIPTION("Torture test of d_alloc_parallel()");
MODULE_LICENSE("GPL");

// SPDX-License-Identifier: GPL-2.0
/*
 * lookup_doctor: says why threads sleep in d_alloc_parallel().
 *
 * It looks and does not touch: no lock of the dcache is waited for, and every
 * read of what may be gone is one that survives that, so it can be asked on a
 * kernel that is broken in just this place, and from an interrupt.
 *
 * It goes by:
 *
 *	waiter	a thread in TASK_UNINTERRUPTIBLE below d_alloc_parallel().  Its stack
 *		holds its entry of a queue, and that names the dentry, or leads to it.
 *	dentry	what is waited for, and what is on the in-lookup hash
 *	owner	a thread that is no waiter for the dentry, nor the one that asks, and
 *		has its address on the stack.  Nothing records who owns a lookup, but
 *		everybody who ends one has the dentry in hand while it sleeps.
 *
 * and what it makes of that, for each dentry:
 *
 *	lost wake-up	it is not in lookup, and somebody sleeps for it
 *	erased bit	it is in lookup, has waiters, and not the bit that says so
 *	cycle		its owner waits for a dentry whose owner ... waits for it, and
 *			nobody else may be the owner
 *	abandoned	it is in lookup, and no thread holds it
 *	dirty chain	it is on the in-lookup hash, and not in lookup
 *	slow owner	its owner sleeps elsewhere or runs: that can still end
 *
 * A thread that runs cannot be examined, so what it owns may look abandoned; the
 * report then says that there are such threads.  A reader of debugfs may sleep, so the
 * doctor looks again for a while before it says that.
 *
 * Most of what one sees while lookups go on is over before it can be read.  A waiter is
 * reported if it slept all the time that it was read, so its reference has kept its
 * dentry.  Others are only counted.
 */
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/kallsyms.h>
#include <linux/kprobes.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/seq_file.h>
#include <linux/sysrq.h>
#include <linux/vmalloc.h>

#include "dcache_compat.h"
#include "lookup_doctor.h"
#include "report.h"

struct ld_report *ld_report;
struct hlist_bl_head *ld_table;
unsigned int ld_table_size;

static unsigned long ld_busy;
static struct dentry *ld_debugfs;

static noinline void ld_examine(struct ld_report *r)
{
	r->nr_waiters = 0;
	r->nr_dentries = 0;
	r->left_out = 0;
	r->moved = 0;
	r->patience = LD_PATIENCE;
	r->nr_frames = 0;
	r->running = 0;
	r->unsure = false;
	r->hopeless = 0;
	r->len = 0;
	r->own_frame = (unsigned long)__builtin_frame_address(0);
	r->chains_seen = ld_table;

	rcu_read_lock();
	ld_collect(r);
	ld_say_all(r);
	rcu_read_unlock();
}

/*
 * @tries is more than one only if the caller may sleep.  A thread that runs now may be
 * seen asleep a little later.
 */
static int ld_report_to(void (*line)(void *arg, const char *text), void *arg,
			unsigned int tries)
{
	struct ld_report *r = ld_report;
	char *at, *end;
	int hopeless;

	for (;;) {
		if (test_and_set_bit_lock(0, &ld_busy))
			return -EBUSY;
		ld_examine(r);
		if (!r->unsure || !--tries)
			break;
		clear_bit_unlock(0, &ld_busy);
		msleep(LD_RETRY_MS);
	}
	for (at = r->text; (end = strchr(at, '\n')); at = end + 1) {
		*end = '\0';
		line(arg, at);
	}
	hopeless = r->hopeless;
	clear_bit_unlock(0, &ld_busy);
	return hopeless;
}

int lookup_doctor_examine(void (*line)(void *arg, const char *text), void *arg)
{
	return ld_report_to(line, arg, 1);
}
EXPORT_SYMBOL_GPL(lookup_doctor_examine);

/* Ways to ask */

static void ld_to_seq(void *m, const char *text)
{
	seq_printf(m, "%s\n", text);
}

static int report_show(struct seq_file *m, void *v)
{
	int ret = ld_report_to(ld_to_seq, m, LD_TRIES);

	return min(ret, 0);
}

/* With room for the longest report, or seq_file would ask again for more of it. */
static int report_open(struct inode *inode, struct file *file)
{
	return single_open_size(file, report_show, NULL, LD_TEXT);
}

static const struct file_operations report_fops = {
	.owner		= THIS_MODULE,
	.open		= report_open,
	.read		= seq_read,
	.llseek		= seq_lseek,
	.release	= single_release,
};

static void ld_to_log(void *arg, const char *text)
{
	pr_info("lookup_doctor: %s\n", text);
}

#ifdef LD_HAVE_SYSRQ_U8
static void ld_sysrq_report(u8 key)
#else
static void ld_sysrq_report(int key)
#endif
{
	if (lookup_doctor_examine(ld_to_log, NULL) < 0)
		pr_info("lookup_doctor: busy\n");
	pr_info("lookup_doctor: end of report\n");
}

static const struct sysrq_key_op ld_sysrq_op = {
	.handler	= ld_sysrq_report,
	.help_msg	= "lookups-in-flight(L)",
	.action_msg	= "Who waits in d_alloc_parallel()",
	.enable_mask	= SYSRQ_ENABLE_DUMP,
};

/* The address of a symbol that is not exported, or 0. */
static unsigned long ld_symbol(const char *name)
{
	unsigned long addr = 0;
#ifdef CONFIG_KPROBES
	unsigned long (*lookup_name)(const char *name);
	struct kprobe kp = { .symbol_name = "kallsyms_lookup_name" };

#ifdef CONFIG_X86_KERNEL_IBT
	/*
	 * Where a probe sits is behind what a CPU wants to find at the end of an indirect
	 * call, if it tracks these, and the kernel is free to take that away.
	 */
	if (boot_cpu_has(X86_FEATURE_IBT))
		return 0;
#endif
	/* A probe knows its address only once it is registered. */
	if (register_kprobe(&kp))
		return 0;
	lookup_name = (void *)kp.addr;
	unregister_kprobe(&kp);
	addr = lookup_name(name);
#endif
	return addr;
}

/*
 * The table is static in fs/dcache.c.  "table+0x0/0x2000" tells where the next symbol
 * begins; the table, whose size is a power of two, may end before that.
 */
static void ld_find_table(void)
{
	unsigned long addr = ld_symbol("in_lookup_hashtable"), size;
	char text[KSYM_SYMBOL_LEN], *slash;

	if (!addr)
		return;
	sprint_symbol(text, addr);
	slash = strrchr(text, '/');
	if (!slash || kstrtoul(slash + 1, 0, &size) ||
	    size < sizeof(*ld_table))
		return;
	ld_table = (void *)addr;
	ld_table_size = rounddown_pow_of_two(size / sizeof(*ld_table));
}

static int __init ld_init(void)
{
	ld_report = vzalloc(sizeof(*ld_report));
	if (!ld_report)
		return -ENOMEM;
	ld_find_wake_function();
	ld_find_table();
	ld_debugfs = debugfs_create_file("lookup_doctor", 0400, NULL, NULL,
					 &report_fops);
	/* Not there without CONFIG_MAGIC_SYSRQ, and then not missed. */
	register_sysrq_key('L', &ld_sysrq_op);
	return 0;
}

static void __exit ld_exit(void)
{
	unregister_sysrq_key('L', &ld_sysrq_op);
	debugfs_remove(ld_debugfs);
	vfree(ld_report);
}

module_init(ld_init);
module_exit(ld_exit);
MODULE_DESCRIPTION("Says why threads sleep in d_alloc_parallel()");
MODULE_LICENSE("GPL");

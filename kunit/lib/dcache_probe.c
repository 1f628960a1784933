// SPDX-License-Identifier: GPL-2.0
/*
 * Kprobes of the suites in_lookup_*: see dcache_probe.h.
 */
#include <linux/kprobes.h>
#include <linux/ptrace.h>

#include "dcache_probe.h"

/*
 * The first argument of the function that a kprobe is at the entry of.  The accessor of
 * s390 is not inline and not exported to modules.
 */
static unsigned long first_argument(struct pt_regs *regs)
{
#ifdef CONFIG_S390
	return regs->gprs[2];
#else
	return regs_get_kernel_argument(regs, 0);
#endif
}

#ifdef DCACHE_CAN_PROBE

void no_post_handler(struct kprobe *kp, struct pt_regs *regs,
		     unsigned long flags)
{
}

static void unprobe(void *kp)
{
	unregister_kprobe(kp);
}

/* @kp is forgotten by the kernel between two cases, and by us. */
static void probe(struct kunit *test, struct kprobe *kp, const char *symbol,
		  kprobe_pre_handler_t handler)
{
	int err;

	*kp = (struct kprobe) {
		.symbol_name = symbol,
		.pre_handler = handler,
		.post_handler = no_post_handler,
	};
	err = register_kprobe(kp);
	if (err)
		kunit_skip(test, "no kprobe on %s(): error %d", symbol, err);
	err = kunit_add_action_or_reset(test, unprobe, kp);
	KUNIT_ASSERT_EQ(test, err, 0);
}

static struct {
	struct kprobe kp;
	const void *key;
	struct dentry *dentry;
	struct dentry *named;
	unsigned int seq;
	bool lose;
	struct wake_watch seen;
} watch;

/* Runs instead of what sends a wake-up. */
static void send_nothing(void)
{
}

static int watch_handler(struct kprobe *kp, struct pt_regs *regs)
{
	struct dentry *dentry = READ_ONCE(watch.dentry);
	struct inode *dir;

	if ((void *)first_argument(regs) != READ_ONCE(watch.key))
		return 0;
	dir = READ_ONCE(dentry->d_parent)->d_inode;
	watch.seen.sent++;
	if (READ_ONCE(dentry->d_flags) & DCACHE_PAR_LOOKUP)
		watch.seen.in_lookup++;
	if (READ_ONCE(dir->i_dir_seq) & 1)
		watch.seen.seq_odd++;
	watch.seen.seq_gone_on = READ_ONCE(dir->i_dir_seq) - watch.seq;
	if (!is_hashed_as(READ_ONCE(watch.named), dentry))
		watch.seen.unhashed++;
	/* held by the task that we interrupt, or free: this does not spin */
	if (IS_ENABLED(CONFIG_SMP) && !IS_ENABLED(CONFIG_PREEMPT_RT) &&
	    spin_trylock(&dentry->d_lock)) {
		watch.seen.unlocked++;
		spin_unlock(&dentry->d_lock);
	}
	if (!READ_ONCE(watch.lose))
		return 0;
	instruction_pointer_set(regs, (unsigned long)send_nothing);
	return 1;
}

struct wake_watch *watch_wakes(struct playground *pg, struct lookup *lookup)
{
	struct kunit *test = pg->test;

	watch.dentry = lookup->dentry;
	watch.named = lookup->dentry;
	watch.seq = READ_ONCE(lookup->dentry->d_parent->d_inode->i_dir_seq);
	watch.key = COMPAT_WAITS_ON_LENT_QUEUE ?
		(void *)&lookup->wq : compat_wait_key(lookup->dentry);
	watch.lose = false;
	memset(&watch.seen, 0, sizeof(watch.seen));
	if (test->priv != &watch) {
		probe(test, &watch.kp, COMPAT_WAITS_ON_LENT_QUEUE ? "__wake_up" :
		      COMPAT_WAITS_ON_DENTRY ? "__wake_up_var_queue" :
		      "wake_up_var", watch_handler);
		test->priv = &watch;
	}
	return &watch.seen;
}
EXPORT_SYMBOL_GPL(watch_wakes);

void expect_hashed(struct dentry *dentry)
{
	WRITE_ONCE(watch.named, dentry);
}
EXPORT_SYMBOL_GPL(expect_hashed);

void lose_watched_wakes(bool lose)
{
	WRITE_ONCE(watch.lose, lose);
}
EXPORT_SYMBOL_GPL(lose_watched_wakes);

static struct {
	struct kprobe kp;
	struct inode *inode;		/* of the one call that is held */
	bool diverted;
	bool held;
	struct completion release;
} hold;

/*
 * Runs instead of d_splice_alias(), in the context of its caller, so it can
 * sleep; then it calls the real one.
 */
static struct dentry *held_splice(struct inode *inode, struct dentry *dentry)
{
	raise_flag(&hold.held);
	wait_for_completion_timeout(&hold.release,
				    2 * msecs_to_jiffies(dcache_bound_ms) + 1);
	return d_splice_alias(inode, dentry);
}

static int hold_handler(struct kprobe *kp, struct pt_regs *regs)
{
	if ((void *)first_argument(regs) != hold.inode ||
	    hold.diverted)
		return 0;
	hold.diverted = true;
	instruction_pointer_set(regs, (unsigned long)held_splice);
	return 1;
}

static void let_splice_go(void *unused)
{
	complete_all(&hold.release);
}

void hold_splice(struct kunit *test, struct inode *inode)
{
	hold.inode = inode;
	hold.diverted = false;
	hold.held = false;
	init_completion(&hold.release);
	probe(test, &hold.kp, COMPAT_D_SPLICE_ALIAS, hold_handler);
	/* a wake-up does not end that sleep */
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, let_splice_go, NULL));
}
EXPORT_SYMBOL_GPL(hold_splice);

bool splice_is_held(void)
{
	return flag_is_up(&hold.held);
}
EXPORT_SYMBOL_GPL(splice_is_held);

void release_splice(void)
{
	complete_all(&hold.release);
}
EXPORT_SYMBOL_GPL(release_splice);

static struct {
	struct kprobe make, done;
	struct inode *result;
	struct dentry *dir;
	bool failed;
	unsigned int ended;
} fail;

/* Runs instead of what makes an inode. */
static struct inode *make_no_inode(void)
{
	return fail.result;
}

static int fail_handler(struct kprobe *kp, struct pt_regs *regs)
{
	if (READ_ONCE(fail.failed))
		return 0;
	WRITE_ONCE(fail.failed, true);
	instruction_pointer_set(regs, (unsigned long)make_no_inode);
	return 1;
}

static int done_handler(struct kprobe *kp, struct pt_regs *regs)
{
	struct dentry *dentry = (void *)first_argument(regs);

	if (READ_ONCE(dentry->d_parent) == fail.dir)
		fail.ended++;
	return 0;
}

unsigned int *fail_one_inode(struct kunit *test, const char *function,
			     struct inode *result, struct dentry *dir)
{
	fail.result = result;
	fail.dir = dir;
	fail.failed = false;
	fail.ended = 0;
	probe(test, &fail.done, "__d_lookup_unhash_wake", done_handler);
	probe(test, &fail.make, function, fail_handler);
	return &fail.ended;
}
EXPORT_SYMBOL_GPL(fail_one_inode);

struct diversion {
	struct kprobe kp;
	void *instead;
};

static int divert_handler(struct kprobe *kp, struct pt_regs *regs)
{
	struct diversion *diversion = container_of(kp, struct diversion, kp);

	instruction_pointer_set(regs, (unsigned long)diversion->instead);
	return 1;
}

void divert(struct kunit *test, const char *function, void *instead)
{
	struct diversion *diversion = kunit_kzalloc(test, sizeof(*diversion),
						    GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, diversion);
	diversion->instead = instead;
	probe(test, &diversion->kp, function, divert_handler);
}
EXPORT_SYMBOL_GPL(divert);

void *address_of(struct kunit *test, const char *function)
{
	struct kprobe kp = { .symbol_name = function };
	int err = register_kprobe(&kp);

	if (err)
		kunit_skip(test, "no kprobe on %s(): error %d", function, err);
	unregister_kprobe(&kp);
	return kp.addr;
}
EXPORT_SYMBOL_GPL(address_of);

#endif /* DCACHE_CAN_PROBE */

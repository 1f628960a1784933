// SPDX-License-Identifier: GPL-2.0
/*
 * Hardware watchpoints of the suites in_lookup_*: see dcache_probe.h.
 */
#include "dcache_probe.h"

#ifdef CAN_WATCH_WORDS

static struct {
	struct watchpoint watchpoint;
	struct dentry *dentry;
	struct dentry *named;
	const struct task_struct *task;
	struct flags_watch flags;
	struct section_watch section;
	struct look_watch look;
	bool held;
	bool let;
} watched;

/* Not lockdep_assert_held(): without lockdep it would say nothing. */
static bool somebody_has_d_lock(void)
{
	return (spin_is_locked)(&watched.dentry->d_lock);
}

/* On the CPU that writes, while it does; so are all of these. */
static void flags_written(struct pt_regs *regs)
{
	watched.flags.writes++;
	if (somebody_has_d_lock())
		return;
	if (!watched.flags.unlocked++)
		watched.flags.where = instruction_pointer(regs);
}

static void dir_seq_written(struct pt_regs *regs)
{
	struct dentry *dentry = watched.dentry;
	bool odd = READ_ONCE(dentry->d_parent->d_inode->i_dir_seq) & 1;

	/* it goes on by one each time */
	if (odd != WATCHPOINT_SEES_OLD) {
		watched.section.opened++;
		if (!(READ_ONCE(dentry->d_flags) & DCACHE_PAR_LOOKUP))
			watched.section.opened_late++;
		return;
	}
	watched.section.closed++;
	if (!is_hashed_as(watched.named, dentry))
		watched.section.closed_early++;
}

static void waiters_looked_for(struct pt_regs *regs)
{
	if (current != watched.task)
		return;
	watched.look.looks++;
	if (!somebody_has_d_lock())
		watched.look.unlocked++;
}

static void flags_looked_at(struct pt_regs *regs)
{
	unsigned int us;

	if (current == watched.task || somebody_has_d_lock() ||
	    flag_is_up(&watched.let))
		return;
	raise_flag(&watched.held);
	for (us = 0; us < SPLIT_US && !flag_is_up(&watched.let); us += 5)
		udelay(5);
}

static void remove_watchpoint(void *unused)
{
	watchpoint_remove(&watched.watchpoint);
}

void unwatch(struct kunit *test)
{
	kunit_release_action(test, remove_watchpoint, NULL);
}
EXPORT_SYMBOL_GPL(unwatch);

static void watch_word(struct kunit *test, struct dentry *dentry, void *address,
		       unsigned int size, unsigned int type,
		       void (*handler)(struct pt_regs *regs))
{
	int err;

	memset(&watched, 0, sizeof(watched));
	watched.dentry = dentry;
	watched.task = current;
	err = watchpoint_put(&watched.watchpoint, address, size, type, handler);
	if (err)
		kunit_skip(test, "no hardware watchpoint: error %d", err);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, remove_watchpoint, NULL));
}

struct flags_watch *watch_flags(struct kunit *test, struct dentry *dentry)
{
	watch_word(test, dentry, &dentry->d_flags, sizeof(dentry->d_flags),
		   HW_BREAKPOINT_W, flags_written);
	return &watched.flags;
}
EXPORT_SYMBOL_GPL(watch_flags);

struct flags_watch *watch_count(struct kunit *test, struct dentry *dentry)
{
	watch_word(test, dentry, &dentry->d_lockref.count,
		   sizeof(dentry->d_lockref.count), HW_BREAKPOINT_W,
		   flags_written);
	return &watched.flags;
}
EXPORT_SYMBOL_GPL(watch_count);

struct section_watch *watch_section(struct kunit *test, struct dentry *dentry,
				    struct dentry *named)
{
	unsigned int *seq = &dentry->d_parent->d_inode->i_dir_seq;

	watch_word(test, dentry, seq, sizeof(*seq), HW_BREAKPOINT_W,
		   dir_seq_written);
	watched.named = named;
	return &watched.section;
}
EXPORT_SYMBOL_GPL(watch_section);

struct look_watch *watch_looks(struct kunit *test, struct dentry *dentry,
			       bool count)
{
	if (count)
		watch_word(test, dentry, &dentry->d_lockref.count,
			   sizeof(dentry->d_lockref.count), HW_BREAKPOINT_RW,
			   waiters_looked_for);
	else
		watch_word(test, dentry, &dentry->d_lru.next,
			   sizeof(dentry->d_lru.next), HW_BREAKPOINT_RW,
			   waiters_looked_for);
	return &watched.look;
}
EXPORT_SYMBOL_GPL(watch_looks);

void hold_look(struct kunit *test, struct dentry *dentry)
{
	watch_word(test, dentry, &dentry->d_flags, sizeof(dentry->d_flags),
		   HW_BREAKPOINT_RW, flags_looked_at);
}
EXPORT_SYMBOL_GPL(hold_look);

bool look_is_held(void)
{
	return flag_is_up(&watched.held);
}
EXPORT_SYMBOL_GPL(look_is_held);

void let_look(void)
{
	raise_flag(&watched.let);
}
EXPORT_SYMBOL_GPL(let_look);

#endif

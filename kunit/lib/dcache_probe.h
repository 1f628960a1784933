/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Kprobes, in dcache_probe.c and dcache_split.c, and hardware watchpoints, in
 * dcache_watch.c: they look at wake-ups and writes at the moment these are made, and
 * hold a thread between two steps of the kernel.  Each starter skips the case, with
 * the reason, where the kernel cannot do it; all of it is undone when the case is
 * over.
 */
#ifndef DCACHE_PROBE_H
#define DCACHE_PROBE_H

#include "dcache_playground.h"
#include "watchpoint.h"

#if defined(CONFIG_KPROBES) && defined(CONFIG_HAVE_FUNCTION_ARG_ACCESS_API)
#define DCACHE_CAN_PROBE
#endif
#if defined(DCACHE_CAN_PROBE) && defined(CONFIG_KALLSYMS)
#if defined(CONFIG_X86_64) || defined(CONFIG_ARM64)
#define DCACHE_CAN_SPLIT
#endif
#endif

/*
 * A thread that cannot set the bit must not stop the CPU for longer.  Counted
 * in udelay(), since the clock may stand still as long as this CPU does.
 */
#define SPLIT_US	200000

/*
 * An emulator can deliver the trap of a watchpoint late, when an interrupt has come
 * first: then it hits the next writer near the dentry.  So one trap without the
 * lock is no proof; a writer that does not take it is there every time.  KCSAN has
 * interrupts wait just before the write, so that there are many late ones.  Try so
 * often until one lookup is without.
 */
#define LATE_TRAPS	16

/* The wake-ups sent for one lookup, and the state they were sent in. */
struct wake_watch {
	unsigned int sent;
	unsigned int in_lookup;		/* the bit was still there that they wait for */
	unsigned int seq_odd;		/* inside the section of ->i_dir_seq */
	unsigned int unlocked;		/* without ->d_lock */
	unsigned int unhashed;		/* nothing was hashed under the name yet */
	unsigned int seq_gone_on;	/* by how much, since the watch has begun */
};

/* A store that was split in two. */
struct split_store {
	unsigned int split;		/* how often that was done */
	bool bit_came_between;
};

/* The section of ->i_dir_seq in which a lookup ends. */
struct section_watch {
	unsigned int opened;
	unsigned int opened_late;	/* the lookup had ended already */
	unsigned int closed;
	unsigned int closed_early;	/* nothing was hashed under the name yet */
};

/* The looks of a thread at what says whether anybody waits for a dentry. */
struct look_watch {
	unsigned int looks;
	unsigned int unlocked;		/* while nobody held ->d_lock */
};

/* The writes to ->d_flags of one dentry, or to its number of references. */
struct flags_watch {
	unsigned int writes;
	unsigned int unlocked;		/* while nobody held ->d_lock */
	unsigned long where;		/* the code of the first of these, or 0 */
};

#ifdef DCACHE_CAN_PROBE
struct kprobe;
struct pt_regs;

/* A kprobe with this ->post_handler is not optimised, so its ->pre_handler can divert. */
void no_post_handler(struct kprobe *kp, struct pt_regs *regs,
		     unsigned long flags);

/* Start over if there is a watch already.  Read it when all is quiet. */
struct wake_watch *watch_wakes(struct playground *pg, struct lookup *lookup);

/* @dentry is to have the name at the end, if that is not the dentry in lookup. */
void expect_hashed(struct dentry *dentry);

/* Do not let them through, as a kernel that forgets them: negative control. */
void lose_watched_wakes(bool lose);

/*
 * Hold the thread that calls d_splice_alias(@inode, ...) on entry, asleep,
 * until release_splice() or, if the case fails, for a bounded time.
 */
void hold_splice(struct kunit *test, struct inode *inode);
bool splice_is_held(void);
void release_splice(void);

/*
 * Have the next call of @function return @result instead of an inode, and count
 * the lookups of children of @dir that d_lookup_done() has to end.
 */
unsigned int *fail_one_inode(struct kunit *test, const char *function,
			     struct inode *result, struct dentry *dir);

/* Calls of @function, by anybody, run @instead until the case is over. */
void divert(struct kunit *test, const char *function, void *instead);

/* Where @function is, for one that is exported to nobody. */
void *address_of(struct kunit *test, const char *function);

#else

static inline struct wake_watch *watch_wakes(struct playground *pg,
					     struct lookup *lookup)
{
	kunit_skip(pg->test, "needs CONFIG_KPROBES to see wake-ups");
	return NULL;
}

static inline void expect_hashed(struct dentry *dentry)
{
}

static inline void lose_watched_wakes(bool lose)
{
}

static inline void hold_splice(struct kunit *test, struct inode *inode)
{
	kunit_skip(test, "needs CONFIG_KPROBES to hold d_splice_alias()");
}

static inline bool splice_is_held(void)
{
	return false;
}

static inline void release_splice(void)
{
}

static inline unsigned int *fail_one_inode(struct kunit *test,
					   const char *function,
					   struct inode *result,
					   struct dentry *dir)
{
	kunit_skip(test, "needs CONFIG_KPROBES to have %s() fail", function);
	return NULL;
}

static inline void divert(struct kunit *test, const char *function, void *instead)
{
	kunit_skip(test, "needs CONFIG_KPROBES to replace %s()", function);
}

static inline void *address_of(struct kunit *test, const char *function)
{
	kunit_skip(test, "needs CONFIG_KPROBES to find %s()", function);
	return NULL;
}

#endif

#ifdef CAN_WATCH_WORDS

/*
 * By a hardware watchpoint, so none escapes.  There is one at a time.  Read what it has
 * seen when all is quiet.
 */
struct flags_watch *watch_flags(struct kunit *test, struct dentry *dentry);

/* The same of the number of references. */
struct flags_watch *watch_count(struct kunit *test, struct dentry *dentry);

/* @named is to have the name of @dentry when the section is closed. */
struct section_watch *watch_section(struct kunit *test, struct dentry *dentry,
				    struct dentry *named);

/* How the calling thread looks at the count of waiters, with @count, or at their list. */
struct look_watch *watch_looks(struct kunit *test, struct dentry *dentry,
			       bool count);

/*
 * Hold the thread that looks at ->d_flags of @dentry without its lock, unless that is the
 * caller, until let_look() or, if the case fails, for a bounded time.
 */
void hold_look(struct kunit *test, struct dentry *dentry);
bool look_is_held(void);
void let_look(void);

/* At the latest when the case is over. */
void unwatch(struct kunit *test);

#else

static inline void unwatch(struct kunit *test)
{
}

static inline struct section_watch *watch_section(struct kunit *test,
						  struct dentry *dentry,
						  struct dentry *named)
{
	kunit_skip(test, "needs SMP and the watchpoints of x86 or arm64");
	return NULL;
}

static inline struct look_watch *watch_looks(struct kunit *test,
					     struct dentry *dentry, bool count)
{
	kunit_skip(test, "needs SMP and the watchpoints of x86 or arm64");
	return NULL;
}

static inline void hold_look(struct kunit *test, struct dentry *dentry)
{
	kunit_skip(test, "needs SMP and the watchpoints of x86 or arm64");
}

static inline bool look_is_held(void)
{
	return false;
}

static inline void let_look(void)
{
}

static inline struct flags_watch *watch_flags(struct kunit *test,
					      struct dentry *dentry)
{
	kunit_skip(test, "needs SMP and the watchpoints of x86 or arm64");
	return NULL;
}

static inline struct flags_watch *watch_count(struct kunit *test,
					      struct dentry *dentry)
{
	return watch_flags(test, dentry);
}

#endif

#ifdef DCACHE_CAN_SPLIT

/*
 * Split the next read-modify-write by which d_set_d_op() changes ->d_flags of
 * @dentry in two, as a compiler or a CPU may: load; let @waiter go, which waits for its
 * ->start, and give it time to set a bit: until it has, or sleeps, or for SPLIT_US; store.
 * The probes stay until the case is over, and do nothing once that is done.
 */
struct split_store *split_store(struct kunit *test, struct dentry *dentry,
				struct asker *waiter);

#else

static inline struct split_store *split_store(struct kunit *test,
					      struct dentry *dentry,
					      struct asker *waiter)
{
	kunit_skip(test, "needs x86-64 or arm64, CONFIG_KPROBES and CONFIG_KALLSYMS");
	return NULL;
}

#endif

#endif

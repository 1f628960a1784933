/* SPDX-License-Identifier: GPL-2.0 */
/*
 * gatefs: a filesystem whose ->lookup() can be held.  super.c has mounts and
 * inodes, names.c reads names, outcomes.c has the table of what they mean, lookup.c
 * does that, gate.c decides when, and files.c has the files that control it.
 *
 * Lock rules:
 *
 * gatefs_info::lock is a leaf.  It covers the gate, the list of held lookups,
 * the list of lookups in flight, both strings and the counters.  Nothing sleeps
 * under it, and the VFS is not called under it.
 *
 * A struct gatefs_held lives on the stack of the lookup that it holds.  The thread
 * that takes it off the list, which ->lock covers, also counts why; if that is not
 * the held one itself, it completes ->go before dropping ->lock.  The held thread
 * takes ->lock once more before it returns, so nobody walks its dead frame.
 *
 * A struct gatefs_flight is on the list from the entry of ->lookup() until just
 * before the step that ends the lookup.  It has to leave before that step: the
 * next lookup of that name may start as soon as it is done.
 *
 * gatefs_mounts_lock nests outside of ->lock and covers the list of all mounts
 * and the flag that says that the machine is going down.
 */
#ifndef GATEFS_H
#define GATEFS_H

#include <linux/completion.h>
#include <linux/dcache.h>
#include <linux/fs.h>
#include <linux/limits.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#define GATEFS_NAMES_MAX	4096		/* bytes of the "names" file */
#define GATEFS_ROOT_INO		1
#define GATEFS_HOLD_LIMIT_MS	30000
#define GATEFS_HOLD_MAX_MS	3600000
#define GATEFS_CREDIT_MAX	1000000		/* that "step" can save up */

/* README.md says what each one counts; "held" is the length of a list. */
enum gatefs_counter {
	GATEFS_ARRIVED,
	GATEFS_PASSED,
	GATEFS_EXPIRED,
	GATEFS_KILLED,
	GATEFS_VIOLATIONS,
	GATEFS_LOOKUPS_DONE,
	GATEFS_PRIMED,
	GATEFS_PRIMED_FOUND,
	GATEFS_NR_COUNTERS
};

struct gatefs_held {
	struct list_head	list;		/* in order of arrival */
	const struct qstr	*name;
	struct completion	go;
	bool			released;
};

struct gatefs_flight {
	struct list_head	list;
	const struct dentry	*dentry;	/* name and parent are stable */
};

struct gatefs_info {
	struct list_head	mounts;		/* under gatefs_mounts_lock */
	struct dentry		*debugfs;
	unsigned int		hold_limit_ms;
	bool			atomic_open;

	spinlock_t		lock;		/* the rest; see above */
	bool			closed;
	unsigned int		credit;		/* "step" that nobody took yet */
	unsigned int		nr_held;
	struct list_head	held;
	struct list_head	flights;
	char			only[NAME_MAX + 1];
	char			names[GATEFS_NAMES_MAX + 1];
	u64			counters[GATEFS_NR_COUNTERS];
};

struct gatefs_outcome;

/* A name, cut into its parts; all of them are in the memory of the whole. */
struct gatefs_name {
	const struct gatefs_outcome *outcome;
	u64			dir;		/* the number of the directory */
	unsigned int		delay_us;
	struct qstr		whole;
	struct qstr		undelayed;	/* without any delayN- */
	struct qstr		rest;		/* behind the prefix of the outcome */
};

/* The meaning of names that begin with @prefix. */
struct gatefs_outcome {
	const char		*prefix;
	/* DT_REG or DT_DIR: what the inode is.  DT_UNKNOWN: there is none. */
	unsigned char		dtype;
	/* The number of the inode, also where there is none; NULL: that of the whole name. */
	u64 (*ino)(const struct gatefs_name *name);
	/* Behind the gate, while the lookup goes on.  NULL, or 0, or the error that it gives. */
	int (*prepare)(struct dentry *dentry, const struct gatefs_name *name);
	/* Returns as ->lookup() does; has the reference to @inode.  NULL: d_splice_alias(). */
	struct dentry *(*end)(struct inode *inode, struct dentry *dentry,
			      const struct gatefs_name *name);
};

/* The first whose prefix fits counts; the last one fits everything. */
extern const struct gatefs_outcome gatefs_outcomes[];

void gatefs_parse(u64 dir, const struct qstr *name, struct gatefs_name *parsed);
u64 gatefs_ino(u64 dir, const struct qstr *name);
u64 gatefs_ino_of(const struct gatefs_name *name);

struct inode *gatefs_iget(struct super_block *sb, u64 ino, bool is_dir);

extern const struct inode_operations gatefs_dir_iops;
extern const struct inode_operations gatefs_dir_atomic_iops;
extern const struct file_operations gatefs_dir_fops;

void gatefs_count(struct gatefs_info *info, enum gatefs_counter which);

void gatefs_flight_begin(struct gatefs_info *info, struct gatefs_flight *flight,
			 const struct dentry *dentry);
void gatefs_flight_end(struct gatefs_info *info, struct gatefs_flight *flight);

int gatefs_gate_pass(struct gatefs_info *info, const struct qstr *name);
void gatefs_gate_open(struct gatefs_info *info);
void gatefs_gate_close(struct gatefs_info *info);
void gatefs_gate_step(struct gatefs_info *info, unsigned int n);
void gatefs_gate_hold_only(struct gatefs_info *info, const char *name);

void gatefs_gate_attach(struct gatefs_info *info);
void gatefs_gate_detach(struct gatefs_info *info);
int gatefs_gate_init(void);
void gatefs_gate_exit(void);

void gatefs_copy_names(struct gatefs_info *info, char *to);

int gatefs_files_create(struct gatefs_info *info, dev_t dev);
void gatefs_files_remove(struct gatefs_info *info);
int gatefs_files_init(void);
void gatefs_files_exit(void);

#endif /* GATEFS_H */

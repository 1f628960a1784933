/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The scene of the suites in_lookup_*, a module of its own, in_lookup_scene.ko:
 * a superblock per case, lookups that the test owns, and threads that ask for
 * names.  The playground keeps a reference to every dentry that turns up, so
 * that addresses stay what they are until the case is over, and it cleans up
 * after a case that stopped anywhere: it ends the lookups, wakes threads that
 * were forgotten, collects the threads and unmounts.
 *
 * Each file calls those behind it only: dcache_playground.c, dcache_askers.c,
 * dcache_lookups.c, dcache_dentries.c, dcache_mounts.c.
 */
#ifndef DCACHE_PLAYGROUND_H
#define DCACHE_PLAYGROUND_H

#include <linux/completion.h>
#include <linux/dcache.h>
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/mount.h>
#include <linux/wait.h>

#include "dcache_compat.h"
#include "parked_thread.h"
#include "suite.h"

/* A suite that is a module of its own. */
#define IN_LOOKUP_SUITE_IF(suite, cases, about, lacks)			\
	SUITE_IF(suite, cases, "in-lookup dentries: " about,		\
		 case_begins(THIS_MODULE, lacks))

#define IN_LOOKUP_SUITE(suite, cases, about)				\
	IN_LOOKUP_SUITE_IF(suite, cases, about, NULL)

/* How long the tests wait for what has to happen: a parameter of in_lookup_scene.ko. */
extern unsigned int dcache_bound_ms;

#define poll_until(condition)	poll_within(dcache_bound_ms, condition)

/* At least three waiters wherever waiters are meant. */
#define FEW	3
#define MANY	16

enum playground_kind {
	PLAIN,			/* no dentry operations */
	CASE_INSENSITIVE,	/* ->d_hash() and ->d_compare() */
	ONE_HASH,		/* ->d_hash() has one value for all names */
	WALKED,			/* the same, and see playground_hold_walk() */
	REFUSING,		/* ->d_init(), see playground_refuse() */
};

struct asker;

struct playground {
	struct kunit *test;
	struct vfsmount *mnt;
	struct dentry *root;		/* the directory to play in */
	struct list_head lookups;
	struct list_head askers;
	struct list_head kept;
};

/* A lookup that the test itself owns. */
struct lookup {
	struct list_head list;
	struct dentry *dentry;
	struct qstr name;
	wait_queue_head_t wq;		/* lent, where the kernel wants one */
	struct inode *inode;		/* for lookup_heir() */
	struct dentry *alias;		/* of end_lookup() */
};

/* A thread that calls d_alloc_parallel(), and what it got. */
struct asker {
	struct list_head list;
	struct parked_thread thread;
	struct dentry *parent;
	struct qstr name;
	wait_queue_head_t wq;
	bool take_sigkill;		/* a kthread ignores signals otherwise */
	struct dentry *add_ci_for;	/* call d_add_ci() for it instead, */
	struct inode *add_ci_inode;	/* with this inode */
	struct vfsmount *hold;		/* dropped by the thread when it leaves */
	bool *start;			/* NULL, or spin until this is true */
	bool spinning;

	struct dentry *got;
	bool owner;			/* what it got was in lookup */
	bool hashed;
	bool signalled;			/* a signal was pending on return */
	struct completion answered;	/* the above is written */
	struct completion finish;	/* an owner ends its lookup on this */
	bool finished;			/* told to, by the test */
};

struct crowd {
	unsigned int nr;
	struct asker *one[MANY];
};

/* The chain of the aliases of an inode, in the shape that the kernel has. */
static inline struct hlist_node *playground_alias(struct dentry *dentry)
{
	return &dentry->COMPAT_D_ALIAS;
}

/* dcache_playground.c */

/*
 * A thread of the case does not come back, so all that it uses has to stay: the modules,
 * and whatever else the case would free.  Who releases a thread calls leave_behind(); who
 * releases what a thread may use asks somebody_is_left(), and frees nothing then.  Actions
 * run in the reverse order, so that is known before a scene or a mount is closed.
 * case_begins() returns @lacks.
 */
const char *case_begins(struct module *suite, const char *lacks);
void leave_behind(void);
bool somebody_is_left(void);

struct playground *playground_open(struct kunit *test,
				   enum playground_kind kind);
void playground_unmount(struct playground *pg);
void doctor_to_log(void *test, const char *text);

/* More allocations than a case makes while they fail. */
#define MAX_ALLOCATIONS	1000

/* Skips the case where the kernel cannot have them fail, or has not been asked to. */
void need_faults(struct kunit *test);

/* The @nth allocation of this thread from now on fails. */
static inline void fail_allocation(unsigned int nth)
{
#ifdef CONFIG_FAULT_INJECTION
	WRITE_ONCE(current->fail_nth, nth);
#endif
}

/* From now on none does; has that one failed? */
static inline bool allocation_has_failed(void)
{
	bool failed = false;

#ifdef CONFIG_FAULT_INJECTION
	failed = !READ_ONCE(current->fail_nth);
	WRITE_ONCE(current->fail_nth, 0);
#endif
	return failed;
}

/* dcache_mounts.c */

void playground_refuse(bool refuse);
unsigned int playground_supers_killed(void);

/*
 * In a WALKED playground a thread that looks a name up in the cache walks past all
 * names that are there.  Hold that of @asker, which has been created, when it comes to
 * @decoy, a hashed child of another name, for the @nth time (0: never); what is added from
 * then on it misses.  playground_let_walk() lets it go, or a bound does.  Needs two CPUs.
 */
void playground_hold_walk(struct asker *asker, const struct dentry *decoy,
			  unsigned int nth);
bool playground_walk_is_held(void);
unsigned int playground_walks(void);
void playground_let_walk(void);

/* For the beginning and the end of a playground. */
struct vfsmount *playground_mount(enum playground_kind kind);
void playground_forget_walk(void);

/* dcache_proc.c */

/* Directory @path of a procfs of our own, with nothing in the cache, until the case ends. */
struct file *proc_directory(struct kunit *test, const char *path);

/* dcache_dentries.c */

/* @text has to outlive the playground: string literals, or kept by the case. */
struct qstr playground_name(struct dentry *parent, const char *text);
struct inode *playground_inode(struct playground *pg, umode_t mode);
struct dentry *playground_child(struct playground *pg, struct dentry *parent,
				const char *text, umode_t mode);
struct dentry *playground_keep(struct playground *pg, struct dentry *dentry);

/* The children of a directory, and how much they are in use. */
struct census {
	unsigned int children;
	unsigned int in_lookup;
	unsigned int references;	/* to all of them */
	unsigned int parents;		/* references to the directory that are not theirs */
};

struct census census_of(struct dentry *dir);
bool is_hashed_as(const struct dentry *dentry, const struct dentry *target);

/* For the end of a playground. */
void kept_free(struct playground *pg);

/* dcache_lookups.c */

struct lookup *lookup_begin(struct playground *pg, struct dentry *parent,
			    const char *text);
struct dentry *playground_ask(struct playground *pg, struct dentry *parent,
			      const char *text);

static inline unsigned int lookup_bits(struct lookup *lookup)
{
	return READ_ONCE(lookup->dentry->d_flags) & COMPAT_DCACHE_LOOKUP_BITS;
}

/* The ways in which a lookup ends. */
enum end { BY_DONE, BY_ADD, BY_SPLICE, BY_MOVE, ENDS };

extern const char *const end_names[ENDS];

struct dentry *lookup_heir(struct playground *pg, struct lookup *lookup,
			   enum end end);
bool end_lookup(struct playground *pg, struct lookup *lookup,
		struct dentry *heir, enum end end);

void lookup_forget(struct lookup *lookup);
void lookup_wake(struct lookup *lookup);

/* For the end of a playground. */
void lookups_free(struct playground *pg);

/* dcache_askers.c */

struct asker *asker_new(struct playground *pg, struct dentry *parent,
			struct qstr name);
void asker_create(struct playground *pg, struct asker *asker, int cpu);
struct asker *adder_create(struct playground *pg, struct lookup *lookup,
			   const char *exact);
void asker_run(struct asker *asker);

void crowd_start(struct playground *pg, struct crowd *crowd,
		 struct dentry *parent, const char *text, unsigned int nr,
		 int cpu);
void crowd_create(struct playground *pg, struct crowd *crowd,
		  struct dentry *parent, struct qstr name, unsigned int nr,
		  int cpu);
void crowd_run(struct crowd *crowd);
bool asker_is_parked(struct asker *asker);
bool crowd_is_parked(struct crowd *crowd);
unsigned int crowd_answered(struct crowd *crowd);
unsigned long crowd_switches(struct crowd *crowd);

void crowd_park_on(struct playground *pg, struct crowd *crowd,
		   struct dentry *dentry);
void crowd_expect_parked_on(struct playground *pg, struct crowd *crowd,
			    struct dentry *dentry);
void crowd_expect_dentry(struct playground *pg, struct crowd *crowd,
			 struct dentry *dentry);
void crowd_expect_owners_in_turn(struct playground *pg, struct crowd *crowd);
void pin_test(struct kunit *test, int cpu);
int other_cpu(struct kunit *test);

/* For the end of a playground. */
bool askers_have_left(struct playground *pg);
bool askers_rescue(struct playground *pg);
bool askers_collect(struct playground *pg);
void askers_free(struct playground *pg);

#endif

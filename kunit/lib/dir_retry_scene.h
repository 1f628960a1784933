/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A directory whose ->iterate_shared() needs a dentry for each of its entries, as
 * that of procfs does, and threads that list a directory, this one or another.
 *
 * The state that most cases start from:
 *
 *	test thread:	owner of dentry "b", in lookup
 *	reader:		has emitted "a"; TASK_KILLABLE in d_wait_in_lookup(), below
 *			iterate_dir(), with one reference to that dentry
 */
#ifndef DIR_RETRY_SCENE_H
#define DIR_RETRY_SCENE_H

#include "dcache_playground.h"

/* What the directory of a scene lists, at the positions 0, 1 and 2. */
#define SCENE_NAMES	"abc"

/* As often as iterate_dir() waits for one entry. */
#define SCENE_RETRIES	3

/* The most that a reader takes note of. */
#define MAX_ENTRIES	1024

struct scene {
	struct playground *pg;
	struct dentry *dir;
	struct file *file;

	/* What ->iterate_shared() does, apart from what is right. */
	const char *contended;		/* begins a lookup of these names itself */
	bool drops_lock;		/* waits for itself, with i_rwsem dropped and retaken */
	bool moves_on;			/* changes ->pos when it has asked */
	bool asks_twice;
	int error;			/* what it returns when it has asked */
	struct scene *inner;		/* list that instead, with the same context */

	/* Its result; read it when it sleeps or is through. */
	unsigned int calls;
	unsigned int asked;		/* how often for another try */
	unsigned int refused;		/* that could not be done */
	bool refused_twice;		/* of a second request in one call */
	bool context_restored;		/* by iterate_dir() of the inner directory */
	struct dentry *held;		/* of "contended", in lookup */
	struct dentry *dropped;		/* got by "drops_lock" without the lock; has a reference */
};

struct entry {
	char name[64];
	u64 ino;
	unsigned int type;
};

struct reader {
	struct parked_thread thread;
	struct kunit *test;
	struct dir_context ctx;
	struct playground *pg;		/* NULL, or that whose lookups it may wait for */
	struct dentry *blocker;		/* the same, of one lookup */
	struct scene *scene;		/* the same, of those that it begins itself */
	struct file *file;
	bool take_sigkill;

	int result;
	unsigned int nr;
	struct entry *entries;
	struct completion done;
};

struct scene *scene_open(struct playground *pg, const char *name, bool wrapped);
void scene_end_held(struct scene *scene);

/*
 * A thread that has @dir locked, and asks for a name when it is told to, as one does
 * that creates something.
 */
struct creator {
	struct parked_thread thread;
	struct scene *scene;		/* NULL, or that with whose reader it may deadlock */
	struct dentry *dir;
	struct qstr name;
	wait_queue_head_t wq;
	bool locked;
	struct completion go;
	struct completion done;
};

struct creator *creator_start(struct kunit *test, struct dentry *dir,
			      struct qstr name);
bool creator_is_parked(struct creator *creator);
bool creator_is_done(struct creator *creator);

/*
 * An entry that does not look at lookups, as mkdir() makes one; the directory is locked.
 * The caller gets a reference, or NULL if there is no memory.
 */
struct dentry *scene_mkdir(struct scene *scene, struct qstr name);
unsigned int scene_hashed(struct scene *scene, struct qstr name);

struct reader *reader_new(struct kunit *test, struct playground *pg,
			  struct file *file);
void reader_run(struct reader *reader);
bool reader_is_parked(struct reader *reader);
/* Skips the case where nothing tells that sleep from the others of a reader. */
void need_stacks(struct kunit *test);
bool reader_waits_for_lock(struct reader *reader);
bool reader_is_done(struct reader *reader);
void reader_park(struct reader *reader);
void reader_finish(struct reader *reader);
unsigned int reader_count(struct reader *reader, const char *name);
void expect_listed(struct reader *reader, const char *names);
void expect_lockable(struct kunit *test, struct dentry *dir);

#endif

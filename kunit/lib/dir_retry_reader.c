// SPDX-License-Identifier: GPL-2.0
/*
 * Threads that list a directory, for the suites dir_retry*: see dir_retry_scene.h.
 */
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "dir_retry_scene.h"

static bool reader_actor(struct dir_context *ctx, const char *name, int len,
			 loff_t offset, u64 ino, unsigned int type)
{
	struct reader *reader = container_of(ctx, struct reader, ctx);
	struct entry *entry;

	if (reader->nr == MAX_ENTRIES)
		return false;
	entry = &reader->entries[reader->nr++];
	snprintf(entry->name, sizeof(entry->name), "%.*s", len, name);
	entry->ino = ino;
	entry->type = type;
	return true;
}

static void reader_body(struct parked_thread *self)
{
	struct reader *reader = container_of(self, struct reader, thread);

	if (reader->take_sigkill)
		allow_signal(SIGKILL);
	parked_thread_announce(self);
	reader->result = iterate_dir(reader->file, &reader->ctx);
	complete_all(&reader->done);
	if (reader->take_sigkill) {
		flush_signals(current);
		disallow_signal(SIGKILL);
	}
}

static bool end_and_ask(struct reader *reader)
{
	scene_end_held(reader->scene);
	return parked_thread_has_left(&reader->thread);
}

/* Ends what it may wait for, or it would not come back. */
static void reader_release(void *data)
{
	struct reader *reader = data;
	struct lookup *lookup;

	if (reader->pg) {
		list_for_each_entry(lookup, &reader->pg->lookups, list)
			d_lookup_done(lookup->dentry);
	}
	if (reader->blocker)
		d_lookup_done(reader->blocker);
	if (reader->scene)
		poll_until(end_and_ask(reader));
	if (!parked_thread_collect(&reader->thread, dcache_bound_ms)) {
		leave_behind();
		return;
	}
	/* a creator that is left may still want a name of these entries */
	if (somebody_is_left())
		return;
	dput(reader->blocker);
	kvfree(reader->entries);
	kfree(reader);
}

/* A thread that will list @file. */
struct reader *reader_new(struct kunit *test, struct playground *pg,
			  struct file *file)
{
	struct reader *reader = kzalloc(sizeof(*reader), GFP_KERNEL);
	int err;

	KUNIT_ASSERT_NOT_NULL(test, reader);
	reader->test = test;
	reader->pg = pg;
	reader->file = file;
	reader->ctx.actor = reader_actor;
	init_completion(&reader->done);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, reader_release, reader));
	reader->entries = kvcalloc(MAX_ENTRIES, sizeof(*reader->entries),
				   GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, reader->entries);
	err = parked_thread_create(&reader->thread, reader_body, ANY_CPU,
				   "dcache_reader");
	KUNIT_ASSERT_EQ(test, err, 0);
	return reader;
}
EXPORT_SYMBOL_GPL(reader_new);

void reader_run(struct reader *reader)
{
	parked_thread_run(&reader->thread);
}
EXPORT_SYMBOL_GPL(reader_run);

bool reader_is_done(struct reader *reader)
{
	return completion_done(&reader->done);
}
EXPORT_SYMBOL_GPL(reader_is_done);

bool reader_is_parked(struct reader *reader)
{
	return !reader_is_done(reader) &&
	       parked_thread_sleeps(&reader->thread, TASK_KILLABLE,
				    "d_wait_in_lookup");
}
EXPORT_SYMBOL_GPL(reader_is_parked);

void need_stacks(struct kunit *test)
{
	if (!IS_ENABLED(CONFIG_STACKTRACE) || !IS_ENABLED(CONFIG_KALLSYMS))
		kunit_skip(test, "needs CONFIG_STACKTRACE and CONFIG_KALLSYMS");
}
EXPORT_SYMBOL_GPL(need_stacks);

/*
 * For that of the directory, in whatever way.  Functions that sleep for locks are not
 * shown in stacks.
 */
bool reader_waits_for_lock(struct reader *reader)
{
	struct parked_thread *thread = &reader->thread;
	unsigned int state = READ_ONCE(thread->task->__state);

	return !reader_is_done(reader) && state & TASK_UNINTERRUPTIBLE &&
	       parked_thread_sleeps(thread, state, "iterate_dir") &&
	       !parked_thread_is_in(thread, "d_wait_in_lookup") &&
	       !parked_thread_is_in(thread, "d_alloc_parallel");
}
EXPORT_SYMBOL_GPL(reader_waits_for_lock);

/* Proof that it sleeps where it should. */
void reader_park(struct reader *reader)
{
	struct kunit *test = reader->test;

	KUNIT_ASSERT_SOON_MSG(test, reader_is_parked(reader),
			      "the reader does not wait in d_wait_in_lookup(): state %#x, %u entries",
			      READ_ONCE(reader->thread.task->__state), reader->nr);
}
EXPORT_SYMBOL_GPL(reader_park);

void reader_finish(struct reader *reader)
{
	struct kunit *test = reader->test;

	KUNIT_ASSERT_SOON_MSG(test, reader_is_done(reader),
			      "the reader does not come back, state %#x, %u entries",
			      READ_ONCE(reader->thread.task->__state), reader->nr);
}
EXPORT_SYMBOL_GPL(reader_finish);

unsigned int reader_count(struct reader *reader, const char *name)
{
	unsigned int i, count = 0;

	for (i = 0; i < reader->nr; i++)
		count += !strcmp(reader->entries[i].name, name);
	return count;
}
EXPORT_SYMBOL_GPL(reader_count);

/* Exactly these, in that order, of names that are a letter each. */
void expect_listed(struct reader *reader, const char *names)
{
	struct kunit *test = reader->test;
	char listed[16] = "";
	unsigned int i;

	for (i = 0; i < reader->nr && i < sizeof(listed) - 1; i++)
		listed[i] = reader->entries[i].name[0];
	KUNIT_EXPECT_STREQ(test, listed, names);
}
EXPORT_SYMBOL_GPL(expect_listed);

/* Nobody has it locked in any way. */
void expect_lockable(struct kunit *test, struct dentry *dir)
{
	bool locked = inode_trylock(d_inode(dir));

	KUNIT_EXPECT_TRUE_MSG(test, locked, "the directory is locked");
	if (locked)
		inode_unlock(d_inode(dir));
}
EXPORT_SYMBOL_GPL(expect_lockable);

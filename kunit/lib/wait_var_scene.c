// SPDX-License-Identifier: GPL-2.0
/*
 * The waiters of the suite wait_var_locked.
 */
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "wait_var_scene.h"

bool scenes_have_queues;

static struct wait_var_queue *queue_of(struct scene *scene, unsigned long *var)
{
	return &scene->queue[var - scene->var];
}

static bool condition(struct waiter *waiter)
{
	waiter->looks++;
	waiter->looks_unlocked += is_unlocked(&waiter->scene->lock);
	if (*waiter->var & DONE)
		return true;
	if (waiter->mark)
		*waiter->var |= MARK;
	return false;
}

static bool my_turn(struct waiter *waiter)
{
	waiter->looks++;
	waiter->looks_unlocked += is_unlocked(&waiter->scene->lock);
	return waiter->scene->turns >= HANDOVERS ||
	       waiter->scene->turns % 2 == waiter->parity;
}

static bool somebody_is_in_table(unsigned long *var)
{
	struct wait_queue_head *queue = __var_waitqueue(var);
	struct wait_bit_queue_entry *entry;
	bool found = false;
	unsigned long irq;

	spin_lock_irqsave(&queue->lock, irq);
	list_for_each_entry(entry, &queue->head, wq_entry.entry)
		found |= entry->key.flags == var;
	spin_unlock_irqrestore(&queue->lock, irq);
	return found;
}

/* With the lock held. */
static bool is_queued_for(struct scene *scene, unsigned long *var)
{
	if (!scene->on_queue)
		return somebody_is_in_table(var);
	return !list_empty(&queue_of(scene, var)->entries);
}

bool somebody_queues_for(struct scene *scene, unsigned long *var)
{
	bool found;

	spin_lock(&scene->lock);
	found = is_queued_for(scene, var);
	spin_unlock(&scene->lock);
	return found;
}

/*
 * The @type of wait_var_event_any_lock() of those who are watched: whoever gets the
 * lock next must find them on the queue and in the state to be woken from.
 */
static inline void watched_unlock(struct waiter *waiter)
{
	waiter->unready += get_current_state() != waiter->state ||
			   !is_queued_for(waiter->scene, waiter->var);
	spin_unlock(&waiter->scene->lock);
	if (waiter->finishes)
		scene_finish(waiter->scene, waiter->var);
	waiter->finishes = false;
}

static inline void watched_lock(struct waiter *waiter)
{
	spin_lock(&waiter->scene->lock);
}

#ifdef wait_var_event_spinlock

static long wait_in_table(struct waiter *waiter)
{
	if (waiter->watched)
		return wait_var_event_any_lock(waiter->var, condition(waiter),
					       waiter, watched,
					       TASK_UNINTERRUPTIBLE);
	if (waiter->state == TASK_INTERRUPTIBLE)
		return wait_var_event_any_lock(waiter->var, condition(waiter),
					       &waiter->scene->lock, spin,
					       TASK_INTERRUPTIBLE);
	if (waiter->state == TASK_KILLABLE)
		return wait_var_event_any_lock(waiter->var, condition(waiter),
					       &waiter->scene->lock, spin,
					       TASK_KILLABLE);
	return wait_var_event_spinlock(waiter->var, condition(waiter),
				       &waiter->scene->lock);
}

static void wait_in_table_for_turn(struct waiter *waiter)
{
	wait_var_event_spinlock(waiter->var, my_turn(waiter),
				&waiter->scene->lock);
}

static void wake_in_table(struct scene *scene, unsigned long *var)
{
	wake_up_var_locked(var, &scene->lock);
}

#else

/* Never called: all cases are skipped. */

static long wait_in_table(struct waiter *waiter)
{
	return condition(waiter) ? 0 : -EOPNOTSUPP;
}

static void wait_in_table_for_turn(struct waiter *waiter)
{
	my_turn(waiter);
}

static void wake_in_table(struct scene *scene, unsigned long *var)
{
}

#endif

#ifdef __is_wait_var_queue

static long wait_on_queue(struct waiter *waiter)
{
	struct wait_var_queue *queue = queue_of(waiter->scene, waiter->var);

	if (waiter->watched)
		return wait_var_event_any_lock(queue, condition(waiter),
					       waiter, watched,
					       TASK_UNINTERRUPTIBLE);
	if (waiter->state == TASK_INTERRUPTIBLE)
		return wait_var_event_any_lock(queue, condition(waiter),
					       &waiter->scene->lock, spin,
					       TASK_INTERRUPTIBLE);
	if (waiter->state == TASK_KILLABLE)
		return wait_var_event_any_lock(queue, condition(waiter),
					       &waiter->scene->lock, spin,
					       TASK_KILLABLE);
	return wait_var_event_spinlock(queue, condition(waiter),
				       &waiter->scene->lock);
}

static void wait_on_queue_for_turn(struct waiter *waiter)
{
	wait_var_event_spinlock(queue_of(waiter->scene, waiter->var),
				my_turn(waiter), &waiter->scene->lock);
}

static void wake_on_queue(struct scene *scene, unsigned long *var)
{
	wake_up_var_locked(queue_of(scene, var), &scene->lock);
}

#else

static long wait_on_queue(struct waiter *waiter)
{
	return condition(waiter) ? 0 : -EOPNOTSUPP;
}

static void wait_on_queue_for_turn(struct waiter *waiter)
{
	my_turn(waiter);
}

static void wake_on_queue(struct scene *scene, unsigned long *var)
{
}

#endif

static long wait_locked(struct waiter *waiter)
{
	return waiter->scene->on_queue ? wait_on_queue(waiter) :
					 wait_in_table(waiter);
}

static void wait_for_turn(struct waiter *waiter)
{
	if (waiter->scene->on_queue)
		wait_on_queue_for_turn(waiter);
	else
		wait_in_table_for_turn(waiter);
}

void scene_wake(struct scene *scene, unsigned long *var)
{
	if (scene->on_queue)
		wake_on_queue(scene, var);
	else
		wake_in_table(scene, var);
}

void wait_var_body(struct parked_thread *self)
{
	struct waiter *waiter = container_of(self, struct waiter, thread);

	if (waiter->take_signals)
		allow_signal(SIGKILL);
	if (waiter->kills_itself)
		send_sig(SIGKILL, current, 1);

	spin_lock(&waiter->scene->lock);
	parked_thread_announce(self);
	waiter->result = wait_locked(waiter);
	waiter->slept = current->nvcsw - self->switches;
	waiter->returned_unlocked = is_unlocked(&waiter->scene->lock);
	spin_unlock(&waiter->scene->lock);

	if (waiter->take_signals) {
		flush_signals(current);
		disallow_signal(SIGKILL);
	}
}

/* Takes every other turn. */
void play_var_body(struct parked_thread *self)
{
	struct waiter *waiter = container_of(self, struct waiter, thread);
	struct scene *scene = waiter->scene;

	spin_lock(&scene->lock);
	parked_thread_announce(self);
	while (scene->turns < HANDOVERS) {
		wait_for_turn(waiter);
		if (scene->turns < HANDOVERS)
			scene->turns++;
		scene_wake(scene, waiter->var);
	}
	waiter->slept = current->nvcsw - self->switches;
	waiter->returned_unlocked = is_unlocked(&scene->lock);
	spin_unlock(&scene->lock);
}

bool scene_is_empty(struct scene *scene)
{
	struct waiter *waiter;

	list_for_each_entry(waiter, &scene->waiters, list) {
		if (!parked_thread_has_left(&waiter->thread))
			return false;
	}
	return true;
}

/* Whoever is forgotten finds its condition true as soon as it runs. */
static bool rescue(struct scene *scene)
{
	struct waiter *waiter;

	list_for_each_entry(waiter, &scene->waiters, list) {
		if (!parked_thread_has_left(&waiter->thread))
			wake_up_process(waiter->thread.task);
	}
	return scene_is_empty(scene);
}

static void end_scene(void *data)
{
	struct scene *scene = data;
	struct waiter *waiter, *next;
	unsigned int i;
	bool all = true;

	spin_lock(&scene->lock);
	for (i = 0; i < VARIABLES; i++)
		scene->var[i] |= DONE;
	scene->turns = HANDOVERS;
	spin_unlock(&scene->lock);
	poll_within(5000, rescue(scene));

	list_for_each_entry(waiter, &scene->waiters, list)
		all &= parked_thread_collect(&waiter->thread, 0);
	if (!all) {
		__module_get(THIS_MODULE);
		return;
	}
	list_for_each_entry_safe(waiter, next, &scene->waiters, list)
		kfree(waiter);
	kfree(scene);
}

struct scene *scene_begin(struct kunit *test)
{
	struct scene *scene = kzalloc(sizeof(*scene), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, scene);
	scene->test = test;
	scene->on_queue = scenes_have_queues;
	for (i = 0; i < VARIABLES; i++)
		INIT_LIST_HEAD(&scene->queue[i].entries);
	spin_lock_init(&scene->lock);
	INIT_LIST_HEAD(&scene->waiters);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, end_scene,
							   scene));
	return scene;
}

struct waiter *scene_waiter(struct scene *scene, unsigned long *var)
{
	struct waiter *waiter = kzalloc(sizeof(*waiter), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(scene->test, waiter);
	waiter->scene = scene;
	waiter->var = var;
	waiter->state = TASK_UNINTERRUPTIBLE;
	list_add(&waiter->list, &scene->waiters);
	return waiter;
}

void waiter_start(struct waiter *waiter,
		  void (*body)(struct parked_thread *self))
{
	KUNIT_ASSERT_EQ(waiter->scene->test, 0,
			parked_thread_create(&waiter->thread, body, ANY_CPU,
					     "var_waiter"));
	parked_thread_run(&waiter->thread);
}

static void start_waiters(struct scene *scene, struct waiter **all,
			  unsigned int nr, unsigned long *var)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		all[i] = scene_waiter(scene, var);
		waiter_start(all[i], wait_var_body);
	}
}

bool waiters_are_parked(struct waiter **all, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		if (!parked_thread_sleeps(&all[i]->thread, all[i]->state,
					  "wait_var_body"))
			return false;
	}
	return true;
}

unsigned long waiter_switches(struct waiter **all, unsigned int nr)
{
	unsigned long sum = 0;
	unsigned int i;

	for (i = 0; i < nr; i++)
		sum += parked_thread_switches(&all[i]->thread);
	return sum;
}

void waiters_park(struct scene *scene, struct waiter **all, unsigned int nr,
		  unsigned long *var)
{
	start_waiters(scene, all, nr, var);
	KUNIT_ASSERT_SOON(scene->test, waiters_are_parked(all, nr));
}

/* What a user of the primitive does: change and wake in one hold. */
void scene_finish(struct scene *scene, unsigned long *var)
{
	spin_lock(&scene->lock);
	*var |= DONE;
	scene_wake(scene, var);
	spin_unlock(&scene->lock);
}

void waiters_expect_left(struct scene *scene, struct waiter **all,
			 unsigned int nr)
{
	struct kunit *test = scene->test;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		KUNIT_ASSERT_SOON_MSG(test,
				      parked_thread_has_left(&all[i]->thread),
				      "waiter %u of %u did not come back", i,
				      nr);
		KUNIT_EXPECT_EQ(test, all[i]->result, 0);
		KUNIT_EXPECT_GE(test, all[i]->slept, 1);
		KUNIT_EXPECT_GE(test, all[i]->looks, 2);
		KUNIT_EXPECT_EQ(test, all[i]->looks_unlocked, 0);
		KUNIT_EXPECT_FALSE(test, all[i]->returned_unlocked);
	}
}

/* They come back because of a signal, and nothing of them is left behind. */
void waiters_expect_interrupted(struct scene *scene, struct waiter **all,
				unsigned int nr)
{
	struct kunit *test = scene->test;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		KUNIT_ASSERT_SOON(test,
				  parked_thread_has_left(&all[i]->thread));
		KUNIT_EXPECT_EQ(test, all[i]->result, -ERESTARTSYS);
		KUNIT_EXPECT_EQ(test, all[i]->looks_unlocked, 0);
		KUNIT_EXPECT_FALSE(test, all[i]->returned_unlocked);
	}
}

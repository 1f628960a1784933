// SPDX-License-Identifier: GPL-2.0
/*
 * The two ways to wait and to wake, in the table that all variables share and on a queue
 * of the scene, and how either sees its condition.
 */
#include "wait_var_scene.h"

static struct wait_var_queue *key_on_queue(struct scene *scene, unsigned long *var)
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
	return !list_empty(&key_on_queue(scene, var)->entries);
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
 * The @type of wait_var_event_any_lock() of waiters that are watched: the next holder of
 * the lock must find them on the queue and in the state to be woken from.
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

/*
 * Makes wait_WAY(), wait_WAY_for_turn() and wake_WAY().  key_WAY() has what they are given
 * of a variable.
 */
#define WAY(way)							\
static long wait_##way(struct waiter *waiter)				\
{									\
	typeof(key_##way(NULL, NULL)) key =				\
		key_##way(waiter->scene, waiter->var);			\
									\
	if (waiter->watched)						\
		return wait_var_event_any_lock(key, condition(waiter),	\
					       waiter, watched,		\
					       TASK_UNINTERRUPTIBLE);	\
	if (waiter->state == TASK_INTERRUPTIBLE)			\
		return wait_var_event_any_lock(key, condition(waiter),	\
					       &waiter->scene->lock,	\
					       spin, TASK_INTERRUPTIBLE); \
	if (waiter->state == TASK_KILLABLE)				\
		return wait_var_event_any_lock(key, condition(waiter),	\
					       &waiter->scene->lock,	\
					       spin, TASK_KILLABLE);	\
	return wait_var_event_spinlock(key, condition(waiter),		\
				       &waiter->scene->lock);		\
}									\
									\
static void wait_##way##_for_turn(struct waiter *waiter)		\
{									\
	wait_var_event_spinlock(key_##way(waiter->scene, waiter->var),	\
				my_turn(waiter), &waiter->scene->lock);	\
}									\
									\
static void wake_##way(struct scene *scene, unsigned long *var)		\
{									\
	wake_up_var_locked(key_##way(scene, var), &scene->lock);	\
}

/* The same where the kernel lacks it.  Never called: all cases are skipped. */
#define NO_WAY(way)							\
static long wait_##way(struct waiter *waiter)				\
{									\
	return condition(waiter) ? 0 : -EOPNOTSUPP;			\
}									\
									\
static void wait_##way##_for_turn(struct waiter *waiter)		\
{									\
	my_turn(waiter);						\
}									\
									\
static void wake_##way(struct scene *scene, unsigned long *var)		\
{									\
}

#ifdef wait_var_event_spinlock
static unsigned long *key_in_table(struct scene *scene, unsigned long *var)
{
	return var;
}

WAY(in_table)
#else
NO_WAY(in_table)
#endif

#ifdef __is_wait_var_queue
WAY(on_queue)
#else
NO_WAY(on_queue)
#endif

long scene_wait(struct waiter *waiter)
{
	return waiter->scene->on_queue ? wait_on_queue(waiter) :
					 wait_in_table(waiter);
}

void scene_wait_for_turn(struct waiter *waiter)
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

/* As a user of the primitive does: change and wake in one hold. */
void scene_finish(struct scene *scene, unsigned long *var)
{
	spin_lock(&scene->lock);
	*var |= DONE;
	scene_wake(scene, var);
	spin_unlock(&scene->lock);
}

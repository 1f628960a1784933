// SPDX-License-Identifier: GPL-2.0
/*
 * The waiters of the suites wait_var_*, and the scene that they are in.
 */
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "suite.h"
#include "wait_var_scene.h"

unsigned int wait_var_bound_ms = 2000;
module_param_named(bound_ms, wait_var_bound_ms, uint, 0444);
MODULE_PARM_DESC(bound_ms, "how long to wait for what has to happen, in milliseconds (default 2000)");

void wait_var_body(struct parked_thread *self)
{
	struct waiter *waiter = container_of(self, struct waiter, thread);

	if (waiter->take_signals)
		allow_signal(SIGKILL);
	if (waiter->kills_itself)
		send_sig(SIGKILL, current, 1);

	spin_lock(&waiter->scene->lock);
	parked_thread_announce(self);
	waiter->result = scene_wait(waiter);
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
		scene_wait_for_turn(waiter);
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

/* A waiter that was forgotten finds its condition true as soon as it runs. */
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

struct scene *scene_begin(struct kunit *test, bool on_queue)
{
	struct scene *scene = kzalloc(sizeof(*scene), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, scene);
	scene->test = test;
	scene->on_queue = on_queue;
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

/* As waiters_park(), each after the one before it. */
void waiters_park_in_turn(struct scene *scene, struct waiter **all,
			  unsigned int nr, unsigned long *var)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		waiters_park(scene, &all[i], 1, var);
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

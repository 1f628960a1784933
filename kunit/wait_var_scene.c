// SPDX-License-Identifier: GPL-2.0
/*
 * The waiters of the suite wait_var_locked.
 */
#include <linux/hw_breakpoint.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/perf_event.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "wait_var_scene.h"

bool scenes_have_queues;

static struct wait_var_queue *queue_of(struct scene *scene, unsigned long *var)
{
	return &scene->queue[var - scene->var];
}

/* Called by a thread that should hold the lock.  On UP it cannot be told. */
static bool is_unlocked(spinlock_t *lock)
{
	if (!IS_ENABLED(CONFIG_SMP) || !spin_trylock(lock))
		return false;
	spin_unlock(lock);
	return true;
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

static struct {
	struct scene *scene;
	struct queue_watch seen;
} queueing;

/* In the thread that is being put on a queue, maybe one of the scene. */
static void __maybe_unused somebody_is_queued(void)
{
	struct scene *scene = queueing.scene;
	struct waiter *waiter;

	list_for_each_entry(waiter, &scene->waiters, list) {
		if (waiter->thread.task != current)
			continue;
		queueing.seen.queued++;
		queueing.seen.unlocked += is_unlocked(&scene->lock);
	}
}

#if defined(CONFIG_HAVE_HW_BREAKPOINT) && defined(CONFIG_SMP) && !defined(CONFIG_PREEMPT_RT)

/*
 * list_add() is inline, and what it calls with CONFIG_DEBUG_LIST runs in interrupts of
 * all CPUs: an emulator has been seen to run into a probe there that was gone.
 */
static struct perf_event * __percpu *queue_events[2];

static void queue_written(struct perf_event *event,
			  struct perf_sample_data *data, struct pt_regs *regs)
{
	somebody_is_queued();
}

static void stop_watching_queue(void *data)
{
	struct perf_event * __percpu **events = data;

	unregister_wide_hw_breakpoint(*events);
}

static void watch_pointer(struct kunit *test, struct list_head **pointer,
			  struct perf_event * __percpu **events)
{
	struct perf_event_attr attr;

	hw_breakpoint_init(&attr);
	attr.bp_addr = (unsigned long)pointer;
	attr.bp_len = sizeof(*pointer);
	attr.bp_type = HW_BREAKPOINT_W;
	*events = register_wide_hw_breakpoint(&attr, queue_written, NULL);
	if (IS_ERR((void __force *)*events))
		kunit_skip(test, "no hardware watchpoint: error %ld",
			   PTR_ERR((void __force *)*events));
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, stop_watching_queue,
						  events));
}

/* At which end waiters are added is promised nowhere. */
static void watch_queue(struct scene *scene)
{
	struct list_head *entries = &scene->queue[0].entries;

	watch_pointer(scene->test, &entries->next, &queue_events[0]);
	watch_pointer(scene->test, &entries->prev, &queue_events[1]);
}

#else

static void watch_queue(struct scene *scene)
{
	kunit_skip(scene->test, "needs hardware watchpoints, SMP and no PREEMPT_RT to see it");
}

#endif

#if defined(CONFIG_KPROBES) && defined(CONFIG_SMP) && !defined(CONFIG_PREEMPT_RT)

static int prepare_handler(struct kprobe *kp, struct pt_regs *regs)
{
	somebody_is_queued();
	return 0;
}

/*
 * A probe with one of these is not optimised: an emulator has been seen to run into the
 * breakpoint by which the jump of an optimised one is put in and out, when that was over.
 */
static void no_post_handler(struct kprobe *kp, struct pt_regs *regs,
			    unsigned long flags)
{
}

static struct kprobe prepare_probe;

static void stop_watching_table(void *unused)
{
	unregister_kprobe(&prepare_probe);
}

static void watch_table(struct scene *scene)
{
	int err;

	prepare_probe = (struct kprobe) {
		.symbol_name = "prepare_to_wait_event",
		.pre_handler = prepare_handler,
		.post_handler = no_post_handler,
	};
	err = register_kprobe(&prepare_probe);
	if (err)
		kunit_skip(scene->test, "no kprobe on %s(): error %d",
			   prepare_probe.symbol_name, err);
	KUNIT_ASSERT_EQ(scene->test, 0,
			kunit_add_action_or_reset(scene->test,
						  stop_watching_table, NULL));
}

#else

static void watch_table(struct scene *scene)
{
	kunit_skip(scene->test, "needs CONFIG_KPROBES, SMP and no PREEMPT_RT to see it");
}

#endif

struct queue_watch *watch_queueing(struct scene *scene)
{
	memset(&queueing, 0, sizeof(queueing));
	queueing.scene = scene;
	if (scene->on_queue)
		watch_queue(scene);
	else
		watch_table(scene);
	return &queueing.seen;
}

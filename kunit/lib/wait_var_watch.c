// SPDX-License-Identifier: GPL-2.0
/*
 * How often waiters are put on a queue, and whether the lock is held then: hardware
 * watchpoints on a queue of the scene, a kprobe where it is the table.
 */
#include "wait_var_scene.h"
#include "watchpoint.h"

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

#if defined(CAN_WATCH_WORDS) && !defined(CONFIG_PREEMPT_RT)

/*
 * list_add() is inline, and what it calls with CONFIG_DEBUG_LIST runs in interrupts of
 * all CPUs: an emulator has been seen to run into a probe there that was gone.
 */
static struct watchpoint queue_watchpoints[2];

static void queue_written(struct pt_regs *regs)
{
	somebody_is_queued();
}

static void stop_watching_queue(void *watchpoint)
{
	watchpoint_remove(watchpoint);
}

static void watch_pointer(struct kunit *test, struct list_head **pointer,
			  struct watchpoint *watchpoint)
{
	int err = watchpoint_put(watchpoint, pointer, sizeof(*pointer),
				 HW_BREAKPOINT_W, queue_written);

	if (err)
		kunit_skip(test, "no hardware watchpoint: error %d", err);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, stop_watching_queue,
						  watchpoint));
}

/* At which end waiters are added is promised nowhere. */
static void watch_queue(struct scene *scene)
{
	struct list_head *entries = &scene->queue[0].entries;

	watch_pointer(scene->test, &entries->next, &queue_watchpoints[0]);
	watch_pointer(scene->test, &entries->prev, &queue_watchpoints[1]);
}

#else

static void watch_queue(struct scene *scene)
{
	kunit_skip(scene->test, "needs watchpoints of x86 or arm64, and no PREEMPT_RT");
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

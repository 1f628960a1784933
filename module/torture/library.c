// SPDX-License-Identifier: GPL-2.0
/*
 * Stutter, shuffle and CPU hotplug, as the kernel's torture tests have them: by the
 * library of those, kernel/torture.c, where the kernel has it, and elsewhere by threads
 * of our own.  No other file knows which of the two it is.
 *
 * Nothing here counts: a library has its own idea of what it has done.  disturb.c counts
 * what has come of it.
 */
#include <linux/cpu.h>
#include <linux/hrtimer.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/sched.h>
#include <linux/torture.h>

#include "lookup_mount.h"
#include "torture.h"

#if IS_ENABLED(CONFIG_TORTURE_TEST)

static bool lt_begun;

const char *lt_library_name(void)
{
	return "kernel/torture.c";
}

/* The readers have been created and do not run yet. */
int lt_library_begin(const struct lt_library *want)
{
	unsigned int i;
	int err = 0;

	if (!want->stutter && !want->shuffle_interval && !want->onoff_interval)
		return 0;
	/* From here to the _end() it keeps others of its users out. */
	if (!torture_init_begin("lookup", want->verbose))
		return -EBUSY;
	for (i = 0; i < lt_nreaders; i++)
		torture_shuffle_task_register(lt_readers[i].task);
	if (want->onoff_interval)
		err = torture_onoff_init((long)want->onoff_holdoff * HZ,
					 (long)want->onoff_interval * HZ, NULL);
	if (!err && want->shuffle_interval)
		err = torture_shuffle_init(want->shuffle_interval);
	if (!err && want->stutter)
		err = torture_stutter_init(want->stutter, want->stutter);
	torture_init_end();
	WRITE_ONCE(lt_begun, true);
	if (err)
		lt_library_end();
	return err;
}

/* The readers still run; nobody is in their way any more. */
void lt_library_end(void)
{
	if (!lt_begun)
		return;
	WRITE_ONCE(lt_begun, false);
	/* It says no if the machine goes down, and then keeps what it has. */
	if (!torture_cleanup_begin())
		torture_cleanup_end();
}

bool lt_stutter_wait(void)
{
	return READ_ONCE(lt_begun) && stutter_wait("lookup_torture");
}

#else /* !CONFIG_TORTURE_TEST */

static const struct lt_library *lt_want;
static struct task_struct *lt_stutterer, *lt_shuffler, *lt_hotplugger;
static ktime_t lt_halted_until;

const char *lt_library_name(void)
{
	return "own code";
}

/* Halt all readers for as long as they may run. */
static int lt_stutter_fn(void *unused)
{
	while (!kthread_should_stop()) {
		WRITE_ONCE(lt_halted_until,
			   ktime_add_ns(ktime_get(), jiffies_to_nsecs(lt_want->stutter)));
		lt_pause(2 * lt_want->stutter);
	}
	WRITE_ONCE(lt_halted_until, 0);
	return 0;
}

/* Only a reader calls it, which has nothing that others wait for. */
bool lt_stutter_wait(void)
{
	ktime_t until = READ_ONCE(lt_halted_until);

	if (!until || !ktime_before(ktime_get(), until))
		return false;
	set_current_state(TASK_IDLE);
	schedule_hrtimeout(&until, HRTIMER_MODE_ABS);
	return true;
}

/* Keep all readers from one CPU after the other, and then from none. */
static int lt_shuffle_fn(void *unused)
{
	unsigned int i, spared = nr_cpu_ids;
	cpumask_var_t mask;

	if (!alloc_cpumask_var(&mask, GFP_KERNEL)) {
		lookup_await_stop();
		return -ENOMEM;
	}
	for (;;) {
		lt_pause(lt_want->shuffle_interval);
		/* A shuffle at the very end would count as one that was asked for. */
		if (kthread_should_stop())
			break;
		spared = spared >= nr_cpu_ids ? 0 : spared + 1;
		cpumask_copy(mask, cpu_possible_mask);
		if (spared < nr_cpu_ids)
			cpumask_clear_cpu(spared, mask);
		/* One that cannot run anywhere else is not kept from its CPU. */
		cpus_read_lock();
		for (i = 0; i < lt_nreaders; i++)
			if (cpumask_intersects(mask, cpu_online_mask))
				set_cpus_allowed_ptr(lt_readers[i].task, mask);
		cpus_read_unlock();
	}
	free_cpumask_var(mask);
	return 0;
}

/* Take a CPU offline, or back, by chance. */
static int lt_onoff_fn(void *unused)
{
#ifdef CONFIG_HOTPLUG_CPU
	struct rnd_state rnd;
	unsigned int n;
	int cpu;

	prandom_seed_state(&rnd, lt_want->seed);
	lt_pause((long)lt_want->onoff_holdoff * HZ);
	while (!kthread_should_stop()) {
		n = prandom_u32_state(&rnd) % num_present_cpus();
		for_each_present_cpu(cpu)
			if (!n--)
				break;
		if (cpu < nr_cpu_ids && cpu_is_hotpluggable(cpu)) {
			if (!cpu_online(cpu))
				add_cpu(cpu);
			else if (num_online_cpus() > 1)
				remove_cpu(cpu);
		}
		lt_pause((long)lt_want->onoff_interval * HZ);
	}
#endif
	return 0;
}

/* The readers have been created and do not run yet; @want stays until the end. */
int lt_library_begin(const struct lt_library *want)
{
	int err = 0;

	lt_want = want;
	if (want->onoff_interval)
		err = lt_start_thread(&lt_hotplugger, lt_onoff_fn, "onoff");
	if (!err && want->shuffle_interval)
		err = lt_start_thread(&lt_shuffler, lt_shuffle_fn, "shuffle");
	if (!err && want->stutter)
		err = lt_start_thread(&lt_stutterer, lt_stutter_fn, "stutter");
	if (err)
		lt_library_end();
	return err;
}

void lt_library_end(void)
{
	lt_stop_thread(&lt_stutterer);
	lt_stop_thread(&lt_shuffler);
	lt_stop_thread(&lt_hotplugger);
}

#endif /* CONFIG_TORTURE_TEST */

// SPDX-License-Identifier: GPL-2.0
/*
 * What goes on around the readers: they are halted and moved about, CPUs go away, memory
 * runs short, others shrink the dcache, and user space is frozen.
 *
 * None of it is a test unless it has happened, so each is counted where it has an effect,
 * and a run that was asked for one of them and did not see it has failed.
 */
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/gfp.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/suspend.h>
#include <linux/vmstat.h>

#include "lookup_mount.h"
#include "torture.h"

#define LT_ONLINE	60		/* seconds; the freezer tries for 20 */
#define LT_PRESS_ORDER	4		/* pages at once, until there are no such any more */
#define LT_PRESS	2		/* seconds to wait for kswapd */

static unsigned int onoff_holdoff;
module_param(onoff_holdoff, uint, 0444);
MODULE_PARM_DESC(onoff_holdoff, "Seconds before the first CPU goes offline (default: 0)");

static unsigned int onoff_interval;
module_param(onoff_interval, uint, 0444);
MODULE_PARM_DESC(onoff_interval, "Seconds between CPU hotplugs, 0 for none; needs CONFIG_HOTPLUG_CPU (default: 0)");

static unsigned int shuffle_interval;
module_param(shuffle_interval, uint, 0444);
MODULE_PARM_DESC(shuffle_interval, "Jiffies between shuffles, each of which keeps all readers from one CPU, 0 for none (default: 0)");

static unsigned int stutter;
module_param(stutter, uint, 0444);
MODULE_PARM_DESC(stutter, "Jiffies for which all readers run, and then all are halted, 0 for no halt (default: 0)");

static unsigned int rt_boost;
module_param(rt_boost, uint, 0444);
MODULE_PARM_DESC(rt_boost, "1: now and then a reader has real-time priority (default: 0)");

static unsigned int rt_boost_factor = 50;
module_param(rt_boost_factor, uint, 0444);
MODULE_PARM_DESC(rt_boost_factor, "One lookup in rt_boost_factor times nreaders begins a boost, one in twice rt_boost_factor ends it, 1..1000000 (default: 50)");

static unsigned int mem_interval;
module_param(mem_interval, uint, 0444);
MODULE_PARM_DESC(mem_interval, "Jiffies between the times that memory is taken until the kernel reclaims some, 0 for none; needs CONFIG_VM_EVENT_COUNTERS (default: 0)");

static unsigned int shrink_interval;
module_param(shrink_interval, uint, 0444);
MODULE_PARM_DESC(shrink_interval, "Jiffies between the times that the unused dentries of the mount are shrunk, 0 for none (default: 0)");

static bool expect_drop_caches;
module_param(expect_drop_caches, bool, 0444);
MODULE_PARM_DESC(expect_drop_caches, "Fail if nobody writes to /proc/sys/vm/drop_caches meanwhile; needs CONFIG_VM_EVENT_COUNTERS (default: N)");

static bool expect_freezes;
module_param(expect_freezes, bool, 0444);
MODULE_PARM_DESC(expect_freezes, "Fail if nobody freezes user space meanwhile, by /sys/power/state; needs CONFIG_PM_SLEEP (default: N)");

static struct lt_library lt_library;
static struct task_struct *lt_presser, *lt_shrinker;
static atomic_t lt_offline, lt_online;
static int lt_hotplug_state;
static unsigned int lt_presses, lt_shrinks, lt_freezes;
static u64 lt_waits_frozen, lt_slept_before;
static bool lt_freezing;
static u64 lt_drops_before;

static bool lt_asked(void)
{
	return onoff_interval || shuffle_interval || stutter || rt_boost || mem_interval ||
	       shrink_interval || expect_drop_caches || expect_freezes;
}

/* CPUs that come and go, whoever makes them do so */

static int lt_cpu_online(unsigned int cpu)
{
	atomic_inc(&lt_online);
	return 0;
}

static int lt_cpu_offline(unsigned int cpu)
{
	atomic_inc(&lt_offline);
	return 0;
}

/* All CPUs again.  A freeze that is under way keeps them as they are for as long. */
static void lt_all_online(void)
{
#ifdef CONFIG_HOTPLUG_CPU
	unsigned long until = jiffies + LT_ONLINE * HZ;
	unsigned int cpu;

	for_each_present_cpu(cpu) {
		while (!cpu_online(cpu) && cpu_is_hotpluggable(cpu) && add_cpu(cpu)) {
			if (time_after(jiffies, until)) {
				lt_error("CPU %u does not come online again", cpu);
				break;
			}
			schedule_timeout_idle(HZ / 10);
		}
	}
#endif
}

/* Attempts to freeze; the one who makes them is told what became of each. */
static int lt_pm_event(struct notifier_block *nb, unsigned long event, void *unused)
{
	u64 c[LT_NR_COUNTERS];

	lt_sum(c);
	if (event == PM_SUSPEND_PREPARE) {
		WRITE_ONCE(lt_freezing, true);
		lt_slept_before = c[LT_SLEPT];
	}
	if (event == PM_POST_SUSPEND) {
		WRITE_ONCE(lt_freezing, false);
		lt_freezes++;
		lt_waits_frozen += c[LT_SLEPT] - lt_slept_before;
	}
	return NOTIFY_DONE;
}

static struct notifier_block lt_pm_notifier = { .notifier_call = lt_pm_event };
static bool lt_pm_notified;

/* Memory and the dcache */

/* 0 without CONFIG_VM_EVENT_COUNTERS */
static u64 lt_vm_event(unsigned int event)
{
	static unsigned long events[NR_VM_EVENT_ITEMS];		/* too many for the stack */
	static DEFINE_MUTEX(lock);
	u64 value;

	mutex_lock(&lock);
	all_vm_events(events);
	value = events[event];
	mutex_unlock(&lock);
	return value;
}

static u64 lt_slabs_scanned(void)
{
	return lt_vm_event(SLABS_SCANNED);
}

static u64 lt_drop_caches(void)
{
	return lt_vm_event(DROP_SLAB);
}

/*
 * Whether kswapd has been woken, and nobody has to reclaim by himself yet.  What is left
 * is for all others: with the dcache as small as it is here they would not wait for
 * memory, but be killed.
 */
static bool lt_memory_is_short(void)
{
	struct pglist_data *node = NODE_DATA(first_online_node);
	unsigned long left = 0, least = 0;
	unsigned int i;

	for (i = 0; i < MAX_NR_ZONES; i++) {
		struct zone *zone = &node->node_zones[i];

		if (!populated_zone(zone))
			continue;
		left += zone_page_state(zone, NR_FREE_PAGES);
		least += (min_wmark_pages(zone) + low_wmark_pages(zone)) / 2;
	}
	return left <= least;
}

/*
 * Take memory until kswapd has run shrinkers, and then, or if it does not come to that in
 * time, give all back.  Not while user space is frozen: kswapd is, too.
 */
static void lt_press(void)
{
	u64 before = lt_slabs_scanned();
	unsigned long until = jiffies + LT_PRESS * HZ;
	unsigned int order = LT_PRESS_ORDER;
	struct page *page, *next;
	LIST_HEAD(taken);

	while (!kthread_should_stop() && !READ_ONCE(lt_freezing) &&
	       lt_slabs_scanned() == before && time_before(jiffies, until)) {
		if (lt_memory_is_short()) {
			schedule_timeout_idle(1);
			continue;
		}
		page = alloc_pages(GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN, order);
		if (page) {
			set_page_private(page, order);
			list_add(&page->lru, &taken);
		} else if (order) {
			order = 0;
		} else {
			break;
		}
		cond_resched();
	}
	lt_presses += lt_slabs_scanned() != before;
	list_for_each_entry_safe(page, next, &taken, lru) {
		order = page_private(page);
		set_page_private(page, 0);
		list_del(&page->lru);
		__free_pages(page, order);
	}
}

static int lt_press_fn(void *unused)
{
	while (!kthread_should_stop()) {
		lt_pause(mem_interval);
		if (!kthread_should_stop())
			lt_press();
	}
	return 0;
}

static bool lt_in_flight(void)
{
	unsigned int i;

	for (i = 0; i < 2 * lt_nnames; i++)
		if (atomic_read(&lt_names[i].owners))
			return true;
	return false;
}

/* Both ways meet dentries in lookup: on the list of children, or as their parent. */
static int lt_shrink_fn(void *unused)
{
	bool by_list = false;

	while (!kthread_should_stop()) {
		lt_pause(shrink_interval);
		if (kthread_should_stop())
			break;
		lt_shrinks += lt_in_flight();
		if (by_list)
			shrink_dcache_sb(lt_dir->d_sb);
		else
			shrink_dcache_parent(lt_dir);
		by_list = !by_list;
	}
	return 0;
}

/* Of a reader, which has no lookup in hand then */

static void lt_boost(struct lt_reader *r)
{
	if (r->boosted) {
		if (!lt_random(r, 2 * rt_boost_factor))
			lt_unboost(r);
	} else if (!lt_random(r, lt_nreaders * rt_boost_factor)) {
		r->boosted = true;
		lt_count(r, LT_BOOSTS, 1);
		sched_set_fifo(current);
	}
}

void lt_unboost(struct lt_reader *r)
{
	if (r->boosted)
		sched_set_normal(current, 0);
	r->boosted = false;
}

/* To be called between lookups, where nobody waits for the reader. */
void lt_be_disturbed(struct lt_reader *r)
{
	unsigned int spared;

	lt_count(r, LT_STUTTERS, lt_stutter_wait());
	if (rt_boost)
		lt_boost(r);
	if (shuffle_interval) {
		/* Others change it meanwhile, and any value does. */
		spared = data_race(cpumask_first_zero(current->cpus_ptr));
		lt_count(r, LT_SHUFFLES, spared != r->spared);
		r->spared = spared;
	}
}

/* The control thread */

int lt_disturb_check(void)
{
	int err;

	err = lookup_check_range("rt_boost", rt_boost, 0, 1) ?:
	      lookup_check_range("rt_boost_factor", rt_boost_factor, 1, 1000000) ?:
	      lookup_check_range("stutter", stutter, 0, 3600 * HZ) ?:
	      lookup_check_range("shuffle_interval", shuffle_interval, 0, INT_MAX) ?:
	      lookup_check_range("mem_interval", mem_interval, 0, INT_MAX) ?:
	      lookup_check_range("shrink_interval", shrink_interval, 0, INT_MAX) ?:
	      lookup_check_range("onoff_interval", onoff_interval, 0, 3600) ?:
	      lookup_check_range("onoff_holdoff", onoff_holdoff, 0, 3600);
	if (err)
		return err;
	if (onoff_interval && !IS_ENABLED(CONFIG_HOTPLUG_CPU)) {
		pr_err("lookup_torture: onoff_interval needs CONFIG_HOTPLUG_CPU\n");
		return -EOPNOTSUPP;
	}
	if ((mem_interval || expect_drop_caches) && !IS_ENABLED(CONFIG_VM_EVENT_COUNTERS)) {
		pr_err("lookup_torture: mem_interval and expect_drop_caches need CONFIG_VM_EVENT_COUNTERS\n");
		return -EOPNOTSUPP;
	}
	if (expect_freezes && !IS_ENABLED(CONFIG_PM_SLEEP)) {
		pr_err("lookup_torture: expect_freezes needs CONFIG_PM_SLEEP\n");
		return -EOPNOTSUPP;
	}
	lt_drops_before = lt_drop_caches();
	return 0;
}

/* The readers have been created and do not run yet. */
int lt_disturb_begin(bool verbose, u64 seed)
{
	unsigned int i;
	int err;

	lt_evicting = shrink_interval || mem_interval || expect_drop_caches;
	for (i = 0; i < lt_nreaders; i++)
		lt_readers[i].spared = cpumask_first_zero(lt_readers[i].task->cpus_ptr);
	lt_library = (struct lt_library) {
		.onoff_holdoff		= onoff_holdoff,
		.onoff_interval		= onoff_interval,
		.shuffle_interval	= shuffle_interval,
		.stutter		= stutter,
		.verbose		= verbose,
		.seed			= seed,
	};
	if (onoff_interval) {
		err = cpuhp_setup_state_nocalls(CPUHP_AP_ONLINE_DYN, "lookup_torture:online",
						lt_cpu_online, lt_cpu_offline);
		if (err < 0)
			return err;
		lt_hotplug_state = err;
	}
	if (expect_freezes) {
		err = register_pm_notifier(&lt_pm_notifier);
		if (err)
			goto fail;
		lt_pm_notified = true;
	}
	err = lt_library_begin(&lt_library);
	if (!err && mem_interval)
		err = lt_start_thread(&lt_presser, lt_press_fn, "memory");
	if (!err && shrink_interval)
		err = lt_start_thread(&lt_shrinker, lt_shrink_fn, "shrink");
	if (err)
		goto fail;
	return 0;

fail:
	lt_disturb_end();
	return err;
}

/* The readers still run. */
void lt_disturb_end(void)
{
	lt_stop_thread(&lt_presser);
	lt_stop_thread(&lt_shrinker);
	lt_library_end();
	if (lt_hotplug_state)
		lt_all_online();
	if (lt_pm_notified)
		unregister_pm_notifier(&lt_pm_notifier);
	lt_pm_notified = false;
	if (lt_hotplug_state)
		cpuhp_remove_state_nocalls(lt_hotplug_state);
	lt_hotplug_state = 0;
}

static bool lt_seen(bool asked, u64 times, bool complain, const char *missed)
{
	if (!asked || times)
		return true;
	if (complain)
		lt_error("%s", missed);
	return false;
}

/* Has all happened that was asked for?  With @complain each that has not is an error. */
bool lt_disturbed(bool complain)
{
	u64 c[LT_NR_COUNTERS];
	bool all;

	lt_sum(c);
	all = lt_seen(stutter, c[LT_STUTTERS], complain, "stutter: no reader was halted");
	all &= lt_seen(shuffle_interval, c[LT_SHUFFLES], complain,
		       "shuffle_interval: no reader was kept from a CPU");
	all &= lt_seen(onoff_interval, atomic_read(&lt_offline), complain,
		       "onoff_interval: no CPU went offline");
	all &= lt_seen(onoff_interval, atomic_read(&lt_online), complain,
		       "onoff_interval: no CPU came online");
	all &= lt_seen(rt_boost, c[LT_BOOSTS], complain, "rt_boost: no reader was boosted");
	all &= lt_seen(mem_interval, lt_presses, complain,
		       "mem_interval: no shrinker ran for want of memory");
	all &= lt_seen(shrink_interval, lt_shrinks, complain,
		       "shrink_interval: no lookup was under way at any time");
	all &= lt_seen(lt_evicting, c[LT_EVICTED], complain, "no unused dentry was evicted");
	all &= lt_seen(expect_drop_caches, lt_drop_caches() - lt_drops_before, complain,
		       "expect_drop_caches: nobody has dropped the caches");
	all &= lt_seen(expect_freezes, lt_freezes, complain,
		       "expect_freezes: nobody has frozen user space");
	all &= lt_seen(expect_freezes, lt_waits_frozen, complain,
		       "expect_freezes: nobody has waited meanwhile");
	return all;
}

void lt_print_disturbance(void)
{
	u64 c[LT_NR_COUNTERS];

	if (!lt_asked())
		return;
	lt_sum(c);
	pr_info("lookup_torture: disturbed by %s: stutter=%u shuffle_interval=%u onoff_interval=%u onoff_holdoff=%u rt_boost=%u rt_boost_factor=%u mem_interval=%u shrink_interval=%u expect_drop_caches=%d expect_freezes=%d; stutters=%llu shuffles=%llu offline=%u online=%u boosts=%llu presses=%u shrinks=%u evicted=%llu drops=%llu freezes=%u waits_frozen=%llu\n",
		lt_library_name(), stutter, shuffle_interval, onoff_interval,
		onoff_holdoff, rt_boost, rt_boost_factor, mem_interval,
		shrink_interval, expect_drop_caches, expect_freezes,
		c[LT_STUTTERS], c[LT_SHUFFLES], atomic_read(&lt_offline),
		atomic_read(&lt_online), c[LT_BOOSTS], lt_presses, lt_shrinks,
		c[LT_EVICTED], lt_drop_caches() - lt_drops_before, lt_freezes,
		lt_waits_frozen);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * The gate: which lookup goes on and which is held, the counters, and the check
 * that no two lookups of one name are in flight.
 *
 * There must always be a way out for a held lookup.  So the wait is killable and
 * bounded, umount -f opens the gate, and a reboot opens all gates for good.
 */
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/reboot.h>
#include <linux/string.h>

#include "gatefs.h"

static LIST_HEAD(gatefs_mounts);
static DEFINE_SPINLOCK(gatefs_mounts_lock);
static bool gatefs_going_down;

void gatefs_count(struct gatefs_info *info, enum gatefs_counter which)
{
	spin_lock(&info->lock);
	info->counters[which]++;
	spin_unlock(&info->lock);
}

/* Lookups in flight */

void gatefs_flight_begin(struct gatefs_info *info, struct gatefs_flight *flight,
			 const struct dentry *dentry)
{
	const struct gatefs_flight *other;
	bool violation = false;

	flight->dentry = dentry;
	spin_lock(&info->lock);
	list_for_each_entry(other, &info->flights, list) {
		if (other->dentry->d_parent != dentry->d_parent ||
		    other->dentry->d_name.len != dentry->d_name.len ||
		    memcmp(other->dentry->d_name.name, dentry->d_name.name,
			   dentry->d_name.len))
			continue;
		violation = true;
		info->counters[GATEFS_VIOLATIONS]++;
		break;
	}
	list_add(&flight->list, &info->flights);
	spin_unlock(&info->lock);

	WARN_ONCE(violation, "gatefs: two lookups of %pd2 in flight\n", dentry);
}

/* It is counted before it ends: whoever sees its result finds it counted. */
void gatefs_flight_end(struct gatefs_info *info, struct gatefs_flight *flight)
{
	spin_lock(&info->lock);
	list_del(&flight->list);
	info->counters[GATEFS_LOOKUPS_DONE]++;
	spin_unlock(&info->lock);
}

/* The gate */

static bool gatefs_concerns(const struct gatefs_info *info,
			    const struct qstr *name)
{
	lockdep_assert_held(&info->lock);

	return !info->only[0] || (strlen(info->only) == name->len &&
				  !memcmp(info->only, name->name, name->len));
}

/* Take a lookup off the list of the held ones; @why is counted. */
static void gatefs_unhold(struct gatefs_info *info, struct gatefs_held *held,
			  enum gatefs_counter why)
{
	lockdep_assert_held(&info->lock);

	list_del(&held->list);
	info->nr_held--;
	info->counters[why]++;
}

static void gatefs_release(struct gatefs_info *info, struct gatefs_held *held)
{
	gatefs_unhold(info, held, GATEFS_PASSED);
	held->released = true;
	complete(&held->go);
}

/*
 * Let the lookups go that may go by now: all if the gate is open, those that it does
 * not concern, and as many of the rest as there is credit, first come first served.
 */
static void gatefs_release_all_due(struct gatefs_info *info)
{
	struct gatefs_held *held, *next;

	lockdep_assert_held(&info->lock);

	list_for_each_entry_safe(held, next, &info->held, list) {
		if (info->closed && gatefs_concerns(info, held->name)) {
			if (!info->credit)
				continue;
			info->credit--;
		}
		gatefs_release(info, held);
	}
}

/*
 * Pass the gate.  Returns 0 if the gate was opened or the time limit was reached,
 * -EINTR on a fatal signal.
 */
int gatefs_gate_pass(struct gatefs_info *info, const struct qstr *name)
{
	unsigned long limit = msecs_to_jiffies(READ_ONCE(info->hold_limit_ms));
	struct gatefs_held held = { .name = name };
	long left;

	spin_lock(&info->lock);
	info->counters[GATEFS_ARRIVED]++;
	if (!info->closed || !gatefs_concerns(info, name)) {
		info->counters[GATEFS_PASSED]++;
		spin_unlock(&info->lock);
		return 0;
	}
	if (info->credit) {
		info->credit--;
		info->counters[GATEFS_PASSED]++;
		spin_unlock(&info->lock);
		return 0;
	}
	init_completion(&held.go);
	list_add_tail(&held.list, &info->held);
	info->nr_held++;
	spin_unlock(&info->lock);

	left = wait_for_completion_killable_timeout(&held.go, limit);

	spin_lock(&info->lock);
	if (held.released)
		left = 1;
	else
		gatefs_unhold(info, &held,
			      left ? GATEFS_KILLED : GATEFS_EXPIRED);
	spin_unlock(&info->lock);
	return left < 0 ? -EINTR : 0;
}

void gatefs_gate_open(struct gatefs_info *info)
{
	spin_lock(&info->lock);
	info->closed = false;
	info->credit = 0;
	gatefs_release_all_due(info);
	spin_unlock(&info->lock);
}

void gatefs_gate_close(struct gatefs_info *info)
{
	spin_lock(&gatefs_mounts_lock);
	spin_lock(&info->lock);
	info->closed = !gatefs_going_down;
	info->credit = 0;
	spin_unlock(&info->lock);
	spin_unlock(&gatefs_mounts_lock);
}

void gatefs_gate_step(struct gatefs_info *info, unsigned int n)
{
	spin_lock(&info->lock);
	info->credit = min(info->credit + n, GATEFS_CREDIT_MAX);
	gatefs_release_all_due(info);
	spin_unlock(&info->lock);
}

/* Hold lookups of this name only; of every name if it is empty. */
void gatefs_gate_hold_only(struct gatefs_info *info, const char *name)
{
	spin_lock(&info->lock);
	strscpy(info->only, name, sizeof(info->only));
	gatefs_release_all_due(info);
	spin_unlock(&info->lock);
}

static int gatefs_reboot(struct notifier_block *nb, unsigned long action,
			 void *data)
{
	struct gatefs_info *info;

	spin_lock(&gatefs_mounts_lock);
	gatefs_going_down = true;
	list_for_each_entry(info, &gatefs_mounts, mounts)
		gatefs_gate_open(info);
	spin_unlock(&gatefs_mounts_lock);
	return NOTIFY_DONE;
}

static struct notifier_block gatefs_reboot_nb = {
	.notifier_call	= gatefs_reboot,
};

/* From here on a reboot opens the gate. */
void gatefs_gate_attach(struct gatefs_info *info)
{
	spin_lock(&gatefs_mounts_lock);
	list_add(&info->mounts, &gatefs_mounts);
	spin_unlock(&gatefs_mounts_lock);
}

/* Also if the mount has failed before gatefs_gate_attach(). */
void gatefs_gate_detach(struct gatefs_info *info)
{
	spin_lock(&gatefs_mounts_lock);
	list_del_init(&info->mounts);
	spin_unlock(&gatefs_mounts_lock);
}

int gatefs_gate_init(void)
{
	return register_reboot_notifier(&gatefs_reboot_nb);
}

void gatefs_gate_exit(void)
{
	unregister_reboot_notifier(&gatefs_reboot_nb);
}

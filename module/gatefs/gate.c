// SPDX-License-Identifier: GPL-2.0
/*
 * The gate: which lookup goes on and which is held, the counters, the check
 * that no two lookups of one name are in flight, and the files in debugfs.
 * ../README.md has the table of these files.
 *
 * What must never happen is a held lookup that nobody can get out.  So the wait
 * is killable and bounded, umount -f opens the gate, and a reboot opens all
 * gates for good.
 */
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/kdev_t.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/reboot.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "dcache_compat.h"
#include "gatefs.h"

#define GATEFS_CREDIT_MAX	1000000		/* that "step" can save up */

static struct dentry *gatefs_debugfs;
static LIST_HEAD(gatefs_mounts);
static DEFINE_SPINLOCK(gatefs_mounts_lock);
static bool gatefs_going_down;

static const char * const gatefs_counter_names[GATEFS_NR_COUNTERS] = {
	[GATEFS_ARRIVED]	= "arrived",
	[GATEFS_PASSED]		= "passed",
	[GATEFS_EXPIRED]	= "expired",
	[GATEFS_KILLED]		= "killed",
	[GATEFS_VIOLATIONS]	= "violations",
	[GATEFS_LOOKUPS_DONE]	= "lookups_done",
	[GATEFS_PRIMED]		= "primed",
	[GATEFS_PRIMED_FOUND]	= "primed_found",
};

void gatefs_count(struct gatefs_info *info, enum gatefs_counter which)
{
	spin_lock(&info->lock);
	info->counters[which]++;
	spin_unlock(&info->lock);
}

void gatefs_copy_names(struct gatefs_info *info, char *to)
{
	spin_lock(&info->lock);
	strscpy(to, info->names, GATEFS_NAMES_MAX + 1);
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

/* Take a lookup off the list of the held ones.  Whoever does it says why. */
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
 * Let go whoever may go by now: all if the gate is open, those whom it does not
 * concern, and of the rest as many as there is credit, first come first served.
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

static void gatefs_gate_step(struct gatefs_info *info, unsigned int n)
{
	spin_lock(&info->lock);
	info->credit = min(info->credit + n, GATEFS_CREDIT_MAX);
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

/* The files */

/* What was written, without the newline at its end, as a string to be freed. */
static char *gatefs_get_line(const char __user *ubuf, size_t len, size_t max)
{
	char *line;

	if (len > max)
		return ERR_PTR(-EINVAL);
	line = memdup_user_nul(ubuf, len);
	if (IS_ERR(line))
		return line;
	if (strlen(line) != len) {
		kfree(line);
		return ERR_PTR(-EINVAL);
	}
	if (len && line[len - 1] == '\n')
		line[len - 1] = '\0';
	return line;
}

static bool gatefs_valid_name(const char *name, size_t len)
{
	if (len > NAME_MAX || memchr(name, '/', len))
		return false;
	return !(len == 1 && name[0] == '.') &&
	       !(len == 2 && name[0] == '.' && name[1] == '.');
}

static int gate_show(struct seq_file *m, void *v)
{
	struct gatefs_info *info = m->private;

	spin_lock(&info->lock);
	seq_puts(m, info->closed ? "closed\n" : "open\n");
	spin_unlock(&info->lock);
	return 0;
}

static int gatefs_gate_command(struct gatefs_info *info, const char *line)
{
	unsigned int n = 1;

	if (!strcmp(line, "open")) {
		gatefs_gate_open(info);
		return 0;
	}
	if (!strcmp(line, "closed")) {
		gatefs_gate_close(info);
		return 0;
	}
	if (strcmp(line, "step")) {
		if (strncmp(line, "step ", 5) || kstrtouint(line + 5, 10, &n) ||
		    !n || n > GATEFS_CREDIT_MAX)
			return -EINVAL;
	}
	gatefs_gate_step(info, n);
	return 0;
}

static ssize_t gate_write(struct file *file, const char __user *ubuf,
			  size_t len, loff_t *ppos)
{
	struct seq_file *m = file->private_data;
	char *line = gatefs_get_line(ubuf, len, 32);
	int err;

	if (IS_ERR(line))
		return PTR_ERR(line);
	err = gatefs_gate_command(m->private, line);
	kfree(line);
	return err ?: len;
}

static int only_show(struct seq_file *m, void *v)
{
	struct gatefs_info *info = m->private;

	spin_lock(&info->lock);
	if (info->only[0])
		seq_printf(m, "%s\n", info->only);
	spin_unlock(&info->lock);
	return 0;
}

static ssize_t only_write(struct file *file, const char __user *ubuf,
			  size_t len, loff_t *ppos)
{
	struct seq_file *m = file->private_data;
	struct gatefs_info *info = m->private;
	char *line = gatefs_get_line(ubuf, len, NAME_MAX + 1);

	if (IS_ERR(line))
		return PTR_ERR(line);
	if (!gatefs_valid_name(line, strlen(line))) {
		kfree(line);
		return -EINVAL;
	}
	spin_lock(&info->lock);
	strscpy(info->only, line, sizeof(info->only));
	gatefs_release_all_due(info);
	spin_unlock(&info->lock);
	kfree(line);
	return len;
}

static int names_show(struct seq_file *m, void *v)
{
	struct gatefs_info *info = m->private;

	spin_lock(&info->lock);
	if (info->names[0])
		seq_printf(m, "%s\n", info->names);
	spin_unlock(&info->lock);
	return 0;
}

static ssize_t names_write(struct file *file, const char __user *ubuf,
			   size_t len, loff_t *ppos)
{
	struct seq_file *m = file->private_data;
	struct gatefs_info *info = m->private;
	char *line = gatefs_get_line(ubuf, len, GATEFS_NAMES_MAX);
	const char *name, *end;

	if (IS_ERR(line))
		return PTR_ERR(line);
	for (name = line; *name; name = *end ? end + 1 : end) {
		end = strchrnul(name, '\n');
		if (!gatefs_valid_name(name, end - name)) {
			kfree(line);
			return -EINVAL;
		}
	}
	spin_lock(&info->lock);
	strscpy(info->names, line, sizeof(info->names));
	spin_unlock(&info->lock);
	kfree(line);
	return len;
}

static int counters_show(struct seq_file *m, void *v)
{
	struct gatefs_info *info = m->private;
	int i;

	/* One hold of the lock, so that the numbers belong together. */
	spin_lock(&info->lock);
	seq_printf(m, "held %u\n", info->nr_held);
	for (i = 0; i < GATEFS_NR_COUNTERS; i++)
		seq_printf(m, "%s %llu\n", gatefs_counter_names[i],
			   info->counters[i]);
	spin_unlock(&info->lock);
	return 0;
}

DEFINE_SHOW_STORE_ATTRIBUTE(gate);
DEFINE_SHOW_STORE_ATTRIBUTE(only);
DEFINE_SHOW_STORE_ATTRIBUTE(names);
DEFINE_SHOW_ATTRIBUTE(counters);

/* A mount without its files could not be controlled, so it fails then. */
int gatefs_gate_attach(struct gatefs_info *info, dev_t dev)
{
	char name[16];

	snprintf(name, sizeof(name), "%u", MINOR(dev));
	info->debugfs = debugfs_create_dir(name, gatefs_debugfs);
	if (IS_ERR(info->debugfs))
		return PTR_ERR(info->debugfs);
	debugfs_create_file("gate", 0600, info->debugfs, info, &gate_fops);
	debugfs_create_file("only", 0600, info->debugfs, info, &only_fops);
	debugfs_create_file("names", 0600, info->debugfs, info, &names_fops);
	debugfs_create_file("counters", 0400, info->debugfs, info,
			    &counters_fops);

	spin_lock(&gatefs_mounts_lock);
	list_add(&info->mounts, &gatefs_mounts);
	spin_unlock(&gatefs_mounts_lock);
	return 0;
}

/* The mount may have failed before gatefs_gate_attach() or in it. */
void gatefs_gate_detach(struct gatefs_info *info)
{
	spin_lock(&gatefs_mounts_lock);
	list_del_init(&info->mounts);
	spin_unlock(&gatefs_mounts_lock);
	debugfs_remove(info->debugfs);
}

int gatefs_gate_init(void)
{
	int err;

	gatefs_debugfs = debugfs_create_dir("gatefs", NULL);
	if (IS_ERR(gatefs_debugfs))
		return PTR_ERR(gatefs_debugfs);
	err = register_reboot_notifier(&gatefs_reboot_nb);
	if (err)
		debugfs_remove(gatefs_debugfs);
	return err;
}

void gatefs_gate_exit(void)
{
	unregister_reboot_notifier(&gatefs_reboot_nb);
	debugfs_remove(gatefs_debugfs);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * The files in debugfs by which a mount is controlled.  ../README.md has a table of them.
 */
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/kdev_t.h>
#include <linux/kernel.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "gatefs.h"

static struct dentry *gatefs_debugfs;

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

void gatefs_copy_names(struct gatefs_info *info, char *to)
{
	spin_lock(&info->lock);
	strscpy(to, info->names, GATEFS_NAMES_MAX + 1);
	spin_unlock(&info->lock);
}

/* The text that was written, without the newline at its end, to be freed. */
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

/* One of the texts that ->lock covers. */
static int gatefs_show_text(struct seq_file *m, const char *text)
{
	struct gatefs_info *info = m->private;

	spin_lock(&info->lock);
	if (text[0])
		seq_printf(m, "%s\n", text);
	spin_unlock(&info->lock);
	return 0;
}

static int only_show(struct seq_file *m, void *v)
{
	struct gatefs_info *info = m->private;

	return gatefs_show_text(m, info->only);
}

static ssize_t only_write(struct file *file, const char __user *ubuf,
			  size_t len, loff_t *ppos)
{
	struct seq_file *m = file->private_data;
	char *line = gatefs_get_line(ubuf, len, NAME_MAX + 1);

	if (IS_ERR(line))
		return PTR_ERR(line);
	if (!gatefs_valid_name(line, strlen(line))) {
		kfree(line);
		return -EINVAL;
	}
	gatefs_gate_hold_only(m->private, line);
	kfree(line);
	return len;
}

static int names_show(struct seq_file *m, void *v)
{
	struct gatefs_info *info = m->private;

	return gatefs_show_text(m, info->names);
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
int gatefs_files_create(struct gatefs_info *info, dev_t dev)
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
	return 0;
}

/* Also if the mount has failed before gatefs_files_create() or in it. */
void gatefs_files_remove(struct gatefs_info *info)
{
	debugfs_remove(info->debugfs);
}

int gatefs_files_init(void)
{
	gatefs_debugfs = debugfs_create_dir("gatefs", NULL);
	return PTR_ERR_OR_ZERO(gatefs_debugfs);
}

void gatefs_files_exit(void)
{
	debugfs_remove(gatefs_debugfs);
}

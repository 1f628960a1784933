// SPDX-License-Identifier: GPL-2.0
/*
 * The three ways to look a name up: ->lookup(), ->atomic_open(), and
 * ->iterate_shared(), which primes the dcache.
 */
#include <linux/fs.h>
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "dcache_compat.h"
#include "gatefs.h"

static struct gatefs_info *gatefs_info(const struct super_block *sb)
{
	return sb->s_fs_info;
}

static int gatefs_delay(unsigned int us)
{
	ktime_t end = ktime_add_us(ktime_get(), us);

	if (!us)
		return 0;
	do {
		set_current_state(TASK_KILLABLE);
		if (fatal_signal_pending(current)) {
			__set_current_state(TASK_RUNNING);
			return -EINTR;
		}
	} while (schedule_hrtimeout(&end, HRTIMER_MODE_ABS));
	return 0;
}

/* Passes the gate, waits if the name says so, and gets what is needed then: NULL for no inode. */
static struct inode *gatefs_prepare(struct inode *dir, struct dentry *dentry,
				    const struct gatefs_name *name)
{
	const struct gatefs_outcome *outcome = name->outcome;
	int err;

	err = gatefs_gate_pass(gatefs_info(dir->i_sb), &dentry->d_name);
	if (err)
		return ERR_PTR(err);
	err = gatefs_delay(name->delay_us);
	if (err)
		return ERR_PTR(err);
	err = outcome->prepare ? outcome->prepare(dentry, name) : 0;
	if (err)
		return ERR_PTR(err);
	if (outcome->dtype == DT_UNKNOWN)
		return NULL;
	return gatefs_iget(dir->i_sb, gatefs_ino_of(name), outcome->dtype == DT_DIR);
}

/* The common part of ->lookup(), ->atomic_open() and the priming. */
static struct dentry *gatefs_do_lookup(struct inode *dir, struct dentry *dentry)
{
	struct gatefs_info *info = gatefs_info(dir->i_sb);
	struct gatefs_flight flight;
	struct gatefs_name name;
	struct inode *inode;

	gatefs_parse(dir->i_ino, &dentry->d_name, &name);
	gatefs_flight_begin(info, &flight, dentry);
	inode = gatefs_prepare(dir, dentry, &name);
	gatefs_flight_end(info, &flight);

	/* From here on the lookup may end at any time. */
	if (IS_ERR(inode))
		return ERR_CAST(inode);
	if (name.outcome->end)
		return name.outcome->end(inode, dentry, &name);
	return d_splice_alias(inode, dentry);
}

static struct dentry *gatefs_lookup(struct inode *dir, struct dentry *dentry,
				    unsigned int flags)
{
	if (dentry->d_name.len > NAME_MAX)
		return ERR_PTR(-ENAMETOOLONG);
	return gatefs_do_lookup(dir, dentry);
}

static int gatefs_atomic_open(struct inode *dir, struct dentry *dentry,
			      struct file *file, unsigned int flags,
			      umode_t mode)
{
	struct dentry *res = NULL;

	if (dentry->d_name.len > NAME_MAX)
		return -ENAMETOOLONG;
	if (d_in_lookup(dentry)) {
		res = gatefs_do_lookup(dir, dentry);
		if (IS_ERR(res))
			return PTR_ERR(res);
		if (!res && d_is_reg(dentry))
			return finish_open(file, dentry, generic_file_open);
	}
	return finish_no_open(file, res);
}

/*
 * Look @name up as if ->lookup() had been called for it, unless it is in the
 * dcache by now.  The result is for the dcache; only a fatal signal is reported.
 */
static int gatefs_prime(struct dentry *parent, struct qstr *name)
{
	struct gatefs_info *info = gatefs_info(parent->d_sb);
	DECLARE_WAIT_QUEUE_HEAD_ONSTACK(wq);
	struct dentry *dentry, *res;

	name->hash = full_name_hash(parent, name->name, name->len);
	dentry = d_alloc_parallel_compat(parent, name, &wq);
	if (IS_ERR(dentry))
		return 0;
	if (!d_in_lookup(dentry)) {
		gatefs_count(info, GATEFS_PRIMED_FOUND);
		dput(dentry);
		return 0;
	}
	res = gatefs_do_lookup(d_inode(parent), dentry);
	d_lookup_done(dentry);
	if (!IS_ERR_OR_NULL(res)) {
		dput(dentry);
		dentry = res;
	}
	if (!IS_ERR(res) && !d_unhashed(dentry))
		gatefs_count(info, GATEFS_PRIMED);
	dput(dentry);
	return fatal_signal_pending(current) ? -EINTR : 0;
}

static int gatefs_list(struct file *file, struct dir_context *ctx,
		       const char *names)
{
	struct dentry *parent = file->f_path.dentry;
	struct gatefs_name parsed;
	const char *at, *end;
	loff_t pos = 2;
	int err;

	for (at = names; *at; at = *end ? end + 1 : end) {
		struct qstr name;

		end = strchrnul(at, '\n');
		if (end == at || pos++ < ctx->pos)
			continue;
		name = (struct qstr)QSTR_INIT(at, end - at);
		gatefs_parse(d_inode(parent)->i_ino, &name, &parsed);
		if (!dir_emit(ctx, at, end - at, gatefs_ino_of(&parsed),
			      parsed.outcome->dtype))
			return 0;
		ctx->pos = pos;
		err = gatefs_prime(parent, &name);
		if (err)
			return err;
	}
	return 0;
}

static int gatefs_iterate(struct file *file, struct dir_context *ctx)
{
	char *names;
	int err;

	if (!dir_emit_dots(file, ctx))
		return 0;
	names = kmalloc(GATEFS_NAMES_MAX + 1, GFP_KERNEL);
	if (!names)
		return -ENOMEM;
	gatefs_copy_names(gatefs_info(file_inode(file)->i_sb), names);
	err = gatefs_list(file, ctx, names);
	kfree(names);
	return err;
}

const struct inode_operations gatefs_dir_iops = {
	.lookup		= gatefs_lookup,
};

const struct inode_operations gatefs_dir_atomic_iops = {
	.lookup		= gatefs_lookup,
	.atomic_open	= gatefs_atomic_open,
};

const struct file_operations gatefs_dir_fops = {
	.owner		= THIS_MODULE,
	.llseek		= generic_file_llseek,
	.read		= generic_read_dir,
	.iterate_shared	= gatefs_iterate,
};

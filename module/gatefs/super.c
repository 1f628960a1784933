// SPDX-License-Identifier: GPL-2.0
/*
 * gatefs, a filesystem for tests of the VFS: ->lookup() can be held at a gate,
 * and the name says what it does afterwards.  Here are the mount and the inodes.
 *
 * Nothing is stored anywhere.  An inode follows from its number, and the number
 * from the name and the number of the directory, so that a name means the same
 * file however often the caches forget it.
 */
#include <linux/fs.h>
#include <linux/fs_context.h>
#include <linux/fs_parser.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/statfs.h>

#include "dcache_compat.h"
#include "gatefs.h"

#define GATEFS_MAGIC	0x67617465	/* "gate" */

/* Files are empty and stay so. */

static ssize_t gatefs_read(struct file *file, char __user *buf, size_t len,
			   loff_t *ppos)
{
	return 0;
}

static ssize_t gatefs_write(struct file *file, const char __user *buf,
			    size_t len, loff_t *ppos)
{
	return -EROFS;
}

static const struct file_operations gatefs_file_fops = {
	.owner		= THIS_MODULE,
	.llseek		= generic_file_llseek,
	.read		= gatefs_read,
	.write		= gatefs_write,
};

/* Inodes */

struct gatefs_key {
	u64	ino;
	bool	fresh;			/* set if the inode is new and ours */
};

static int gatefs_test_inode(struct inode *inode, void *data)
{
	struct gatefs_key *key = data;

	return inode->i_ino == (typeof(inode->i_ino))key->ino;
}

static int gatefs_set_inode(struct inode *inode, void *data)
{
	struct gatefs_key *key = data;

	inode->i_ino = key->ino;
	key->fresh = true;
	return 0;
}

struct inode *gatefs_iget(struct super_block *sb, u64 ino, bool is_dir)
{
	const struct gatefs_info *info = sb->s_fs_info;
	struct gatefs_key key = { .ino = ino };
	struct inode *inode;

	inode = iget5_locked(sb, ino, gatefs_test_inode, gatefs_set_inode,
			     &key);
	if (!inode)
		return ERR_PTR(-ENOMEM);
	if (!key.fresh)
		return inode;

	compat_inode_init_ts(inode);
	if (is_dir) {
		inode->i_mode = S_IFDIR | 0555;
		inode->i_op = info->atomic_open ? &gatefs_dir_atomic_iops :
						  &gatefs_dir_iops;
		inode->i_fop = &gatefs_dir_fops;
		set_nlink(inode, 2);
	} else {
		inode->i_mode = S_IFREG | 0444;
		inode->i_fop = &gatefs_file_fops;
	}
	unlock_new_inode(inode);
	return inode;
}

/* Mount */

struct gatefs_options {
	bool		atomic_open;
	bool		closed;
	unsigned int	hold_limit_ms;		/* 0: not given */
};

enum { OPT_ATOMIC_OPEN, OPT_CLOSED, OPT_HOLD_LIMIT_MS };

static const struct fs_parameter_spec gatefs_parameters[] = {
	fsparam_flag("atomic_open",	OPT_ATOMIC_OPEN),
	fsparam_flag("closed",		OPT_CLOSED),
	fsparam_u32("hold_limit_ms",	OPT_HOLD_LIMIT_MS),
	{}
};

static int gatefs_parse_param(struct fs_context *fc, struct fs_parameter *param)
{
	struct gatefs_options *opts = fc->fs_private;
	struct fs_parse_result result;
	int opt;

	opt = fs_parse(fc, gatefs_parameters, param, &result);
	switch (opt) {
	case OPT_ATOMIC_OPEN:
		opts->atomic_open = true;
		return 0;
	case OPT_CLOSED:
		opts->closed = true;
		return 0;
	case OPT_HOLD_LIMIT_MS:
		if (!result.uint_32 || result.uint_32 > GATEFS_HOLD_MAX_MS)
			return invalf(fc, "gatefs: hold_limit_ms=%u is not in 1..%u",
				      result.uint_32, GATEFS_HOLD_MAX_MS);
		opts->hold_limit_ms = result.uint_32;
		return 0;
	default:
		/* The VFS says which one it is if it is not known. */
		return opt;
	}
}

static int gatefs_show_options(struct seq_file *m, struct dentry *root)
{
	const struct gatefs_info *info = root->d_sb->s_fs_info;

	if (info->atomic_open)
		seq_puts(m, ",atomic_open");
	seq_printf(m, ",hold_limit_ms=%u", READ_ONCE(info->hold_limit_ms));
	return 0;
}

static void gatefs_umount_begin(struct super_block *sb)
{
	gatefs_gate_open(sb->s_fs_info);
}

static const struct super_operations gatefs_super_ops = {
	.statfs		= simple_statfs,
	.show_options	= gatefs_show_options,
	.umount_begin	= gatefs_umount_begin,
};

static int gatefs_fill_super(struct super_block *sb, struct fs_context *fc)
{
	const struct gatefs_options *opts = fc->fs_private;
	struct gatefs_info *info = sb->s_fs_info;
	struct inode *root;
	int err;

	info->atomic_open = opts->atomic_open;
	info->hold_limit_ms = opts->hold_limit_ms ?: GATEFS_HOLD_LIMIT_MS;

	sb->s_magic = GATEFS_MAGIC;
	sb->s_op = &gatefs_super_ops;
	sb->s_maxbytes = MAX_LFS_FILESIZE;
	sb->s_blocksize = PAGE_SIZE;
	sb->s_blocksize_bits = PAGE_SHIFT;
	sb->s_time_gran = 1;

	root = gatefs_iget(sb, GATEFS_ROOT_INO, true);
	if (IS_ERR(root))
		return PTR_ERR(root);
	sb->s_root = d_make_root(root);
	if (!sb->s_root)
		return -ENOMEM;

	err = gatefs_files_create(info, sb->s_dev);
	if (err) {
		errorf(fc, "gatefs: no files in debugfs: %d", err);
		return err;
	}
	gatefs_gate_attach(info);
	if (opts->closed)
		gatefs_gate_close(info);
	return 0;
}

static int gatefs_get_tree(struct fs_context *fc)
{
	struct gatefs_info *info = kzalloc(sizeof(*info), GFP_KERNEL);

	if (!info)
		return -ENOMEM;
	spin_lock_init(&info->lock);
	INIT_LIST_HEAD(&info->mounts);
	INIT_LIST_HEAD(&info->held);
	INIT_LIST_HEAD(&info->flights);
	/* The superblock gets it, and gatefs_kill_sb() frees it. */
	fc->s_fs_info = info;
	return get_tree_nodev(fc, gatefs_fill_super);
}

/* atomic_open is in the operations of inodes that are in use, so it stays. */
static int gatefs_reconfigure(struct fs_context *fc)
{
	const struct gatefs_options *opts = fc->fs_private;
	struct gatefs_info *info = fc->root->d_sb->s_fs_info;

	if (opts->atomic_open && !info->atomic_open)
		return invalf(fc, "gatefs: atomic_open cannot be changed");
	if (opts->hold_limit_ms)
		WRITE_ONCE(info->hold_limit_ms, opts->hold_limit_ms);
	if (opts->closed)
		gatefs_gate_close(info);
	return 0;
}

static void gatefs_free_fc(struct fs_context *fc)
{
	kfree(fc->s_fs_info);
	kfree(fc->fs_private);
}

static const struct fs_context_operations gatefs_context_ops = {
	.parse_param	= gatefs_parse_param,
	.get_tree	= gatefs_get_tree,
	.reconfigure	= gatefs_reconfigure,
	.free		= gatefs_free_fc,
};

static int gatefs_init_fs_context(struct fs_context *fc)
{
	struct gatefs_options *opts = kzalloc(sizeof(*opts), GFP_KERNEL);

	if (!opts)
		return -ENOMEM;
	fc->fs_private = opts;
	fc->ops = &gatefs_context_ops;
	return 0;
}

/*
 * Nobody is in ->lookup() any more.  The files in debugfs go before the device
 * number does, which the next mount may get.
 */
static void gatefs_kill_sb(struct super_block *sb)
{
	struct gatefs_info *info = sb->s_fs_info;

	gatefs_gate_detach(info);
	gatefs_files_remove(info);
	kill_anon_super(sb);
	kfree(info);
}

static struct file_system_type gatefs_type = {
	.owner			= THIS_MODULE,
	.name			= "gatefs",
	.init_fs_context	= gatefs_init_fs_context,
	.parameters		= gatefs_parameters,
	.kill_sb		= gatefs_kill_sb,
};
MODULE_ALIAS_FS("gatefs");

static int __init gatefs_init(void)
{
	int err;

	err = gatefs_files_init();
	if (err) {
		pr_err("gatefs: cannot be controlled without debugfs: %d\n",
		       err);
		return err;
	}
	err = gatefs_gate_init();
	if (err)
		goto no_files;
	err = register_filesystem(&gatefs_type);
	if (err)
		goto no_gate;
	return 0;

no_gate:
	gatefs_gate_exit();
no_files:
	gatefs_files_exit();
	return err;
}

static void __exit gatefs_exit(void)
{
	unregister_filesystem(&gatefs_type);
	gatefs_gate_exit();
	gatefs_files_exit();
}

module_init(gatefs_init);
module_exit(gatefs_exit);
MODULE_DESCRIPTION("Filesystem whose lookups a test can hold");
MODULE_LICENSE("GPL");

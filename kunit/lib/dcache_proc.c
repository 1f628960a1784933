// SPDX-License-Identifier: GPL-2.0
/*
 * A procfs that nobody else has looked into, see dcache_playground.h.
 */
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/module.h>

#include "dcache_playground.h"

static void unmount(void *mnt)
{
	if (!somebody_is_left())
		kern_unmount(mnt);
}

static void close_directory(void *file)
{
	if (somebody_is_left())
		return;
	fput(file);
	flush_delayed_fput();
}

struct file *proc_directory(struct kunit *test, const char *path)
{
	struct file_system_type *type = get_fs_type("proc");
	struct vfsmount *mnt;
	struct file *file;

	if (!type)
		kunit_skip(test, "needs CONFIG_PROC_FS");
	mnt = kern_mount(type);
	module_put(type->owner);	/* as put_filesystem() does */
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, mnt);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, unmount, mnt));

	file = file_open_root_mnt(mnt, path, O_RDONLY | O_DIRECTORY, 0);
	if (IS_ERR(file))
		kunit_skip(test, "/proc/%s: error %ld", path, PTR_ERR(file));
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, close_directory, file));
	return file;
}
EXPORT_SYMBOL_GPL(proc_directory);

// SPDX-License-Identifier: GPL-2.0
/*
 * kafs without a server: see afs_scene.h.
 */
#include <linux/module.h>
#include <linux/namei.h>
#include <linux/rculist_bl.h>

#include "internal.h"		/* of fs/afs */
#include "afs_scene.h"

/* Longer than any chain. */
#define MAX_CHAIN	1000000

static struct {
	int error;
	int silly_error;
	bool held;
	bool asked;
	bool conflict;
	unsigned int requests;
	struct completion let_go;
} server;

static int (*rename_in)(struct mnt_idmap *idmap, struct inode *old_dir,
			struct dentry *old_dentry, struct inode *new_dir,
			struct dentry *new_dentry, unsigned int flags);
static int (*unlink_in)(struct inode *dir, struct dentry *dentry);
#ifdef COMPAT_HAVE_REVALIDATE_NAME
static int (*revalidate)(struct inode *dir, const struct qstr *name,
			 struct dentry *dentry, unsigned int flags);
#else
static int (*revalidate)(struct dentry *dentry, unsigned int flags);
#endif

static struct afs_net fake_net;
static struct afs_cell fake_cell;
static struct afs_volume fake_volume;

/* Runs instead of afs_request_key(): nobody here needs one. */
static struct key *no_key(struct afs_cell *cell)
{
	return NULL;
}

/* Of directories, by ->d_revalidate(). */
static struct {
	bool held;
	bool finds_it_deleted;
	bool reached;
	unsigned int checks;
	struct completion let_go;
} check;

static void hold_until_let_go(void)
{
	raise_flag(&check.reached);
	wait_for_completion_timeout(&check.let_go,
				    4 * msecs_to_jiffies(dcache_bound_ms) + 1);
}

/*
 * Runs instead of afs_validate(): what we know of the vnode is right.  The first check of
 * a directory may be held, and find that it was deleted; those after that do not.
 */
static int always_valid(struct afs_vnode *vnode, struct key *key)
{
	if (!S_ISDIR(vnode->netfs.inode.i_mode))
		return 0;
	if (check.checks++) {
		clear_bit(AFS_VNODE_DELETED, &vnode->flags);
		return 0;
	}
	if (!check.held)
		return 0;
	hold_until_let_go();
	if (check.finds_it_deleted)
		set_bit(AFS_VNODE_DELETED, &vnode->flags);
	return 0;
}

void afs_check_holds(bool finds_it_deleted)
{
	check.held = true;
	check.finds_it_deleted = finds_it_deleted;
}
EXPORT_SYMBOL_GPL(afs_check_holds);

bool afs_check_is_reached(void)
{
	return flag_is_up(&check.reached);
}
EXPORT_SYMBOL_GPL(afs_check_is_reached);

void afs_check_let_go(void)
{
	complete_all(&check.let_go);
}
EXPORT_SYMBOL_GPL(afs_check_let_go);

unsigned int afs_checks(void)
{
	return check.checks;
}
EXPORT_SYMBOL_GPL(afs_checks);

static struct {
	bool has_both;
	unsigned int searches;
} directory;

/* What afs_do_lookup_one() of fs/afs/dir.c passes a search, and has the result in. */
struct search {
	struct dir_context ctx;
	struct qstr name;
	bool found;
	struct afs_fid fid;
};

/*
 * Runs instead of afs_dir_iterate().  All files have the same fid here, so a name that the
 * directory has is that of the dentry.
 */
static int search_directory(struct inode *dir, struct dir_context *ctx, void *key_or_file,
			    afs_dataversion_t *version)
{
	struct search *search = container_of(ctx, struct search, ctx);

	directory.searches++;
	search->found = directory.has_both;
	*version = 0;
	return 0;
}

void afs_directory_has_both(void)
{
	directory.has_both = true;
}
EXPORT_SYMBOL_GPL(afs_directory_has_both);

unsigned int afs_directory_searches(void)
{
	return directory.searches;
}
EXPORT_SYMBOL_GPL(afs_directory_searches);

/* Runs instead of afs_check_validity(), which a walk under RCU asks. */
static bool still_valid(const struct afs_vnode *vnode)
{
	return true;
}

static int silly_rename(struct afs_vnode *dvnode, struct afs_vnode *vnode,
			struct dentry *dentry, struct key *key)
{
	/* as the real one, which does not know what has come of the file then */
	if (server.silly_error == -ERESTARTSYS)
		d_drop(dentry);
	return server.silly_error;
}

/*
 * Runs instead of afs_select_fileserver(), which returns false when there is nothing to
 * send any more.  The version of the directory is one that nobody else has changed.
 */
static bool ask_server(struct afs_operation *op)
{
	struct afs_vnode_param *dir = &op->file[!!op->dentry_2];

	server.requests++;
	raise_flag(&server.asked);
	if (READ_ONCE(server.held))
		wait_for_completion_timeout(&server.let_go,
					    4 * msecs_to_jiffies(dcache_bound_ms) + 1);
	afs_op_set_error(op, server.error);
	dir->scb.status.data_version = dir->dv_before + dir->dv_delta +
				       server.conflict;
	return false;
}

void afs_server_says(int error, bool held)
{
	server.error = error;
	server.asked = false;
	server.held = held;
	server.conflict = false;
	server.requests = 0;
	reinit_completion(&server.let_go);
}
EXPORT_SYMBOL_GPL(afs_server_says);

void afs_server_reports_a_conflict(void)
{
	server.conflict = true;
}
EXPORT_SYMBOL_GPL(afs_server_reports_a_conflict);

unsigned int afs_server_requests(void)
{
	return server.requests;
}
EXPORT_SYMBOL_GPL(afs_server_requests);

bool afs_server_is_asked(void)
{
	return flag_is_up(&server.asked);
}
EXPORT_SYMBOL_GPL(afs_server_is_asked);

void afs_server_let_go(void)
{
	complete_all(&server.let_go);
}
EXPORT_SYMBOL_GPL(afs_server_let_go);

void afs_silly_rename_fails(struct kunit *test, int error)
{
	server.silly_error = error;
	divert(test, "afs_sillyrename", silly_rename);
}
EXPORT_SYMBOL_GPL(afs_silly_rename_fails);

static struct inode *scene_inode(struct super_block *sb, umode_t mode)
{
	struct inode *inode = new_inode(sb);

	if (!inode)
		return NULL;
	inode->i_mode = mode;
	inode->i_ino = 0;		/* as in the fid, which is all zeroes */
	set_nlink(inode, 1);
	AFS_FS_I(inode)->volume = &fake_volume;
	return inode;
}

/* A dentry of the dynamic root, in which there are no files, without what that does. */
static struct dentry *scene_child(struct afs_scene *scene, struct dentry *parent,
				  const char *text, umode_t mode)
{
	struct kunit *test = scene->test;
	struct qstr name = QSTR_INIT(text, strlen(text));
	struct inode *inode = scene_inode(parent->d_sb, mode);
	struct dentry *dentry;

	KUNIT_ASSERT_NOT_NULL(test, inode);
	name.hash = full_name_hash(parent, name.name, name.len);
	dentry = d_alloc(parent, &name);
	KUNIT_ASSERT_NOT_NULL(test, dentry);
	spin_lock(&dentry->d_lock);
	dentry->d_op = NULL;
	dentry->d_flags &= ~(DCACHE_OP_DELETE | DCACHE_OP_REVALIDATE);
	spin_unlock(&dentry->d_lock);
	/* the version of its directory, which ->d_init() of the dynamic root does not set */
	dentry->d_time = 0;
	d_add(dentry, inode);
	return dentry;
}

static void scene_put(struct dentry *dentry)
{
	if (!dentry)
		return;
	spin_lock(&dentry->d_lock);
	dentry->d_flags &= ~DCACHE_NFSFS_RENAMED;
	spin_unlock(&dentry->d_lock);
	dput(dentry);
}

static void scene_close(void *data)
{
	struct afs_scene *scene = data;

	afs_server_let_go();
	afs_check_let_go();
	if (somebody_is_left())
		return;
	scene_put(scene->old);
	scene_put(scene->target);
	scene_put(scene->dir);
	shrink_dcache_parent(scene->mnt->mnt_root);
	AFS_FS_S(scene->mnt->mnt_sb)->volume = NULL;
	kern_unmount(scene->mnt);
	kfree(scene);
}

struct afs_scene *afs_scene_open(struct kunit *test)
{
	struct file_system_type *type = get_fs_type("afs");
	struct afs_scene *scene;
	struct vfsmount *mnt;

	if (!type)
		kunit_skip(test, "needs CONFIG_AFS_FS");
	mnt = vfs_kern_mount(type, SB_KERNMOUNT, "none", "dyn");
	module_put(type->owner);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, mnt);
	scene = kzalloc(sizeof(*scene), GFP_KERNEL);
	if (!scene) {
		kern_unmount(mnt);
		KUNIT_FAIL_AND_ABORT(test, "no memory");
	}
	scene->test = test;
	scene->mnt = mnt;
	init_completion(&server.let_go);
	memset(&check, 0, sizeof(check));
	init_completion(&check.let_go);
	memset(&directory, 0, sizeof(directory));
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, scene_close, scene));

	fake_net.net = &init_net;
	fake_cell.net = &fake_net;
	fake_volume.cell = &fake_cell;
	/* never the last one */
	refcount_set(&fake_volume.ref, 1000);
	AFS_FS_S(scene->mnt->mnt_sb)->volume = &fake_volume;
	rename_in = address_of(test, "afs_rename");
	unlink_in = address_of(test, "afs_unlink");
	revalidate = address_of(test, "afs_d_revalidate");
	divert(test, "afs_request_key", no_key);
	divert(test, "afs_validate", always_valid);
	divert(test, "afs_check_validity", still_valid);
	divert(test, "afs_select_fileserver", ask_server);
	divert(test, "afs_dir_iterate", search_directory);
	afs_server_says(0, false);

	scene->dir = scene_child(scene, scene->mnt->mnt_root, "dir",
				 S_IFDIR | 0700);
	scene->target = scene_child(scene, scene->dir, "target", S_IFREG | 0600);
	/* the last one that is hashed, so it is the head of its chain */
	scene->old = scene_child(scene, scene->dir, "old", S_IFREG | 0600);
	scene->next = READ_ONCE(scene->old->d_hash.next);
	return scene;
}
EXPORT_SYMBOL_GPL(afs_scene_open);

void afs_scene_use(struct afs_scene *scene, struct dentry *dentry, int users)
{
	int i;

	for (i = 0; i < users; i++)
		dget(dentry);
	for (; i > users; i--)
		dput(dentry);
}
EXPORT_SYMBOL_GPL(afs_scene_use);

int afs_scene_rename(struct afs_scene *scene)
{
	struct inode *dir = d_inode(scene->dir);
	int err;

	inode_lock(dir);
	/* the VFS has two references to the target */
	dget(scene->target);
	err = rename_in(&nop_mnt_idmap, dir, scene->old, dir, scene->target, 0);
	dput(scene->target);
	inode_unlock(dir);
	return err;
}
EXPORT_SYMBOL_GPL(afs_scene_rename);

int afs_scene_unlink(struct afs_scene *scene)
{
	struct inode *dir = d_inode(scene->dir);
	int err;

	inode_lock(dir);
	err = unlink_in(dir, scene->old);
	inode_unlock(dir);
	return err;
}
EXPORT_SYMBOL_GPL(afs_scene_unlink);

int afs_scene_revalidate(struct afs_scene *scene, struct dentry *dentry,
			 unsigned int flags)
{
	int valid;
#ifdef COMPAT_HAVE_REVALIDATE_NAME
	const char *text = dentry == scene->old ? "old" : "target";
	struct qstr name = QSTR_INIT(text, strlen(text));
#endif

	if (flags & LOOKUP_RCU)
		rcu_read_lock();
#ifdef COMPAT_HAVE_REVALIDATE_NAME
	name.hash = full_name_hash(scene->dir, name.name, name.len);
	valid = revalidate(d_inode(scene->dir), &name, dentry, flags);
#else
	valid = revalidate(dentry, flags);
#endif
	if (flags & LOOKUP_RCU)
		rcu_read_unlock();
	return valid;
}
EXPORT_SYMBOL_GPL(afs_scene_revalidate);

unsigned int afs_scene_rings(struct afs_scene *scene)
{
	struct hlist_bl_node *old = &scene->old->d_hash, *node;
	unsigned int i;

	rcu_read_lock();
	node = READ_ONCE(old->next);
	for (i = 0; i < MAX_CHAIN && node && node != old; i++)
		node = READ_ONCE(node->next);
	rcu_read_unlock();
	if (!node)
		return 0;
	/* it was the head of the chain, and is */
	WRITE_ONCE(old->next, scene->next);
	return 1;
}
EXPORT_SYMBOL_GPL(afs_scene_rings);

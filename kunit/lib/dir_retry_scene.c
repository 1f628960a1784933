// SPDX-License-Identifier: GPL-2.0
/*
 * The directory that the suites dir_retry* list, and a task that has it locked: see
 * dir_retry_scene.h.
 */
#include <linux/cred.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "dir_retry_scene.h"

/* A task that lists @name in @scene finds it in lookup. */
static void scene_contend(struct scene *scene, struct qstr name)
{
	struct dentry *child;

	if (!scene->contended || !strchr(scene->contended, name.name[0]))
		return;
	child = compat_d_alloc_trylock(scene->dir, &name);
	if (IS_ERR(child))
		return;
	if (d_in_lookup(child)) {
		/* as if somebody else had begun it */
		compat_d_in_lookup_disown(child);
		scene->held = child;
	} else {
		dput(child);
	}
}

/* The lookup that scene_contend() has begun leaves nothing. */
void scene_end_held(struct scene *scene)
{
	struct dentry *held = scene->held;

	scene->held = NULL;
	if (held) {
		d_lookup_done(held);
		dput(held);
	}
}
EXPORT_SYMBOL_GPL(scene_end_held);

static struct inode *scene_inode(struct scene *scene)
{
	struct inode *inode = new_inode(scene->dir->d_sb);

	if (inode) {
		inode->i_ino = get_next_ino();
		inode->i_mode = S_IFREG;
	}
	return inode;
}

/* What the posting has readdir do, against the rule that ->iterate_shared() must not. */
static struct dentry *scene_drop_lock(struct scene *scene,
				      const struct qstr *name)
{
	struct inode *dir = d_inode(scene->dir);
	DECLARE_WAIT_QUEUE_HEAD_ONSTACK(wq);
	struct dentry *child;

	inode_unlock_shared(dir);
	child = d_alloc_parallel_compat(scene->dir, name, &wq);
	if (!IS_ERR(child)) {
		/* lockdep would tell; that is for suite in_lookup_lockdep */
		compat_d_in_lookup_disown(child);
		WRITE_ONCE(scene->dropped, dget(child));
	}
	inode_lock_shared(dir);
	return child;
}

struct dentry *scene_mkdir(struct scene *scene, struct qstr name)
{
	struct inode *inode = scene_inode(scene);
	struct dentry *child = inode ? d_alloc(scene->dir, &name) : NULL;

	if (child)
		d_add(child, inode);
	else
		iput(inode);
	return child;
}
EXPORT_SYMBOL_GPL(scene_mkdir);

/* How many dentries have that name. */
unsigned int scene_hashed(struct scene *scene, struct qstr name)
{
	unsigned int hashed = 0;
	struct dentry *child;

	spin_lock(&scene->dir->d_lock);
	compat_for_each_child(child, scene->dir)
		hashed += !d_unhashed(child) && child->d_name.len == name.len &&
			  !memcmp(child->d_name.name, name.name, name.len);
	spin_unlock(&scene->dir->d_lock);
	return hashed;
}
EXPORT_SYMBOL_GPL(scene_hashed);

static int scene_ask(struct scene *scene, struct dir_context *ctx,
		     const struct qstr *name)
{
	if (!compat_dir_retry(ctx, scene->dir, name)) {
		scene_end_held(scene);
		scene->refused++;
		return 1;
	}
	scene->asked++;
	if (scene->asks_twice && !compat_dir_retry(ctx, scene->dir, name))
		scene->refused_twice = true;
	if (scene->moves_on)
		ctx->pos++;
	return scene->error;
}

static int scene_list_inner(struct scene *scene, struct dir_context *ctx)
{
	const void *before = compat_retry_of(ctx);
	int err = iterate_dir(scene->inner->file, ctx);

	scene->context_restored = before && compat_retry_of(ctx) == before;
	return err;
}

static int scene_iterate(struct file *file, struct dir_context *ctx)
{
	struct scene *scene = file_inode(file)->i_private;
	struct dentry *child;

	scene->calls++;
	if (scene->inner)
		return scene_list_inner(scene, ctx);
	while (ctx->pos < strlen(SCENE_NAMES)) {
		struct qstr name = QSTR_INIT(&SCENE_NAMES[ctx->pos], 1);
		u64 ino = 1;

		scene_contend(scene, name);
		child = compat_d_alloc_trylock(scene->dir, &name);
		if (child == ERR_PTR(-EWOULDBLOCK) && scene->drops_lock)
			child = scene_drop_lock(scene, &name);
		if (child == ERR_PTR(-EWOULDBLOCK)) {
			int err = scene_ask(scene, ctx, &name);

			if (err <= 0)
				return err;
		} else {
			if (IS_ERR(child))
				return PTR_ERR(child);
			if (d_in_lookup(child))
				d_add(child, scene_inode(scene));
			if (d_really_is_positive(child))
				ino = d_inode(child)->i_ino;
			dput(child);
		}
		if (!dir_emit(ctx, name.name, 1, ino, DT_REG))
			return 0;
		ctx->pos++;
	}
	return 0;
}

static const struct file_operations scene_fops = {
	.owner		= THIS_MODULE,
	.llseek		= generic_file_llseek,
	.read		= generic_read_dir,
	.iterate_shared	= scene_iterate,
};

WRAP_DIR_ITER(scene_iterate)

static const struct file_operations wrapped_scene_fops = {
	.owner		= THIS_MODULE,
	.llseek		= generic_file_llseek,
	.read		= generic_read_dir,
	.iterate_shared	= shared_scene_iterate,
};

static void scene_close(void *data)
{
	struct scene *scene = data;

	scene_end_held(scene);
	if (somebody_is_left())
		return;
	dput(scene->dropped);
	if (!IS_ERR_OR_NULL(scene->file)) {
		fput(scene->file);
		flush_delayed_fput();
	}
	d_inode(scene->dir)->i_private = NULL;
	kfree(scene);
}

/* A directory below the root of @pg, opened. */
struct scene *scene_open(struct playground *pg, const char *name, bool wrapped)
{
	struct scene *scene = kzalloc(sizeof(*scene), GFP_KERNEL);
	struct kunit *test = pg->test;
	struct inode *inode;
	struct path path;

	KUNIT_ASSERT_NOT_NULL(test, scene);
	scene->pg = pg;
	scene->dir = playground_child(pg, pg->root, name, S_IFDIR | 0700);
	inode = d_inode(scene->dir);
	inode->i_fop = wrapped ? &wrapped_scene_fops : &scene_fops;
	inode->i_private = scene;
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, scene_close, scene));

	path.mnt = pg->mnt;
	path.dentry = scene->dir;
	scene->file = dentry_open(&path, O_RDONLY | O_DIRECTORY,
				  current_cred());
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, scene->file);
	return scene;
}
EXPORT_SYMBOL_GPL(scene_open);

static void creator_body(struct parked_thread *self)
{
	struct creator *creator = container_of(self, struct creator, thread);
	struct inode *dir = d_inode(creator->dir);
	struct dentry *child;

	inode_lock(dir);
	raise_flag(&creator->locked);
	wait_for_completion_timeout(&creator->go, msecs_to_jiffies(60000));
	parked_thread_announce(self);
	child = d_alloc_parallel_compat(creator->dir, &creator->name,
					&creator->wq);
	if (!IS_ERR(child)) {
		d_lookup_done(child);
		dput(child);
	}
	inode_unlock(dir);
	complete_all(&creator->done);
}

bool creator_is_done(struct creator *creator)
{
	return completion_done(&creator->done);
}
EXPORT_SYMBOL_GPL(creator_is_done);

static void creator_release(void *data)
{
	struct creator *creator = data;
	struct dentry *owned = creator->scene ?
			       READ_ONCE(creator->scene->dropped) : NULL;

	/* its owner waits for the lock that the creator has */
	if (owned && !creator_is_done(creator))
		d_lookup_done(owned);
	complete_all(&creator->go);
	if (!parked_thread_collect(&creator->thread, dcache_bound_ms)) {
		leave_behind();
		return;
	}
	kfree(creator);
}

struct creator *creator_start(struct kunit *test, struct dentry *dir,
			      struct qstr name)
{
	struct creator *creator = kzalloc(sizeof(*creator), GFP_KERNEL);
	int err;

	KUNIT_ASSERT_NOT_NULL(test, creator);
	creator->dir = dir;
	creator->name = name;
	init_waitqueue_head(&creator->wq);
	init_completion(&creator->go);
	init_completion(&creator->done);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, creator_release, creator));
	err = parked_thread_create(&creator->thread, creator_body, ANY_CPU,
				   "dcache_creator");
	KUNIT_ASSERT_EQ(test, err, 0);
	parked_thread_run(&creator->thread);
	KUNIT_ASSERT_SOON_MSG(test, flag_is_up(&creator->locked),
			      "the creator does not get the directory locked");
	return creator;
}
EXPORT_SYMBOL_GPL(creator_start);

bool creator_is_parked(struct creator *creator)
{
	return !creator_is_done(creator) &&
	       parked_thread_sleeps(&creator->thread, TASK_UNINTERRUPTIBLE,
				    "d_alloc_parallel");
}
EXPORT_SYMBOL_GPL(creator_is_parked);

// SPDX-License-Identifier: GPL-2.0
/*
 * The kinds of superblocks that the cases of in_lookup_* play in, and what their dentry
 * operations do for a case.
 */
#include <linux/ctype.h>
#include <linux/fs_context.h>
#include <linux/module.h>
#include <linux/pseudo_fs.h>
#include <linux/stringhash.h>

#include "dcache_playground.h"

#define PLAYGROUND_MAGIC	0x646c6b75	/* "dlku" */

static atomic_t supers_killed;
static bool refuse_dentries;

static int fold_hash(const struct dentry *parent, struct qstr *name)
{
	unsigned long hash = init_name_hash(parent);
	unsigned int i;

	for (i = 0; i < name->len; i++)
		hash = partial_name_hash(tolower(name->name[i]), hash);
	name->hash = end_name_hash(hash);
	return 0;
}

static int fold_compare(const struct dentry *dentry, unsigned int len,
			const char *text, const struct qstr *name)
{
	return len != name->len || strncasecmp(text, name->name, len);
}

static int one_hash(const struct dentry *parent, struct qstr *name)
{
	name->hash = 1;
	return 0;
}

/* See playground_hold_walk(). */
static struct {
	const struct task_struct *task;
	const struct dentry *decoy;
	unsigned int nth;
	unsigned int walks;
	bool held;
	bool let;
} walk;

/*
 * Called for each hashed name on the way, newest first, in a section of RCU.  Spins, so
 * what the thread holds up is another CPU.
 */
static int walked_compare(const struct dentry *dentry, unsigned int len,
			  const char *text, const struct qstr *name)
{
	unsigned long until = jiffies + msecs_to_jiffies(dcache_bound_ms);

	if (current == READ_ONCE(walk.task) && dentry == walk.decoy) {
		WRITE_ONCE(walk.walks, walk.walks + 1);
		if (walk.walks == walk.nth) {
			raise_flag(&walk.held);
			while (!flag_is_up(&walk.let) &&
			       time_before(jiffies, until))
				cpu_relax();
		}
	}
	return len != name->len || memcmp(text, name->name, len);
}

void playground_hold_walk(struct asker *asker, const struct dentry *decoy,
			  unsigned int nth)
{
	walk.decoy = decoy;
	walk.nth = nth;
	walk.walks = 0;
	walk.held = false;
	walk.let = false;
	WRITE_ONCE(walk.task, asker->thread.task);
}
EXPORT_SYMBOL_GPL(playground_hold_walk);

bool playground_walk_is_held(void)
{
	return flag_is_up(&walk.held);
}
EXPORT_SYMBOL_GPL(playground_walk_is_held);

/* How often the thread has come to the decoy. */
unsigned int playground_walks(void)
{
	return READ_ONCE(walk.walks);
}
EXPORT_SYMBOL_GPL(playground_walks);

void playground_let_walk(void)
{
	raise_flag(&walk.let);
}
EXPORT_SYMBOL_GPL(playground_let_walk);

/* Once the thread has gone: a task of another case may have the same address. */
void playground_forget_walk(void)
{
	WRITE_ONCE(walk.task, NULL);
}

static int refusing_init(struct dentry *dentry)
{
	return READ_ONCE(refuse_dentries) ? -ENOMEM : 0;
}

static const struct dentry_operations fold_ops = {
	.d_hash = fold_hash,
	.d_compare = fold_compare,
};

static const struct dentry_operations one_hash_ops = {
	.d_hash = one_hash,
};

static const struct dentry_operations walked_ops = {
	.d_hash = one_hash,
	.d_compare = walked_compare,
};

static const struct dentry_operations refusing_ops = {
	.d_init = refusing_init,
};

struct playground_type {
	struct file_system_type type;
	const struct dentry_operations *ops;
};

static int playground_init_fs_context(struct fs_context *fc)
{
	struct pseudo_fs_context *ctx = init_pseudo(fc, PLAYGROUND_MAGIC);

	if (!ctx)
		return -ENOMEM;
	ctx->dops = container_of(fc->fs_type, struct playground_type,
				 type)->ops;
	return 0;
}

static void playground_kill_sb(struct super_block *sb)
{
	/* complains on the console about dentries that are still in use */
	kill_anon_super(sb);
	atomic_inc(&supers_killed);
}

#define PLAYGROUND_TYPE(dentry_ops)					\
{									\
	.type = {							\
		.name = "dcache_playground",				\
		.owner = THIS_MODULE,					\
		.init_fs_context = playground_init_fs_context,		\
		.kill_sb = playground_kill_sb,				\
	},								\
	.ops = (dentry_ops),						\
}

static struct playground_type playground_types[] = {
	[PLAIN] = PLAYGROUND_TYPE(NULL),
	[CASE_INSENSITIVE] = PLAYGROUND_TYPE(&fold_ops),
	[ONE_HASH] = PLAYGROUND_TYPE(&one_hash_ops),
	[WALKED] = PLAYGROUND_TYPE(&walked_ops),
	[REFUSING] = PLAYGROUND_TYPE(&refusing_ops),
};

struct vfsmount *playground_mount(enum playground_kind kind)
{
	return kern_mount(&playground_types[kind].type);
}

/* From here on every allocation of a dentry in a REFUSING playground fails. */
void playground_refuse(bool refuse)
{
	WRITE_ONCE(refuse_dentries, refuse);
}
EXPORT_SYMBOL_GPL(playground_refuse);

unsigned int playground_supers_killed(void)
{
	return atomic_read(&supers_killed);
}
EXPORT_SYMBOL_GPL(playground_supers_killed);

// SPDX-License-Identifier: GPL-2.0
/*
 * The superblocks that the cases of in_lookup_* play in, and their end.
 */
#include <linux/ctype.h>
#include <linux/fs_context.h>
#include <linux/module.h>
#include <linux/pseudo_fs.h>
#include <linux/slab.h>
#include <linux/stringhash.h>

#include "dcache_playground.h"
#include "lookup_doctor.h"

#define PLAYGROUND_MAGIC	0x646c6b75	/* "dlku" */

/* Enough for all the waiters of a case to become owners one after another. */
#define RESCUE_MS		5000

unsigned int dcache_bound_ms = 2000;
EXPORT_SYMBOL_GPL(dcache_bound_ms);
module_param_named(bound_ms, dcache_bound_ms, uint, 0444);
MODULE_PARM_DESC(bound_ms, "how long to wait for what has to happen, in milliseconds (default 2000)");

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

/* From here on every allocation of a dentry in a REFUSING playground fails. */
void playground_refuse(bool refuse)
{
	WRITE_ONCE(refuse_dentries, refuse);
}
EXPORT_SYMBOL_GPL(playground_refuse);

void need_faults(struct kunit *test)
{
	void *memory;
	bool failed;

	if (!IS_ENABLED(CONFIG_FAILSLAB))
		kunit_skip(test, "needs CONFIG_FAILSLAB");
	fail_allocation(1);
	memory = kmalloc(sizeof(long), GFP_KERNEL);
	failed = allocation_has_failed();
	kfree(memory);
	if (!failed)
		kunit_skip(test, "failslab/ignore-gfp-wait is Y: what may sleep does not fail");
}
EXPORT_SYMBOL_GPL(need_faults);

unsigned int playground_supers_killed(void)
{
	return atomic_read(&supers_killed);
}
EXPORT_SYMBOL_GPL(playground_supers_killed);

struct kept_dentry {
	struct list_head list;
	struct dentry *dentry;
};

/* Hand the reference to @dentry over to the playground. */
struct dentry *playground_keep(struct playground *pg, struct dentry *dentry)
{
	struct kept_dentry *kept = kzalloc(sizeof(*kept), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(pg->test, kept);
	kept->dentry = dentry;
	list_add(&kept->list, &pg->kept);
	return dentry;
}
EXPORT_SYMBOL_GPL(playground_keep);

static void free_kept(struct playground *pg)
{
	struct kept_dentry *kept, *next;

	list_for_each_entry_safe(kept, next, &pg->kept, list) {
		dput(kept->dentry);
		kfree(kept);
	}
	INIT_LIST_HEAD(&pg->kept);
}

static void free_lookups(struct playground *pg)
{
	struct lookup *lookup, *next;

	list_for_each_entry_safe(lookup, next, &pg->lookups, list)
		lookup_free(lookup);
	INIT_LIST_HEAD(&pg->lookups);
}

static void free_askers(struct playground *pg)
{
	struct asker *asker, *next;

	list_for_each_entry_safe(asker, next, &pg->askers, list) {
		if (!IS_ERR_OR_NULL(asker->got))
			dput(asker->got);
		iput(asker->add_ci_inode);	/* of one that was never let run */
		kfree(asker);
	}
	INIT_LIST_HEAD(&pg->askers);
}

struct census census_of(struct dentry *dir)
{
	struct census census = {};
	struct dentry *child;

	spin_lock(&dir->d_lock);
	compat_for_each_child(child, dir) {
		census.children++;
		census.in_lookup += !!d_in_lookup(child);
		census.references += d_count(child);
	}
	census.parents = d_count(dir) - census.children;
	spin_unlock(&dir->d_lock);
	return census;
}
EXPORT_SYMBOL_GPL(census_of);

/*
 * Whether @dentry is on a chain of the hash.  d_unhashed() does not tell: while __d_move()
 * has it off its old chain the pointer still leads there.  Bit 0 is the lock of the chain.
 */
static bool is_on_a_chain(const struct dentry *dentry)
{
	struct hlist_bl_node **pprev = READ_ONCE(dentry->d_hash.pprev);

	return pprev && ((unsigned long)READ_ONCE(*pprev) & ~1UL) ==
			(unsigned long)&dentry->d_hash;
}

/* Is @dentry hashed under the name of @target, to which nothing else happens? */
bool is_hashed_as(const struct dentry *dentry, const struct dentry *target)
{
	return is_on_a_chain(dentry) && dentry->d_parent == target->d_parent &&
	       dentry->d_name.len == target->d_name.len &&
	       !memcmp(dentry->d_name.name, target->d_name.name,
		       target->d_name.len);
}

static bool askers_have_left(struct playground *pg)
{
	struct asker *asker;

	list_for_each_entry(asker, &pg->askers, list) {
		if (!parked_thread_has_left(&asker->thread))
			return false;
	}
	return true;
}

/*
 * Nobody owns a lookup any more, so whoever sleeps was forgotten, and finds
 * that out as soon as it runs.
 */
static bool rescue_askers(struct playground *pg)
{
	struct asker *asker;

	list_for_each_entry(asker, &pg->askers, list) {
		if (!parked_thread_has_left(&asker->thread))
			wake_up_process(asker->thread.task);
	}
	return askers_have_left(pg);
}

static bool collect_askers(struct playground *pg)
{
	struct asker *asker;
	bool all = true;

	list_for_each_entry(asker, &pg->askers, list)
		all &= parked_thread_collect(&asker->thread, 0);
	return all;
}

/* For lookup_doctor_call(): what it says, into the log of the case. */
void doctor_to_log(void *test, const char *text)
{
	kunit_info_if_room(test, "doctor", text);
}
EXPORT_SYMBOL_GPL(doctor_to_log);

static void playground_close(void *data)
{
	struct playground *pg = data;
	struct lookup *lookup;
	struct asker *asker;

	playground_refuse(false);
	playground_let_walk();
	list_for_each_entry(asker, &pg->askers, list)
		complete_all(&asker->finish);
	list_for_each_entry(lookup, &pg->lookups, list) {
		/* a lent queue may hold what a failed case is about */
		init_waitqueue_head(&lookup->wq);
		d_lookup_done(lookup->dentry);
	}

	/* those who are awake need no help */
	if (!poll_within(100, askers_have_left(pg))) {
		lookup_doctor_call(doctor_to_log, pg->test);
		poll_within(RESCUE_MS, rescue_askers(pg));
	}

	if (!collect_askers(pg)) {
		/* the thread has a use for all of it, and for the code */
		__module_get(THIS_MODULE);
		return;
	}
	free_kept(pg);
	free_lookups(pg);
	/* a task of another case may have the same address */
	WRITE_ONCE(walk.task, NULL);
	free_askers(pg);
	playground_unmount(pg);
	kfree(pg);
}

void playground_unmount(struct playground *pg)
{
	if (pg->mnt)
		kern_unmount(pg->mnt);
	pg->mnt = NULL;
}
EXPORT_SYMBOL_GPL(playground_unmount);

struct playground *playground_open(struct kunit *test,
				   enum playground_kind kind)
{
	struct playground *pg = kzalloc(sizeof(*pg), GFP_KERNEL);
	struct vfsmount *mnt;
	int err;

	KUNIT_ASSERT_NOT_NULL(test, pg);
	pg->test = test;
	INIT_LIST_HEAD(&pg->lookups);
	INIT_LIST_HEAD(&pg->askers);
	INIT_LIST_HEAD(&pg->kept);

	mnt = kern_mount(&playground_types[kind].type);
	if (!IS_ERR(mnt)) {
		pg->mnt = mnt;
		pg->root = mnt->mnt_root;
	}
	err = kunit_add_action_or_reset(test, playground_close, pg);
	KUNIT_ASSERT_EQ(test, err, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, mnt);

	/* the root of a pseudo filesystem is made before it has operations */
	if (kind != PLAIN)
		pg->root = playground_child(pg, pg->root, "inside", S_IFDIR);
	return pg;
}
EXPORT_SYMBOL_GPL(playground_open);

struct qstr playground_name(struct dentry *parent, const char *text)
{
	struct qstr name = QSTR_INIT(text, strlen(text));

	name.hash = full_name_hash(parent, name.name, name.len);
	if (parent->d_flags & DCACHE_OP_HASH)
		parent->d_op->d_hash(parent, &name);
	return name;
}
EXPORT_SYMBOL_GPL(playground_name);

/* A new inode; its reference goes to whatever it is passed to. */
struct inode *playground_inode(struct playground *pg, umode_t mode)
{
	struct inode *inode = new_inode(pg->root->d_sb);

	KUNIT_ASSERT_NOT_NULL(pg->test, inode);
	inode->i_ino = get_next_ino();
	inode->i_mode = mode;
	compat_inode_init_ts(inode);
	if (S_ISDIR(mode)) {
		inode->i_op = &simple_dir_inode_operations;
		inc_nlink(inode);
	}
	return inode;
}
EXPORT_SYMBOL_GPL(playground_inode);

/* A hashed child, which the playground keeps; negative if @mode is 0. */
struct dentry *playground_child(struct playground *pg, struct dentry *parent,
				const char *text, umode_t mode)
{
	struct qstr name = playground_name(parent, text);
	struct dentry *dentry = d_alloc(parent, &name);

	KUNIT_ASSERT_NOT_NULL(pg->test, dentry);
	playground_keep(pg, dentry);
	d_add(dentry, mode ? playground_inode(pg, mode) : NULL);
	return dentry;
}
EXPORT_SYMBOL_GPL(playground_child);

MODULE_DESCRIPTION("What the KUnit tests of in-lookup dentries have in common");
MODULE_LICENSE("GPL");
MODULE_INFO(import_ns, "EXPORTED_FOR_KUNIT_TESTING");

// SPDX-License-Identifier: GPL-2.0
/*
 * Names, inodes and dentries of a playground, and what can be seen of them.
 */
#include <linux/module.h>
#include <linux/slab.h>

#include "dcache_playground.h"

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

void kept_free(struct playground *pg)
{
	struct kept_dentry *kept, *next;

	list_for_each_entry_safe(kept, next, &pg->kept, list) {
		dput(kept->dentry);
		kfree(kept);
	}
	INIT_LIST_HEAD(&pg->kept);
}

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

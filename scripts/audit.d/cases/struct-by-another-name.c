// SPDX-License-Identifier: GPL-2.0
/*
 * a struct that goes by a typedef, by const or by typeof() is still that struct
 *
 * says: member by_typedef of struct tree, lent in look\(\): kept, .* in "wake_up_all\(&tree->by_typedef\);"
 * says: member by_const of struct tree, lent in look\(\): kept, .* in "return waitqueue_active\(&tree->by_const\);"
 * says: member by_typeof of struct tree, lent in look\(\): kept, .* in "wake_up_all\(&tree->by_typeof\);"
 * says: member by_body of struct leaf, lent in look\(\): kept, .* in "wake_up_all\(&leaf->by_body\);"
 * says: member free of struct tree, lent in look\(\): removed
 * says: ->d_flags of by_name is written without ->d_lock, in write_by_name\(\)
 * says: ->d_flags of by_typeof is written without ->d_lock, in write_by_typeof\(\)
 * silent: ->d_flags of (quota|constant)
 * last: 1 passed, 0 failed, 0 skipped
 */
#include <linux/dcache.h>

struct tree {
	wait_queue_head_t by_typedef;
	wait_queue_head_t by_const;
	wait_queue_head_t by_typeof;
	wait_queue_head_t free;
};

typedef struct tree tree_t;

typedef struct leaf {
	wait_queue_head_t by_body;
} leaf_t;

struct other {
	wait_queue_head_t free;
};

typedef struct other other_t;

struct tree *TREE(struct dentry *dentry);

void look(struct tree *tree, struct leaf *leaf, struct dentry *parent, struct dentry **all)
{
	const struct qstr *name = &parent->d_name;

	all[0] = d_alloc_parallel(parent, name, &tree->by_typedef);
	all[1] = d_alloc_parallel(parent, name, &tree->by_const);
	all[2] = d_alloc_parallel(parent, name, &tree->by_typeof);
	all[3] = d_alloc_parallel(parent, name, &leaf->by_body);
	all[4] = d_alloc_parallel(parent, name, &tree->free);
}

void wake_typedef(tree_t *tree)
{
	wake_up_all(&tree->by_typedef);
}

bool busy(const struct tree *tree)
{
	return waitqueue_active(&tree->by_const);
}

void wake_typeof(struct dentry *dentry)
{
	typeof(*TREE(dentry)) *tree = TREE(dentry);

	wake_up_all(&tree->by_typeof);
}

void wake_body(leaf_t *leaf)
{
	wake_up_all(&leaf->by_body);
}

void wake_other(other_t *other)
{
	wake_up_all(&other->free);
}

typedef struct dentry dentry_t;

void write_by_name(dentry_t *by_name)
{
	by_name->d_flags |= DCACHE_DONTCACHE;
}

void write_by_typeof(struct dentry *dentry)
{
	typeof(*dentry) *by_typeof = dentry;

	by_typeof->d_flags |= DCACHE_DONTCACHE;
}

void write_quota(struct fs_disk_quota *quota, volatile struct fs_disk_quota *constant)
{
	quota->d_flags |= FS_USER_QUOTA;
	constant->d_flags |= FS_USER_QUOTA;
}

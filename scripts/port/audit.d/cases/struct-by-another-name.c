// SPDX-License-Identifier: GPL-2.0
/*
 * a struct that goes by a typedef, by const or by typeof() is still that struct
 *
 * says: member by_typedef of struct tree, lent in look\(\): kept, .* in "wake_up_all\(&tree->by_typedef\);"
 * says: member by_const of struct tree, lent in look\(\): kept, .* in "return waitqueue_active\(&tree->by_const\);"
 * says: member by_typeof of struct tree, lent in look\(\): kept, .* in "wake_up_all\(&tree->by_typeof\);"
 * says: member by_body of struct leaf, lent in look\(\): kept, .* in "wake_up_all\(&leaf->by_body\);"
 * says: member by_attribute of struct aligned, lent in look_again\(\): kept, .* in "wake_up_all\(&aligned->by_attribute\);"
 * says: member by_macro of struct tree, lent in look\(\): kept, .* in "wake_up_all\(&tree->by_macro\);"
 * says: member by_part of struct part, lent in look_again\(\): kept, .* in "wake_up_all\(&whole->by_part\);"
 * says: member free of struct tree, lent in look\(\): removed
 * says: ->d_flags of by_name is written without ->d_lock, in write_by_name\(\)
 * says: ->d_flags of by_typeof is written without ->d_lock, in write_by_typeof\(\)
 * silent: ->d_flags of (quota|constant|alias)
 * last: 1 passed, 0 failed, 0 skipped
 */
#include <linux/dcache.h>

struct tree {
	wait_queue_head_t by_typedef;
	wait_queue_head_t by_const;
	wait_queue_head_t by_typeof;
	wait_queue_head_t by_macro;
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
	all[5] = d_alloc_parallel(parent, name, &tree->by_macro);
}

typedef struct aligned {
	wait_queue_head_t by_attribute;
} __aligned(8) aligned_t;

struct part {
	wait_queue_head_t by_part;
};

struct whole {
	struct part;
	int count;
};

#define tree_s tree

void look_again(struct aligned *aligned, struct part *part, struct dentry *parent,
		struct dentry **all)
{
	all[0] = d_alloc_parallel(parent, &parent->d_name, &aligned->by_attribute);
	all[1] = d_alloc_parallel(parent, &parent->d_name, &part->by_part);
}

void wake_again(aligned_t *aligned, struct whole *whole, struct tree_s *tree)
{
	wake_up_all(&aligned->by_attribute);
	wake_up_all(&whole->by_part);
	wake_up_all(&tree->by_macro);
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

void write_alias(fs_disk_quota_t *alias)
{
	alias->d_flags |= FS_USER_QUOTA;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * what the queue's expression did, and the variables that it alone used, are named
 *
 * says: &queues\[\(\* next\)\+\+\] in by_number\(\): is not evaluated any more
 * says: &queues\[\(\* next\)\+\+\] in by_number\(\): kept, for its type is not seen
 * says: &context_get\(parent\)->wq in by_call\(\): is not evaluated any more
 * says: \(wait_queue_head_t \*\)data in by_cast\(\): kept, for it comes from elsewhere
 * says: :33: info in init_once\(\): nothing uses it any more; remove it by hand
 * says: :40: info in by_inode\(\): nothing uses it any more; remove it by hand
 * silent: (info|dentry) in (still_used|by_macro|returned)\(\)|parent in
 * last: 1 passed, 0 failed, 0 skipped
 */
#include <linux/dcache.h>

struct info {
	wait_queue_head_t wq;
	int count;
};

struct context {
	wait_queue_head_t wq;
};

struct info *INFO(struct inode *inode);
struct context *context_get(struct dentry *parent);
bool yes(int count);

static wait_queue_head_t queues[4];

static void init_once(void *object)
{
	struct info *info = object;

	init_waitqueue_head(&info->wq);
}

struct dentry *by_inode(struct dentry *parent, const struct qstr *name)
{
	struct info *info = INFO(parent->d_inode);

	return d_alloc_parallel(parent, name, &info->wq);
}

struct dentry *still_used(struct dentry *parent, const struct qstr *name)
{
	struct info *info = INFO(parent->d_inode);

	info->count++;
	return d_alloc_parallel(parent, name, &info->wq);
}

struct dentry *by_number(struct dentry *parent, const struct qstr *name, int *next)
{
	return d_alloc_parallel(parent, name, &queues[(*next)++]);
}

struct dentry *by_call(struct dentry *parent, const struct qstr *name)
{
	return d_alloc_parallel(parent, name, &context_get(parent)->wq);
}

#define count_info()	(info->count++)

struct dentry *by_macro(struct dentry *parent, const struct qstr *name)
{
	struct info *info = INFO(parent->d_inode);

	count_info();
	return d_alloc_parallel(parent, name, &info->wq);
}

struct dentry *returned(struct dentry *parent, const struct qstr *name, struct dentry *dentry)
{
	struct dentry *other = d_alloc_parallel(parent, name, &INFO(dentry->d_inode)->wq);

	if (IS_ERR(other))
		return other;
	d_lookup_done(other);
	return dentry;
}

struct dentry *by_cast(struct dentry *parent, const struct qstr *name, void *data)
{
	return d_alloc_parallel(parent, name, (wait_queue_head_t *)data);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * a wait queue in a struct is removed with what initialises it, if nothing else uses it
 *
 * says: member wq of struct request, lent in start\(\): removed, and what initialises it
 * says: member wq of struct other, lent in start_other\(\): kept, .* in "wake_up\(&other->wq\);"
 * says: member wq of struct elsewhere, lent in start_elsewhere\(\): kept, .* nowhere in SRC
 * has: ^	wait_queue_head_t wq;	// of struct other
 * has: init_waitqueue_head\(&other->wq\);
 * lacks: init_waitqueue_head\(&request->wq\)|its own
 * silent: can be in lookup
 * last: 1 passed, 0 failed, 0 skipped
 */
#include <linux/dcache.h>

struct request {
	struct dentry *dentry;
	wait_queue_head_t wq;	// its own
	int count;
};

struct other {
	wait_queue_head_t wq;	// of struct other
};

int start(struct request *request, struct dentry *parent, const struct qstr *name)
{
	init_waitqueue_head(&request->wq);
	request->dentry = d_alloc_parallel(parent, name, &request->wq);
	return request->count;
}

struct dentry *start_other(struct other *other, struct dentry *parent, const struct qstr *name)
{
	init_waitqueue_head(&other->wq);
	return d_alloc_parallel(parent, name, &other->wq);
}

void end_other(struct other *other)
{
	wake_up(&other->wq);
}

struct dentry *start_elsewhere(struct elsewhere *it, struct dentry *parent, const struct qstr *name)
{
	return d_alloc_parallel(parent, name, &it->wq);
}

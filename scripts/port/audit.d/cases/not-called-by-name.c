// SPDX-License-Identifier: GPL-2.0
/*
 * calls through a pointer or a macro are not passed over: they are to be done by hand
 *
 * says: [0-9]+: d_alloc_parallel\(\) in the file: is named, not called \(a function pointer
 * says: [0-9]+: d_alloc_parallel\(\) in through_pointer\(\): is named, not called
 * says: [0-9]+: d_alloc_parallel\(\) in macro ALLOC\(\); port it, and who uses it, by hand
 * says: [0-9]+: ->d_wait of a dentry in its_queue\(\): there is none in the new form
 * says: call sites: 3 before, 0 ported, 3 left
 * last: 0 passed, 1 failed, 0 skipped
 */
#include <linux/dcache.h>

#define ALLOC(parent, name, wq)						\
	d_alloc_parallel((parent), (name), (wq))

static const struct functions functions = {
	.alloc	= d_alloc_parallel,
};

struct dentry *through_pointer(struct dentry *parent, const struct qstr *name)
{
	DECLARE_WAIT_QUEUE_HEAD_ONSTACK(wq);
	struct dentry *(*alloc)(struct dentry *parent, const struct qstr *name,
				wait_queue_head_t *wq) = d_alloc_parallel;

	return alloc(parent, name, &wq);
}

struct dentry *through_macro(struct dentry *parent, const struct qstr *name)
{
	DECLARE_WAIT_QUEUE_HEAD_ONSTACK(wq);

	return ALLOC(parent, name, &wq);
}

wait_queue_head_t *its_queue(struct dentry *dentry)
{
	return dentry->d_wait;
}

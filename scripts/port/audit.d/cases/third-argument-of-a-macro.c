// SPDX-License-Identifier: GPL-2.0
/*
 * a macro that stands behind an argument may be one more
 *
 * says: [0-9]+: d_alloc_parallel\(\) in hidden\(\): is called with a number of arguments that is not known; port it by hand
 * last: 0 passed, 1 failed, 0 skipped
 */
#include <linux/dcache.h>

#define AND_A_QUEUE(wq)	, &wq

struct dentry *hidden(struct dentry *parent, const struct qstr *name)
{
	DECLARE_WAIT_QUEUE_HEAD_ONSTACK(wq);

	return d_alloc_parallel(parent, name AND_A_QUEUE(wq));
}

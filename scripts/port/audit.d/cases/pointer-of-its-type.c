// SPDX-License-Identifier: GPL-2.0
/*
 * a pointer to it that is declared by its type, or looked up by its name, is left to the user
 *
 * says: 12: d_alloc_parallel\(\) in .*is named, not called
 * says: 22: d_alloc_parallel\(\) is named in a string
 * silent: :2[5-9]: d_alloc_parallel
 * last: 0 passed, 1 failed, 0 skipped
 */
#include <linux/dcache.h>

static typeof(d_alloc_parallel) *by_type;

struct dentry *called(struct dentry *parent, const struct qstr *name, wait_queue_head_t *wq)
{
	return by_type(parent, name, wq);
}

int look_up(void);
int look_up(void)
{
	by_type = (void *)kallsyms_lookup_name("d_alloc_parallel");
	return by_type ? 0 : -ENOENT;
}
static const bool asked =
	__builtin_types_compatible_p(typeof(&d_alloc_parallel), struct dentry *(*)(struct dentry *, const struct qstr *));

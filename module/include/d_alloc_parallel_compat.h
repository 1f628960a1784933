/* SPDX-License-Identifier: GPL-2.0 */
/*
 * d_alloc_parallel() in either form.  In one of them the waiters of a lookup sleep on a
 * queue that the caller lends and keeps until the lookup has ended; in the other one
 * there is none.  The compiler tells which one this kernel has, whatever its version.
 */
#ifndef D_ALLOC_PARALLEL_COMPAT_H
#define D_ALLOC_PARALLEL_COMPAT_H

#include <linux/build_bug.h>
#include <linux/dcache.h>
#include <linux/stddef.h>
#include <linux/wait.h>

#define D_ALLOC_PARALLEL_TAKES_WQ					\
	__builtin_types_compatible_p(typeof(d_alloc_parallel),		\
		struct dentry *(struct dentry *, const struct qstr *,	\
				wait_queue_head_t *))

#define D_ALLOC_PARALLEL_NO_WQ						\
	__builtin_types_compatible_p(typeof(d_alloc_parallel),		\
		struct dentry *(struct dentry *, const struct qstr *))

static_assert(D_ALLOC_PARALLEL_TAKES_WQ || D_ALLOC_PARALLEL_NO_WQ,
	      "this form of d_alloc_parallel() is not known here");

/*
 * Where the kernel takes @wq, that has to stay until the lookup has ended; where it does
 * not, it is ignored and may be NULL.  The pointer that does not fit the kernel is a
 * constant NULL, so one direct call remains.
 */
static inline struct dentry *d_alloc_parallel_compat(struct dentry *parent,
						     const struct qstr *name,
						     wait_queue_head_t *wq)
{
	struct dentry *(*with_wq)(struct dentry *parent,
				  const struct qstr *name,
				  wait_queue_head_t *wq);
	struct dentry *(*without)(struct dentry *parent,
				  const struct qstr *name);

	with_wq = __builtin_choose_expr(D_ALLOC_PARALLEL_TAKES_WQ,
					d_alloc_parallel, NULL);
	without = __builtin_choose_expr(D_ALLOC_PARALLEL_NO_WQ,
					d_alloc_parallel, NULL);
	return D_ALLOC_PARALLEL_TAKES_WQ ? with_wq(parent, name, wq) :
					   without(parent, name);
}

#endif /* D_ALLOC_PARALLEL_COMPAT_H */

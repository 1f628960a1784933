// SPDX-License-Identifier: GPL-2.0
/*
 * a wait queue in a struct is removed with what initialises it, if nothing else uses it
 *
 * says: member wq of struct request, lent in start\(\): removed, and what initialises it
 * says: member wq of struct other, lent in start_other\(\): kept, .* in "wake_up\(&other->wq\);"
 * says: member wq of struct elsewhere, lent in start_elsewhere\(\): kept, .* nowhere in SRC
 * says: member param_wq of struct param, lent in start_param\(\): removed
 * says: member named_wq of struct named, lent in start_named\(\): removed
 * says: member cb_wq of struct callback, lent in start_callback\(\): removed
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

/* The name of a parameter of a macro, or of what is declared, is no use of a member. */
#define WAKE_AFTER(param_wq, what)	\
	do {				\
		(what);			\
		wake_up_all(param_wq);	\
	} while (0)

struct param {
	wait_queue_head_t param_wq;
	int count;
};

struct dentry *start_param(struct param *param, struct dentry *parent, const struct qstr *name)
{
	return d_alloc_parallel(parent, name, &param->param_wq);
}

struct named {
	wait_queue_head_t named_wq;
	int count;
};

struct dentry *start_named(struct named *named, struct dentry *parent, const struct qstr *name)
{
	return d_alloc_parallel(parent, name, &named->named_wq);
}

void sleep_elsewhere(wait_queue_head_t *queue)
{
	DECLARE_WAITQUEUE(named_wq, current);

	add_wait_queue(queue, &named_wq);
	WAKE_AFTER(queue, schedule());
	remove_wait_queue(queue, &named_wq);
}

/* In a function that the parser does not know for one, its text says what an object is. */
struct callback {
	wait_queue_head_t cb_wq;
	int count;
};

struct dentry *start_callback(struct callback *it, struct dentry *parent, const struct qstr *name)
{
	return d_alloc_parallel(parent, name, &it->cb_wq);
}

static CLOSURE_CALLBACK(journal_write)
{
	closure_type(w, struct journal_buf, io);
	struct journal *it = container_of(w, struct journal, buf);

	continue_at(w, journal_write, it->cb_wq);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * a wait queue stays if a macro names it, or what initialises it cannot be taken out
 *
 * says: &wq in by_macro\(\): kept, for a macro that is used there names it, too
 * says: &wq in by_comma\(\): kept, though nothing uses it: remove it by hand
 * says: \(&wq\) in alone\(\): removed
 * says: member lookup_wq of struct holder, lent in of_holder\(\): kept, .* "return container_of\(q, struct holder, lookup_wq\);"
 * says: member shared_wq of struct shared, lent in of_shared\(\): kept, .* "wake_up_all\(&SHARED\(inode\)->shared_wq\);"
 * says: member comma_wq of struct comma, lent in of_comma\(\): kept, though nothing uses it
 * says: member given_wq of struct given, lent in of_given\(\): kept, .* "WAKE_MEMBER\(given, given_wq\);"
 * says: member own_wq of struct own, lent in of_own\(\): kept, .* "continue_at\(w, own_write, it->own_wq\);"
 * says: member maybe_wq of struct maybe, lent in of_maybe\(\): kept, .* "continue_at\(w, maybe_write, it->maybe_wq\);"
 * says: member made_wq of struct made, lent in of_made\(\): kept, .* "DEFINE_QUEUE_OF\(made_wq\);"
 * says: member listed_wq of struct listed, lent in of_listed\(\): kept, .* "continue_at\(w, listed_write, it->listed_wq\);"
 * says: member path_wq of struct path_end, lent in of_path\(\): kept, .* "continue_at\(w, path_write, w-> it->path_wq\);"
 * says: get_wq\(parent\) in computed\(\): is not evaluated any more
 * has: wait_queue_head_t lookup_wq;
 * has: wait_queue_head_t shared_wq;
 * has: wait_queue_head_t comma_wq;
 * has: wait_queue_head_t given_wq;
 * has: wait_queue_head_t made_wq;
 * last: 1 passed, 0 failed, 0 skipped
 */
#include <linux/dcache.h>

#define WAKE_UP_HERE() wake_up_all(&wq)
#define NOT_THAT(wq) wake_up_all(wq)

struct dentry *by_macro(struct dentry *parent, const struct qstr *name)
{
	DECLARE_WAIT_QUEUE_HEAD_ONSTACK(wq);
	struct dentry *dentry = d_alloc_parallel(parent, name, &wq);

	WAKE_UP_HERE();
	return dentry;
}

struct dentry *by_comma(struct dentry *parent, const struct qstr *name)
{
	struct dentry *dentry;
	wait_queue_head_t wq;

	init_waitqueue_head(&wq), dentry = d_alloc_parallel(parent, name, &wq);
	return dentry;
}

struct dentry *alone(struct dentry *parent, const struct qstr *name)
{
	DECLARE_WAIT_QUEUE_HEAD_ONSTACK(wq);

	NOT_THAT(parent);
	return d_alloc_parallel(parent, name, (&wq));
}

struct holder {
	wait_queue_head_t lookup_wq;
};

struct holder *holder_of(wait_queue_head_t *q)
{
	return container_of(q, struct holder, lookup_wq);
}

struct dentry *of_holder(struct holder *holder, struct dentry *parent, const struct qstr *name)
{
	return d_alloc_parallel(parent, name, &holder->lookup_wq);
}

struct shared {
	wait_queue_head_t shared_wq;
};

struct dentry *of_shared(struct shared *shared, struct dentry *parent, const struct qstr *name)
{
	return d_alloc_parallel(parent, name, &shared->shared_wq);
}

void wake_shared(struct inode *inode)
{
	wake_up_all(&SHARED(inode)->shared_wq);
}

struct comma {
	wait_queue_head_t comma_wq;
	int count;
};

struct dentry *of_comma(struct comma *comma, struct dentry *parent, const struct qstr *name)
{
	comma->count = 0, init_waitqueue_head(&comma->comma_wq);
	return d_alloc_parallel(parent, name, &comma->comma_wq);
}

#define WAKE_MEMBER(object, member) wake_up_all(&(object)->member)

struct given {
	wait_queue_head_t given_wq;
};

struct dentry *of_given(struct given *given, struct dentry *parent, const struct qstr *name)
{
	return d_alloc_parallel(parent, name, &given->given_wq);
}

void wake_given(struct given *given)
{
	WAKE_MEMBER(given, given_wq);
}

struct own {
	wait_queue_head_t own_wq;
};

struct dentry *of_own(struct own *own, struct dentry *parent, const struct qstr *name)
{
	return d_alloc_parallel(parent, name, &own->own_wq);
}

static CLOSURE_CALLBACK(own_write)
{
	closure_type(w, struct journal_buf, io);
	struct own *it = container_of(w, struct own, buf);

	continue_at(w, own_write, it->own_wq);
}

struct maybe {
	wait_queue_head_t maybe_wq;
};

struct dentry *of_maybe(struct maybe *maybe, struct dentry *parent, const struct qstr *name)
{
	return d_alloc_parallel(parent, name, &maybe->maybe_wq);
}

static CLOSURE_CALLBACK(maybe_write)
{
	closure_type(w, struct journal_buf, io);
	struct journal *it = container_of(w, struct journal, buf);

	if (w) {
		maybe_t *it = container_of(w, maybe_t, buf);

		continue_at(w, maybe_write, it->maybe_wq);
	}
}

struct made {
	wait_queue_head_t made_wq;
};

struct dentry *of_made(struct made *made, struct dentry *parent, const struct qstr *name)
{
	return d_alloc_parallel(parent, name, &made->made_wq);
}

#define DEFINE_QUEUE_OF(member) void wake_made(struct made *made) { wake_up_all(&made->member); }

DEFINE_QUEUE_OF(made_wq);

struct listed {
	wait_queue_head_t listed_wq;
};

struct dentry *of_listed(struct listed *listed, struct dentry *parent, const struct qstr *name)
{
	return d_alloc_parallel(parent, name, &listed->listed_wq);
}

static CLOSURE_CALLBACK(listed_write)
{
	closure_type(w, struct journal_buf, io);
	struct journal *it = container_of(w, struct journal, buf);

	if (w) {
		struct listed *first = w->first, *it = first->next;

		continue_at(w, listed_write, it->listed_wq);
	}
}

struct path_end {
	wait_queue_head_t path_wq;
};

struct dentry *of_path(struct path_end *end, struct dentry *parent, const struct qstr *name)
{
	return d_alloc_parallel(parent, name, &end->path_wq);
}

static CLOSURE_CALLBACK(path_write)
{
	closure_type(w, struct journal_buf, io);
	struct journal *it = container_of(w, struct journal, buf);

	continue_at(w, path_write, w-> it->path_wq);
}

struct dentry *computed(struct dentry *parent, const struct qstr *name)
{
	return d_alloc_parallel(parent, name, get_wq(parent));
}

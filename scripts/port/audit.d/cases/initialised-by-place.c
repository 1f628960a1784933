// SPDX-License-Identifier: GPL-2.0
/*
 * a member stays where an initialiser gives the values by place, as the others would move up
 *
 * says: member wq of struct row, lent in look\(\): kept, for struct row is initialised without the names
 * says: member wq of struct literal, lent in look\(\): kept, for struct literal is initialised without the names
 * says: member wq of struct attribute, lent in look\(\): kept, for struct attribute is initialised
 * says: member wq of struct second, lent in look\(\): kept, for struct second is initialised
 * says: member wq of struct macro, lent in look\(\): kept, for struct macro is initialised
 * says: member wq of struct alias, lent in look\(\): kept, for struct alias is initialised
 * says: member wq of struct inner, lent in look\(\): kept, for struct inner is initialised
 * says: member wq of struct here, lent in look\(\): kept, for struct here is initialised
 * says: member wq of struct named, lent in look\(\): removed
 * says: member wq of struct zero, lent in look\(\): removed
 * last: 1 passed, 0 failed, 0 skipped
 */
#include <linux/dcache.h>

struct row {
	wait_queue_head_t wq;
	int a;
};

struct literal {
	wait_queue_head_t wq;
	int a;
};

struct named {
	wait_queue_head_t wq;
	int a;
};

struct zero {
	wait_queue_head_t wq;
	int a;
};

struct attribute {
	wait_queue_head_t wq;
	int a;
};

struct second {
	wait_queue_head_t wq;
	int a;
};

struct macro {
	wait_queue_head_t wq;
	int a;
};

typedef struct alias {
	wait_queue_head_t wq;
	int a;
} alias_t;

struct inner {
	wait_queue_head_t wq;
	int a;
};

struct outer {
	int count;
	struct inner inner;
};

struct here {
	wait_queue_head_t wq;
	int a;
} here = { { 0 }, 1 };

#define MACRO_INIT	\
	{ { 0 }, 1 }

static struct attribute attribute[] __read_mostly = { { { 0 }, 1 }, { { 0 }, 3 } };
static struct second first = { .a = 1 }, second = { { 0 }, 2 };
static struct macro macro = MACRO_INIT;
static alias_t alias = { { 0 }, 1 };
static struct outer outer = { .count = 1, .inner = { { 0 }, 1 } };
static struct row table[2] = { { { 0 }, 1 }, { { 0 }, 3 } };
static struct named named[] = { { .a = 1 }, [1] = { .a = 3 } };
static struct zero zero = { 0 };

struct literal make(void)
{
	return (struct literal){ { 0 }, 1 };
}

void look(struct literal *literal, struct alias *one, struct dentry *parent,
	  struct dentry **all)
{
	all[0] = d_alloc_parallel(parent, &parent->d_name, &table[0].wq);
	all[1] = d_alloc_parallel(parent, &parent->d_name, &literal->wq);
	all[2] = d_alloc_parallel(parent, &parent->d_name, &named[0].wq);
	all[3] = d_alloc_parallel(parent, &parent->d_name, &zero.wq);
	all[4] = d_alloc_parallel(parent, &parent->d_name, &attribute[0].wq);
	all[5] = d_alloc_parallel(parent, &parent->d_name, &second.wq);
	all[6] = d_alloc_parallel(parent, &parent->d_name, &macro.wq);
	all[7] = d_alloc_parallel(parent, &parent->d_name, &one->wq);
	all[8] = d_alloc_parallel(parent, &parent->d_name, &outer.inner.wq);
	all[9] = d_alloc_parallel(parent, &parent->d_name, &here.wq);
}

struct named copy(struct named value)
{
	struct named other = value;

	return other;
}

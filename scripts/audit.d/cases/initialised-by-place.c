// SPDX-License-Identifier: GPL-2.0
/*
 * a member stays where an initialiser gives the values by place, as the others would move up
 *
 * says: member wq of struct row, lent in look\(\): kept, for in initialised-by-place.c struct row is initialised without the names
 * says: member wq of struct literal, lent in look\(\): kept, for in initialised-by-place.c struct literal is initialised without the names
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

static struct row table[2] = { { { 0 }, 1 }, { { 0 }, 3 } };
static struct named named[] = { { .a = 1 }, [1] = { .a = 3 } };
static struct zero zero = { 0 };

struct literal make(void)
{
	return (struct literal){ { 0 }, 1 };
}

void look(struct literal *literal, struct dentry *parent, struct dentry **all)
{
	all[0] = d_alloc_parallel(parent, &parent->d_name, &table[0].wq);
	all[1] = d_alloc_parallel(parent, &parent->d_name, &literal->wq);
	all[2] = d_alloc_parallel(parent, &parent->d_name, &named[0].wq);
	all[3] = d_alloc_parallel(parent, &parent->d_name, &zero.wq);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Every way in which a lookup can end, as a table of operations.  All of them
 * use exported functions only and obey the rules that filesystems obey, except
 * for "busted": it loses waiters, and a run that does not notice is worthless.
 */
#include <linux/bitmap.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/wait.h>

#include "dcache_compat.h"
#include "torture.h"

static DECLARE_BITMAP(lt_selected, LT_NR_OPS_MAX);

/* Helpers */

static struct inode *lt_new_inode(umode_t mode)
{
	struct inode *inode = new_inode(lt_dir->d_sb);

	if (!inode)
		return NULL;
	inode->i_ino = get_next_ino();
	inode->i_mode = mode;
	return inode;
}

/* The end by way of an error: nothing gets hashed. */
static struct dentry *lt_give_up(struct dentry *dentry)
{
	d_lookup_done(dentry);
	return NULL;
}

static struct dentry *lt_nomem(struct lt_reader *r, struct dentry *dentry)
{
	lt_count(r, LT_NOMEM, 1);
	return lt_give_up(dentry);
}

/* After d_splice_alias(): what is under the name now? */
static struct dentry *lt_spliced(struct dentry *dentry, struct dentry *res)
{
	if (IS_ERR(res))
		return lt_give_up(dentry);
	return res ?: dget(dentry);
}

/*
 * A hashed dentry of @inode, whose reference is consumed, under a name that
 * nobody else asks for.  The caller holds the i_rwsem of @parent.
 */
static struct dentry *lt_add_unique(struct lt_reader *r, struct dentry *parent,
				    struct inode *inode)
{
	DECLARE_WAIT_QUEUE_HEAD_ONSTACK(wq);
	struct dentry *dentry;
	struct qstr name;
	char text[32];

	snprintf(text, sizeof(text), "u%u-%llu", r->nr, r->serial++);
	name = (struct qstr)QSTR_INIT(text, strlen(text));
	name.hash = full_name_hash(parent, name.name, name.len);
	dentry = d_alloc_parallel_compat(parent, &name, &wq);
	if (IS_ERR(dentry)) {
		iput(inode);
		return NULL;
	}
	if (!d_in_lookup(dentry)) {
		lt_error("%pd was unique and is there already", dentry);
		iput(inode);
		dput(dentry);
		return NULL;
	}
	d_add(dentry, inode);
	return dentry;
}

static struct dentry *lt_add_elsewhere(struct lt_reader *r, struct inode *inode)
{
	struct inode *dir = d_inode(lt_elsewhere);
	struct dentry *dentry;

	inode_lock_shared_nested(dir, I_MUTEX_CHILD);
	dentry = lt_add_unique(r, lt_elsewhere, inode);
	inode_unlock_shared(dir);
	return dentry;
}

/* The operations */

static struct dentry *lt_add_negative(struct lt_reader *r, struct lt_name *name,
				      struct dentry *dentry)
{
	d_add(dentry, NULL);
	return dget(dentry);
}

static struct dentry *lt_add_positive(struct lt_reader *r, struct lt_name *name,
				      struct dentry *dentry)
{
	struct inode *inode = lt_new_inode(S_IFREG | 0444);

	if (!inode)
		return lt_nomem(r, dentry);
	d_add(dentry, inode);
	return dget(dentry);
}

static struct dentry *lt_splice_negative(struct lt_reader *r,
					 struct lt_name *name,
					 struct dentry *dentry)
{
	return lt_spliced(dentry, d_splice_alias(NULL, dentry));
}

static struct dentry *lt_splice_positive(struct lt_reader *r,
					 struct lt_name *name,
					 struct dentry *dentry)
{
	struct inode *inode = lt_new_inode(S_IFREG | 0444);

	if (!inode)
		return lt_nomem(r, dentry);
	return lt_spliced(dentry, d_splice_alias(inode, dentry));
}

/*
 * A directory that is known: as a child of another one, or, if @connected is not set, by
 * a file handle only.  Has a reference to its inode for d_splice_alias().  NULL: no memory.
 */
static struct dentry *lt_known_directory(struct lt_reader *r, bool connected)
{
	struct inode *inode = lt_new_inode(S_IFDIR | 0555);
	struct dentry *alias;

	if (!inode)
		return NULL;
	ihold(inode);
	alias = connected ? lt_add_elsewhere(r, inode) : d_obtain_alias(inode);
	if (!IS_ERR_OR_NULL(alias))
		return alias;
	iput(inode);
	return NULL;
}

/* A directory that is known in another one: __d_move(), parents differ. */
static struct dentry *lt_splice_moved(struct lt_reader *r, struct lt_name *name,
				      struct dentry *dentry)
{
	struct dentry *alias = lt_known_directory(r, true), *res;

	if (!alias)
		return lt_nomem(r, dentry);
	res = lt_spliced(dentry, d_splice_alias(d_inode(alias), dentry));
	/* -ESTALE, if somebody has the other directory locked right now */
	if (!res)
		d_drop(alias);
	else if (res != alias)
		lt_error("%s: the directory was not moved", name->text);
	dput(alias);
	return res;
}

/* A directory that a file handle gave us: __d_move() of a root. */
static struct dentry *lt_splice_root(struct lt_reader *r, struct lt_name *name,
				     struct dentry *dentry)
{
	struct dentry *alias = lt_known_directory(r, false), *res;

	if (!alias)
		return lt_nomem(r, dentry);
	res = lt_spliced(dentry, d_splice_alias(d_inode(alias), dentry));
	if (res != alias)
		lt_error("%s: the disconnected directory was not moved",
			 name->text);
	dput(alias);
	return res;
}

/* -ESTALE: the directory cannot be moved, since its parent is locked, by us. */
static struct dentry *lt_splice_fails(struct lt_reader *r, struct lt_name *name,
				      struct dentry *dentry)
{
	struct dentry *alias = lt_known_directory(r, true), *res;

	if (!alias)
		return lt_nomem(r, dentry);
	inode_lock_nested(d_inode(lt_elsewhere), I_MUTEX_CHILD);
	res = d_splice_alias(d_inode(alias), dentry);
	inode_unlock(d_inode(lt_elsewhere));
	if (res != ERR_PTR(-ESTALE))
		lt_error("%s: d_splice_alias() gave %pe instead of -ESTALE",
			 name->text, res);
	d_drop(alias);
	dput(alias);
	return lt_spliced(dentry, res);
}

static struct dentry *lt_lookup_fails(struct lt_reader *r, struct lt_name *name,
				      struct dentry *dentry)
{
	return lt_give_up(dentry);
}

/* As when ->lookup() returns NULL and has not hashed: it stays in use. */
static struct dentry *lt_unhashed(struct lt_reader *r, struct lt_name *name,
				  struct dentry *dentry)
{
	d_lookup_done(dentry);
	return dget(dentry);
}

/*
 * The exact name is another one: d_add_ci() looks that up, which may mean to
 * wait for somebody else, and we end our own without adding it.
 */
static struct dentry *lt_add_ci(struct lt_reader *r, struct lt_name *name,
				struct dentry *dentry)
{
	struct lt_name *exact = name + lt_nnames;
	struct inode *inode = lt_new_inode(S_IFREG | 0444);
	struct qstr found = exact->q;
	struct dentry *res;

	if (!inode)
		return lt_nomem(r, dentry);
	lt_enter(r);
	res = d_add_ci(dentry, inode, &found);
	lt_leave(r);
	d_lookup_done(dentry);
	if (IS_ERR(res)) {
		lt_count(r, LT_NOMEM, 1);
		return NULL;
	}
	if (res->d_parent != lt_dir || strcmp(res->d_name.name, exact->text))
		lt_error("%s: d_add_ci() found %pd2", exact->text, res);
	return res;
}

static int lt_forget(const struct dentry *dentry)
{
	return 1;
}

static const struct dentry_operations lt_dops = {
	.d_delete	= lt_forget,
};

static bool lt_has_set_d_op(void)
{
	return COMPAT_HAS_SET_D_OP;
}

/*
 * The store into ->d_flags must not undo that of a waiter, so try to make ours
 * when the waiter has just got its reference and is about to make its own.
 */
static struct dentry *lt_set_d_op(struct lt_reader *r, struct lt_name *name,
				  struct dentry *dentry)
{
	unsigned int spins = 2000;

	while (lt_users(dentry) == 1 && spins--)
		cpu_relax();
	if (compat_d_set_d_op(dentry, &lt_dops) &&
	    !(READ_ONCE(dentry->d_flags) & DCACHE_OP_DELETE))
		lt_error("%s: d_set_d_op() left no trace", name->text);
	return lt_add_positive(r, name, dentry);
}

/* As vfat and exfat do, when a file is known by its other name here. */
static struct dentry *lt_move(struct lt_reader *r, struct lt_name *name,
			      struct dentry *dentry)
{
	struct inode *inode = lt_new_inode(S_IFREG | 0444);
	struct dentry *alias;

	if (!inode)
		return lt_nomem(r, dentry);
	alias = lt_add_unique(r, lt_dir, inode);
	if (!alias)
		return lt_nomem(r, dentry);
	d_move(alias, dentry);
	return alias;
}

static bool lt_can_lose(void)
{
	return COMPAT_CAN_LOSE_WAITERS;
}

static struct dentry *lt_busted(struct lt_reader *r, struct lt_name *name,
				struct dentry *dentry)
{
	struct compat_hidden hidden;

	compat_hide_waiters(dentry, &hidden);
	lt_give_up(dentry);
	compat_unhide_waiters(dentry, &hidden);
	return NULL;
}

/*
 * With this op others look the exact names up, too.  Until d_alloc_parallel()
 * waited on the dentry itself, d_add_ci() lent the queue of its caller on, so
 * that the end of the outer lookup walked the dead stack frames of the waiters of
 * the inner one.  Such a kernel may crash, so there it is not part of
 * "all".
 */
static struct dentry *lt_add_ci_shared(struct lt_reader *r,
				       struct lt_name *name,
				       struct dentry *dentry)
{
	return lt_add_ci(r, name, dentry);
}

const struct lt_op lt_ops[] = {
	{ "add_negative",	lt_add_negative },
	{ "add_positive",	lt_add_positive },
	{ "splice_negative",	lt_splice_negative },
	{ "splice_positive",	lt_splice_positive },
	{ "splice_moved",	lt_splice_moved },
	{ "splice_root",	lt_splice_root },
	{ "splice_fails",	lt_splice_fails },
	{ "lookup_fails",	lt_lookup_fails },
	{ "unhashed",		lt_unhashed },
	{ "add_ci",		lt_add_ci, .ci = true },
	{ "add_ci_shared",	lt_add_ci_shared, .ci = true,
	  .only_by_name = COMPAT_WAITS_ON_LENT_QUEUE },
	{ "set_d_op",		lt_set_d_op, lt_has_set_d_op },
	{ "move",		lt_move },
	{ "busted",		lt_busted, lt_can_lose, .only_by_name = true },
};

const unsigned int lt_nr_ops = ARRAY_SIZE(lt_ops);
static_assert(ARRAY_SIZE(lt_ops) <= LT_NR_OPS_MAX);

/* Selection */

static bool lt_available(unsigned int op)
{
	return !lt_ops[op].available || lt_ops[op].available();
}

bool lt_op_selected(unsigned int op)
{
	return test_bit(op, lt_selected);
}

static void lt_list_ops(const char *wrong)
{
	unsigned int op;

	pr_err("lookup_torture: no op '%s'; valid are:\n", wrong);
	for (op = 0; op < lt_nr_ops; op++)
		pr_err("lookup_torture:   %s%s%s\n", lt_ops[op].name,
		       lt_ops[op].only_by_name ? " (not in \"all\")" : "",
		       lt_available(op) ? "" : " (not on this kernel)");
	pr_err("lookup_torture:   all\n");
}

static int lt_select_op(const char *name)
{
	unsigned int op;

	if (!strcmp(name, "all")) {
		for (op = 0; op < lt_nr_ops; op++)
			if (!lt_ops[op].only_by_name && lt_available(op))
				__set_bit(op, lt_selected);
		return 0;
	}
	for (op = 0; op < lt_nr_ops; op++)
		if (!strcmp(name, lt_ops[op].name) && lt_available(op)) {
			__set_bit(op, lt_selected);
			return 0;
		}
	lt_list_ops(name);
	return -EINVAL;
}

/* @list is cut into pieces. */
int lt_select_ops(char *list)
{
	char *name;
	unsigned int op;
	int err;

	while ((name = strsep(&list, ","))) {
		err = lt_select_op(name);
		if (err)
			return err;
	}
	for (op = 0; op < lt_nr_ops; op++)
		if (lt_op_selected(op) && lt_ops[op].end == lt_add_ci_shared)
			lt_look_up_exact = true;
	return 0;
}

/* An exact name is not looked for under another one, so it ends otherwise. */
unsigned int lt_pick_op(struct lt_reader *r, const struct lt_name *name)
{
	unsigned int n = lt_random(r, bitmap_weight(lt_selected, lt_nr_ops));
	unsigned int op;

	for_each_set_bit(op, lt_selected, lt_nr_ops)
		if (!n--)
			break;
	return name->exact && lt_ops[op].ci ? 0 : op;
}

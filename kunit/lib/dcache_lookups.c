// SPDX-License-Identifier: GPL-2.0
/*
 * Lookups that the test owns, and the ways in which it ends them.
 */
#include <linux/cleanup.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "dcache_playground.h"

/* Become the owner of @text; the playground ends what the case does not. */
struct lookup *lookup_begin(struct playground *pg, struct dentry *parent,
			    const char *text)
{
	struct lookup *lookup = kzalloc(sizeof(*lookup), GFP_KERNEL);
	struct dentry *dentry;

	KUNIT_ASSERT_NOT_NULL(pg->test, lookup);
	lookup->name = playground_name(parent, text);
	init_waitqueue_head(&lookup->wq);
	dentry = d_alloc_parallel_compat(parent, &lookup->name, &lookup->wq);
	if (IS_ERR(dentry)) {
		kfree(lookup);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(pg->test, dentry);
	}
	compat_d_in_lookup_disown(dentry);
	lookup->dentry = dentry;
	list_add(&lookup->list, &pg->lookups);
	KUNIT_ASSERT_TRUE_MSG(pg->test, d_in_lookup(dentry),
			      "\"%s\" is not ours to look up", text);
	return lookup;
}
EXPORT_SYMBOL_GPL(lookup_begin);

const char *const end_names[ENDS] = {
	"d_lookup_done()", "d_add()", "d_splice_alias()",
	"d_splice_alias() that moves a directory",
};
EXPORT_SYMBOL_GPL(end_names);

/* The dentry that end_lookup() will have hashed under the name, if any. */
struct dentry *lookup_heir(struct playground *pg, struct lookup *lookup,
			   enum end end)
{
	if (end == BY_SPLICE)
		lookup->inode = playground_inode(pg, S_IFREG);
	if (end != BY_MOVE)
		return lookup->dentry;
	return playground_child(pg, pg->root, "moves", S_IFDIR);
}
EXPORT_SYMBOL_GPL(lookup_heir);

/*
 * End @lookup in the way @end, for which lookup_heir() has said @heir; true if its
 * waiters have to own the name in turn.  Does not sleep.
 */
bool end_lookup(struct playground *pg, struct lookup *lookup,
		struct dentry *heir, enum end end)
{
	switch (end) {
	case BY_DONE:
		d_lookup_done(lookup->dentry);
		return true;
	case BY_ADD:
		d_add(lookup->dentry, NULL);
		break;
	case BY_SPLICE:
		d_splice_alias(no_free_ptr(lookup->inode), lookup->dentry);
		break;
	default:
		ihold(d_inode(heir));
		lookup->alias = d_splice_alias(d_inode(heir), lookup->dentry);
		KUNIT_EXPECT_PTR_EQ(pg->test, lookup->alias, heir);
		break;
	}
	return false;
}
EXPORT_SYMBOL_GPL(end_lookup);

static void lookup_free(struct lookup *lookup)
{
	if (!IS_ERR(lookup->alias))
		dput(lookup->alias);
	iput(lookup->inode);
	dput(lookup->dentry);
	kfree(lookup);
}

/* Drop @lookup, which has ended, before the playground does. */
void lookup_forget(struct lookup *lookup)
{
	list_del(&lookup->list);
	lookup_free(lookup);
}
EXPORT_SYMBOL_GPL(lookup_forget);

/* The wake-up that the end of @lookup owes its waiters; not under ->d_lock. */
void lookup_wake(struct lookup *lookup)
{
	struct dentry *dentry = lookup->dentry;

	if (COMPAT_WAITS_ON_LENT_QUEUE) {
		wake_up_all(&lookup->wq);
		return;
	}
#ifdef COMPAT_HAVE_D_LOOKUP_WAITERS
	spin_lock(&dentry->d_lock);
	wake_up_var_locked(&dentry->d_lookup_waiters, &dentry->d_lock);
	spin_unlock(&dentry->d_lock);
#else
	wake_up_var(compat_wait_key(dentry));
#endif
}
EXPORT_SYMBOL_GPL(lookup_wake);

/* Ask in the test thread for a name that nobody is looking up. */
struct dentry *playground_ask(struct playground *pg, struct dentry *parent,
			      const char *text)
{
	struct qstr name = playground_name(parent, text);
	DECLARE_WAIT_QUEUE_HEAD_ONSTACK(wq);
	struct dentry *dentry;

	dentry = d_alloc_parallel_compat(parent, &name, &wq);
	if (IS_ERR(dentry))
		return dentry;
	d_lookup_done(dentry);
	return playground_keep(pg, dentry);
}
EXPORT_SYMBOL_GPL(playground_ask);

void lookups_free(struct playground *pg)
{
	struct lookup *lookup, *next;

	list_for_each_entry_safe(lookup, next, &pg->lookups, list)
		lookup_free(lookup);
	INIT_LIST_HEAD(&pg->lookups);
}

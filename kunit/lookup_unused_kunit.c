// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite lookup_unused: a name that a filesystem wants for a file of its own.
 *
 * The property: lookup_unused_noperm() hands out a negative dentry of a name that no file
 * has, and waits for nobody, whatever is going on with that name.
 *
 * Symptoms of a bug: a caller that sleeps with the directory locked, perhaps for itself; a
 * silly rename onto a file; a lookup that does not end.
 *
 * The state that all cases start from:
 *
 *	"dir"	a directory whose ->lookup() knows three names: "there" is a file, and "error"
 *		and "exists" make it fail
 */
#include <linux/module.h>
#include <linux/namei.h>

#include "dcache_playground.h"

/* A thread that asks for a name with the directory locked, since one that is wrong may sleep. */
struct searcher {
	struct parked_thread thread;
	struct playground *pg;
	struct dentry *dir;
	struct dentry *blocked;		/* or NULL */
	struct qstr name;

	struct dentry *got;
	struct completion answered;
};

static unsigned int lookups;

static bool is_called(const struct dentry *dentry, const char *text)
{
	return dentry->d_name.len == strlen(text) &&
	       !memcmp(dentry->d_name.name, text, strlen(text));
}

static struct dentry *server_lookup(struct inode *dir, struct dentry *dentry,
				    unsigned int flags)
{
	struct inode *inode = NULL;

	lookups++;
	if (is_called(dentry, "error"))
		return ERR_PTR(-EIO);
	if (is_called(dentry, "exists"))
		return ERR_PTR(-EEXIST);
	if (is_called(dentry, "there")) {
		inode = new_inode(dir->i_sb);
		if (!inode)
			return ERR_PTR(-ENOMEM);
		inode->i_mode = S_IFREG;
	}
	return d_splice_alias(inode, dentry);
}

static const struct inode_operations server_ops = {
	.lookup = server_lookup,
};

static struct dentry *open_directory(struct playground *pg)
{
	struct dentry *dir = playground_child(pg, pg->root, "dir", S_IFDIR);

	d_inode(dir)->i_op = &server_ops;
	lookups = 0;
	return dir;
}

static void searcher_body(struct parked_thread *self)
{
	struct searcher *searcher = container_of(self, struct searcher, thread);
	struct inode *dir = d_inode(searcher->dir);

	inode_lock(dir);
	searcher->got = compat_lookup_unused(&searcher->name, searcher->dir);
	inode_unlock(dir);
	complete_all(&searcher->answered);
}

/* Ends what it may sleep for, or it would not come back. */
static void searcher_release(void *data)
{
	struct searcher *searcher = data;
	struct lookup *lookup;

	list_for_each_entry(lookup, &searcher->pg->lookups, list)
		d_lookup_done(lookup->dentry);
	if (searcher->blocked && compat_d_is_blocked(searcher->blocked))
		compat_d_unblock(searcher->blocked);
	if (!parked_thread_collect(&searcher->thread, dcache_bound_ms)) {
		leave_behind();
		return;
	}
	if (!IS_ERR_OR_NULL(searcher->got)) {
		d_lookup_done(searcher->got);
		dput(searcher->got);
	}
	kfree(searcher);
}

static struct dentry *search(struct playground *pg, struct dentry *dir,
			     const char *text, struct dentry *blocked)
{
	struct searcher *searcher = kzalloc(sizeof(*searcher), GFP_KERNEL);
	struct kunit *test = pg->test;

	KUNIT_ASSERT_NOT_NULL(test, searcher);
	searcher->pg = pg;
	searcher->dir = dir;
	searcher->blocked = blocked;
	searcher->name = (struct qstr)QSTR_INIT(text, strlen(text));
	init_completion(&searcher->answered);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, searcher_release, searcher));
	KUNIT_ASSERT_EQ(test, 0,
			parked_thread_create(&searcher->thread, searcher_body,
					     ANY_CPU, "dcache_searcher"));
	parked_thread_run(&searcher->thread);
	KUNIT_ASSERT_SOON_MSG(test, completion_done(&searcher->answered),
			      "\"%s\": lookup_unused_noperm() does not return", text);
	return searcher->got;
}

static void expect_error(struct kunit *test, struct dentry *got, long error)
{
	KUNIT_ASSERT_TRUE_MSG(test, IS_ERR(got), "a dentry");
	KUNIT_EXPECT_EQ(test, PTR_ERR(got), error);
}

static void name_that_no_file_has_is_handed_out(struct kunit *test)
{
	struct playground *pg = playground_open(test, PLAIN);
	struct dentry *dir = open_directory(pg);
	struct dentry *got = search(pg, dir, "a", NULL);

	KUNIT_ASSERT_FALSE_MSG(test, IS_ERR(got), "error %ld", PTR_ERR(got));
	KUNIT_EXPECT_TRUE(test, d_really_is_negative(got));
	KUNIT_EXPECT_FALSE(test, d_in_lookup(got));
	KUNIT_EXPECT_FALSE(test, d_unhashed(got));
	KUNIT_EXPECT_EQ(test, d_count(got), 1);
}

static void name_of_a_file_at_the_server_is_not_handed_out(struct kunit *test)
{
	struct playground *pg = playground_open(test, PLAIN);

	expect_error(test, search(pg, open_directory(pg), "there", NULL), -EEXIST);
	KUNIT_EXPECT_EQ(test, lookups, 1);
}

static void name_in_the_cache_is_not_handed_out(struct kunit *test)
{
	struct playground *pg = playground_open(test, PLAIN);
	struct dentry *dir = open_directory(pg);

	playground_child(pg, dir, "file", S_IFREG);
	playground_child(pg, dir, "none", 0);
	expect_error(test, search(pg, dir, "file", NULL), -EEXIST);
	expect_error(test, search(pg, dir, "none", NULL), -EEXIST);
	KUNIT_EXPECT_EQ(test, lookups, 0);
}

/* The unlink of a silly-renamed file owns such a lookup until the server has answered. */
static void name_in_lookup_is_not_waited_for(struct kunit *test)
{
	struct playground *pg = playground_open(test, PLAIN);
	struct dentry *dir = open_directory(pg);

	lookup_begin(pg, dir, "a");
	expect_error(test, search(pg, dir, "a", NULL), -EEXIST);
}

/* As when the file that is to be renamed has itself a name of this kind. */
static void name_that_is_blocked_is_not_waited_for(struct kunit *test)
{
	struct playground *pg = playground_open(test, PLAIN);
	struct dentry *dir = open_directory(pg);
	struct dentry *file = playground_child(pg, dir, "file", S_IFREG);
	bool blocked;

	if (!COMPAT_HAS_D_BLOCK)
		kunit_skip(test, "this kernel has no d_block()");
	spin_lock(&file->d_lock);
	blocked = compat_d_block(file);
	spin_unlock(&file->d_lock);
	KUNIT_ASSERT_TRUE(test, blocked);
	expect_error(test, search(pg, dir, "file", file), -EEXIST);
	KUNIT_EXPECT_TRUE(test, compat_d_is_blocked(file));
}

static void lookup_that_fails_is_over(struct kunit *test)
{
	struct playground *pg = playground_open(test, PLAIN);
	struct dentry *dir = open_directory(pg);
	struct census before = census_of(dir), after;

	expect_error(test, search(pg, dir, "error", NULL), -EIO);
	after = census_of(dir);
	KUNIT_EXPECT_EQ(test, after.children, before.children);
	KUNIT_EXPECT_EQ(test, after.in_lookup, before.in_lookup);
	expect_error(test, search(pg, dir, "error", NULL), -EIO);
}

/* Else a caller would try one name after the other, each at the server. */
static void lookup_that_fails_with_eexist_is_an_error(struct kunit *test)
{
	struct playground *pg = playground_open(test, PLAIN);

	expect_error(test, search(pg, open_directory(pg), "exists", NULL), -EIO);
	KUNIT_EXPECT_EQ(test, lookups, 1);
}

static void directory_that_was_removed_has_no_names(struct kunit *test)
{
	struct playground *pg = playground_open(test, PLAIN);
	struct dentry *dir = open_directory(pg);

	inode_lock(d_inode(dir));
	d_inode(dir)->i_flags |= S_DEAD;
	inode_unlock(d_inode(dir));
	expect_error(test, search(pg, dir, "a", NULL), -ENOENT);
	KUNIT_EXPECT_EQ(test, lookups, 0);
}

static void name_that_cannot_be_is_refused(struct kunit *test)
{
	struct playground *pg = playground_open(test, PLAIN);
	struct dentry *dir = open_directory(pg);
	static const struct qstr names[] = {
		QSTR_INIT("", 0), QSTR_INIT(".", 1), QSTR_INIT("..", 2),
		QSTR_INIT("a/b", 3), QSTR_INIT("/", 1), QSTR_INIT("a\0b", 3),
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		struct qstr name = names[i];
		struct dentry *got;

		inode_lock(d_inode(dir));
		got = compat_lookup_unused(&name, dir);
		inode_unlock(d_inode(dir));
		KUNIT_EXPECT_EQ_MSG(test, PTR_ERR(got), -EACCES, "name %u", i);
		if (!IS_ERR(got))
			dput(got);
	}
	KUNIT_EXPECT_EQ(test, lookups, 0);
	KUNIT_EXPECT_EQ(test, census_of(dir).children, 0);
}

static struct kunit_case lookup_unused_cases[] = {
	KUNIT_CASE(name_that_no_file_has_is_handed_out),
	KUNIT_CASE(name_of_a_file_at_the_server_is_not_handed_out),
	KUNIT_CASE(name_in_the_cache_is_not_handed_out),
	KUNIT_CASE(name_in_lookup_is_not_waited_for),
	KUNIT_CASE(name_that_is_blocked_is_not_waited_for),
	KUNIT_CASE(lookup_that_fails_is_over),
	KUNIT_CASE(lookup_that_fails_with_eexist_is_an_error),
	KUNIT_CASE(directory_that_was_removed_has_no_names),
	KUNIT_CASE(name_that_cannot_be_is_refused),
	{}
};

IN_LOOKUP_SUITE_IF(lookup_unused, lookup_unused_cases, "names for silly renames",
		   COMPAT_HAS_LOOKUP_UNUSED ? NULL :
		   "this kernel has no lookup_unused_noperm(): SERIES=readdir adds it");

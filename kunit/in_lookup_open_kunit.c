// SPDX-License-Identifier: GPL-2.0
/*
 * Callers of d_alloc_parallel() when an allocation fails, when the name is there
 * already, and when the filesystem fails.
 *
 * The property: whatever they return, no lookup of theirs goes on when they have returned,
 * and no reference is left.  Wrong would be: a dentry that stays in lookup, so that
 * the next task that asks for the name sleeps for ever, or a dentry or an inode that stays
 * in use.
 *
 * A directory of the test plays the filesystem, and what is called is an open of "x" in it.
 */
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/namei.h>

#include "dcache_playground.h"
#include "dcache_probe.h"

/* The directory does this with a name that it is asked for. */
enum found {
	NOTHING_ADDED,		/* not even a negative dentry */
	NEGATIVE,
	A_FILE,
	A_KNOWN_DIRECTORY,	/* which moves to the name */
	AN_ERROR,		/* -EIO */
};

struct outcome {
	const char *what;
	enum found found;
	int create;		/* what the creation of a file returns */
	int result;		/* of the open */
};

static struct {
	struct super_block *sb;
	enum found found;
	int create;
	struct dentry *known;		/* the directory that moves */
	unsigned int asked;
	struct playground *waiters_of;	/* NULL, or three come while it is asked */
	struct crowd crowd;
	bool parked;
} fs;

static const struct file_operations file_ops = {
	.owner = THIS_MODULE,
};

/* Unlike playground_inode() it can fail. */
static struct inode *make_file(void)
{
	struct inode *inode = new_inode(fs.sb);

	if (!inode)
		return ERR_PTR(-ENOMEM);
	inode->i_ino = get_next_ino();
	inode->i_mode = S_IFREG | 0600;
	inode->i_fop = &file_ops;
	return inode;
}

static struct dentry *fs_lookup(struct inode *dir, struct dentry *dentry,
				unsigned int flags)
{
	fs.asked++;
	if (fs.waiters_of) {
		crowd_create(fs.waiters_of, &fs.crowd, dentry->d_parent,
			     dentry->d_name, FEW, ANY_CPU);
		crowd_run(&fs.crowd);
		fs.parked = poll_until(d_count(dentry) == 1 + FEW &&
				       crowd_is_parked(&fs.crowd));
	}
	switch (fs.found) {
	case NEGATIVE:
		d_add(dentry, NULL);
		return NULL;
	case A_FILE:
		return d_splice_alias(make_file(), dentry);
	case A_KNOWN_DIRECTORY:
		ihold(d_inode(fs.known));
		return d_splice_alias(d_inode(fs.known), dentry);
	case AN_ERROR:
		return ERR_PTR(-EIO);
	default:
		return NULL;
	}
}

static int fs_make(struct dentry *dentry)
{
	struct inode *inode;

	if (fs.create)
		return fs.create;
	inode = make_file();
	if (IS_ERR(inode))
		return PTR_ERR(inode);
	if (d_unhashed(dentry))
		d_add(dentry, inode);
	else
		d_instantiate(dentry, inode);
	return 0;
}

#ifdef COMPAT_HAVE_CREATE_EXCL
static int fs_create(COMPAT_IDMAP *idmap, struct inode *dir,
		     struct dentry *dentry, umode_t mode, bool excl)
#else
static int fs_create(COMPAT_IDMAP *idmap, struct inode *dir,
		     struct dentry *dentry, umode_t mode)
#endif
{
	return fs_make(dentry);
}

/* As those do that send one request: look the name up and create it, in one. */
static int fs_atomic_open(struct inode *dir, struct dentry *dentry,
			  struct file *file, unsigned int flags, umode_t mode)
{
	struct dentry *found = fs_lookup(dir, dentry, 0);
	int err;

	if (IS_ERR(found))
		return PTR_ERR(found);
	if (found || d_really_is_positive(dentry) || !(flags & O_CREAT))
		return finish_no_open(file, found);
	err = fs_make(dentry);
	if (err)
		return err;
	file->f_mode |= FMODE_CREATED;
	return finish_open(file, dentry, NULL);
}

static const struct inode_operations dir_ops = {
	.lookup = fs_lookup,
	.create = fs_create,
};

static const struct inode_operations atomic_dir_ops = {
	.lookup = fs_lookup,
	.create = fs_create,
	.atomic_open = fs_atomic_open,
};

#define CREATE	(O_CREAT | O_EXCL | O_RDWR)

/* Three that create the file and one that only looks for it. */
enum way { BY_CREATE, BY_ATOMIC_OPEN, BY_SLOW_LOOKUP, WAYS };

static const char *const way_names[WAYS] = {
	"an exclusive create", "->atomic_open()", "a slow lookup",
};

static const struct outcome create_outcomes[] = {
	{ "fails to look the name up", AN_ERROR, 0, -EIO },
	{ "finds the name", A_FILE, 0, -EEXIST },
	{ "moves a directory to the name", A_KNOWN_DIRECTORY, 0, -EEXIST },
	{ "creates what was not hashed", NOTHING_ADDED, 0, 0 },
	{ "fails to create what was not hashed", NOTHING_ADDED, -ENOSPC, -ENOSPC },
	{ "creates what was negative", NEGATIVE, 0, 0 },
	{ "fails to create what was negative", NEGATIVE, -ENOSPC, -ENOSPC },
};

static const struct outcome lookup_outcomes[] = {
	{ "fails to look the name up", AN_ERROR, 0, -EIO },
	{ "finds the name", A_FILE, 0, 0 },
	{ "moves a directory to the name", A_KNOWN_DIRECTORY, 0, 0 },
	{ "adds nothing", NOTHING_ADDED, 0, -ENOENT },
	{ "adds a negative dentry", NEGATIVE, 0, -ENOENT },
};

/* An empty one. */
static struct dentry *make_directory(struct playground *pg, enum way way)
{
	struct dentry *dir = playground_child(pg, pg->root, "d", S_IFDIR);
	struct dentry *other = playground_child(pg, pg->root, "other", S_IFDIR);

	fs.sb = pg->root->d_sb;
	fs.asked = 0;
	fs.waiters_of = NULL;
	fs.known = playground_child(pg, other, "known", S_IFDIR);
	d_inode(dir)->i_op = way == BY_ATOMIC_OPEN ? &atomic_dir_ops : &dir_ops;
	return dir;
}

/* Open "x" in @dir: 0 or an error. */
static int open_in(struct playground *pg, struct dentry *dir, enum way way)
{
	struct path root = { .mnt = pg->mnt, .dentry = dir };
	int flags = way == BY_SLOW_LOOKUP ? O_PATH : CREATE;
	struct file *file = file_open_root(&root, "x", flags, 0600);

	if (IS_ERR(file))
		return PTR_ERR(file);
	fput(file);
	flush_delayed_fput();
	return 0;
}

/* Only what the playground itself has a reference to is in use. */
static void expect_nothing_left(struct kunit *test, struct dentry *dir,
				enum way way, const char *what)
{
	unsigned int kept = fs.known->d_parent == dir;
	struct census census;

	/* a worker may have taken the file before flush_delayed_fput() could */
	poll_until(census_of(dir).references == kept &&
		   census_of(dir).parents == 1);
	census = census_of(dir);
	/* or the next one that asks would not come back */
	KUNIT_ASSERT_EQ_MSG(test, census.in_lookup, 0,
			    "dentries in lookup after %s that %s", way_names[way],
			    what);
	KUNIT_EXPECT_EQ_MSG(test, census.references, kept,
			    "references to children after %s that %s",
			    way_names[way], what);
	KUNIT_EXPECT_EQ_MSG(test, census.parents, 1,
			    "references to the directory after %s that %s",
			    way_names[way], what);
}

static void expect_outcomes(struct kunit *test, enum way way,
			    const struct outcome *outcomes, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		struct playground *pg = playground_open(test, PLAIN);
		const struct outcome *outcome = &outcomes[i];
		struct dentry *dir;

		dir = make_directory(pg, way);
		fs.found = outcome->found;
		fs.create = outcome->create;
		KUNIT_EXPECT_EQ_MSG(test, open_in(pg, dir, way),
				    outcome->result, "%s that %s", way_names[way],
				    outcome->what);
		KUNIT_EXPECT_EQ(test, fs.asked, 1);
		expect_nothing_left(test, dir, way, outcome->what);
	}
}

static void exclusive_create_leaves_no_lookup_and_no_reference(struct kunit *test)
{
	expect_outcomes(test, BY_CREATE, create_outcomes,
			ARRAY_SIZE(create_outcomes));
}

static void atomic_open_leaves_no_lookup_and_no_reference(struct kunit *test)
{
	expect_outcomes(test, BY_ATOMIC_OPEN, create_outcomes,
			ARRAY_SIZE(create_outcomes));
}

static void slow_lookup_leaves_no_lookup_and_no_reference(struct kunit *test)
{
	expect_outcomes(test, BY_SLOW_LOOKUP, lookup_outcomes,
			ARRAY_SIZE(lookup_outcomes));
}

/* The name is there already: no lookup, and so nothing of one that could be left. */
static void open_of_a_known_name_leaves_no_lookup_and_no_reference(struct kunit *test)
{
	enum way way;

	for (way = 0; way < WAYS; way++) {
		struct playground *pg = playground_open(test, PLAIN);
		struct inode *inode;
		struct dentry *dir;
		struct lookup *x;

		dir = make_directory(pg, way);
		x = lookup_begin(pg, dir, "x");
		inode = make_file();
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, inode);
		d_add(x->dentry, inode);
		lookup_forget(x);
		KUNIT_EXPECT_EQ(test, open_in(pg, dir, way),
				way == BY_SLOW_LOOKUP ? 0 : -EEXIST);
		KUNIT_EXPECT_EQ(test, fs.asked, 0);
		expect_nothing_left(test, dir, way, "finds it in the cache");
	}
}

static void waiters_own_the_name_in_turn_when_an_open_fails(struct kunit *test)
{
	enum way way;

	for (way = 0; way < WAYS; way++) {
		struct playground *pg = playground_open(test, PLAIN);
		struct dentry *dir = make_directory(pg, way);

		fs.found = AN_ERROR;
		fs.waiters_of = pg;
		fs.parked = false;
		KUNIT_EXPECT_EQ(test, open_in(pg, dir, way), -EIO);
		KUNIT_ASSERT_TRUE_MSG(test, fs.parked, "%s", way_names[way]);
		crowd_expect_owners_in_turn(pg, &fs.crowd);
	}
}

static void open_without_a_dentry_leaves_no_lookup_and_no_reference(struct kunit *test)
{
	enum way way;

	for (way = 0; way < WAYS; way++) {
		struct playground *pg = playground_open(test, REFUSING);
		struct dentry *dir;
		int err;

		dir = make_directory(pg, way);
		playground_refuse(true);
		err = open_in(pg, dir, way);
		playground_refuse(false);
		KUNIT_EXPECT_EQ_MSG(test, err, -ENOMEM, "%s", way_names[way]);
		KUNIT_EXPECT_EQ(test, fs.asked, 0);
		expect_nothing_left(test, dir, way, "gets no dentry");
	}
}

static void each_allocation_of_an_open_may_fail(struct kunit *test)
{
	enum way way;

	for (way = 0; way < WAYS; way++) {
		unsigned int nth, failures = 0;
		bool failed = true;

		need_faults(test);
		for (nth = 1; failed && nth < MAX_ALLOCATIONS; nth++) {
			struct playground *pg = playground_open(test, PLAIN);
			struct dentry *dir;
			int err;

			dir = make_directory(pg, way);
			fs.found = way == BY_SLOW_LOOKUP ? A_FILE : NEGATIVE;
			fs.create = 0;
			fail_allocation(nth);
			err = open_in(pg, dir, way);
			failed = allocation_has_failed();
			failures += failed;
			/* one that was not needed may fail, too */
			if (err)
				KUNIT_EXPECT_EQ_MSG(test, err, -ENOMEM,
						    "allocation %u of %s", nth,
						    way_names[way]);
			KUNIT_EXPECT_TRUE(test, failed || !err);
			expect_nothing_left(test, dir, way, "lacks memory");
		}
		/* a dentry, a file and an inode at least */
		KUNIT_EXPECT_GE_MSG(test, failures, 3, "%s", way_names[way]);
	}
}

static struct kunit_case in_lookup_open_cases[] = {
	KUNIT_CASE(exclusive_create_leaves_no_lookup_and_no_reference),
	KUNIT_CASE(atomic_open_leaves_no_lookup_and_no_reference),
	KUNIT_CASE(slow_lookup_leaves_no_lookup_and_no_reference),
	KUNIT_CASE(open_of_a_known_name_leaves_no_lookup_and_no_reference),
	KUNIT_CASE(waiters_own_the_name_in_turn_when_an_open_fails),
	KUNIT_CASE(open_without_a_dentry_leaves_no_lookup_and_no_reference),
	KUNIT_CASE(each_allocation_of_an_open_may_fail),
	{}
};

IN_LOOKUP_SUITE(in_lookup_open, in_lookup_open_cases, "callers when something fails");

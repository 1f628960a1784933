// SPDX-License-Identifier: GPL-2.0
/*
 * What callers of d_alloc_parallel() do when an allocation fails, when the name is there
 * already, and when the filesystem fails.
 *
 * The property: whatever they return, no lookup of theirs goes on when they have returned,
 * and no reference is left.  What wrong looks like: a dentry that stays in lookup, so that
 * the next task that asks for the name sleeps for ever, or a dentry or an inode that stays
 * in use.
 *
 * A directory of the test plays the filesystem, and what is called is an open of "x" in it.
 */
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/namei.h>

#include "dcache_in_lookup.h"
#include "dcache_probe.h"

/* What the directory does with a name that it is asked for. */
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

/* Open "x" in @dir: 0 or an error.  All that the open has held has gone then. */
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
	struct census census = census_of(dir);

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

void exclusive_create_leaves_no_lookup_and_no_reference(struct kunit *test)
{
	expect_outcomes(test, BY_CREATE, create_outcomes,
			ARRAY_SIZE(create_outcomes));
}

void atomic_open_leaves_no_lookup_and_no_reference(struct kunit *test)
{
	expect_outcomes(test, BY_ATOMIC_OPEN, create_outcomes,
			ARRAY_SIZE(create_outcomes));
}

void slow_lookup_leaves_no_lookup_and_no_reference(struct kunit *test)
{
	expect_outcomes(test, BY_SLOW_LOOKUP, lookup_outcomes,
			ARRAY_SIZE(lookup_outcomes));
}

/* The name is there already: no lookup, and so nothing of one that could be left. */
void open_of_a_known_name_leaves_no_lookup_and_no_reference(struct kunit *test)
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

void waiters_own_the_name_in_turn_when_an_open_fails(struct kunit *test)
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

void open_without_a_dentry_leaves_no_lookup_and_no_reference(struct kunit *test)
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

void each_allocation_of_an_open_may_fail(struct kunit *test)
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

void each_allocation_of_add_ci_may_fail(struct kunit *test)
{
	unsigned int nth, failures = 0;
	bool failed = true;

	need_faults(test);
	for (nth = 1; failed && nth < MAX_ALLOCATIONS; nth++) {
		struct playground *pg = playground_open(test, PLAIN);
		struct lookup *a = lookup_begin(pg, pg->root, "a");
		struct qstr exact = playground_name(pg->root, "A");
		struct inode *inode = playground_inode(pg, S_IFREG);
		struct dentry *found;

		ihold(inode);
		fail_allocation(nth);
		found = d_add_ci(a->dentry, inode, &exact);
		failed = allocation_has_failed();
		failures += failed;
		if (!IS_ERR(found))
			dput(found);
		else
			KUNIT_EXPECT_EQ(test, PTR_ERR(found), -ENOMEM);
		KUNIT_EXPECT_EQ(test, IS_ERR(found), failed);
		KUNIT_EXPECT_EQ(test, census_of(pg->root).in_lookup, 1);
		KUNIT_EXPECT_EQ(test, census_of(pg->root).references, 1);
		KUNIT_EXPECT_EQ(test, atomic_read(&inode->i_count),
				IS_ERR(found) ? 1 : 2);
		iput(inode);
	}
	KUNIT_EXPECT_GE(test, failures, 1);
}

/*
 * d_add_ci() of "A" for "a", once with "a" in lookup and once as filesystems have called
 * it that looked the name up with the directory locked.
 */
struct add_ci {
	struct playground *pg;
	struct dentry *a;
	struct qstr exact;
	struct inode *inode;		/* has one more reference, of the case */
	struct census before;
	bool in_lookup;
};

static void set_add_ci(struct kunit *test, struct add_ci *s,
		       enum playground_kind kind, bool in_lookup)
{
	struct qstr name;

	s->pg = playground_open(test, kind);
	s->exact = playground_name(s->pg->root, "A");
	s->inode = playground_inode(s->pg, S_IFREG);
	ihold(s->inode);
	s->in_lookup = in_lookup;
	if (in_lookup) {
		s->a = lookup_begin(s->pg, s->pg->root, "a")->dentry;
		return;
	}
	name = playground_name(s->pg->root, "a");
	s->a = d_alloc(s->pg->root, &name);
	KUNIT_ASSERT_NOT_NULL(test, s->a);
	playground_keep(s->pg, s->a);
}

/* "a" is what it was, and the inode is in use only by what has it. */
static void expect_add_ci_left(struct kunit *test, struct add_ci *s,
			       unsigned int more_references)
{
	struct census now = census_of(s->pg->root);

	KUNIT_EXPECT_EQ(test, !!d_in_lookup(s->a), s->in_lookup);
	KUNIT_EXPECT_EQ_MSG(test, now.in_lookup, s->in_lookup,
			    "children of the directory in lookup");
	KUNIT_EXPECT_EQ(test, d_count(s->a), 1);
	KUNIT_EXPECT_EQ_MSG(test, now.references,
			    s->before.references + more_references,
			    "references to children of the directory");
	KUNIT_EXPECT_EQ(test, now.parents, s->before.parents);
	KUNIT_EXPECT_EQ_MSG(test, atomic_read(&s->inode->i_count), 1,
			    "references to the inode");
	iput(s->inode);
}

void add_ci_without_a_dentry_gives_its_inode_back(struct kunit *test)
{
	unsigned int in_lookup;

	for (in_lookup = 0; in_lookup < 2; in_lookup++) {
		struct dentry *got;
		struct add_ci s;

		set_add_ci(test, &s, REFUSING, in_lookup);
		s.before = census_of(s.pg->root);
		playground_refuse(true);
		got = d_add_ci(s.a, s.inode, &s.exact);
		playground_refuse(false);
		KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(got), -ENOMEM);
		expect_add_ci_left(test, &s, 0);
	}
}

void add_ci_that_finds_the_name_gives_its_inode_back(struct kunit *test)
{
	unsigned int in_lookup;

	for (in_lookup = 0; in_lookup < 2; in_lookup++) {
		struct dentry *exact, *got;
		struct add_ci s;

		set_add_ci(test, &s, PLAIN, in_lookup);
		exact = playground_child(s.pg, s.pg->root, "A", S_IFREG);
		s.before = census_of(s.pg->root);
		got = d_add_ci(s.a, s.inode, &s.exact);
		KUNIT_ASSERT_PTR_EQ(test, got, exact);
		expect_add_ci_left(test, &s, 1);
		dput(got);
	}
}

/* It waits for the lookup of somebody else, and gets what that has found. */
void add_ci_that_has_waited_gives_its_inode_back(struct kunit *test)
{
	struct playground *pg = playground_open(test, PLAIN);
	struct lookup *exact = lookup_begin(pg, pg->root, "A");
	struct lookup *a = lookup_begin(pg, pg->root, "a");
	struct asker *adder = adder_create(pg, a, "A");
	struct inode *inode = adder->add_ci_inode;

	ihold(inode);
	asker_run(adder);
	KUNIT_ASSERT_SOON(test, asker_is_parked(adder));
	d_add(exact->dentry, playground_inode(pg, S_IFREG));
	KUNIT_ASSERT_SOON(test, completion_done(&adder->answered));
	KUNIT_EXPECT_PTR_EQ(test, adder->got, exact->dentry);
	KUNIT_EXPECT_EQ(test, d_count(exact->dentry), 2);
	KUNIT_EXPECT_EQ(test, census_of(pg->root).in_lookup, 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&inode->i_count), 1);
	iput(inode);
}

/* The inode is that of a directory above, so that it cannot be spliced. */
void add_ci_whose_splice_fails_ends_its_lookup(struct kunit *test)
{
	unsigned int in_lookup;

	for (in_lookup = 0; in_lookup < 2; in_lookup++) {
		struct dentry *got;
		struct inode *root;
		struct add_ci s;
		int count;

		set_add_ci(test, &s, PLAIN, in_lookup);
		s.before = census_of(s.pg->root);
		root = d_inode(s.pg->root);
		count = atomic_read(&root->i_count);
		ihold(root);
		got = d_add_ci(s.a, root, &s.exact);
		KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(got), -ELOOP);
		KUNIT_EXPECT_EQ(test, atomic_read(&root->i_count), count);
		/* it was not asked to take this one */
		iput(s.inode);
		expect_add_ci_left(test, &s, 0);

		/* nobody is in the way of the next one that asks */
		lookup_begin(s.pg, s.pg->root, "A");
	}
}

void add_ci_of_a_known_directory_ends_its_lookup(struct kunit *test)
{
	unsigned int in_lookup;

	for (in_lookup = 0; in_lookup < 2; in_lookup++) {
		struct dentry *known, *got;
		struct add_ci s;

		set_add_ci(test, &s, PLAIN, in_lookup);
		known = playground_child(s.pg, s.pg->root, "known", S_IFDIR);
		s.before = census_of(s.pg->root);
		ihold(d_inode(known));
		got = d_add_ci(s.a, d_inode(known), &s.exact);
		KUNIT_ASSERT_PTR_EQ(test, got, known);
		KUNIT_EXPECT_EQ(test, atomic_read(&d_inode(known)->i_count), 1);
		iput(s.inode);
		expect_add_ci_left(test, &s, 1);
		dput(got);
	}
}

/* Waiters on "A" while d_add_ci() is held before its splice, which fails. */
void waiters_own_the_exact_name_when_add_ci_fails(struct kunit *test)
{
	struct playground *pg = playground_open(test, PLAIN);
	struct lookup *a = lookup_begin(pg, pg->root, "a");
	struct asker *adder = adder_create(pg, a, "A");
	struct crowd crowd;

	iput(adder->add_ci_inode);
	adder->add_ci_inode = d_inode(pg->root);
	ihold(adder->add_ci_inode);
	crowd_create(pg, &crowd, pg->root, adder->name, FEW, ANY_CPU);
	hold_splice(test, adder->add_ci_inode);

	asker_run(adder);
	KUNIT_ASSERT_SOON(test, splice_is_held() ||
			  completion_done(&adder->answered));
	if (!splice_is_held()) {
		KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(adder->got), -ELOOP);
		kunit_skip(test, "d_add_ci() does not call d_splice_alias()");
	}
	crowd_run(&crowd);
	KUNIT_ASSERT_SOON(test, crowd_is_parked(&crowd));
	release_splice();

	KUNIT_ASSERT_SOON(test, completion_done(&adder->answered));
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(adder->got), -ELOOP);
	/* dead entries on a lent queue are the subject of d_add_ci_leaves_no_waiter... */
	init_waitqueue_head(&a->wq);
	crowd_expect_owners_in_turn(pg, &crowd);
}

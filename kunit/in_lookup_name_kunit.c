// SPDX-License-Identifier: GPL-2.0
/*
 * A name is owned by the first thread that asks.  All others that ask for the same
 * name in the same directory sleep until that lookup has ended, and no thread that
 * asks for anything else does.
 *
 * Wrong would be: two in-lookup dentries of one name, or a thread that
 * sleeps for a name it did not ask for.
 */
#include <linux/file.h>
#include <linux/shmem_fs.h>

#include "dcache_playground.h"

static void first_to_ask_owns_the_name(struct kunit *test)
{
	struct playground *pg = playground_open(test, PLAIN);
	struct lookup *a = lookup_begin(pg, pg->root, "a");
	struct dentry *dentry = a->dentry;

	/* a child of the root that only its owner holds and d_lookup() misses */
	KUNIT_EXPECT_TRUE(test, d_in_lookup(dentry));
	KUNIT_EXPECT_TRUE(test, d_unhashed(dentry));
	KUNIT_EXPECT_TRUE(test, d_really_is_negative(dentry));
	KUNIT_EXPECT_PTR_EQ(test, dentry->d_parent, pg->root);
	KUNIT_EXPECT_EQ(test, d_count(dentry), 1);
	KUNIT_EXPECT_NULL(test, d_lookup(pg->root, &a->name));

	d_lookup_done(dentry);
	KUNIT_EXPECT_FALSE(test, d_in_lookup(dentry));
	KUNIT_EXPECT_TRUE(test, d_unhashed(dentry));
	KUNIT_EXPECT_EQ(test, d_count(dentry), 1);
}

static void hashed_name_is_found_without_waiting(struct kunit *test)
{
	struct playground *pg = playground_open(test, PLAIN);
	struct dentry *file = playground_child(pg, pg->root, "f", S_IFREG);
	struct dentry *none = playground_child(pg, pg->root, "n", 0);

	/* two hashed dentries, one positive, one negative; no lookup */
	KUNIT_EXPECT_PTR_EQ(test, playground_ask(pg, pg->root, "f"), file);
	KUNIT_EXPECT_PTR_EQ(test, playground_ask(pg, pg->root, "n"), none);
	KUNIT_EXPECT_EQ(test, d_count(file), 2);
	KUNIT_EXPECT_EQ(test, d_count(none), 2);
}

static void ended_name_can_be_owned_again(struct kunit *test)
{
	struct playground *pg = playground_open(test, PLAIN);
	struct lookup *first = lookup_begin(pg, pg->root, "a");
	struct lookup *second;

	d_lookup_done(first->dentry);
	second = lookup_begin(pg, pg->root, "a");

	/* the first dentry is unhashed and still referenced by us */
	KUNIT_EXPECT_PTR_NE(test, first->dentry, second->dentry);
	KUNIT_EXPECT_FALSE(test, d_in_lookup(first->dentry));
}

/* @crowd asks for one name each, and each thread becomes the owner of its own */
static void expect_all_owners(struct playground *pg, struct crowd *crowd)
{
	unsigned int i;

	KUNIT_ASSERT_SOON(pg->test, crowd_answered(crowd) == crowd->nr);
	for (i = 0; i < crowd->nr; i++) {
		KUNIT_ASSERT_NOT_ERR_OR_NULL(pg->test, crowd->one[i]->got);
		KUNIT_EXPECT_TRUE(pg->test, crowd->one[i]->owner);
	}
}

static void names_that_differ_are_looked_up_at_once(struct kunit *test)
{
	static const char *const texts[FEW] = { "b", "ab", "A" };
	struct playground *pg = playground_open(test, PLAIN);
	struct lookup *a = lookup_begin(pg, pg->root, "a");
	struct crowd crowd = { .nr = FEW };
	unsigned int i;

	/* in lookup: "a"; same chain and hash value: "b", "ab" and "A" */
	for (i = 0; i < FEW; i++) {
		struct qstr name = playground_name(pg->root, texts[i]);

		name.hash = a->name.hash;
		crowd.one[i] = asker_new(pg, pg->root, name);
		asker_create(pg, crowd.one[i], ANY_CPU);
	}
	crowd_run(&crowd);

	expect_all_owners(pg, &crowd);
	KUNIT_EXPECT_TRUE(test, d_in_lookup(a->dentry));
	KUNIT_EXPECT_EQ(test, d_count(a->dentry), 1);
}

static void same_name_elsewhere_is_another_name(struct kunit *test)
{
	static const char *const dirs[FEW] = { "d1", "d2", "d3" };
	struct playground *pg = playground_open(test, PLAIN);
	struct lookup *a = lookup_begin(pg, pg->root, "a");
	struct crowd crowd = { .nr = FEW };
	unsigned int i;

	/* in lookup: "/a"; asked for, with the same hash: "/d1/a" and so on */
	for (i = 0; i < FEW; i++) {
		struct dentry *dir = playground_child(pg, pg->root, dirs[i],
						      S_IFDIR);

		crowd.one[i] = asker_new(pg, dir, a->name);
		asker_create(pg, crowd.one[i], ANY_CPU);
	}
	crowd_run(&crowd);

	expect_all_owners(pg, &crowd);
	for (i = 0; i < FEW; i++)
		KUNIT_EXPECT_PTR_EQ(test, crowd.one[i]->got->d_parent,
				    crowd.one[i]->parent);
	KUNIT_EXPECT_EQ(test, d_count(a->dentry), 1);
}

static void case_insensitive_parent_makes_one_name_of_many(struct kunit *test)
{
	static const char *const texts[FEW] = { "name", "NAME", "nAmE" };
	struct playground *pg = playground_open(test, CASE_INSENSITIVE);
	struct lookup *a = lookup_begin(pg, pg->root, "Name");
	struct crowd crowd = { .nr = FEW };
	unsigned int i;

	for (i = 0; i < FEW; i++) {
		struct qstr name = playground_name(pg->root, texts[i]);

		crowd.one[i] = asker_new(pg, pg->root, name);
		asker_create(pg, crowd.one[i], ANY_CPU);
	}
	crowd_run(&crowd);

	/* "Name": in lookup, 1 + 3 references, its waiters spell it otherwise */
	crowd_park_on(pg, &crowd, a->dentry);
	d_add(a->dentry, playground_inode(pg, S_IFREG));
	crowd_expect_dentry(pg, &crowd, a->dentry);
}

static void case_insensitive_waiters_own_it_in_turn(struct kunit *test)
{
	struct playground *pg = playground_open(test, CASE_INSENSITIVE);
	struct lookup *a = lookup_begin(pg, pg->root, "Name");
	struct crowd crowd;

	crowd_start(pg, &crowd, pg->root, "nAME", FEW, ANY_CPU);
	crowd_park_on(pg, &crowd, a->dentry);
	d_lookup_done(a->dentry);
	crowd_expect_owners_in_turn(pg, &crowd);
}

static void long_names_are_waited_for_too(struct kunit *test)
{
	static const char text[] =
		"a-name-that-does-not-fit-into-the-dentry-itself-and-is-allocated";
	struct playground *pg = playground_open(test, PLAIN);
	struct lookup *a = lookup_begin(pg, pg->root, text);
	struct crowd crowd;

	crowd_start(pg, &crowd, pg->root, text, FEW, ANY_CPU);
	crowd_park_on(pg, &crowd, a->dentry);
	d_add(a->dentry, NULL);
	crowd_expect_dentry(pg, &crowd, a->dentry);
}

static void failed_allocation_leaves_nothing_behind(struct kunit *test)
{
	struct playground *pg = playground_open(test, REFUSING);
	unsigned int references = d_count(pg->root);
	struct dentry *dentry;

	/* ->d_init() says no, which is how __d_alloc() can be made to fail */
	playground_refuse(true);
	dentry = playground_ask(pg, pg->root, "a");
	playground_refuse(false);

	KUNIT_ASSERT_TRUE(test, IS_ERR(dentry));
	KUNIT_EXPECT_EQ(test, PTR_ERR(dentry), -ENOMEM);
	KUNIT_EXPECT_EQ(test, d_count(pg->root), references);
	KUNIT_EXPECT_TRUE(test, compat_has_no_child(pg->root));

	/* nor in the in-lookup hash: the name can be had */
	lookup_begin(pg, pg->root, "a");
}

static void failed_allocation_does_not_disturb_the_owner(struct kunit *test)
{
	struct playground *pg = playground_open(test, REFUSING);
	struct lookup *a = lookup_begin(pg, pg->root, "a");
	unsigned int references = d_count(pg->root);
	struct crowd waiting, refused;
	unsigned int i;

	crowd_start(pg, &waiting, pg->root, "a", FEW, ANY_CPU);
	crowd_park_on(pg, &waiting, a->dentry);

	/*
	 * "a": in lookup, 1 + 3 references.  The dentries that the three have
	 * allocated for themselves hold the root.
	 */
	KUNIT_EXPECT_EQ(test, d_count(pg->root), references + FEW);

	playground_refuse(true);
	crowd_start(pg, &refused, pg->root, "a", FEW, ANY_CPU);
	KUNIT_ASSERT_SOON(test, crowd_answered(&refused) == FEW);
	playground_refuse(false);
	for (i = 0; i < FEW; i++) {
		KUNIT_EXPECT_TRUE(test, IS_ERR(refused.one[i]->got));
		KUNIT_EXPECT_EQ(test, PTR_ERR(refused.one[i]->got), -ENOMEM);
	}
	KUNIT_EXPECT_EQ(test, d_count(pg->root), references + FEW);
	crowd_expect_parked_on(pg, &waiting, a->dentry);

	d_add(a->dentry, NULL);
	crowd_expect_dentry(pg, &waiting, a->dentry);
}

/*
 * d_alloc_pseudo() gives operations to a dentry of a filesystem that has none for
 * all of its dentries, without a lock, since nobody else can see it yet.
 */
static void dentry_of_a_pseudo_file_has_operations(struct kunit *test)
{
	struct file *file = shmem_file_setup("pseudo", PAGE_SIZE, COMPAT_NO_VMA_FLAGS);

	if (IS_ERR(file))
		kunit_skip(test, "no shmem: error %ld", PTR_ERR(file));
	KUNIT_EXPECT_NULL(test, compat_default_d_op(file_dentry(file)->d_sb));
	KUNIT_EXPECT_NOT_NULL(test, file_dentry(file)->d_op);
	fput(file);
}

static struct kunit_case in_lookup_name_cases[] = {
	KUNIT_CASE(first_to_ask_owns_the_name),
	KUNIT_CASE(hashed_name_is_found_without_waiting),
	KUNIT_CASE(ended_name_can_be_owned_again),
	KUNIT_CASE(names_that_differ_are_looked_up_at_once),
	KUNIT_CASE(same_name_elsewhere_is_another_name),
	KUNIT_CASE(case_insensitive_parent_makes_one_name_of_many),
	KUNIT_CASE(case_insensitive_waiters_own_it_in_turn),
	KUNIT_CASE(long_names_are_waited_for_too),
	KUNIT_CASE(failed_allocation_leaves_nothing_behind),
	KUNIT_CASE(failed_allocation_does_not_disturb_the_owner),
	KUNIT_CASE(dentry_of_a_pseudo_file_has_operations),
	{}
};

IN_LOOKUP_SUITE(in_lookup_name, in_lookup_name_cases, "owners of a name");

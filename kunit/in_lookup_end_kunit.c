// SPDX-License-Identifier: GPL-2.0
/*
 * Every way a lookup can end, and what its waiters get: the dentry that is
 * hashed under the name now, be it the one they slept on or not, or else, one
 * of them, the name to look up.
 *
 * Wrong would be: a waiter that sleeps on (nobody woke it), or one that
 * returns a dentry that is unhashed or has another name.
 */
#include "dcache_playground.h"

/* Three waiters on "/a", which the test owns. */
struct scene {
	struct playground *pg;
	struct lookup *a;
	struct crowd crowd;
};

static void park_waiters(struct scene *scene, unsigned int waiters)
{
	crowd_start(scene->pg, &scene->crowd, scene->pg->root, "a", waiters,
		    ANY_CPU);
	crowd_park_on(scene->pg, &scene->crowd, scene->a->dentry);
}

static void set_scene_of(struct kunit *test, struct scene *scene,
			 unsigned int waiters)
{
	scene->pg = playground_open(test, PLAIN);
	scene->a = lookup_begin(scene->pg, scene->pg->root, "a");
	park_waiters(scene, waiters);
}

static void set_scene(struct kunit *test, struct scene *scene)
{
	set_scene_of(test, scene, FEW);
}

static void waiters_get_the_dentry_of_a_positive_add(struct kunit *test)
{
	struct scene s;

	set_scene(test, &s);
	d_add(s.a->dentry, playground_inode(s.pg, S_IFREG));
	crowd_expect_dentry(s.pg, &s.crowd, s.a->dentry);
	KUNIT_EXPECT_TRUE(test, d_really_is_positive(s.a->dentry));
}

static void waiters_get_the_dentry_of_a_negative_add(struct kunit *test)
{
	struct scene s;

	set_scene(test, &s);
	d_add(s.a->dentry, NULL);
	crowd_expect_dentry(s.pg, &s.crowd, s.a->dentry);
	KUNIT_EXPECT_TRUE(test, d_really_is_negative(s.a->dentry));
}

static void waiters_get_the_dentry_of_a_positive_splice(struct kunit *test)
{
	struct scene s;

	set_scene(test, &s);
	KUNIT_EXPECT_NULL(test, d_splice_alias(playground_inode(s.pg, S_IFREG),
					       s.a->dentry));
	crowd_expect_dentry(s.pg, &s.crowd, s.a->dentry);
	KUNIT_EXPECT_TRUE(test, d_really_is_positive(s.a->dentry));
}

static void waiters_get_the_dentry_of_a_negative_splice(struct kunit *test)
{
	struct scene s;

	set_scene(test, &s);
	KUNIT_EXPECT_NULL(test, d_splice_alias(NULL, s.a->dentry));
	crowd_expect_dentry(s.pg, &s.crowd, s.a->dentry);
	KUNIT_EXPECT_TRUE(test, d_really_is_negative(s.a->dentry));
}

static void one_waiter_at_a_time_owns_a_name_that_was_not_added(struct kunit *test)
{
	struct scene s;

	set_scene(test, &s);
	d_lookup_done(s.a->dentry);
	crowd_expect_owners_in_turn(s.pg, &s.crowd);
	KUNIT_EXPECT_EQ(test, d_count(s.a->dentry), 1);
}

static void all_of_many_waiters_are_woken(struct kunit *test)
{
	struct scene s;

	set_scene_of(test, &s, MANY);
	d_add(s.a->dentry, NULL);
	crowd_expect_dentry(s.pg, &s.crowd, s.a->dentry);
}

static void lookup_that_fails_hands_the_name_to_all_in_turn(struct kunit *test)
{
	struct scene s;

	set_scene_of(test, &s, MANY);
	d_lookup_done(s.a->dentry);
	crowd_expect_owners_in_turn(s.pg, &s.crowd);
}

/*
 * d_splice_alias() of @inode, a directory that has @alias already:
 *
 *	before			after
 *	@alias	elsewhere	hashed as "/a"
 *	target	"/a" in lookup	unhashed, not in lookup
 *
 * The waiters slept on the target and get @alias.
 */
static void expect_moved_alias(struct scene *s, struct inode *inode,
			       struct dentry *alias)
{
	struct kunit *test = s->pg->test;
	struct dentry *got;

	ihold(inode);
	got = d_splice_alias(inode, s->a->dentry);
	KUNIT_ASSERT_PTR_EQ(test, got, alias);
	playground_keep(s->pg, got);

	crowd_expect_dentry(s->pg, &s->crowd, alias);
	KUNIT_EXPECT_PTR_EQ(test, alias->d_parent, s->pg->root);
	KUNIT_EXPECT_FALSE(test, d_in_lookup(s->a->dentry));
	KUNIT_EXPECT_TRUE(test, d_unhashed(s->a->dentry));
	KUNIT_EXPECT_SOON(test, d_count(s->a->dentry) == 1);
}

static void waiters_get_the_directory_that_a_splice_moves(struct kunit *test)
{
	struct dentry *elsewhere, *alias;
	struct scene s;

	set_scene(test, &s);
	elsewhere = playground_child(s.pg, s.pg->root, "elsewhere", S_IFDIR);
	alias = playground_child(s.pg, elsewhere, "b", S_IFDIR);
	expect_moved_alias(&s, d_inode(alias), alias);
}

static void waiters_get_the_directory_that_a_splice_renames(struct kunit *test)
{
	struct dentry *alias;
	struct scene s;

	set_scene(test, &s);
	alias = playground_child(s.pg, s.pg->root, "b", S_IFDIR);
	expect_moved_alias(&s, d_inode(alias), alias);
}

static void waiters_get_the_directory_that_a_splice_connects(struct kunit *test)
{
	struct dentry *alias;
	struct scene s;

	set_scene(test, &s);
	/* as when a file handle is decoded: a root of its own */
	alias = d_obtain_alias(playground_inode(s.pg, S_IFDIR));
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, alias);
	playground_keep(s.pg, alias);
	KUNIT_ASSERT_TRUE(test, IS_ROOT(alias));
	expect_moved_alias(&s, d_inode(alias), alias);
}

static void waiter_owns_the_name_after_a_splice_of_an_error(struct kunit *test)
{
	struct dentry *got;
	struct scene s;

	set_scene(test, &s);
	got = d_splice_alias(ERR_PTR(-ESTALE), s.a->dentry);
	KUNIT_EXPECT_TRUE(test, IS_ERR(got));
	KUNIT_EXPECT_EQ(test, PTR_ERR(got), -ESTALE);

	/* a splice that fails leaves the end to the caller: still in lookup */
	KUNIT_EXPECT_TRUE(test, d_in_lookup(s.a->dentry));
	crowd_expect_parked_on(s.pg, &s.crowd, s.a->dentry);

	d_lookup_done(s.a->dentry);
	crowd_expect_owners_in_turn(s.pg, &s.crowd);
}

static void waiter_owns_the_name_after_a_stale_directory(struct kunit *test)
{
	struct dentry *elsewhere, *alias, *got;
	struct scene s;

	set_scene(test, &s);
	elsewhere = playground_child(s.pg, s.pg->root, "elsewhere", S_IFDIR);
	alias = playground_child(s.pg, elsewhere, "b", S_IFDIR);

	/* somebody renames: the alias cannot be moved, and nobody waits for it */
	mutex_lock(&s.pg->root->d_sb->s_vfs_rename_mutex);
	ihold(d_inode(alias));
	got = d_splice_alias(d_inode(alias), s.a->dentry);
	mutex_unlock(&s.pg->root->d_sb->s_vfs_rename_mutex);
	KUNIT_ASSERT_TRUE(test, IS_ERR(got));
	KUNIT_EXPECT_EQ(test, PTR_ERR(got), -ESTALE);
	KUNIT_EXPECT_TRUE(test, d_in_lookup(s.a->dentry));
	crowd_expect_parked_on(s.pg, &s.crowd, s.a->dentry);

	d_lookup_done(s.a->dentry);
	crowd_expect_owners_in_turn(s.pg, &s.crowd);
}

static void waiter_owns_the_name_after_a_loop(struct kunit *test)
{
	struct dentry *got;
	struct scene s;

	set_scene(test, &s);
	/* the root below itself */
	ihold(d_inode(s.pg->root));
	got = d_splice_alias(d_inode(s.pg->root), s.a->dentry);
	KUNIT_ASSERT_TRUE(test, IS_ERR(got));
	KUNIT_EXPECT_EQ(test, PTR_ERR(got), -ELOOP);
	crowd_expect_parked_on(s.pg, &s.crowd, s.a->dentry);

	d_lookup_done(s.a->dentry);
	crowd_expect_owners_in_turn(s.pg, &s.crowd);
}

static void waiters_on_the_asked_name_own_it_after_add_ci(struct kunit *test)
{
	struct qstr exact;
	struct dentry *got;
	struct scene s;

	set_scene(test, &s);
	exact = playground_name(s.pg->root, "A");
	got = d_add_ci(s.a->dentry, playground_inode(s.pg, S_IFREG), &exact);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, got);
	playground_keep(s.pg, got);

	/* "A": hashed and positive.  "a": still in lookup, 1 + 3 references */
	KUNIT_EXPECT_PTR_NE(test, got, s.a->dentry);
	KUNIT_EXPECT_FALSE(test, d_in_lookup(got));
	KUNIT_EXPECT_FALSE(test, d_unhashed(got));
	KUNIT_EXPECT_TRUE(test, d_in_lookup(s.a->dentry));
	crowd_expect_parked_on(s.pg, &s.crowd, s.a->dentry);

	/* what ->lookup()'s caller does when it gets another dentry */
	d_lookup_done(s.a->dentry);
	crowd_expect_owners_in_turn(s.pg, &s.crowd);
}

static void dentry_has_a_reference_per_waiter_and_one_of_its_owner(struct kunit *test)
{
	unsigned int waiters;

	for (waiters = FEW; waiters <= MANY; waiters += 13) {
		struct scene s;

		/* asserts 1 + waiters, all asleep */
		set_scene_of(test, &s, waiters);
		d_lookup_done(s.a->dentry);
		crowd_expect_owners_in_turn(s.pg, &s.crowd);
		KUNIT_EXPECT_EQ(test, d_count(s.a->dentry), 1);
	}
}

static void lookup_leaves_the_lru_list_alone(struct kunit *test)
{
	struct scene s;

	if (!COMPAT_WAITS_ON_SHARED_QUEUE)
		kunit_skip(test, "this kernel links waiters through ->d_lru");

	/* "a": in lookup, 1 + 3 references, on no list of unused dentries */
	set_scene(test, &s);
	KUNIT_EXPECT_TRUE(test, list_empty(&s.a->dentry->d_lru));
	d_lookup_done(s.a->dentry);
	KUNIT_EXPECT_TRUE(test, list_empty(&s.a->dentry->d_lru));
	crowd_expect_owners_in_turn(s.pg, &s.crowd);
}

/* Neither bit, no list: as __d_alloc() made it, but for what d_add() does. */
static void expect_clean(struct kunit *test, struct dentry *dentry)
{
	KUNIT_EXPECT_EQ(test, dentry->d_flags & COMPAT_DCACHE_LOOKUP_BITS, 0);
	KUNIT_EXPECT_PTR_EQ(test, dentry->d_lru.next, &dentry->d_lru);
	KUNIT_EXPECT_PTR_EQ(test, dentry->d_lru.prev, &dentry->d_lru);
	if (!d_really_is_negative(dentry))
		return;
	/* where there is a pointer to waiters, it has the room of ->next */
	KUNIT_EXPECT_NULL(test, playground_alias(dentry)->next);
	if (!COMPAT_HAS_EVICTION_WAITERS)
		KUNIT_EXPECT_NULL(test, playground_alias(dentry)->pprev);
}

/*
 * With a lookup behind it in the in-lookup hash: there is something that its link
 * can still point to afterwards.
 */
static void set_scene_in_a_chain(struct kunit *test, struct scene *scene)
{
	struct lookup *behind;

	scene->pg = playground_open(test, ONE_HASH);
	behind = lookup_begin(scene->pg, scene->pg->root, "behind");
	scene->a = lookup_begin(scene->pg, scene->pg->root, "a");
	/* both links share memory with that of the aliases */
	KUNIT_ASSERT_PTR_EQ(test, playground_alias(scene->a->dentry)->next,
			    playground_alias(behind->dentry));
	park_waiters(scene, FEW);
}

static void ended_lookup_leaves_the_dentry_as_initialised(struct kunit *test)
{
	struct scene s;

	set_scene_in_a_chain(test, &s);
	d_lookup_done(s.a->dentry);
	expect_clean(test, s.a->dentry);
	KUNIT_EXPECT_NULL(test, s.a->dentry->d_hash.next);
	KUNIT_EXPECT_NULL(test, s.a->dentry->d_hash.pprev);
	crowd_expect_owners_in_turn(s.pg, &s.crowd);

	set_scene_in_a_chain(test, &s);
	d_add(s.a->dentry, NULL);
	expect_clean(test, s.a->dentry);
	crowd_expect_dentry(s.pg, &s.crowd, s.a->dentry);

	set_scene_in_a_chain(test, &s);
	d_add(s.a->dentry, playground_inode(s.pg, S_IFREG));
	expect_clean(test, s.a->dentry);
	KUNIT_EXPECT_PTR_EQ(test, d_inode(s.a->dentry)->i_dentry.first,
			    playground_alias(s.a->dentry));
	crowd_expect_dentry(s.pg, &s.crowd, s.a->dentry);
}

static void moved_alias_leaves_the_target_as_initialised(struct kunit *test)
{
	struct dentry *alias;
	struct scene s;

	set_scene_in_a_chain(test, &s);
	alias = playground_child(s.pg, s.pg->root, "b", S_IFDIR);
	expect_moved_alias(&s, d_inode(alias), alias);
	expect_clean(test, s.a->dentry);
	KUNIT_EXPECT_NULL(test, s.a->dentry->d_hash.pprev);
}

static struct kunit_case in_lookup_end_cases[] = {
	KUNIT_CASE(waiters_get_the_dentry_of_a_positive_add),
	KUNIT_CASE(waiters_get_the_dentry_of_a_negative_add),
	KUNIT_CASE(waiters_get_the_dentry_of_a_positive_splice),
	KUNIT_CASE(waiters_get_the_dentry_of_a_negative_splice),
	KUNIT_CASE(one_waiter_at_a_time_owns_a_name_that_was_not_added),
	KUNIT_CASE(all_of_many_waiters_are_woken),
	KUNIT_CASE(lookup_that_fails_hands_the_name_to_all_in_turn),
	KUNIT_CASE(waiters_get_the_directory_that_a_splice_moves),
	KUNIT_CASE(waiters_get_the_directory_that_a_splice_renames),
	KUNIT_CASE(waiters_get_the_directory_that_a_splice_connects),
	KUNIT_CASE(waiter_owns_the_name_after_a_splice_of_an_error),
	KUNIT_CASE(waiter_owns_the_name_after_a_stale_directory),
	KUNIT_CASE(waiter_owns_the_name_after_a_loop),
	KUNIT_CASE(waiters_on_the_asked_name_own_it_after_add_ci),
	KUNIT_CASE(dentry_has_a_reference_per_waiter_and_one_of_its_owner),
	KUNIT_CASE(lookup_leaves_the_lru_list_alone),
	KUNIT_CASE(ended_lookup_leaves_the_dentry_as_initialised),
	KUNIT_CASE(moved_alias_leaves_the_target_as_initialised),
	{}
};

IN_LOOKUP_SUITE(in_lookup_end, in_lookup_end_cases, "how a lookup ends, and what its waiters get");

// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite afs_rename: what afs_rename() leaves of the dentries when it fails.
 *
 * The property: source and target are as they were, and each is hashed once; but for a
 * target of which nobody knows whether the server has renamed it.
 *
 * Symptoms of a bug: a hash chain that is a ring, in which the next lookup does not end;
 * a dentry that is not hashed any more, or stays blocked.
 *
 * The state that the cases start from:
 *
 *	"old"		a file, the head of its hash chain
 *	"target"	another file
 */
#include <linux/module.h>

#include "afs_scene.h"

static void expect_as_before(struct afs_scene *scene, bool target_is_known)
{
	struct kunit *test = scene->test;

	KUNIT_EXPECT_EQ_MSG(test, afs_scene_rings(scene), 0,
			    "the hash chain of the source is a ring");
	KUNIT_EXPECT_FALSE(test, d_unhashed(scene->old));
	KUNIT_EXPECT_EQ(test, !d_unhashed(scene->target), target_is_known);
	KUNIT_EXPECT_FALSE(test, compat_d_is_blocked(scene->old));
	KUNIT_EXPECT_FALSE(test, compat_d_is_blocked(scene->target));
	KUNIT_EXPECT_STREQ(test, scene->old->d_name.name, "old");
	KUNIT_EXPECT_STREQ(test, scene->target->d_name.name, "target");
}

/* The target is open, and cannot be put out of the way. */
static void expect_silly_rename_fails(struct kunit *test, int error,
				      bool target_is_known)
{
	struct afs_scene *scene = afs_scene_open(test);

	afs_silly_rename_fails(test, error);
	afs_scene_use(scene, scene->target, 1);
	KUNIT_EXPECT_EQ(test, afs_scene_rename(scene), error);
	afs_scene_use(scene, scene->target, -1);
	expect_as_before(scene, target_is_known);
	KUNIT_EXPECT_FALSE(test, afs_server_is_asked());
}

static void source_is_hashed_once_when_the_server_refuses_the_silly_rename(struct kunit *test)
{
	expect_silly_rename_fails(test, -EACCES, true);
}

static void source_is_hashed_once_when_a_signal_ends_the_silly_rename(struct kunit *test)
{
	/* it is unhashed then; kafs without d_block() hashes it again */
	expect_silly_rename_fails(test, -ERESTARTSYS, !COMPAT_AFS_BLOCKS);
}

/* Nothing stands in for afs_sillyrename() here. */
static void source_is_hashed_once_when_the_target_has_a_silly_name(struct kunit *test)
{
	struct afs_scene *scene = afs_scene_open(test);

	spin_lock(&scene->target->d_lock);
	scene->target->d_flags |= DCACHE_NFSFS_RENAMED;
	spin_unlock(&scene->target->d_lock);
	afs_scene_use(scene, scene->target, 1);
	KUNIT_EXPECT_EQ(test, afs_scene_rename(scene), -EBUSY);
	afs_scene_use(scene, scene->target, -1);
	expect_as_before(scene, true);
}

static void both_are_hashed_once_when_the_server_refuses_the_rename(struct kunit *test)
{
	struct afs_scene *scene = afs_scene_open(test);

	afs_server_says(-EACCES, false);
	KUNIT_EXPECT_EQ(test, afs_scene_rename(scene), -EACCES);
	KUNIT_EXPECT_TRUE(test, afs_server_is_asked());
	expect_as_before(scene, true);
}

static void source_has_the_name_of_the_target_after_a_rename(struct kunit *test)
{
	struct afs_scene *scene = afs_scene_open(test);

	KUNIT_EXPECT_EQ(test, afs_scene_rename(scene), 0);
	KUNIT_EXPECT_EQ(test, afs_scene_rings(scene), 0);
	KUNIT_EXPECT_FALSE(test, d_unhashed(scene->old));
	KUNIT_EXPECT_STREQ(test, scene->old->d_name.name, "target");
	KUNIT_EXPECT_TRUE(test, d_unhashed(scene->target));
}

static struct kunit_case afs_rename_cases[] = {
	KUNIT_CASE(source_is_hashed_once_when_the_server_refuses_the_silly_rename),
	KUNIT_CASE(source_is_hashed_once_when_a_signal_ends_the_silly_rename),
	KUNIT_CASE(source_is_hashed_once_when_the_target_has_a_silly_name),
	KUNIT_CASE(both_are_hashed_once_when_the_server_refuses_the_rename),
	KUNIT_CASE(source_has_the_name_of_the_target_after_a_rename),
	{}
};

IN_LOOKUP_SUITE(afs_rename, afs_rename_cases, "renames of kafs that fail");

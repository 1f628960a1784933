/* SPDX-License-Identifier: GPL-2.0 */
/*
 * kafs without a server: the functions of fs/afs/dir.c that rename and unlink, called
 * as the VFS calls them, on inodes of a superblock of kafs.  What would choose a server
 * gives the answer that it was told to, at once or when it is let go.
 *
 * Needs CONFIG_AFS_FS=y and kprobes.  The layout of what kafs keeps comes from its own
 * header, so this is built for one kernel, as all modules are.
 */
#ifndef AFS_SCENE_H
#define AFS_SCENE_H

#include "dcache_probe.h"

struct afs_scene {
	struct kunit *test;
	struct vfsmount *mnt;
	struct dentry *dir;
	struct dentry *old;		/* "old", a file */
	struct dentry *target;		/* "target", another one */
	struct hlist_bl_node *next;	/* of "old" in its chain, before anything was done */
};

struct afs_scene *afs_scene_open(struct kunit *test);

/* @dentry has @users more references than a caller in the VFS has. */
void afs_scene_use(struct afs_scene *scene, struct dentry *dentry, int users);

/* What the server says from now on, and whether it keeps its answer back. */
void afs_server_says(int error, bool held);
/* Besides, somebody else has changed the directory; how often it was asked since. */
void afs_server_reports_a_conflict(void);
unsigned int afs_server_requests(void);
bool afs_server_is_asked(void);
void afs_server_let_go(void);

/*
 * The first check of the directory by ->d_revalidate() is held until it is let go.  It may
 * find the directory deleted, which the later ones do not.  How many there were.
 */
void afs_check_holds(bool finds_it_deleted);
bool afs_check_is_reached(void);
void afs_check_let_go(void);
unsigned int afs_checks(void);

/* The directory has "old" and "target", as it has not at first; how often it was searched. */
void afs_directory_has_both(void);
unsigned int afs_directory_searches(void);

/* What afs_sillyrename(), which does not run, returns from now on. */
void afs_silly_rename_fails(struct kunit *test, int error);

/* With the directory locked, as the VFS does. */
int afs_scene_rename(struct afs_scene *scene);
int afs_scene_unlink(struct afs_scene *scene);

/* ->d_revalidate(), of "old" or of "target" by the name that it has at first. */
int afs_scene_revalidate(struct afs_scene *scene, struct dentry *dentry,
			 unsigned int flags);

/*
 * How often a walk along the hash chain that begins behind "old" comes back to it: more
 * than 0 is a ring.  It is mended, or the next lookup in that chain would not end.
 */
unsigned int afs_scene_rings(struct afs_scene *scene);

#endif

// SPDX-License-Identifier: GPL-2.0
/*
 * The outcomes of names in gatefs: each is a row of the table at the end, with functions
 * for what no other row does.  ../README.md has the same table for people.
 */
#include <linux/ctype.h>
#include <linux/dcache.h>
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include "dcache_compat.h"
#include "gatefs.h"

/* dir-X and alias-X: one directory for each X. */

static u64 gatefs_ino_of_rest(const struct gatefs_name *name)
{
	return gatefs_ino(0, &name->rest);
}

/* err-E-*: without an E that is known it is negative. */

static const struct {
	const char	*name;
	int		error;
} gatefs_errors[] = {
	{ "EACCES",		-EACCES },
	{ "EINTR",		-EINTR },
	{ "EIO",		-EIO },
	{ "ELOOP",		-ELOOP },
	{ "ENAMETOOLONG",	-ENAMETOOLONG },
	{ "ENOENT",		-ENOENT },
	{ "ENOMEM",		-ENOMEM },
	{ "EPERM",		-EPERM },
	{ "ESTALE",		-ESTALE },
};

static int gatefs_fail(struct dentry *dentry, const struct gatefs_name *name)
{
	const char *error = (const char *)name->rest.name;
	const char *dash = memchr(error, '-', name->rest.len);
	size_t len = dash ? dash - error : name->rest.len;
	int i;

	for (i = 0; i < ARRAY_SIZE(gatefs_errors); i++)
		if (strlen(gatefs_errors[i].name) == len &&
		    !memcmp(gatefs_errors[i].name, error, len))
			return gatefs_errors[i].error;
	return 0;
}

/* unhashed-* */

static struct dentry *gatefs_add_nothing(struct inode *inode,
					 struct dentry *dentry,
					 const struct gatefs_name *name)
{
	return NULL;
}

/* ci-X: the exact name is in lower case. */

/* Writes it to @exact, and returns whether @name is another one. */
static bool gatefs_make_exact(const struct gatefs_name *name, char *exact)
{
	const struct qstr *given = &name->undelayed;
	size_t i;

	for (i = 0; i < given->len; i++)
		exact[i] = tolower(given->name[i]);
	return memcmp(exact, given->name, given->len);
}

static u64 gatefs_ino_of_exact(const struct gatefs_name *name)
{
	char text[NAME_MAX + 1];
	struct qstr exact = QSTR_INIT(text, name->undelayed.len);

	return gatefs_ino(name->dir, gatefs_make_exact(name, text) ?
				     &exact : &name->whole);
}

static struct dentry *gatefs_add_exact(struct inode *inode,
				       struct dentry *dentry,
				       const struct gatefs_name *name)
{
	char text[NAME_MAX + 1];
	struct qstr exact = QSTR_INIT(text, name->undelayed.len);

	return gatefs_make_exact(name, text) ? d_add_ci(dentry, inode, &exact) :
					       d_splice_alias(inode, dentry);
}

/*
 * setop-*: with these operations the name is forgotten as soon as nobody uses it.
 * Whether it is shows whether the operation bit has survived.
 */

static int gatefs_forget(const struct dentry *dentry)
{
	return 1;
}

static const struct dentry_operations gatefs_setop_dops = {
	.d_delete	= gatefs_forget,
};

static int gatefs_set_op(struct dentry *dentry, const struct gatefs_name *name)
{
	return compat_d_set_d_op(dentry, &gatefs_setop_dops) ? 0 : -EOPNOTSUPP;
}

const struct gatefs_outcome gatefs_outcomes[] = {
	{ "file-", DT_REG },
	{ "dir-", DT_DIR, .ino = gatefs_ino_of_rest },
	{ "alias-", DT_DIR, .ino = gatefs_ino_of_rest },
	{ "err-", .prepare = gatefs_fail },
	{ "unhashed-", .end = gatefs_add_nothing },
	{ "ci-", DT_REG, .ino = gatefs_ino_of_exact, .end = gatefs_add_exact },
	{ "setop-", DT_REG, .prepare = gatefs_set_op },
	{ "" },				/* negative: neg-* and all the rest */
};

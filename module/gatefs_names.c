// SPDX-License-Identifier: GPL-2.0
/*
 * What a name in gatefs means.  README.md has the table.
 */
#include <linux/ctype.h>
#include <linux/dcache.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include "gatefs.h"

#define GATEFS_DELAY_MAX_US	10000000

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

/* If @name starts with @prefix, cut that off. */
static bool gatefs_skip(struct qstr *name, const char *prefix)
{
	size_t len = strlen(prefix);

	if (name->len < len || memcmp(name->name, prefix, len))
		return false;
	name->name += len;
	name->len -= len;
	return true;
}

/* If @name starts with "delayN-", cut that off and add N to @delay_us. */
static bool gatefs_skip_delay(struct qstr *name, unsigned int *delay_us)
{
	struct qstr rest = *name;
	unsigned int us = 0;

	if (!gatefs_skip(&rest, "delay") || !rest.len || rest.name[0] == '-')
		return false;
	while (rest.len && isdigit(rest.name[0]) && us <= GATEFS_DELAY_MAX_US) {
		us = us * 10 + rest.name[0] - '0';
		rest.name++;
		rest.len--;
	}
	if (us + *delay_us > GATEFS_DELAY_MAX_US || !gatefs_skip(&rest, "-"))
		return false;
	*delay_us += us;
	*name = rest;
	return true;
}

static int gatefs_error(const struct qstr *name)
{
	const char *dash = memchr(name->name, '-', name->len);
	size_t len = dash ? dash - (const char *)name->name : name->len;
	int i;

	for (i = 0; i < ARRAY_SIZE(gatefs_errors); i++)
		if (strlen(gatefs_errors[i].name) == len &&
		    !memcmp(gatefs_errors[i].name, name->name, len))
			return gatefs_errors[i].error;
	return 0;
}

/* @dir is the number of the directory, 0 for what does not depend on it. */
static u64 gatefs_ino(u64 dir, const struct qstr *name)
{
	u64 high = full_name_hash((void *)(unsigned long)~dir, name->name,
				  name->len);
	u64 ino = high << 32 | full_name_hash((void *)(unsigned long)dir,
					      name->name, name->len);

	/* For a 32-bit ino_t the lower half has to do. */
	return (u32)ino > GATEFS_ROOT_INO ? ino : ino + 2;
}

/*
 * @name is that of a ci-X, in front of which delays have been cut off.  Returns
 * whether it is not the exact name, which is in lower case, and notes that.
 */
static bool gatefs_parse_ci(u64 dir, const struct qstr *name,
			    struct gatefs_outcome *o)
{
	struct qstr found = QSTR_INIT(o->found, name->len);
	size_t i;

	for (i = 0; i < name->len; i++)
		o->found[i] = tolower(name->name[i]);
	if (!memcmp(o->found, name->name, name->len))
		return false;
	o->found_len = name->len;
	o->ino = gatefs_ino(dir, &found);
	return true;
}

/* @dir is the number of the directory, @name no longer than NAME_MAX. */
void gatefs_parse(u64 dir, const struct qstr *name, struct gatefs_outcome *o)
{
	struct qstr rest = *name;
	struct qstr undelayed;

	*o = (struct gatefs_outcome){ .kind = GATEFS_NEGATIVE };
	o->ino = gatefs_ino(dir, name);
	while (gatefs_skip_delay(&rest, &o->delay_us))
		;
	undelayed = rest;

	if (gatefs_skip(&rest, "file-")) {
		o->kind = GATEFS_FILE;
	} else if (gatefs_skip(&rest, "dir-") || gatefs_skip(&rest, "alias-")) {
		o->kind = GATEFS_DIR;
		o->ino = gatefs_ino(0, &rest);
	} else if (gatefs_skip(&rest, "err-")) {
		o->error = gatefs_error(&rest);
		if (o->error)
			o->kind = GATEFS_ERROR;
	} else if (gatefs_skip(&rest, "unhashed-")) {
		o->kind = GATEFS_UNHASHED;
	} else if (gatefs_skip(&rest, "ci-")) {
		o->kind = gatefs_parse_ci(dir, &undelayed, o) ? GATEFS_CI :
								GATEFS_FILE;
	} else if (gatefs_skip(&rest, "setop-")) {
		o->kind = GATEFS_SETOP;
	}
}

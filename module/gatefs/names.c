// SPDX-License-Identifier: GPL-2.0
/*
 * Reads names in gatefs, and numbers what they stand for.
 */
#include <linux/ctype.h>
#include <linux/dcache.h>
#include <linux/string.h>

#include "gatefs.h"

#define GATEFS_DELAY_MAX_US	10000000

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

/* @dir is the number of the directory, 0 for what does not depend on it. */
u64 gatefs_ino(u64 dir, const struct qstr *name)
{
	u64 high = full_name_hash((void *)(unsigned long)~dir, name->name,
				  name->len);
	u64 ino = high << 32 | full_name_hash((void *)(unsigned long)dir,
					      name->name, name->len);

	/* For a 32-bit ino_t the lower half has to do. */
	return (u32)ino > GATEFS_ROOT_INO ? ino : ino + 2;
}

u64 gatefs_ino_of(const struct gatefs_name *name)
{
	return name->outcome->ino ? name->outcome->ino(name) :
				    gatefs_ino(name->dir, &name->whole);
}

/* @dir is the number of the directory, @name no longer than NAME_MAX. */
void gatefs_parse(u64 dir, const struct qstr *name, struct gatefs_name *parsed)
{
	const struct gatefs_outcome *outcome = gatefs_outcomes;

	*parsed = (struct gatefs_name){ .dir = dir, .whole = *name, .rest = *name };
	while (gatefs_skip_delay(&parsed->rest, &parsed->delay_us))
		;
	parsed->undelayed = parsed->rest;
	while (!gatefs_skip(&parsed->rest, outcome->prefix))
		outcome++;
	parsed->outcome = outcome;
}

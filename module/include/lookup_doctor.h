/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The threads that wait in d_alloc_parallel(), for what, because of which owner, and
 * whether that can end.  ../README.md describes the report and the ways to ask for it.
 */
#ifndef LOOKUP_DOCTOR_H
#define LOOKUP_DOCTOR_H

#include <linux/module.h>

/*
 * Examine the machine and hand the report to @line, line by line, without
 * newlines.  @line may sleep if the caller may.  Returns the number of waiters
 * whose wait cannot end, or -EBUSY if an examination is under way.
 */
int lookup_doctor_examine(void (*line)(void *arg, const char *text), void *arg);

/*
 * The same for callers that can do without: does nothing, and returns 0, where
 * the module lookup_doctor is not loaded.
 */
static inline int lookup_doctor_call(void (*line)(void *arg, const char *text),
				     void *arg)
{
	int (*examine)(void (*line)(void *arg, const char *text), void *arg);
	int hopeless = 0;

	examine = symbol_get(lookup_doctor_examine);
	if (examine) {
		hopeless = examine(line, arg);
		symbol_put(lookup_doctor_examine);
	}
	return hopeless;
}

#endif

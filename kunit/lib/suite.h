/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How a table of cases becomes a suite.
 */
#ifndef SUITE_H
#define SUITE_H

#include <linux/module.h>
#include <linux/printk.h>

#include "kunit_compat.h"

/*
 * Makes a suite of the table @cases, at the end of the file that has them; @about is for
 * modinfo.  A run that hangs has named its case.  If @lacks, which may look at test->name,
 * says what the kernel has not got, the case is skipped.
 *
 * MODULE_IMPORT_NS() has taken a name, and takes a string; MODULE_INFO() is what it
 * makes of both.
 */
#define SUITE_IF(suite, cases, about, lacks)				\
static int suite##_init(struct kunit *test)				\
{									\
	const char *why = (lacks);					\
									\
	pr_info("# running: " #suite ".%s\n", test->name);		\
	if (why)							\
		kunit_skip(test, "%s", why);				\
	return 0;							\
}									\
									\
static struct kunit_suite suite##_suite = {				\
	.name = #suite,							\
	.init = suite##_init,						\
	.test_cases = cases,						\
};									\
									\
kunit_test_suite(suite##_suite);					\
									\
MODULE_DESCRIPTION("KUnit tests of " about);				\
MODULE_LICENSE("GPL");							\
MODULE_INFO(import_ns, "EXPORTED_FOR_KUNIT_TESTING")

/* The same, with cases that every kernel can run. */
#define SUITE(suite, cases, about)					\
	SUITE_IF(suite, cases, about, NULL)

#endif

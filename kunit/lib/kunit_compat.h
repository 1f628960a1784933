/* SPDX-License-Identifier: GPL-2.0 */
/*
 * <kunit/test.h>, and what older kernels lack of it, made of what they have.  Macros are
 * told apart here; for the functions dcache_probe.mk looks into the header.
 */
#ifndef KUNIT_COMPAT_H
#define KUNIT_COMPAT_H

#include <kunit/resource.h>
#include <kunit/test.h>
#include <linux/slab.h>
#include <linux/string.h>

/* Since 6.6. */
#ifndef KUNIT_FAIL_AND_ABORT
#define KUNIT_FAIL_AND_ABORT(test, fmt, ...)				\
	KUNIT_FAIL_ASSERTION(test, KUNIT_ASSERTION, fmt, ##__VA_ARGS__)
#endif

/* Before 6.7 KUnit does not ask how long a case takes. */
#ifndef KUNIT_CASE_SLOW
#define KUNIT_CASE_SLOW(test_name)	KUNIT_CASE(test_name)
#endif

/*
 * kunit_info(), for what may be long.  Before 6.7 the log of a case is an array of
 * KUNIT_LOG_SIZE bytes, and the line with its result goes to the end of that: once it is
 * full the case has no result.  A text that would leave less room than such a line needs
 * goes to the console only.
 */
#define KUNIT_RESULT_ROOM	160

static inline bool kunit_has_room(struct kunit *test, size_t length)
{
#ifdef KUNIT_LOG_SIZE
	return strlen(test->log) + length + KUNIT_RESULT_ROOM < KUNIT_LOG_SIZE;
#else
	return true;
#endif
}

static inline void kunit_info_if_room(struct kunit *test, const char *who,
				      const char *text)
{
	/* the name of the case is a part of the line */
	if (kunit_has_room(test, strlen(test->name) + strlen(who) + strlen(text)))
		kunit_info(test, "%s: %s\n", who, text);
	else
		pr_info("%s: %s\n", who, text);
}

/*
 * Actions, which are deferred until the case is over or the action is released: a
 * resource each, and resources are freed last in, first out.
 */
#ifndef COMPAT_HAVE_KUNIT_ACTIONS

struct kunit_compat_action {
	void (*action)(void *context);
	void *context;
};

/* Off the list by now.  Owns the memory that it was given. */
static inline void kunit_compat_run_action(struct kunit_resource *res)
{
	struct kunit_compat_action *deferred = res->data;

	deferred->action(deferred->context);
	kfree(deferred);
}

static inline bool kunit_compat_is_action(struct kunit *test,
					  struct kunit_resource *res,
					  void *wanted)
{
	struct kunit_compat_action *deferred = res->data, *other = wanted;

	return res->free == kunit_compat_run_action &&
	       deferred->action == other->action &&
	       deferred->context == other->context;
}

/* As in newer kernels: without memory the action is taken at once. */
static inline int kunit_add_action_or_reset(struct kunit *test,
					    void (*action)(void *context),
					    void *context)
{
	struct kunit_compat_action *deferred;

	deferred = kmalloc(sizeof(*deferred), GFP_KERNEL);
	if (deferred) {
		deferred->action = action;
		deferred->context = context;
		if (kunit_alloc_resource(test, NULL, kunit_compat_run_action,
					 GFP_KERNEL, deferred))
			return 0;
		kfree(deferred);
	}
	action(context);
	return -ENOMEM;
}

/* Take the action now, and not again. */
static inline void kunit_release_action(struct kunit *test,
					void (*action)(void *context),
					void *context)
{
	struct kunit_compat_action wanted = { action, context };

	kunit_destroy_resource(test, kunit_compat_is_action, &wanted);
}

#endif /* COMPAT_HAVE_KUNIT_ACTIONS */

#endif /* KUNIT_COMPAT_H */

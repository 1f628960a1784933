// SPDX-License-Identifier: GPL-2.0
/*
 * The beginning and the end of a playground, and of all that a case has left in it.
 */
#include <linux/module.h>
#include <linux/slab.h>

#include "dcache_playground.h"
#include "lookup_doctor.h"

/* Enough for all the waiters of a case to become owners one after another. */
#define RESCUE_MS		5000

unsigned int dcache_bound_ms = 2000;
EXPORT_SYMBOL_GPL(dcache_bound_ms);
module_param_named(bound_ms, dcache_bound_ms, uint, 0444);
MODULE_PARM_DESC(bound_ms, "how long to wait for what has to happen, in milliseconds (default 2000)");

/* One case runs at a time. */
static struct module *suite_of_case;
static bool is_left;

const char *case_begins(struct module *suite, const char *lacks)
{
	suite_of_case = suite;
	is_left = false;
	return lacks;
}
EXPORT_SYMBOL_GPL(case_begins);

void leave_behind(void)
{
	is_left = true;
	__module_get(suite_of_case);
	__module_get(THIS_MODULE);
}
EXPORT_SYMBOL_GPL(leave_behind);

bool somebody_is_left(void)
{
	return is_left;
}
EXPORT_SYMBOL_GPL(somebody_is_left);

void need_faults(struct kunit *test)
{
	void *memory;
	bool failed;

	if (!IS_ENABLED(CONFIG_FAILSLAB))
		kunit_skip(test, "needs CONFIG_FAILSLAB");
	fail_allocation(1);
	memory = kmalloc(sizeof(long), GFP_KERNEL);
	failed = allocation_has_failed();
	kfree(memory);
	if (!failed)
		kunit_skip(test, "failslab/ignore-gfp-wait is Y: what may sleep does not fail");
}
EXPORT_SYMBOL_GPL(need_faults);

/* For lookup_doctor_call(): what it says, into the log of the case. */
void doctor_to_log(void *test, const char *text)
{
	kunit_info_if_room(test, "doctor", text);
}
EXPORT_SYMBOL_GPL(doctor_to_log);

static void playground_close(void *data)
{
	struct playground *pg = data;
	struct lookup *lookup;
	struct asker *asker;

	playground_refuse(false);
	playground_let_walk();
	list_for_each_entry(asker, &pg->askers, list)
		complete_all(&asker->finish);
	list_for_each_entry(lookup, &pg->lookups, list) {
		/* a lent queue may hold what a failed case is about */
		init_waitqueue_head(&lookup->wq);
		d_lookup_done(lookup->dentry);
	}

	/* threads that are awake need no help */
	if (!poll_within(100, askers_have_left(pg))) {
		lookup_doctor_call(doctor_to_log, pg->test);
		poll_within(RESCUE_MS, askers_rescue(pg));
	}

	if (!askers_collect(pg))
		leave_behind();
	if (somebody_is_left())
		return;
	kept_free(pg);
	lookups_free(pg);
	playground_forget_walk();
	askers_free(pg);
	playground_unmount(pg);
	kfree(pg);
}

void playground_unmount(struct playground *pg)
{
	if (pg->mnt)
		kern_unmount(pg->mnt);
	pg->mnt = NULL;
}
EXPORT_SYMBOL_GPL(playground_unmount);

struct playground *playground_open(struct kunit *test,
				   enum playground_kind kind)
{
	struct playground *pg = kzalloc(sizeof(*pg), GFP_KERNEL);
	struct vfsmount *mnt;
	int err;

	KUNIT_ASSERT_NOT_NULL(test, pg);
	pg->test = test;
	INIT_LIST_HEAD(&pg->lookups);
	INIT_LIST_HEAD(&pg->askers);
	INIT_LIST_HEAD(&pg->kept);

	mnt = playground_mount(kind);
	if (!IS_ERR(mnt)) {
		pg->mnt = mnt;
		pg->root = mnt->mnt_root;
	}
	err = kunit_add_action_or_reset(test, playground_close, pg);
	KUNIT_ASSERT_EQ(test, err, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, mnt);

	/* the root of a pseudo filesystem is made before it has operations */
	if (kind != PLAIN)
		pg->root = playground_child(pg, pg->root, "inside", S_IFDIR);
	return pg;
}
EXPORT_SYMBOL_GPL(playground_open);

MODULE_DESCRIPTION("What the KUnit tests of in-lookup dentries have in common");
MODULE_LICENSE("GPL");
MODULE_INFO(import_ns, "EXPORTED_FOR_KUNIT_TESTING");

// SPDX-License-Identifier: GPL-2.0
/*
 * The verdicts of lookup_doctor on lookups that go on, that are lost, and that
 * cannot end.  The end of a case sets all of them right.
 */
#include <linux/string.h>

#include "dcache_playground.h"
#include "lookup_doctor.h"

/* The report on one dentry: from its name to its verdict. */
struct reading {
	const char *name;		/* in quotes */
	bool here;
	bool asked;			/* there is a doctor */
	char verdict[128];
};

static void read_line(void *arg, const char *text)
{
	struct reading *reading = arg;

	reading->asked = true;
	if (strstarts(text, "dentry "))
		reading->here = strstr(text, reading->name);
	else if (reading->here && strstarts(text, "  verdict: "))
		strscpy(reading->verdict, text + strlen("  verdict: "),
			sizeof(reading->verdict));
}

/* The verdict on the dentry whose name, in quotes, is @reading's begins so. */
static bool doctor_says(struct kunit *test, struct reading *reading,
			const char *verdict)
{
	reading->here = false;
	reading->verdict[0] = '\0';
	/* busy with somebody else: ask again */
	if (lookup_doctor_call(read_line, reading) == -EBUSY)
		return false;
	if (!reading->asked)
		kunit_skip(test, "lookup_doctor.ko is not loaded");
	return strstarts(reading->verdict, verdict);
}

/* It comes to that within the bound, or the log has what was said instead. */
static void expect_verdict(struct kunit *test, const char *name,
			   const char *verdict)
{
	struct reading reading = { .name = name };

	if (poll_until(doctor_says(test, &reading, verdict)))
		return;
	KUNIT_FAIL(test, "of %s the doctor says \"%s\", and not %s", name,
		   reading.verdict, verdict);
	lookup_doctor_call(doctor_to_log, test);
}

static void doctor_knows_a_slow_owner(struct kunit *test)
{
	struct playground *pg = playground_open(test, PLAIN);
	struct asker *owner = asker_new(pg, pg->root,
					playground_name(pg->root, "slow"));
	struct crowd crowd;

	/* has it on its stack and sleeps, as an owner does in ->lookup() */
	asker_create(pg, owner, ANY_CPU);
	asker_run(owner);
	KUNIT_ASSERT_SOON(test, completion_done(&owner->answered));
	KUNIT_ASSERT_TRUE(test, owner->owner);
	crowd_start(pg, &crowd, pg->root, "slow", FEW, ANY_CPU);
	crowd_park_on(pg, &crowd, owner->got);
	expect_verdict(test, "\"slow\"", "slow owner");
}

static void doctor_knows_a_lost_wake_up(struct kunit *test)
{
	struct playground *pg = playground_open(test, PLAIN);
	struct lookup *a = lookup_begin(pg, pg->root, "lost");
	struct compat_hidden hidden;
	struct crowd crowd;

	if (COMPAT_WAITS_ON_LENT_QUEUE)
		kunit_skip(test, "an ended lookup leaves no trace of the lent queue");
	if (!COMPAT_CAN_LOSE_WAITERS)
		kunit_skip(test, "this kernel cannot be made to lose a waiter");
	crowd_start(pg, &crowd, pg->root, "lost", FEW, ANY_CPU);
	crowd_park_on(pg, &crowd, a->dentry);
	compat_hide_waiters(a->dentry, &hidden);
	if (COMPAT_DCACHE_WAITER)
		expect_verdict(test, "\"lost\"", "ERASED BIT");
	d_add(a->dentry, NULL);
	compat_unhide_waiters(a->dentry, &hidden);
	expect_verdict(test, "\"lost\"", "LOST WAKE-UP");

	lookup_wake(a);
	crowd_expect_dentry(pg, &crowd, a->dentry);
}

static void doctor_knows_an_abandoned_lookup(struct kunit *test)
{
	struct playground *pg = playground_open(test, PLAIN);
	struct crowd crowd;

	/* only the playground has it, which is not on any stack */
	lookup_begin(pg, pg->root, "abandoned");
	crowd_start(pg, &crowd, pg->root, "abandoned", FEW, ANY_CPU);
	KUNIT_ASSERT_SOON(test, crowd_is_parked(&crowd));
	expect_verdict(test, "\"abandoned\"", "ABANDONED");
}

static void doctor_knows_a_cycle(struct kunit *test)
{
	struct playground *pg = playground_open(test, PLAIN);
	struct lookup *a = lookup_begin(pg, pg->root, "cycle-a");
	struct lookup *b = lookup_begin(pg, pg->root, "cycle-b");
	/* the owner of each looks for the other one as its exact name */
	struct asker *one = adder_create(pg, a, "cycle-b");
	struct asker *other = adder_create(pg, b, "cycle-a");

	asker_run(one);
	asker_run(other);
	KUNIT_ASSERT_SOON(test, asker_is_parked(one) && asker_is_parked(other));
	expect_verdict(test, "\"cycle-a\"", "CYCLE");
	expect_verdict(test, "\"cycle-b\"", "CYCLE");
}

static struct kunit_case in_lookup_doctor_cases[] = {
	KUNIT_CASE(doctor_knows_a_slow_owner),
	KUNIT_CASE(doctor_knows_a_lost_wake_up),
	KUNIT_CASE(doctor_knows_an_abandoned_lookup),
	KUNIT_CASE(doctor_knows_a_cycle),
	{}
};

IN_LOOKUP_SUITE(in_lookup_doctor, in_lookup_doctor_cases, "what lookup_doctor says");

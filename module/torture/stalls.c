// SPDX-License-Identifier: GPL-2.0
/*
 * Readers that do not come back from d_alloc_parallel().  That is an error, and the
 * reader is woken then: if it has only missed its wake-up, it goes on, so that the
 * module can be removed even from a kernel that loses waiters.
 */
#include <linux/jiffies.h>
#include <linux/module.h>

#include "dcache_compat.h"
#include "lookup_doctor.h"
#include "torture.h"

#define LT_TRIES	3		/* to wake a reader that is stuck */
#define LT_RUNS_LONGER	10		/* times stall_ms, if it is not asleep */
#define LT_RETRY	HZ		/* jiffies between them */
#define LT_OPINIONS	3		/* of lookup_doctor, a second apart */

unsigned int lt_stalls, lt_rescued;

static bool lt_pinned;

static void lt_print_stack(struct task_struct *task)
{
#ifdef CONFIG_STACKTRACE
	unsigned long entries[32];
	unsigned int n;

	n = compat_stack_trace(task, entries, ARRAY_SIZE(entries));
	stack_trace_print(entries, n, 1);
#endif
}

static void lt_doctor_line(void *unused, const char *text)
{
	pr_info("lookup_torture: doctor: %s\n", text);
}

static void lt_doctor_silent(void *unused, const char *text)
{
}

/*
 * While all come back, lookup_doctor must not think otherwise; and it may be first to see
 * one that will not.  A wait that cannot end is there a second later, too; a wait that it
 * mistook for one while things moved is over by then.
 */
void lt_ask_doctor(void)
{
	int hopeless, times;

	for (times = 0; times < LT_OPINIONS; times++) {
		if (times)
			schedule_timeout_idle(HZ);
		hopeless = lookup_doctor_call(lt_doctor_silent, NULL);
		if (hopeless <= 0)
			return;
	}
	lt_error("lookup_doctor: %d waiters will never be woken", hopeless);
	lookup_doctor_call(lt_doctor_line, NULL);
}

/*
 * While a reader cannot be got out, neither its stack nor the code that it would
 * return to may go away.
 */
static void lt_pin(bool pin)
{
	if (pin == lt_pinned)
		return;
	lt_pinned = pin;
	if (pin) {
		__module_get(THIS_MODULE);
		lt_error("a reader cannot be stopped, so the module has to stay");
	} else {
		module_put(THIS_MODULE);
	}
}

/*
 * Is a reader inside for too long?  Then say so and wake it, which is allowed
 * at any time, and is enough if all it lacks is its wake-up.  Returns whether
 * that has not helped either.
 *
 * One that runs, or would if it had a CPU, has not lost a wake-up, and may have to
 * wait for its turn; but it might also go round in circles.
 */
static bool lt_check_stall(struct lt_reader *r)
{
	unsigned long limit = msecs_to_jiffies(lt_stall_ms);
	unsigned long since = READ_ONCE(r->since);

	if (r->tries && since != r->reported) {
		r->tries = 0;
		lt_rescued++;
		pr_alert("lookup_torture: !!! reader %u went on after all\n",
			 r->nr);
	}
	if (READ_ONCE(r->task->__state) == TASK_RUNNING)
		limit *= LT_RUNS_LONGER;
	if (!since || time_before(jiffies, since + limit))
		return false;
	if (!r->tries) {
		lt_stalls++;
		r->reported = since;
		lt_error("reader %u (pid %d) sits in d_alloc_parallel() for %u ms",
			 r->nr, task_pid_nr(r->task),
			 jiffies_to_msecs(jiffies - since));
		lt_print_stack(r->task);
		lookup_doctor_call(lt_doctor_line, NULL);
	}
	if (r->tries <= LT_TRIES && !time_before(jiffies, since + limit +
						 r->tries * LT_RETRY)) {
		r->tries++;
		wake_up_process(r->task);
	}
	return r->tries > LT_TRIES;
}

void lt_check_stalls(void)
{
	bool stuck = false;
	unsigned int i;

	for (i = 0; i < lt_nreaders; i++)
		stuck |= lt_check_stall(&lt_readers[i]);
	lt_pin(stuck);
}

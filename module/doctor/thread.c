// SPDX-License-Identifier: GPL-2.0
/*
 * Looks at a thread that is not ours: whether it sleeps, and what is on its stack.
 * Nothing that is read need be there.
 */
#include <linux/kallsyms.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/sched/task_stack.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "dcache_compat.h"
#include "report.h"

#ifdef CONFIG_UML
/*
 * To user-mode Linux a fault in the vmalloc area is a mapping that it has yet to tell the
 * host of: it does that, and tries again, for ever if there is none, also where a read may
 * fail (segv() in arch/um/kernel/trap.c).  So it must not come to that.
 */
static bool ld_may_read(const void *from, size_t size)
{
	unsigned long at = ALIGN_DOWN((unsigned long)from, PAGE_SIZE);

	for (; at < (unsigned long)from + size; at += PAGE_SIZE)
		if (is_vmalloc_addr((void *)at) && !vmalloc_to_page((void *)at))
			return false;
	return true;
}
#else
static bool ld_may_read(const void *from, size_t size)
{
	return true;
}
#endif

bool ld_read(void *to, const void *from, size_t size)
{
	return ld_may_read(from, size) && !copy_from_kernel_nofault(to, from, size);
}

/* A string of at most LD_NAME - 1 bytes. */
void ld_read_name(char *to, const char *from)
{
	unsigned int i;

	for (i = 0; i < LD_NAME - 1; i++)
		if (!ld_read(&to[i], from + i, 1) || !to[i])
			break;
	to[i] = '\0';
}

/* Stacks */

/*
 * Where the live part of a stack begins: for a thread that does not run where it
 * was left, for ourselves the frame of lookup_doctor_examine().  Below is what
 * earlier calls have left behind, or what we do here, neither of which must be
 * taken for what the thread has in hand.
 */
unsigned long ld_stack_from(struct task_struct *task)
{
	if (task == current)
		return ld_report->own_frame;
#ifdef CONFIG_X86
	return READ_ONCE(task->thread.sp);
#elif defined(CONFIG_ARM64)
	return READ_ONCE(task->thread.cpu_context.sp);
#elif defined(CONFIG_S390)
	return READ_ONCE(task->thread.ksp);
#else
	return (unsigned long)READ_ONCE(task->stack);
#endif
}

/* Address of the first word in @task's stack that is @word; go on behind @from. */
unsigned long ld_find_on_stack(struct task_struct *task,
			       unsigned long word, unsigned long from)
{
	unsigned long stack = (unsigned long)READ_ONCE(task->stack);
	unsigned long value;

	if (!stack)
		return 0;
	from = from ? from + sizeof(long) : ld_stack_from(task);
	if (from < stack)
		return 0;
	from = ALIGN(from, sizeof(long));
	for (; from + sizeof(long) <= stack + THREAD_SIZE; from += sizeof(long))
		if (ld_read(&value, (void *)from, sizeof(value)) &&
		    value == word)
			return from;
	return 0;
}

unsigned int ld_trace(struct task_struct *task, unsigned long *pc)
{
	return compat_stack_trace(task, pc, LD_FRAMES);
}

/* Compilers append .suffixes to the name of a function. */
bool ld_is_in(struct task_struct *task, const char *function)
{
	size_t len = strlen(function);
	unsigned long pc[LD_FRAMES];
	unsigned int i, nr = ld_trace(task, pc);
	char symbol[64];

	for (i = 0; i < nr; i++) {
		snprintf(symbol, sizeof(symbol), "%ps", (void *)pc[i]);
		if (!strncmp(symbol, function, len) &&
		    (!symbol[len] || symbol[len] == '.'))
			return true;
	}
	return false;
}

/* Sleep */

bool ld_runs_elsewhere(struct task_struct *task)
{
#ifdef CONFIG_SMP
	return task != current && READ_ONCE(task->on_cpu);
#else
	return false;
#endif
}

/* How often a thread has been switched away from. */
unsigned long ld_switches(struct task_struct *task)
{
	return READ_ONCE(task->nvcsw) + READ_ONCE(task->nivcsw);
}

/* A thread that sets its state has not gone to sleep before it is off its CPU. */
bool ld_is_asleep(struct task_struct *task)
{
	return READ_ONCE(task->__state) & TASK_UNINTERRUPTIBLE &&
	       !ld_runs_elsewhere(task);
}

/* Has @w been awake since it was collected? */
bool ld_has_moved(const struct ld_waiter *w)
{
	smp_rmb(); /* after all that has been read because of it */
	return !ld_is_asleep(w->task) || ld_switches(w->task) != w->switches;
}

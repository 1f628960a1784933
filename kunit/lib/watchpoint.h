/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Hardware watchpoints on words of the kernel, on all CPUs.  The handler runs on the CPU
 * that gets at the word, with interrupts off: behind a write before the next instruction,
 * or, where WATCHPOINT_SEES_OLD, before the access itself.
 */
#ifndef WATCHPOINT_H
#define WATCHPOINT_H

#include <linux/hw_breakpoint.h>
#include <linux/kprobes.h>
#include <linux/perf_event.h>
#include <linux/ptrace.h>

#if defined(CONFIG_HAVE_HW_BREAKPOINT) && defined(CONFIG_SMP)
#if defined(CONFIG_X86) || (defined(CONFIG_ARM64) && defined(CONFIG_KPROBES))
#define CAN_WATCH_WORDS
#endif
#endif

#define WATCHPOINT_SEES_OLD	IS_ENABLED(CONFIG_ARM64)

#ifdef CAN_WATCH_WORDS

struct watchpoint {
	struct perf_event * __percpu *events;
	void (*handler)(struct pt_regs *regs);
#ifdef CONFIG_ARM64
	unsigned long address;
	struct kprobe kp;
#endif
};

#ifdef CONFIG_ARM64

/*
 * The kernel steps over the instruction of a trap only for events that have the handler
 * of the kernel; with another one the trap would come again for ever.  So the watchpoints
 * have that, and this is what is called when it is: before it looks for a buffer to put
 * a sample into, of which there is none.
 */
static int watchpoint_hit(struct kprobe *kp, struct pt_regs *regs)
{
	struct watchpoint *watchpoint = container_of(kp, struct watchpoint, kp);
	struct perf_event *event = (void *)regs_get_kernel_argument(regs, 0);

	if (event->attr.type == PERF_TYPE_BREAKPOINT &&
	    event->attr.bp_addr == watchpoint->address)
		watchpoint->handler((void *)regs_get_kernel_argument(regs, 2));
	return 0;
}

static inline int watchpoint_attach(struct watchpoint *watchpoint,
				    struct perf_event_attr *attr)
{
	int err;

	watchpoint->address = attr->bp_addr;
	watchpoint->kp = (struct kprobe) {
		.symbol_name = "perf_event_output_forward",
		.pre_handler = watchpoint_hit,
	};
	err = register_kprobe(&watchpoint->kp);
	if (err)
		return err;
	watchpoint->events = register_wide_hw_breakpoint(attr, NULL, NULL);
	err = PTR_ERR_OR_ZERO((void __force *)watchpoint->events);
	if (err)
		unregister_kprobe(&watchpoint->kp);
	return err;
}

static inline void watchpoint_remove(struct watchpoint *watchpoint)
{
	unregister_wide_hw_breakpoint(watchpoint->events);
	unregister_kprobe(&watchpoint->kp);
}

#else

static void watchpoint_hit(struct perf_event *event,
			   struct perf_sample_data *data, struct pt_regs *regs)
{
	struct watchpoint *watchpoint = event->overflow_handler_context;

	watchpoint->handler(regs);
}

static inline int watchpoint_attach(struct watchpoint *watchpoint,
				    struct perf_event_attr *attr)
{
	watchpoint->events = register_wide_hw_breakpoint(attr, watchpoint_hit,
							 watchpoint);
	return PTR_ERR_OR_ZERO((void __force *)watchpoint->events);
}

static inline void watchpoint_remove(struct watchpoint *watchpoint)
{
	unregister_wide_hw_breakpoint(watchpoint->events);
}

#endif

/* @type is HW_BREAKPOINT_W or HW_BREAKPOINT_RW.  Returns 0 or why there is none. */
static inline int watchpoint_put(struct watchpoint *watchpoint, void *address,
				 unsigned int size, unsigned int type,
				 void (*handler)(struct pt_regs *regs))
{
	struct perf_event_attr attr;

	watchpoint->handler = handler;
	hw_breakpoint_init(&attr);
	attr.bp_addr = (unsigned long)address;
	attr.bp_len = size;
	attr.bp_type = type;
	return watchpoint_attach(watchpoint, &attr);
}

#endif

#endif

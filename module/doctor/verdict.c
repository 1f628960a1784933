// SPDX-License-Identifier: GPL-2.0
/*
 * The verdict on each dentry that is waited for, and the words of the report.
 */
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include "dcache_compat.h"
#include "report.h"

static __printf(2, 3) void ld_say(struct ld_report *r, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	r->len += vscnprintf(r->text + r->len, sizeof(r->text) - r->len, fmt,
			     args);
	va_end(args);
}

static void ld_say_task(struct ld_report *r, const char *what,
			struct task_struct *task)
{
	unsigned long pc[LD_FRAMES];
	unsigned int i, nr;

	ld_say(r, "  %s: %s/%d, state %c\n", what, task->comm,
	       task_pid_nr(task), task_state_to_char(task));
	nr = ld_trace(task, pc);
	if (nr && nr == r->nr_frames &&
	    !memcmp(pc, r->frames, nr * sizeof(*pc))) {
		ld_say(r, "      the same stack\n");
		return;
	}
	for (i = 0; i < nr; i++)
		ld_say(r, "      %pS\n", (void *)pc[i]);
	memcpy(r->frames, pc, nr * sizeof(*pc));
	r->nr_frames = nr;
}

enum ld_cycle { LD_NO_CYCLE, LD_MAYBE_A_CYCLE, LD_CYCLE };

/*
 * Does the chain of owners that wait come back to @d?  An owner waits for one dentry
 * only, so it is a walk.  But a thread that has a dentry on its stack may own it no
 * longer: there is no doubt where all such threads wait.
 */
static enum ld_cycle ld_find_cycle(struct ld_report *r, struct ld_dentry *d)
{
	enum ld_cycle found = LD_CYCLE;
	struct ld_dentry *at = d;
	struct ld_waiter *w, *next;
	unsigned int i, steps;

	for (steps = 0; steps < LD_MAX; steps++) {
		for (i = 0, w = NULL; i < at->owners; i++) {
			next = ld_waiter(r, at->owner[i]);
			if (!next)
				found = LD_MAYBE_A_CYCLE;
			else if (!w)
				w = next;
		}
		if (!w || !w->dentry)
			return LD_NO_CYCLE;
		if (w->dentry == d->dentry)
			return found;
		at = ld_known(r, w->dentry);
		if (!at)
			return LD_NO_CYCLE;
	}
	return LD_NO_CYCLE;
}

static const char *ld_verdict(struct ld_report *r, struct ld_dentry *d,
			      bool *hopeless)
{
	enum ld_cycle cycle;

	*hopeless = d->waiters > 0;
	if (!d->readable)
		return "the dentry is gone: its memory cannot be read";
	if (!ld_in_lookup(d) && d->queued)
		return "LOST WAKE-UP: the lookup has ended, and a waiter was not woken";
	if (!ld_in_lookup(d) && d->on_chain)
		return "DIRTY CHAIN: not in lookup, but still on the in-lookup hash";
	if (!ld_in_lookup(d))
		return "LOST WAKE-UP: the lookup has ended, and its waiter sleeps on no queue";
	if (COMPAT_DCACHE_WAITER && d->queued &&
	    !(d->copy.d_flags & COMPAT_DCACHE_WAITER))
		return "ERASED BIT: nobody will be woken when the lookup ends";
	cycle = ld_find_cycle(r, d);
	if (cycle == LD_CYCLE)
		return "CYCLE: its owner waits, in the end, for this very lookup";
	if (d->owners) {
		*hopeless = false;
		return cycle == LD_MAYBE_A_CYCLE ?
			"slow owner, or a cycle: one who has it waits for this very lookup" :
			"slow owner: the lookup is under way";
	}
	if (r->running) {
		r->unsure = true;
		*hopeless = false;
		return "owner unknown: no sleeping thread holds it, but some threads are running";
	}
	return "ABANDONED: in lookup, and no thread holds it; was d_lookup_done() forgotten?";
}

static void ld_say_name(struct ld_report *r, const struct ld_dentry *d)
{
	struct dentry parent;
	char name[LD_NAME] = "?", dir[LD_NAME] = "?", type[LD_NAME] = "?";
	struct file_system_type *fs = NULL;
	const char *text = NULL;

	ld_read_name(name, d->copy.d_name.name);
	if (ld_read(&parent, d->copy.d_parent, sizeof(parent)))
		ld_read_name(dir, parent.d_name.name);
	if (ld_read(&fs, &d->copy.d_sb->s_type, sizeof(fs)) &&
	    ld_read(&text, &fs->name, sizeof(text)))
		ld_read_name(type, text);
	ld_say(r, "dentry %p \"%s\" in \"%s\" of %s\n", d->dentry, name, dir,
	       type);
}

static void ld_say_dentry(struct ld_report *r, struct ld_dentry *d)
{
	unsigned int i;
	bool hopeless;
	const char *verdict = ld_verdict(r, d, &hopeless);

	ld_say_name(r, d);
	ld_say(r, "  d_flags %#x: %sin lookup%s\n", d->copy.d_flags,
	       ld_in_lookup(d) ? "" : "not ", !COMPAT_DCACHE_WAITER ? "" :
	       d->copy.d_flags & COMPAT_DCACHE_WAITER ? ", waiter bit set" :
							", waiter bit clear");
	ld_say(r, "  %s, %son the in-lookup hash, %d references\n",
	       hlist_bl_unhashed(&d->copy.d_hash) ? "unhashed" : "hashed",
	       d->on_chain ? "" : r->chains_seen ? "not " : "maybe ",
	       d->copy.d_lockref.count);
	for (i = 0; i < r->nr_waiters; i++)
		if (r->waiters[i].dentry == d->dentry)
			ld_say_task(r, r->waiters[i].queued ? "waiter" :
				    "waiter, on no queue", r->waiters[i].task);
	for (i = 0; i < d->owners; i++)
		ld_say_task(r, ld_waiter(r, d->owner[i]) ?
			    "owner, which waits itself" : "owner, or user",
			    d->owner[i]);
	ld_say(r, "  verdict: %s\n", verdict);
	if (hopeless)
		r->hopeless += d->waiters;
}

/* The line of a waiter whose dentry could not be found out. */
static void ld_say_nameless(struct ld_report *r, const struct ld_waiter *w)
{
	const char *verdict = "unknown: no entry of a queue on its stack";

	if (w->queued && r->chains_seen) {
		verdict = "LOST WAKE-UP: on a queue that no dentry in lookup has";
		r->hopeless++;
	} else if (w->queued) {
		verdict = "unknown: on a queue of which the dentry cannot be told";
	}
	ld_say_task(r, "waiter", w->task);
	ld_say(r, "  verdict: %s\n", verdict);
}

void ld_say_all(struct ld_report *r)
{
	unsigned int i;

	ld_say(r, "%u threads wait in d_alloc_parallel(), %u dentries in question\n",
	       r->nr_waiters, r->nr_dentries);
	if (!r->chains_seen)
		ld_say(r, "no in_lookup_hashtable (needs KALLSYMS_ALL, KPROBES)\n");
	for (i = 0; i < r->nr_dentries; i++)
		ld_say_dentry(r, &r->dentries[i]);
	for (i = 0; i < r->nr_waiters; i++)
		if (!r->waiters[i].dentry)
			ld_say_nameless(r, &r->waiters[i]);
	if (r->left_out)
		ld_say(r, "%u more did not fit\n", r->left_out);
	if (r->moved)
		ld_say(r, "%u more have gone on while this was read\n", r->moved);
	ld_say(r, "%d of %u waiters will never be woken\n", r->hopeless,
	       r->nr_waiters);
}

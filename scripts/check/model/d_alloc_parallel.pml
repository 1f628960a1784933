/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The wait of d_alloc_parallel() for the end of somebody else's lookup, as
 * patches/6.12/ has it: threads hang on a list in the in-lookup dentry, under its
 * ->d_lock, and whoever ends the lookup takes all of them off and wakes them.
 *
 * Two other forms of the wait are here as well, to be had with -D:
 *
 * SHARED_QUEUE	the series without its last two patches: a queue that others use
 *		as well, and a waker that always looks at it
 * POSTED	what was posted to the list: the same queue, and a bit in d_flags
 *		that says whether to look at it.  It loses waiters, but with
 *		D_SET_D_OP_LOCKED it does not, see d_set_d_op().
 *
 * Spin tries every interleaving of the processes below.  What it takes to read
 * them: one statement is one atomic step, and so is what stands in d_step {};
 * in atomic {} too, unless it has to wait in the middle.  A bare expression,
 * and the guard after "::", waits until it is true.  if and do take one of the
 * branches that can go on, any of them; "else" can if no other one can.
 * inline is textual, like a macro, so that "me" and the variables below it are
 * those of the process that it ends up in.  An inline has the name of the kernel
 * function that it stands for, or else says that it is "not a function".
 *
 * In the model
 *
 * Two dentries are in lookup from the start, on one chain of the in-lookup hash,
 * and in the other two forms on one wait queue of bit_wait_table[].  Each has an
 * owner, who ends its lookup by d_add(), by d_lookup_done(), or by
 * d_splice_alias() that moves another dentry over it.  WAITERS more threads call
 * d_alloc_parallel() with the name of the first one, and the last of them with
 * that or the other name.  They wait, retry, and become owners themselves.  One
 * owner writes another bit of d_flags, and somebody wakes sleepers that have
 * nothing to wake up for.
 *
 * Not in the model
 *
 * - Memory ordering: all see all stores at once and in one order.  README.md says for
 *   each claim which of the tests in litmus/ has the order that it rests on.
 * - RCU: a dentry that was freed can still be looked at, and nothing is ever
 *   allocated in its place.  What may not be done to it any more is asserted.
 * - The walk of a chain of the primary hash, which is one step.  That spares us
 *   the read side of rename_lock and d_seq.
 * - The LRU lists.  A dentry may be on one from the first time that its count is
 *   0, and that its ->d_lru is free for it then is asserted.
 * - i_lock, i_rwsem, ->d_lock of parents, ->d_sib; inodes, memory pressure,
 *   d_drop(), rename(2), which excludes lookups in its directories; d_add_ci().
 * - Time, priorities, preemption, signals (the sleep is uninterruptible), and
 *   counters that overflow.
 *
 * The claims are in claims.pml; README.md says how they are checked.
 */

/* The size of the model, to be changed with -D. */
#ifndef WAITERS
#define WAITERS		2	/* 1 to 3 threads that call d_alloc_parallel() */
#endif
#ifndef SPURIOUS
#define SPURIOUS	1	/* sleepers woken for nothing */
#endif
#ifndef ALL_WANT_ONE_NAME
#define ALL_WANT_ONE_NAME 0	/* 1: the last of them does not want another one */
#endif
#ifdef POSTED
#define SHARED_QUEUE
#endif

/*
 * Thread t owns dentry t: owners 0 and 1 are in the middle of their lookup when
 * we start, and dentry t of a waiter is "new" in its call of d_alloc_parallel().
 * No thread calls that twice, so there is no other dentry.
 */
#define OWNERS		2
#define THREADS		(OWNERS + WAITERS)
#define NONE		THREADS		/* no dentry */

/*
 * Two directories and three names.  A and B have the same hash value, and C has
 * another one, but all are on the same chain of the in-lookup hash, whatever the
 * directory.  Dentry 0 is A in P.  Dentry 1 differs from it in one of the three.
 */
#define P		0
#define Q		1
#define A		0
#define B		1
#define C		2
#define hash_of(name)	((name) == C)
#if defined(OTHER_PARENT)
#define OTHER_IN	Q
#define OTHER_NAME	A
#elif defined(OTHER_HASH)
#define OTHER_IN	P
#define OTHER_NAME	C
#else
#define OTHER_IN	P
#define OTHER_NAME	B
#endif

#include "claims.pml"
#include "state.pml"
#include "queue.pml"
#include "end.pml"
#include "wait.pml"
#include "waiter.pml"

/* ---- the others ----------------------------------------------------------- */

/*
 * It has no lock in 6.12 and in the series: who calls it from ->lookup() is the only
 * one who changes DCACHE_PAR_LOOKUP, so that the bit cannot come back by this store.
 * Other bits may be lost, as before the series; nothing is claimed about them.
 * POSTED keeps one of them there that waiters set.
 */
inline d_set_d_op(d)
{
#ifdef D_SET_D_OP_LOCKED
	/* One hold of ->d_lock, so one step. */
	d_step {
		D[d].d_lock == FREE ->
		D[d].d_flags = D[d].d_flags | DCACHE_OP
	}
#else
	flags = D[d].d_flags;
	d_step {
		reach(D_SET_D_OP_WITH_A_SLEEPER, somebody_waits(d));
		D[d].d_flags = flags | DCACHE_OP;
		flags = 0
	}
#endif
}

/* A thread that has been through d_alloc_parallel() and is in ->lookup(). */
proctype owner(byte me)
{
	byte alias = NONE, wake = NONE, entry, after, flags;
	bool in_dir_seq;

	if
	:: me == 0 -> d_set_d_op(me)
	:: else
	fi;
	end_lookup(me);
	end_thread()
}

#ifdef FLAG_WRITER_UNLOCKED
/*
 * Whoever else changes d_flags of a dentry that it found on the list of children,
 * for instance __fsnotify_update_child_dentry_flags(), which does take ->d_lock.
 */
proctype flag_writer()
{
	byte flags;

	flags = D[0].d_flags;
	D[0].d_flags = flags | DCACHE_OTHER
}
#endif

/*
 * A wake-up that was meant for something else that the task did before.  It
 * takes nothing off the queue.
 */
proctype spurious_waker()
{
	byte n;

end:	do	/* it need not come */
	:: d_step { n < SPURIOUS && T[2].asleep -> T[2].asleep = false; n++ }
#if WAITERS > 1
	:: d_step { n < SPURIOUS && T[3].asleep -> T[3].asleep = false; n++ }
#endif
#if WAITERS > 2
	:: d_step { n < SPURIOUS && T[4].asleep -> T[4].asleep = false; n++ }
#endif
	od
}

init {
	atomic {
#ifdef WAIVE
		WAIVE = 1;
#endif
		for (i : 0 .. OWNERS - 1) {
			D[i].d_flags = DCACHE_PAR_LOOKUP;
			D[i].d_count = 1;
			D[i].in_lookup_hash = true
		}
		D[0].d_name = A;
		D[0].d_parent = P;
		D[1].d_name = OTHER_NAME;
		D[1].d_parent = OTHER_IN;
		for (i : OWNERS .. THREADS - 1) {
			D[i].d_name = NONE
		}
#ifndef SHARED_QUEUE
		for (i : 0 .. THREADS - 1) {
			L[i].next = i;
			L[i].prev = i
		}
		for (i : THREADS .. LIST_HEADS - 1) {
			L[i].next = POISON;
			L[i].prev = POISON
		}
#endif
		run owner(0);
		run owner(1);
		run waiter(2);
#if WAITERS > 1
		run waiter(3);
#endif
#if WAITERS > 2
		run waiter(4);
#endif
#ifdef FLAG_WRITER_UNLOCKED
		run flag_writer();
#endif
		run spurious_waker()
	}
}

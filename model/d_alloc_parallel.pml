/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The wait of d_alloc_parallel() for the end of somebody else's lookup, as
 * patches/6.12/ has it: threads sleep on the in-lookup dentry itself, under its
 * ->d_lock, and DCACHE_LOCK_WAITER says whether there is anybody to wake.
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
 * What is there
 *
 * Two dentries are in lookup from the start, on one chain of the in-lookup hash
 * and on one wait queue of bit_wait_table[]; each has an owner, who ends its
 * lookup by d_add(), by d_lookup_done(), or by d_splice_alias() that moves
 * another dentry over it.  WAITERS more threads call d_alloc_parallel() with the
 * name of the first one, and the last of them with that or the other name.  They
 * wait, retry, and become owners themselves.  Somebody writes another bit of
 * d_flags, and somebody wakes sleepers that have nothing to wake up for.
 *
 * What is not
 *
 * - Memory ordering: all see all stores at once and in one order.
 * - RCU: a dentry that was freed can still be looked at, and nothing is ever
 *   allocated in its place.  What may not be done to it any more is asserted.
 * - The walk of a chain of the primary hash, which is one step.  That spares us
 *   the read side of rename_lock and d_seq.
 * - i_lock, i_rwsem, ->d_lock of parents, ->d_sib; inodes, memory pressure,
 *   d_drop(), rename(2), which excludes lookups in its directories; d_add_ci().
 * - Time, priorities, preemption, signals (the sleep is uninterruptible), and
 *   counters that overflow.
 *
 * What is claimed is listed at claim() below; README.md says how it is checked.
 */

/* The size of the model, to be changed with -D. */
#ifndef WAITERS
#define WAITERS		2	/* 1 to 3 threads that call d_alloc_parallel() */
#endif
#ifndef SPURIOUS
#define SPURIOUS	1	/* sleepers woken for nothing */
#endif
#ifndef OTHER_WRITES
#define OTHER_WRITES	1	/* 0: nobody writes another bit of d_flags */
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

/*
 * The claims.  Their names are variables that stay 0, because a failing
 * assert() is reported with its text and that way tells which claim it was;
 * "hidden" keeps them out of the state.  What has no name here is
 *
 * - nobody sleeps, or waits for a lock, for ever: Spin's "invalid end state"
 * - everybody gets out of d_alloc_parallel(): Spin's "non-progress cycle"
 */
hidden byte
	use_after_free,		/* no lock is taken, and no waiter queued, on a freed dentry */
	two_dentries,		/* one dentry a name, in lookup or in the primary hash */
	bits_left,		/* both bits go when the lookup ends, and stay away */
	entry_left,		/* nobody leaves with an entry on the wait queue */
	wrong_dentry,		/* who returns a dentry has its lock, and it is the one asked for */
	flag_lost,		/* no other bit of d_flags is lost */
	wake_without_d_lock,	/* the wake-up comes in the hold of ->d_lock ... */
	wake_in_dir_seq,	/* ... but not in the write section of ->i_dir_seq */
	wait_too_short,		/* the wait is over only when the lookup is */
	d_lock_not_held,	/* ->d_lock is held where it has to be */
	chain_dirty,		/* what is on the in-lookup chain is alive and in lookup */
	count_wrong;		/* d_lockref.count: neither underflow nor leak */

#define claim(name, cond)	assert(name || (cond))

/*
 * Places that have to be reached, or the claims say less than they seem to:
 * with -DREACH=name the place counts as an error, and must be found.
 */
#define ALL_SLEEP_ON_ONE_DENTRY		2
#define D_ADD_WITH_A_SLEEPER		3
#define D_LOOKUP_DONE_WITH_A_SLEEPER	4
#define D_MOVE_WITH_A_SLEEPER		5
#define WOKEN_FOR_NOTHING		6
#define WAKE_MEETS_ANOTHER_KEY		7
#define WAKE_MEETS_A_TASK_THAT_RUNS	8
#define OVER_BEFORE_THE_WAIT		9
#define DEAD_DENTRY_ON_THE_WAY		10
#define RETRY_SEQ_ODD			11
#define RETRY_SEQ_CHANGED		12
#define RETRY_HASH			13
#define RETRY_PARENT			14
#define RETRY_UNHASHED			15
#define RETRY_NAME			16
#define RETRY_FINDS_THE_MOVED_ONE	17
#define A_WAITER_BECOMES_OWNER		18
#define WAITS_FOR_A_FORMER_WAITER	19
#define ALL_RETURN			20
#ifndef REACH
#define REACH		0
#endif
#define reach(name, cond)	assert(REACH != name || !(cond))

/* ---- state --------------------------------------------------------------- */

#define DCACHE_PAR_LOOKUP	1
#define DCACHE_LOCK_WAITER	2
#define DCACHE_OP		4	/* what d_set_d_op() sets */
#define DCACHE_OTHER		8	/* what somebody else sets */
#define BITS			(DCACHE_PAR_LOOKUP | DCACHE_LOCK_WAITER)

#define FREE			0	/* of a lock; else it has its holder's ... */
#define ME			(me + 1)

typedef struct_dentry {
	byte d_lock;
	byte d_flags;
	byte d_count;		/* d_lockref.count */
	byte d_name;
	bit d_parent;
	bool hashed;		/* in the primary hash: !d_unhashed() */
	bool in_lookup_hash;	/* on the chain of the in-lookup hash */
	bool dead		/* __lockref_is_dead(), and freed */
};

/* A task and its struct wait_bit_queue_entry, which is on its stack. */
typedef struct_task {
	bool asleep;		/* TASK_UNINTERRUPTIBLE, not TASK_RUNNING */
	bool queued;		/* the entry is on the wait queue ... */
	byte key		/* ... to wait for &d_flags of this dentry */
};

struct_dentry D[THREADS];
struct_task T[THREADS];
byte i_dir_seq[2];		/* of P and of Q */
byte chain_lock;		/* the bit lock of the in-lookup chain */
byte rename_lock;
byte was_set;			/* what should be in d_flags of dentry 0 by now */
byte returned;			/* threads that are through */
hidden byte i, sleepers;	/* used where nobody intervenes, and not kept */

/* True of dentry d: it is what a lookup of name in parent is after. */
#define is(d, name, parent)	(D[d].d_name == name && D[d].d_parent == parent)

#if WAITERS == 1
#define any_waiter(what)	(T[2].what)
#define ANY_HASHED		(D[0].hashed || D[1].hashed || D[2].hashed)
#elif WAITERS == 2
#define any_waiter(what)	(T[2].what || T[3].what)
#define ANY_HASHED		(D[0].hashed || D[1].hashed || D[2].hashed || D[3].hashed)
#else
#define any_waiter(what)	(T[2].what || T[3].what || T[4].what)
#define ANY_HASHED		(D[0].hashed || D[1].hashed || D[2].hashed || \
				 D[3].hashed || D[4].hashed)
#endif

/* ---- locks and references ------------------------------------------------ */

inline spin_lock(d)
{
	d_step {
		D[d].d_lock == FREE ->
		claim(use_after_free, !D[d].dead);
		D[d].d_lock = ME
	}
}

inline spin_unlock(d)
{
	d_step {
		claim(d_lock_not_held, D[d].d_lock == ME);
		D[d].d_lock = FREE
	}
}

/*
 * Without ->d_lock as long as others have references, as lockref does it.  The
 * last one takes it.  Then, and in one hold of it, so this is one step, what is
 * not hashed is killed.  What is hashed stays in the cache.
 */
inline dput(d)
{
	d_step {
		D[d].d_count > 1 || D[d].d_lock == FREE ->
		claim(count_wrong, D[d].d_count > 0 && !D[d].dead);
		D[d].d_count--;
		if
		:: D[d].d_count == 0 && !D[d].hashed ->
			claim(bits_left, !(D[d].d_flags & BITS));
			for (i : 0 .. THREADS - 1) {
				claim(use_after_free, !(T[i].queued && T[i].key == d))
			}
			D[d].dead = true
		:: else
		fi
	}
}

/* ---- the wait queue: kernel/sched/wait.c and wait_bit.c ------------------- */

/*
 * The operations on the queue are one step each, as the lock of the queue makes
 * them.  The order of the entries does not matter: nobody waits exclusively.
 */
inline prepare_to_wait_event(d)
{
	d_step {
		T[me].queued = true;
		T[me].key = d;
		T[me].asleep = true
	}
}

/*
 * The store to the task state comes before the lock of the queue is taken.  Who
 * wakes in between finds a running task and changes nothing, so that this too
 * can be one step.
 */
inline finish_wait()
{
	d_step {
		T[me].asleep = false;
#ifndef FINISH_WAIT_LEFT_OUT
		T[me].queued = false;
		T[me].key = 0
#endif
	}
}

inline schedule()
{
	!T[me].asleep
}

/*
 * __wake_up_bit(): the unlocked waitqueue_active(), then __wake_up().  For each
 * entry var_wake_function() compares the key, and autoremove_wake_function()
 * takes the entry off if there was a sleeper to wake.  If the task has been
 * running already its entry stays, and its finish_wait() sees to that.
 */
inline wake_up_var(d)
{
	if
	:: any_waiter(queued) ->
		d_step {
			for (i : OWNERS .. THREADS - 1) {
				reach(WAKE_MEETS_ANOTHER_KEY,
				      T[i].queued && T[i].key != d);
				reach(WAKE_MEETS_A_TASK_THAT_RUNS,
				      T[i].queued && T[i].key == d && !T[i].asleep);
				if
				:: T[i].queued && T[i].key == d && T[i].asleep ->
					T[i].asleep = false;
					T[i].queued = false;
					T[i].key = 0;
#ifdef WAITERS_ARE_EXCLUSIVE
					break
#endif
				:: else
				fi
			}
		}
	:: else
	fi
}

inline wake_up_var_locked(d)
{
	d_step {
		claim(wake_without_d_lock, D[d].d_lock == ME);
		claim(wake_in_dir_seq, !in_dir_seq)
	}
	wake_up_var(d)
}

/* ---- the end of a lookup: fs/dcache.c ------------------------------------- */

/*
 * These use variables of their process: "waiters", "in_dir_seq" (true between
 * start_dir_add() and end_dir_add(), where PREEMPT_RT has preemption disabled),
 * and "alias".
 */

inline start_dir_add(dir)
{
	d_step {
		!(i_dir_seq[dir] & 1) ->
		i_dir_seq[dir]++;
		in_dir_seq = true
	}
}

inline end_dir_add(dir, de)
{
#ifdef WAKE_INSIDE_DIR_SEQ
	if
	:: waiters -> wake_up_var_locked(de)
	:: else
	fi;
	waiters = false;
#endif
	d_step {
#ifndef DIR_SEQ_LEFT_ODD
		i_dir_seq[dir]++;
#endif
#ifndef WAKE_WITH_PREEMPTION_DISABLED
		in_dir_seq = false
#endif
	}
	if
#ifdef WRONG_VARIABLE_WOKEN
	:: waiters -> wake_up_var(NONE)
#else
	:: waiters -> wake_up_var_locked(de)
#endif
	:: else
	fi;
#ifdef WAKE_WITH_PREEMPTION_DISABLED
	in_dir_seq = false
#endif
}

/*
 * One step, since all of it happens in one hold of ->d_lock and of the lock of
 * the chain: nobody who needs either of them can tell.
 */
inline __d_lookup_unhash(d, by)
{
	d_step {
		chain_lock == FREE ->
		claim(d_lock_not_held, D[d].d_lock == ME);
		waiters = (D[d].d_flags & DCACHE_LOCK_WAITER) != 0;
#ifdef WAITER_BIT_IGNORED
		waiters = true;
#endif
#if defined(WAITER_BIT_NOT_CLEARED) || defined(WAITER_BIT_CLEARED_BY_THE_WAITER)
		D[d].d_flags = D[d].d_flags & ~DCACHE_PAR_LOOKUP;
#else
		D[d].d_flags = D[d].d_flags & ~BITS;
#endif
#ifdef WAITER_BIT_READ_AFTER_CLEAR
		waiters = (D[d].d_flags & DCACHE_LOCK_WAITER) != 0;
#endif
#ifdef HASH_CHAIN_LEFT_DIRTY
		D[d].in_lookup_hash = waiters;
#else
		D[d].in_lookup_hash = false;
#endif
		sleepers = 0;
		for (i : OWNERS .. THREADS - 1) {
			if
			:: T[i].asleep && T[i].key == d -> sleepers++
			:: else
			fi
		}
		reach(by, sleepers > 0);
		reach(ALL_SLEEP_ON_ONE_DENTRY, sleepers == WAITERS)
	}
}

/* Not a function: what is to be true when ->d_lock is dropped, and the drop. */
inline spin_unlock_lookup_ended(d)
{
	d_step {
		claim(d_lock_not_held, D[d].d_lock == ME);
		claim(bits_left, !(D[d].d_flags & BITS));
		claim(flag_lost, d != 0 || (D[d].d_flags & was_set) == was_set);
		D[d].d_lock = FREE;
		waiters = false
	}
}

/* d_lookup_done() */
inline __d_lookup_unhash_wake(d)
{
#ifdef WAKE_BEFORE_THE_LOOKUP_ENDS
	if
	:: D[d].d_flags & DCACHE_LOCK_WAITER -> wake_up_var(d)
	:: else
	fi;
#endif
	spin_lock(d);
	__d_lookup_unhash(d, D_LOOKUP_DONE_WITH_A_SLEEPER);
#if defined(NO_WAKE_IN_D_LOOKUP_DONE) || defined(WAKE_BEFORE_THE_LOOKUP_ENDS)
	waiters = false;
#endif
#ifdef WAKE_OUTSIDE_D_LOCK
	D[d].d_lock = FREE;
#endif
	if
	:: waiters -> wake_up_var_locked(d)
	:: else
	fi;
	spin_unlock_lookup_ended(d)
}

/* d_add(), or d_splice_alias() of an inode that has no other dentry */
inline __d_add(d)
{
	spin_lock(d);
	start_dir_add(D[d].d_parent);
	__d_lookup_unhash(d, D_ADD_WITH_A_SLEEPER);
#ifdef NO_WAKE_IN_D_ADD
	waiters = false;
#endif
	D[d].hashed = true;		/* __d_rehash() */
	end_dir_add(D[d].d_parent, d);
	spin_unlock_lookup_ended(d)
}

/*
 * d_splice_alias() of a directory that has another dentry.  "target" is the one
 * in lookup; it never gets hashed.  The other one gets its name and its parent.
 */
inline __d_move(dentry, target)
{
	d_step {
		rename_lock == FREE ->
		rename_lock = ME
	}
	spin_lock(dentry);
	spin_lock(target);
	start_dir_add(D[target].d_parent);
	__d_lookup_unhash(target, D_MOVE_WITH_A_SLEEPER);
#ifdef NO_WAKE_IN_D_MOVE
	waiters = false;
#endif
	D[dentry].hashed = false;	/* ___d_drop() */
	/*
	 * Who looks at these three at once has ->d_lock, or else is a lockless
	 * walk, which finds out by d_seq.
	 */
	d_step {
		D[dentry].d_name = D[target].d_name;
		D[dentry].d_parent = D[target].d_parent;
		D[dentry].hashed = true	/* __d_rehash() */
	}
#ifdef WRONG_DENTRY_WOKEN_IN_D_MOVE
	end_dir_add(D[target].d_parent, dentry);
#else
	end_dir_add(D[target].d_parent, target);
#endif
	spin_unlock_lookup_ended(target);
	spin_unlock(dentry);
	rename_lock = FREE
}

/*
 * Not a function: ->lookup() and what comes of it.  A dentry to be moved is
 * found and referenced in one hold of i_lock and its ->d_lock.
 */
inline end_lookup(d)
{
	if
	:: __d_add(d)
	:: __d_lookup_unhash_wake(d)
#ifdef MISSING_D_LOOKUP_DONE
	:: skip
#endif
	:: d_step {
			ANY_HASHED ->
			for (i : 0 .. THREADS - 1) {
				if
				:: D[i].hashed -> alias = i
				:: else
				fi
			}
			D[alias].d_count++
		}
		__d_move(alias, d);
		dput(alias);
		alias = NONE
	fi;
	dput(d)
}

/* ---- d_alloc_parallel() --------------------------------------------------- */

#if defined(WAITER_BIT_NEVER_SET) || defined(WAITER_BIT_SET_WITHOUT_D_LOCK)
#define leaves_the_bit(is_first_time)	false
#elif defined(WAITER_BIT_SET_ONCE_BEFORE_THE_WAIT)
#define leaves_the_bit(is_first_time)	is_first_time
#else
#define leaves_the_bit(is_first_time)	true
#endif

#if defined(D_SET_D_OP_UNLOCKED) || defined(FLAG_WRITER_UNLOCKED)
#define SPLIT_READ_MODIFY_WRITE
#endif

/*
 * Sets "must".  One step, since it is done in one hold of ->d_lock, as is every
 * other store to d_flags; where one is not, load and store come apart.
 */
inline d_must_wait(d, is_first_time)
{
#ifdef SPLIT_READ_MODIFY_WRITE
	flags = D[d].d_flags;
#endif
	d_step {
		claim(d_lock_not_held, D[d].d_lock == ME);
		must = (D[d].d_flags & DCACHE_PAR_LOOKUP) != 0;
#ifdef SPLIT_READ_MODIFY_WRITE
		if
		:: must -> D[d].d_flags = flags
		:: else
		fi;
		flags = 0;
#endif
#ifdef ONLY_FIRST_WAITER_WAITS
		must = must && !(D[d].d_flags & DCACHE_LOCK_WAITER);
#endif
		if
		:: must && leaves_the_bit(is_first_time) ->
			D[d].d_flags = D[d].d_flags | DCACHE_LOCK_WAITER
		:: else
		fi;
		reach(OVER_BEFORE_THE_WAIT, is_first_time && !must);
		reach(WAITS_FOR_A_FORMER_WAITER, must && d >= OWNERS);
#ifdef WAIT_CONDITION_INVERTED
		must = !must
#endif
	}
}

/*
 * wait_var_event_spinlock(&d->d_flags, !d_must_wait(d), &d->d_lock), from
 * wait_var_event_any_lock() and ___wait_var_event() in include/linux/wait_bit.h
 */
inline wait_var_event_spinlock(d)
{
	d_must_wait(d, true);
	if
	:: must ->
#ifdef PRIMITIVE_CONDITION_UNLOCKED
		spin_unlock(d);
		do
		:: prepare_to_wait_event(d);
			d_must_wait(d, false);
			if
			:: must
			:: else -> break
			fi;
			schedule()
		od;
		finish_wait();
		spin_lock(d)
#else
		do
		::
#ifdef PRIMITIVE_UNLOCKS_BEFORE_PREPARE
			spin_unlock(d);
			prepare_to_wait_event(d);
			schedule();
			finish_wait();
			spin_lock(d);
			d_must_wait(d, false);
			if
			:: must
			:: else -> break
			fi
#else
			prepare_to_wait_event(d);
#ifndef PRIMITIVE_TESTS_AT_THE_END_OF_THE_LOOP
			d_must_wait(d, false);
			if
			:: must
			:: else -> break
			fi;
#endif
			spin_unlock(d);
			schedule();
			atomic {
				spin_lock(d);
				reach(WOKEN_FOR_NOTHING,
				      D[d].d_flags & DCACHE_PAR_LOOKUP)
			}
#ifdef PRIMITIVE_NO_RECHECK_AFTER_WAKE
			break
#endif
#ifdef PRIMITIVE_TESTS_AT_THE_END_OF_THE_LOOP
			d_must_wait(d, false);
			if
			:: must
			:: else -> break
			fi
#endif
#endif
		od;
		finish_wait()
#endif
	:: else
	fi;
#ifdef PRIMITIVE_RETURNS_UNLOCKED
	spin_unlock(d)
#endif
}

/* Not a function: a thread is through. */
inline end_thread()
{
	d_step {
		claim(entry_left, !T[me].queued);
		returned++;
		if
		:: returned == THREADS ->
			reach(ALL_RETURN, true);
			for (i : 0 .. THREADS - 1) {
				claim(count_wrong, D[i].d_count == 0);
				claim(bits_left, !(D[i].d_flags & BITS));
				claim(chain_dirty, !D[i].in_lookup_hash)
			}
			claim(flag_lost, (D[0].d_flags & was_set) == was_set)
		:: else
		fi
	}
}

proctype waiter(byte me)
{
	byte name = A, parent = P, seq, found = NONE, alias = NONE;
	bool must, waiters, in_dir_seq;
#if defined(WAITER_BIT_SET_WITHOUT_D_LOCK) || defined(SPLIT_READ_MODIFY_WRITE)
	byte flags;
#endif
#if REACH == RETRY_FINDS_THE_MOVED_ONE
	bool retried;
#endif

	if
	:: true
	:: me == THREADS - 1 ->
		name = OTHER_NAME;
		parent = OTHER_IN
	fi;

retry:
	seq = i_dir_seq[parent];
	/*
	 * __d_lookup_rcu(), lockref_get_not_dead() and the check of d_seq.  What
	 * is hashed is never dead, see dput().
	 */
	atomic {
		d_step {
			for (i : 0 .. THREADS - 1) {
				if
				:: D[i].hashed && is(i, name, parent) ->
					D[i].d_count++;
					found = i
				:: else
				fi
			}
		}
		/* What follows looks at our own variables only. */
		if
		:: found != NONE ->
#if REACH == RETRY_FINDS_THE_MOVED_ONE
			reach(RETRY_FINDS_THE_MOVED_ONE, retried && found == 1);
#endif
			goto got
		:: found == NONE && seq & 1 ->
			reach(RETRY_SEQ_ODD, true);
			seq = 0;
			goto retry
		:: else
		fi
	}

	/*
	 * hlist_bl_lock().  What changes i_dir_seq does it without that lock, so
	 * it makes no difference if it does so before the lock is taken or
	 * between that and the check.
	 */
	atomic {
		chain_lock == FREE ->
		chain_lock = ME;
#ifndef DIR_SEQ_NOT_RECHECKED
		if
		:: i_dir_seq[parent] != seq ->
			reach(RETRY_SEQ_CHANGED, true);
			chain_lock = FREE;
			seq = 0;
			goto retry
		:: else
		fi;
#endif
		seq = 0
	}

	/* The walk, and hlist_bl_unlock() if it finds something. */
	d_step {
		for (i : 0 .. THREADS - 1) {
			if
			:: D[i].in_lookup_hash ->
				claim(chain_dirty, !D[i].dead &&
				      D[i].d_flags & DCACHE_PAR_LOOKUP);
				if
				:: hash_of(D[i].d_name) == hash_of(name) &&
				   is(i, name, parent) ->
					found = i;
					chain_lock = FREE
				:: else
				fi
			:: else
			fi
		}
#ifdef CHAIN_UNLOCKED_BEFORE_ADD
		chain_lock = FREE
#endif
	}
	if
	:: found == NONE ->
#ifdef MISSING_RETRY
add:		skip;
#endif
		/* new->d_flags and the rest were set when nobody knew of it. */
		d_step {
			for (i : 0 .. THREADS - 1) {
				claim(two_dentries, !is(i, name, parent) ||
				      !D[i].hashed && !(D[i].d_flags & DCACHE_PAR_LOOKUP))
			}
			reach(A_WAITER_BECOMES_OWNER, true);
			D[me].d_name = name;
			D[me].d_parent = parent;
			D[me].d_flags = DCACHE_PAR_LOOKUP;
			D[me].d_count = 1;
			D[me].in_lookup_hash = true;
			chain_lock = FREE
		}
		end_lookup(me);
		goto out
	:: else
	fi;

	/* lockref_get_not_dead() */
	atomic {
		if
		:: D[found].dead ->
			reach(DEAD_DENTRY_ON_THE_WAY, true);
			found = NONE;
			goto retry
		:: else
#ifndef MISSING_REFERENCE
			-> D[found].d_count++
#endif
		fi
	}

#ifdef WAITER_BIT_SET_WITHOUT_D_LOCK
	flags = D[found].d_flags;
	D[found].d_flags = flags | DCACHE_LOCK_WAITER;
	flags = 0;
#endif
	spin_lock(found);
	wait_var_event_spinlock(found);
#ifdef WAITER_BIT_CLEARED_BY_THE_WAITER
	D[found].d_flags = D[found].d_flags & ~DCACHE_LOCK_WAITER;
#endif

	/*
	 * The four comparisons are one step, and in no order, since what they look
	 * at is only changed with ->d_lock held.
	 */
	atomic {
		claim(d_lock_not_held, D[found].d_lock == ME);
		claim(wait_too_short, !(D[found].d_flags & DCACHE_PAR_LOOKUP));
		claim(bits_left, !(D[found].d_flags & BITS));
		claim(entry_left, !T[me].queued);
		if
#ifndef RECHECK_HASH_LEFT_OUT
		:: hash_of(D[found].d_name) != hash_of(name) ->
			reach(RETRY_HASH, true);
			goto mismatch
#endif
#ifndef RECHECK_PARENT_LEFT_OUT
		:: D[found].d_parent != parent ->
			reach(RETRY_PARENT, true);
			goto mismatch
#endif
#ifndef RECHECK_HASHED_LEFT_OUT
		:: !D[found].hashed ->
			reach(RETRY_UNHASHED, true);
			goto mismatch
#endif
#ifndef RECHECK_NAME_LEFT_OUT
		:: D[found].d_name != name ->
			reach(RETRY_NAME, true);
			goto mismatch
#endif
		:: else
		fi
	}
	claim(wrong_dentry, D[found].d_lock == ME && D[found].hashed &&
	      is(found, name, parent));
	spin_unlock(found);
	goto got;

mismatch:
#if REACH == RETRY_FINDS_THE_MOVED_ONE
	retried = true;
#endif
	spin_unlock(found);
	dput(found);
	found = NONE;
#ifdef MISSING_RETRY
	d_step {
		chain_lock == FREE ->
		chain_lock = ME
	}
	goto add;
#endif
	goto retry;

got:	/* The caller has it; sooner or later it drops its reference. */
	dput(found);
out:
	end_thread()
}

/* ---- the others ----------------------------------------------------------- */

/*
 * A thread that has been through d_alloc_parallel() and is in ->lookup().  There
 * it may write d_flags, as d_set_d_op() does.
 */
proctype owner(byte me)
{
	byte alias = NONE;
	bool waiters, in_dir_seq;
#ifdef D_SET_D_OP_UNLOCKED
	byte flags;
#endif

	if
	:: me == 0 ->
#ifdef D_SET_D_OP_UNLOCKED
		flags = D[me].d_flags;
		d_step {
			D[me].d_flags = flags | DCACHE_OP;
			was_set = was_set | DCACHE_OP;
			flags = 0
		}
#else
		/* One hold of ->d_lock, so one step, as in d_must_wait(). */
		d_step {
			D[me].d_lock == FREE ->
			D[me].d_flags = D[me].d_flags | DCACHE_OP;
			was_set = was_set | DCACHE_OP
		}
#endif
	:: else
	fi;
	end_lookup(me);
	end_thread()
}

/*
 * Whoever else changes d_flags of a dentry that it found on the list of children,
 * for instance __fsnotify_update_child_dentry_flags().
 */
proctype flag_writer()
{
#ifdef FLAG_WRITER_UNLOCKED
	byte flags = D[0].d_flags;
	d_step {
		D[0].d_flags = flags | DCACHE_OTHER;
		was_set = was_set | DCACHE_OTHER
	}
#else
end:	d_step {	/* not any more if it is dead */
		D[0].d_lock == FREE && !D[0].dead ->
		D[0].d_flags = D[0].d_flags | DCACHE_OTHER;
		was_set = was_set | DCACHE_OTHER
	}
#endif
}

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
		run owner(0);
		run owner(1);
		run waiter(2);
#if WAITERS > 1
		run waiter(3);
#endif
#if WAITERS > 2
		run waiter(4);
#endif
#if OTHER_WRITES
		run flag_writer();
#endif
		run spurious_waker()
	}
}

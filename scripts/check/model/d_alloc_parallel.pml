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
 * What is there
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
 * What is not
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
 * What is claimed is listed at claim() below; README.md says how it is checked.
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
	bits_left,		/* the bit goes when the lookup ends, and stays away */
	d_lru_dirty,		/* ->d_lru is an empty list when the lookup has ended */
	d_lru_shared,		/* it is for waiters in the lookup only, and to wake them */
	list_broken,		/* who adds, takes off or walks finds a list in order */
	entry_left,		/* nobody leaves with an entry on a queue */
	wrong_dentry,		/* who returns a dentry has its lock, and it is the one asked for */
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
#define D_SET_D_OP_WITH_A_SLEEPER	6
#define WOKEN_FOR_NOTHING		7
#define WAKE_MEETS_A_TASK_THAT_RUNS	8
#define WAKE_MEETS_ANOTHER_KEY		9
#define LEAVES_BEFORE_ANOTHER		10
#define LEAVES_AFTER_ANOTHER		11
#define OVER_BEFORE_THE_WAIT		12
#define DEAD_DENTRY_ON_THE_WAY		13
#define RETRY_SEQ_ODD			14
#define RETRY_SEQ_CHANGED		15
#define RETRY_HASH			16
#define RETRY_PARENT			17
#define RETRY_UNHASHED			18
#define RETRY_NAME			19
#define RETRY_FINDS_THE_MOVED_ONE	20
#define A_WAITER_BECOMES_OWNER		21
#define WAITS_FOR_A_FORMER_WAITER	22
#define ALL_RETURN			23
#ifndef REACH
#define REACH		0
#endif
#define reach(name, cond)	assert(REACH != name || !(cond))

/* ---- state --------------------------------------------------------------- */

#define DCACHE_PAR_LOOKUP	1
#define DCACHE_LOCK_WAITER	2	/* in POSTED only */
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

/* A task; and in the other two forms its struct wait_bit_queue_entry. */
typedef struct_task {
	bool asleep;		/* TASK_UNINTERRUPTIBLE, not TASK_RUNNING */
#ifdef SHARED_QUEUE
	bool queued;		/* the entry is on the wait queue */
#endif
	byte key		/* which dentry it waits for, when asleep or queued */
};

/*
 * The struct list_head number d is in dentry d, ->d_lru or ->d_lookup_waiters.  Number
 * entry_of(t) is in the struct wait_var_queue_entry of thread t, on the stack of
 * d_wait_lookup(): POISON as long as it is on no list, which for its owner is what
 * NULL in its ->task says.
 */
typedef struct_list_head {
	byte next;
	byte prev
};
#define entry_of(t)		(THREADS - 1 + (t))	/* t is a waiter */
#define task_of(entry)		((entry) - (THREADS - 1))
#define POISON			NONE
#define LIST_HEADS		(2 * THREADS - 1)

struct_dentry D[THREADS];
struct_task T[THREADS];
#ifndef SHARED_QUEUE
struct_list_head L[LIST_HEADS];
#endif
byte i_dir_seq[2];		/* of P and of Q */
byte chain_lock;		/* the bit lock of the in-lookup chain */
byte rename_lock;
byte returned;			/* threads that are through */
hidden byte i, sleepers;	/* used where nobody intervenes, and not kept */

/* True of dentry d: it is what a lookup of name in parent is after. */
#define is(d, name, parent)	(D[d].d_name == name && D[d].d_parent == parent)

#ifdef SHARED_QUEUE
#define on_the_queue(t, d)	(T[t].queued && T[t].key == d)
#if WAITERS == 1
#define any_queued()		(T[2].queued)
#define somebody_waits(d)	(on_the_queue(2, d))
#elif WAITERS == 2
#define any_queued()		(T[2].queued || T[3].queued)
#define somebody_waits(d)	(on_the_queue(2, d) || on_the_queue(3, d))
#else
#define any_queued()		(T[2].queued || T[3].queued || T[4].queued)
#define somebody_waits(d)	(on_the_queue(2, d) || on_the_queue(3, d) || \
				 on_the_queue(4, d))
#endif
#else
#define list_empty(n)		(L[n].next == n)
#define somebody_waits(d)	(!list_empty(d))
#define off_the_queue(n)	(L[n].next == POISON)
#endif

#if WAITERS == 1
#define ANY_HASHED		(D[0].hashed || D[1].hashed || D[2].hashed)
#elif WAITERS == 2
#define ANY_HASHED		(D[0].hashed || D[1].hashed || D[2].hashed || D[3].hashed)
#else
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
 * not hashed is killed.  What is hashed stays in the cache, on an LRU list.
 */
inline dput(d)
{
	d_step {
		D[d].d_count > 1 || D[d].d_lock == FREE ->
		claim(count_wrong, D[d].d_count > 0 && !D[d].dead);
		D[d].d_count--;
		if
		:: D[d].d_count == 0 ->
			claim(bits_left, !(D[d].d_flags & BITS));
			if
			:: D[d].hashed ->
				claim(d_lru_shared, !somebody_waits(d))
			:: else ->
				claim(use_after_free, !somebody_waits(d));
				D[d].dead = true
			fi
		:: else
		fi
	}
}

/* ---- the queue: include/linux/wait_bit.h and kernel/sched/wait_bit.c ------- */

inline schedule()
{
	!T[me].asleep
}

#ifndef SHARED_QUEUE
/*
 * The main form: ->d_lookup_waiters.  All of it is done under ->d_lock, and that is what
 * makes it right: what is one step here does not have a lock of its own.
 */

/* These two make the checks of CONFIG_DEBUG_LIST. */
inline list_add_tail(n, head)
{
	claim(list_broken, L[head].prev != n && L[L[head].prev].next == head);
	L[n].prev = L[head].prev;
	L[n].next = head;
	L[L[head].prev].next = n;
	L[head].prev = n
}

inline list_del(n)
{
	claim(list_broken, L[n].next != POISON &&
	      L[L[n].prev].next == n && L[L[n].next].prev == n);
	L[L[n].prev].next = L[n].next;
	L[L[n].next].prev = L[n].prev;
	L[n].next = POISON;
	L[n].prev = POISON
}

/* Not a function: on the queue, and asleep. */
inline enqueue(d)
{
	d_step {
		claim(d_lru_shared, D[d].d_flags & DCACHE_PAR_LOOKUP);
		list_add_tail(entry_of(me), d);
		T[me].asleep = true;
		T[me].key = d
	}
}

/* Not a function: off the queue, unless a waker has been there. */
inline dequeue(d)
{
	d_step {
		reach(WOKEN_FOR_NOTHING, D[d].d_flags & DCACHE_PAR_LOOKUP);
		if
#ifdef SPURIOUS_WAKE_QUEUES_TWICE
		:: !off_the_queue(entry_of(me)) && L[entry_of(me)].prev != d ->
#else
		:: !off_the_queue(entry_of(me)) ->
#endif
			reach(LEAVES_BEFORE_ANOTHER, L[entry_of(me)].next != d);
			reach(LEAVES_AFTER_ANOTHER, L[entry_of(me)].prev != d);
			list_del(entry_of(me))
		:: else
		fi
	}
}

/* Not a function: the frame of d_wait_lookup() goes, and the entry with it. */
inline leave_the_queue()
{
	d_step {
		for (i : 0 .. LIST_HEADS - 1) {
			claim(entry_left, i == entry_of(me) ||
			      L[i].next != entry_of(me) && L[i].prev != entry_of(me))
		}
		L[entry_of(me)].next = POISON;
		L[entry_of(me)].prev = POISON;
		T[me].key = 0
	}
}

/*
 * "entry" and "after" are variables of the process.  Who finds an entry that leads
 * nowhere stops: the kernel would crash, or never stop.
 */
inline __wake_up_var_queue(queue)
{
	entry = L[queue].next;
	do
	:: entry != queue && L[entry].next != POISON ->
		after = L[entry].next;
#ifdef QUEUE_ENTRY_TAKEN_OFF_AFTER_THE_WAKE
		T[task_of(entry)].asleep = false;
#endif
#if !defined(ENTRY_TASK_NOT_CLEARED_BY_THE_WAKER) && !defined(WAKER_TAKES_NOTHING_OFF)
		L[entry].next = POISON;
		L[entry].prev = POISON;
#endif
		reach(WAKE_MEETS_A_TASK_THAT_RUNS, !T[task_of(entry)].asleep);
		T[task_of(entry)].asleep = false;
#ifdef WAKER_WAKES_ONLY_THE_FIRST
		L[after].prev = queue;
		L[queue].next = after;
		entry = queue;
		break;
#endif
		entry = after
	:: else -> break
	od;
	claim(list_broken, entry == queue);
#if !defined(WAKER_TAKES_NOTHING_OFF) && !defined(WAKER_WAKES_ONLY_THE_FIRST)
	L[queue].next = queue;
#ifndef QUEUE_NOT_EMPTIED_BY_THE_WAKER
	L[queue].prev = queue;
#endif
#endif
	entry = 0;
	after = 0
}

/* With d_wake_lookup_waiters(), which asks first whether others have references. */
inline wake_up_var(d)
{
	claim(d_lru_shared, D[d].d_flags & DCACHE_PAR_LOOKUP || wake == d);
	if
	:: D[d].d_count != 1 && !list_empty(d) -> __wake_up_var_queue(d)
	:: else
	fi
}

#else /* SHARED_QUEUE */
/*
 * The other two forms.  The operations on the queue are one step each, as the lock
 * of the queue makes them.  The order of the entries does not matter: nobody waits
 * exclusively.
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
		T[me].queued = false;
		T[me].key = 0
	}
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
	:: any_queued() ->
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
					T[i].key = 0
				:: else
				fi
			}
		}
	:: else
	fi
}
#endif /* SHARED_QUEUE */

/*
 * One step, since nobody else gets ->d_lock meanwhile.  The first of the two has as
 * many steps as there are statements, and shows that it makes no difference.
 */
#if defined(QUEUE_ENTRY_TAKEN_OFF_AFTER_THE_WAKE) || defined(WAKE_OUTSIDE_D_LOCK)
#define in_one_hold
#else
#define in_one_hold	atomic
#endif

inline wake_up_var_locked(d)
{
	claim(wake_without_d_lock, D[d].d_lock == ME);
	claim(wake_in_dir_seq, !in_dir_seq);
	wake_up_var(d)
}

/* ---- the end of a lookup: fs/dcache.c ------------------------------------- */

/*
 * These use variables of their process: "wake" (the dentry that a wake-up is due
 * for, or NONE), "in_dir_seq" (true between start_dir_add() and end_dir_add(),
 * where PREEMPT_RT has preemption disabled), and "alias".
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
	in_one_hold {
		if
		:: wake != NONE -> wake_up_var_locked(de)
		:: else
		fi
	}
	wake = NONE;
#endif
	d_step {
#ifndef DIR_SEQ_LEFT_ODD
		i_dir_seq[dir]++;
#endif
#ifndef WAKE_WITH_PREEMPTION_DISABLED
		in_dir_seq = false
#endif
	}
	in_one_hold {
		if
		:: wake != NONE -> wake_up_var_locked(de)
		:: else
		fi
	}
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
#ifdef POSTED
		wake = (D[d].d_flags & DCACHE_LOCK_WAITER -> d : NONE);
#else
		wake = d;
#endif
#ifdef LOOKUP_BIT_CLEARED_WITHOUT_D_LOCK
		if
		:: by == D_LOOKUP_DONE_WITH_A_SLEEPER
		:: else -> D[d].d_flags = D[d].d_flags & ~BITS
		fi;
#else
		D[d].d_flags = D[d].d_flags & ~BITS;
#endif
#ifdef HASH_CHAIN_LEFT_DIRTY
		D[d].in_lookup_hash = somebody_waits(d);
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
#ifndef SHARED_QUEUE
		claim(d_lru_dirty, L[d].next == d && L[d].prev == d);
#endif
		D[d].d_lock = FREE;
		wake = NONE
	}
}

/* d_lookup_done() */
inline __d_lookup_unhash_wake(d)
{
	spin_lock(d);
#if defined(WAKE_BEFORE_THE_LOOKUP_ENDS) || defined(WAKE_FIRST_IN_THE_SAME_HOLD)
	in_one_hold { wake_up_var_locked(d) }
#endif
#ifdef WAKE_BEFORE_THE_LOOKUP_ENDS
	spin_unlock(d);
	spin_lock(d);
#endif
	__d_lookup_unhash(d, D_LOOKUP_DONE_WITH_A_SLEEPER);
#if defined(NO_WAKE_IN_D_LOOKUP_DONE) || defined(WAKE_BEFORE_THE_LOOKUP_ENDS) || \
    defined(WAKE_FIRST_IN_THE_SAME_HOLD)
	wake = NONE;
#endif
#ifdef WAKE_OUTSIDE_D_LOCK
	spin_unlock(d);
#endif
	in_one_hold {
		if
		:: wake != NONE -> wake_up_var_locked(d)
		:: else
		fi
	}
#ifdef WAKE_OUTSIDE_D_LOCK
	wake = NONE
#elif defined(LOOKUP_BIT_CLEARED_WITHOUT_D_LOCK)
	spin_unlock_lookup_ended(d);
	D[d].d_flags = D[d].d_flags & ~BITS
#else
	spin_unlock_lookup_ended(d)
#endif
}

/* d_add(), or d_splice_alias() of an inode that has no other dentry */
inline __d_add(d)
{
	spin_lock(d);
	start_dir_add(D[d].d_parent);
	__d_lookup_unhash(d, D_ADD_WITH_A_SLEEPER);
#ifdef NO_WAKE_IN_D_ADD
	wake = NONE;
#endif
#ifdef NO_WAKE_AFTER_A_NEGATIVE_D_ADD
	if
	:: wake = NONE		/* there is no inode */
	:: true
	fi;
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
	wake = NONE;
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

/*
 * Not a function: the condition of the wait, !d_in_lookup(), the other way round
 * and in "must".  POSTED leaves its mark on the way, in the same hold of ->d_lock.
 */
inline must_wait(d, is_first_time)
{
	d_step {
		claim(d_lock_not_held, D[d].d_lock == ME);
		must = (D[d].d_flags & DCACHE_PAR_LOOKUP) != 0;
		reach(OVER_BEFORE_THE_WAIT, is_first_time && !must);
		reach(WAITS_FOR_A_FORMER_WAITER, must && d >= OWNERS);
#ifdef POSTED
		if
		:: must -> D[d].d_flags = D[d].d_flags | DCACHE_LOCK_WAITER
		:: else
		fi;
#endif
#ifdef ONLY_FIRST_WAITER_WAITS
		must = must && !somebody_waits(d);
#endif
#ifdef WAIT_CONDITION_INVERTED
		must = !must
#endif
	}
}

#ifndef SHARED_QUEUE
/* wait_var_event_any_lock() and ___wait_var_queue_event() */
inline wait_var_event_spinlock(d)
{
#ifdef QUEUE_SLEEPS_WITHOUT_A_LOOK
	must = true;
#else
	must_wait(d, true);
#endif
	if
	:: must ->
		do
		::
#ifdef PRIMITIVE_UNLOCKS_BEFORE_QUEUEING
			spin_unlock(d);
			enqueue(d);
#else
			atomic {
				enqueue(d);
				spin_unlock(d)
			}
#endif
			schedule();
#ifdef QUEUE_CONDITION_UNLOCKED
			must_wait(d, false);
#endif
			atomic {
				spin_lock(d);
				dequeue(d);
#ifdef QUEUE_NO_RECHECK_AFTER_WAKE
				must = false;
#elif !defined(QUEUE_CONDITION_UNLOCKED)
				must_wait(d, false);
#endif
				if
				:: must
				:: else -> leave_the_queue(); break
				fi
			}
		od
	:: else
	fi;
#ifdef QUEUE_RETURNS_UNLOCKED
	spin_unlock(d)
#endif
}
#else /* SHARED_QUEUE */
/* wait_var_event_any_lock() and ___wait_var_event() */
inline wait_var_event_spinlock(d)
{
	must_wait(d, true);
	if
	:: must ->
		do
		::
#ifdef PRIMITIVE_UNLOCKS_BEFORE_PREPARE
			spin_unlock(d);
			prepare_to_wait_event(d);
#else
			prepare_to_wait_event(d);
			must_wait(d, false);
			if
			:: must
			:: else -> break
			fi;
			spin_unlock(d);
#endif
			schedule();
			spin_lock(d);
#ifdef PRIMITIVE_UNLOCKS_BEFORE_PREPARE
			must_wait(d, false);
			if
			:: must
			:: else -> break
			fi
#endif
#ifdef PRIMITIVE_NO_RECHECK_AFTER_WAKE
			break
#endif
		od;
		finish_wait()
	:: else
	fi
}
#endif /* SHARED_QUEUE */

/* d_wait_lookup() */
inline d_wait_lookup(d)
{
#ifdef QUEUE_MADE_EMPTY_BY_EACH_WAITER
	d_step {
		if
		:: D[d].d_flags & DCACHE_PAR_LOOKUP ->
			L[d].next = d;
			L[d].prev = d
		:: else
		fi
	}
#endif
	wait_var_event_spinlock(d)
}

/* Not a function: a thread is through. */
inline end_thread()
{
	d_step {
		returned++;
		if
		:: returned == THREADS ->
			reach(ALL_RETURN, true);
			for (i : 0 .. THREADS - 1) {
				claim(count_wrong, D[i].d_count == 0);
				claim(bits_left, !(D[i].d_flags & BITS));
				claim(chain_dirty, !D[i].in_lookup_hash)
			}
		:: else
		fi
	}
}

proctype waiter(byte me)
{
	byte name = A, parent = P, seq, found = NONE, alias = NONE;
	byte wake = NONE, entry, after;
	bool must, in_dir_seq;
#if REACH == RETRY_FINDS_THE_MOVED_ONE
	bool retried;
#endif

	if
	:: true
	:: me == THREADS - 1 && !ALL_WANT_ONE_NAME ->
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
#if !defined(MISSING_REFERENCE) && !defined(REFERENCE_TAKEN_AFTER_THE_WAIT)
			-> D[found].d_count++
#endif
		fi
	}

	spin_lock(found);
	d_wait_lookup(found);
#ifdef REFERENCE_TAKEN_AFTER_THE_WAIT
	D[found].d_count++;
#endif

	/*
	 * The four comparisons are one step, and in no order, since what they look
	 * at is only changed with ->d_lock held.
	 */
	atomic {
		claim(d_lock_not_held, D[found].d_lock == ME);
		claim(wait_too_short, !(D[found].d_flags & DCACHE_PAR_LOOKUP));
		claim(bits_left, !(D[found].d_flags & BITS));
#ifdef SHARED_QUEUE
		claim(entry_left, !T[me].queued);
#endif
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

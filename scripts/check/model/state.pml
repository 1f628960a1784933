/* SPDX-License-Identifier: GPL-2.0 */
/* What there is: dentries, tasks, the list and its entries; locks and references. */

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

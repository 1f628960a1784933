/* SPDX-License-Identifier: GPL-2.0 */
/* The end of a lookup: fs/dcache.c. */

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

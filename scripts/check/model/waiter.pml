/* SPDX-License-Identifier: GPL-2.0 */
/* A thread that calls d_alloc_parallel(). */

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
		/* The rest looks at our own variables only. */
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

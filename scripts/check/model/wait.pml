/* SPDX-License-Identifier: GPL-2.0 */
/* The wait for the end of a lookup: d_wait_lookup(), and what it stands on. */

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


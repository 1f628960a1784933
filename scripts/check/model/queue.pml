/* SPDX-License-Identifier: GPL-2.0 */
/* The queue: include/linux/wait_bit.h and kernel/sched/wait_bit.c. */

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

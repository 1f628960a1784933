/* SPDX-License-Identifier: GPL-2.0 */
/*
 * dir_retry(): iterate_dir() lists a directory of three entries, of which the second one
 * needs its dentry; others look that name up, create it, make it, or remove the directory.
 *
 * One statement is one step.  A hold of ->d_lock or of a hash chain is one: what it does is
 * not seen before it is over.  i_rwsem lets no reader in while a writer waits for it.
 *
 * Not here: signals; the wait itself, which is that of ../wait.pml, and here is a condition
 * that becomes true; two readers; a name that is evicted from the cache.
 */
#define ENTRIES		3
#define THE_NAME	1		/* the position of it */
#define RETRIES		2		/* the kernel has 3, which says no more */

/* i_rwsem */
byte readers, queued;
bool writer;

/*
 * Dentries of that name: which is in lookup, or 0; two lookups in a row have different
 * numbers.  The reader asks for one of them, and learns when that one ends.
 */
byte in_lookup, last = 1;
byte hashed;
byte blocker;
bool blocker_ended;
byte pins;			/* of the reader, to a dentry in lookup */

bool dead;
bool reader_waits, waits_its_turn, reader_is_done;
byte listed[ENTRIES];

inline lock_shared()
{
	atomic { !writer && queued == 0 -> readers++ }
}

inline unlock_shared()
{
	readers--
}

inline lock_excl()
{
	queued++;
	atomic { !writer && readers == 0 -> writer = true; queued-- }
}

inline unlock_excl()
{
	writer = false
}

/*
 * d_alloc_parallel() of the name.  @mine is the number of our lookup, or 0 if the dentry is
 * hashed.  Sleeps until another lookup is over, and then looks again.
 */
inline d_alloc_parallel(mine)
{
	do
	:: atomic {
		in_lookup == 0 ->
		if
		:: hashed -> mine = 0
		:: else -> last = 3 - last; in_lookup = last; mine = last
		fi;
		break
	}
	od
}

/* d_add() with @result, or d_lookup_done(). */
inline end_lookup(result)
{
	d_step {
		blocker_ended = blocker_ended || in_lookup == blocker;
		in_lookup = 0;
		hashed = hashed + result;
		claim(two_dentries, hashed <= 1)
	}
}

/* lookup_slow(): whether there is such a file is for the filesystem to say. */
proctype looker()
{
	byte mine;

	lock_shared();
	if
	:: dead
	:: else ->
		d_alloc_parallel(mine);
		if
		:: mine -> end_lookup(0)
		:: mine -> end_lookup(1)
		:: else
		fi
	fi;
	unlock_shared()
}

/*
 * Looks the name up again and again, and finds nothing.  It lets go before one that waits in
 * d_alloc_parallel(): that each gets its turn there is not the matter of this model.
 */
proctype busy_looker()
{
	byte mine;

	do
	:: reader_is_done -> break
	:: !reader_is_done && !waits_its_turn ->
		lock_shared();
		d_alloc_parallel(mine);
		if
		:: mine -> end_lookup(0)
		:: else
		fi;
		unlock_shared()
	od
}

/* open() with O_CREAT, or mkdir(), which does not look at lookups; or rmdir(). */
proctype writer_of_directory()
{
	byte mine;

	lock_excl();
	reach(LOCKED_WHILE_IT_WAITS, reader_waits);
	if
	:: true ->
		d_alloc_parallel(mine);
		if
		:: mine -> end_lookup(1)
		:: else
		fi
	:: d_step {
		if
		:: hashed == 0 ->
			hashed++;
			claim(two_dentries, in_lookup == 0);
			reach(MADE_WHILE_IT_WAITS, reader_waits)
		:: else
		fi
	}
	:: d_step { dead = true; reach(REMOVED_WHILE_IT_WAITS, reader_waits) }
	fi;
	unlock_excl()
}

/* The dentry of the name, for an entry of it.  Sets @mine as d_alloc_parallel() does. */
inline need_dentry()
{
	atomic {
		if
		:: in_lookup == 0 -> d_alloc_parallel(mine)
		:: else -> blocked = true
		fi
	}
	if
	:: blocked && count < RETRIES ->
		/* dir_retry(); what it finds may have ended since */
		d_step {
			blocker = in_lookup;
			blocker_ended = blocker == 0;
			pins = pins + (blocker != 0);
			wanted = true;
#ifndef RETRIES_WITHOUT_END
			count++
#endif
		}
	:: blocked && count == RETRIES ->
		reach(WAITS_LOCKED_AFTER_ALL, true);
		waits_its_turn = true;
		d_alloc_parallel(mine);
		waits_its_turn = false;
		blocked = false
	:: else
	fi
}

/* What was posted: the lock is dropped to wait, and taken as the owner. */
inline drop_look_up_retake()
{
	unlock_shared();
	d_alloc_parallel(mine);
	lock_shared();
	blocked = false
}

inline emit()
{
	d_step {
		listed[pos]++;
		claim(listed_wrong, listed[pos] == 1);
		pos++
	}
}

inline iterate_shared()
{
	do
	:: pos == ENTRIES -> break
	:: pos == THE_NAME ->
		claim(lock_not_held, readers > 0);
		blocked = false;
#ifdef PROCFS_DROPS_THE_LOCK_ITSELF
		atomic {
			if
			:: in_lookup == 0 -> d_alloc_parallel(mine)
			:: else -> blocked = true
			fi
		}
		if
		:: blocked -> drop_look_up_retake()
		:: else
		fi;
#else
		need_dentry();
#endif
		if
		:: blocked ->
#ifdef POSITION_NOT_KEPT
			pos++;
#endif
			break
		:: else
		fi;
		if
		:: mine -> end_lookup(1); mine = 0
		:: else
		fi;
		emit()
	:: else ->
		claim(lock_not_held, readers > 0);
		emit()
	od
}

proctype reader()
{
	byte pos, mine, count;
	bool blocked, wanted, locked;

again:
#ifdef ITERATE_DIR_DOES_NOT_LOCK_AGAIN
	if
	:: !wanted -> lock_shared(); locked = true
	:: else
	fi;
#else
	lock_shared();
	locked = true;
#endif
#ifndef REQUEST_NOT_CLEARED
	wanted = false;
#endif
	if
#ifndef REMOVED_DIRECTORY_NOT_NOTICED
	:: dead -> blocked = false; wanted = false
#endif
	:: else ->
		claim(dead_listed, !dead);
		iterate_shared()
	fi;
#ifndef ITERATE_DIR_WAITS_LOCKED
	if
	:: locked -> unlock_shared(); locked = false
	:: else
	fi;
#endif
	if
	:: wanted ->
		reader_waits = true;
		reach(WAITS_FOR_ANOTHER_ONE, blocker_ended && in_lookup != 0);
		/* d_wait_in_lookup() */
		blocker_ended;
		d_step {
			reader_waits = false;
			claim(waits_locked, !locked);
#ifndef BLOCKER_STAYS_IN_USE
			pins = pins - (blocker != 0);
#endif
			blocker = 0
		}
		if
		:: locked -> unlock_shared(); locked = false
		:: else
		fi;
		goto again
	:: else
	fi;
	d_step {
		claim(count_wrong, pins == 0);
		claim(listed_wrong, dead || (pos == ENTRIES && listed[THE_NAME] == 1));
		reach(ALL_LISTED, pos == ENTRIES && count == RETRIES);
		reader_is_done = true
	}
}

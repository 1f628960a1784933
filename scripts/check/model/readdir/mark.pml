/* SPDX-License-Identifier: GPL-2.0 */
/*
 * d_block(), as ->unlink() and ->rename() of afs use it: one task has the directory locked
 * and asks the server to remove a file; others look the name up, with a reference or in a
 * walk under RCU, and open what they find.
 *
 * One statement is one step.  A hold of ->d_lock is several: d_is_blocked(), d_unhashed()
 * and ->d_seq are read without it.
 *
 * Not here: the order of stores, which is for litmus/readdir/; signals; that a rename moves
 * the dentry, see rename.pml; what other mutexes a filesystem takes.
 */
#ifndef LOOKERS
#define LOOKERS		2
#endif

bool d_lock;
bool mark;			/* d_is_blocked() */
bool d_unhashed;
byte d_seq;
byte d_count;			/* references of lookers */
bool queued[LOOKERS];		/* and asleep */
bool dir_locked = true;
bool at_server;			/* it has been asked, and has not answered */
bool removed;			/* by the server */
bool over;			/* the operation */

inline lock()
{
	atomic { !d_lock -> d_lock = true }
}

inline unlock()
{
	d_lock = false
}

/* With ->d_lock.  Sets @mine to what is returned. */
inline d_block(mine)
{
	if
	:: mark ->
#ifdef BLOCK_OF_A_BLOCKED_DENTRY_IS_TAKEN_FOR_ONE
		mine = true
#else
		mine = false
#endif
	:: else ->
		mark = true;
#ifndef BLOCK_LETS_RCU_WALKS_PAST
		d_seq++;
#endif
		mine = true
	fi
}

inline d_unblock()
{
	lock();
	mark = false;
#ifndef UNBLOCK_WAKES_NOBODY
	d_step {
		for (i : 0 .. LOOKERS - 1) {
			queued[i] = false
		}
	}
#endif
	unlock()
}

inline d_drop()
{
	lock();
	d_unhashed = true;
	d_seq++;
	unlock()
}

/* One request: @removes says whether it is one that removes the file. */
inline ask_server(removes)
{
	at_server = true;
	if
	:: removes -> removed = true
	:: true			/* it refuses */
	fi;
	at_server = false
}

/* ->unlink() below ->rename() of its own target, as smb has it; @mine is not its caller's. */
inline nested_unlink()
{
	lock();
	d_block(inner);
	reach(OUTER_BLOCKS, !inner);
	unlock();
	ask_server(false);
	if
	:: inner -> d_unblock()
	:: else
	fi
}

proctype remover()
{
	bool mine, inner, busy;
	byte i;

	lock();
#ifdef COUNT_LOOKED_AT_IN_ANOTHER_HOLD
	busy = d_count > 0;
	unlock();
	lock();
	d_block(mine);
#else
	d_block(mine);
	busy = d_count > 0;
#endif
	unlock();
	if
	:: busy ->
		/* a silly rename: nothing is removed, and whoever has it may go on */
		reach(OPENER_IS_COUNTED, true)
	:: else ->
		if
		:: true -> nested_unlink()
		:: true
		fi;
		ask_server(true);
#ifdef UNBLOCKED_BEFORE_THE_DROP
		if
		:: mine -> d_unblock(); mine = false
		:: else
		fi;
#endif
#ifndef AFS_KEEPS_AN_UNLINKED_DENTRY_HASHED
		if
		:: removed -> d_drop()
		:: else
		fi;
#endif
#ifdef AFS_CONFLICT_LEAVES_THE_VICTIM_BLOCKED
		if
		:: removed -> mine = false
		:: true
		fi
#endif
	fi;
	if
	:: mine -> d_unblock()
	:: else
	fi;
	d_step {
		claim(stays_blocked, !mark);
		over = true;
		dir_locked = false
	}
}

/* A reference to what was found in the cache: lockref_get_not_dead(). */
inline get()
{
	d_step { !d_lock -> d_count++ }
}

inline put()
{
	d_step { !d_lock -> d_count-- }
}

/* Sets @waited, and @gone to what it returns. */
inline d_wait_unblocked()
{
	waited = false;
	lock();
	do
	:: !mark -> break
	:: else ->
		reach(WAITS_FOR_AN_ANSWER, at_server);
		waited = true;
		queued[me] = true;
		unlock();
		!queued[me];
		lock()
	od;
#ifdef WAIT_TELLS_ONLY_THOSE_WHO_WAITED_THAT_THE_DENTRY_WAS_DROPPED
	gone = waited && d_unhashed;
#else
	gone = d_unhashed;
#endif
	unlock()
}

proctype looker(byte me)
{
	bool waited, found_blocked, found, gone;
	byte seq;

	if
	:: goto with_reference
	:: true
	fi;

	/* a walk under RCU: ->d_revalidate(), then legitimize_path() */
	d_step { seq = d_seq; found = !d_unhashed }
	if
	:: !found -> goto locked
	:: else
	fi;
#ifndef AFS_RCU_WALK_IGNORES_THAT_A_DENTRY_IS_BLOCKED
	if
	:: mark -> goto with_reference
	:: else
	fi;
#endif
	get();
	if
	:: d_seq != seq ->
		reach(RCU_WALK_FAILS, at_server);
		put();
		goto with_reference
	:: else -> goto opens
	fi;

with_reference:
	skip;
	d_step {
		!d_lock ->
		found = !d_unhashed;
		d_count = d_count + found;
		found_blocked = mark
	}
	if
	:: !found -> goto locked
	:: else
	fi;
	d_wait_unblocked();
	if
#ifdef AFS_LOOKUP_THAT_IS_LATE_FINDS_WHAT_WAS_UNLINKED
	:: false ->
#else
	:: gone ->
#endif
		reach(COMES_LATE, found_blocked && !waited);
		put();
		goto locked
	:: else
	fi;

opens:
	skip;
	d_step {
		claim(opened_at_server, !at_server);
		claim(opened_when_gone, !removed);
		reach(FOUND_AFTER_A_REFUSAL, over && waited)
	}
	put();
	goto done;

locked:	/* the name is looked up, with the directory locked */
	!dir_locked;
done:
	skip
}

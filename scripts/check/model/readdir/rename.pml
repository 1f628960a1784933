/* SPDX-License-Identifier: GPL-2.0 */
/*
 * d_wait_unblocked() and d_unchanged(), as ->d_revalidate() of afs uses them: one task
 * renames a dentry to another directory, which the server may refuse; others revalidate
 * it, for as long as they like, and store the version of its directory or drop it.
 *
 * One statement is one step.  The dentry is hashed all the time, and has a name in either
 * directory: its old one in the first, its new one in the second.
 *
 * Not here: that a looker is given the name, and so need not look at a dentry that was
 * moved before it came, as on 7.3; two renames.
 */
#ifndef LOOKERS
#define LOOKERS		2
#endif

bool d_lock;
bool mark;			/* d_is_blocked() */
byte d_seq;
bool moved;			/* it is in the second directory, by its new name */
bool at_server = false;		/* and there it has been renamed, too */
bool under_way;			/* from d_block() to the last thing that the rename does */
byte version;			/* ->d_time: the directory whose version it is */

inline lock()
{
	atomic { !d_lock -> d_lock = true }
}

inline unlock()
{
	d_lock = false
}

proctype renamer()
{
	lock();
	mark = true;
	under_way = true;
#ifndef BLOCK_LETS_RCU_WALKS_PAST
	d_seq++;
#endif
	unlock();
	if
	:: at_server = true
	:: true			/* it refuses */
	fi;
#ifdef UNBLOCKED_BEFORE_THE_MOVE
	lock();
	mark = false;
	unlock();
#endif
	if
	:: at_server ->
		version = 1;
		lock();
		d_step { moved = true; d_seq++ }
		unlock()
	:: else
	fi;
	lock();
	d_step { mark = false; under_way = false }
	unlock()
}

proctype looker()
{
	byte seq;
	bool dir, found, unchanged;

again:
	lock();
	if
	:: mark ->
		reach(WAITS_FOR_A_RENAME, at_server);
		unlock();
		!mark;
		goto again
	:: else
	fi;
#ifdef WAIT_READS_D_SEQ_IN_ANOTHER_HOLD
	unlock();
	lock();
#endif
	seq = d_seq;
	unlock();

	/* the server is asked for the name in the directory where the dentry is */
	dir = moved;
	found = (dir == at_server);

	if
	:: found ->
		lock();
#ifdef AFS_LOOKUP_THAT_WAS_OVERTAKEN_STORES_ITS_VERSION
		unchanged = true;
#else
		unchanged = (d_seq == seq);
#endif
		if
		:: unchanged ->
			d_step {
				claim(version_of_another_directory, dir == moved);
				version = dir
			}
			reach(STORED_AFTER_A_RENAME, dir && !under_way)
		:: else
		fi;
		unlock()
	:: else ->
		d_step {
#ifdef AFS_LOOKUP_THAT_WAS_OVERTAKEN_DROPS_WHAT_IT_FOUND
			unchanged = true;
#else
			unchanged = (d_seq == seq);
#endif
			claim(renamed_is_dropped,
			      !unchanged || (!under_way && dir == moved && found == (dir == at_server)))
		}
	fi;
	if
	:: !unchanged ->
		reach(OVERTAKEN, moved);
		goto again
	:: else
	fi
}

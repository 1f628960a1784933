/* SPDX-License-Identifier: GPL-2.0 */
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

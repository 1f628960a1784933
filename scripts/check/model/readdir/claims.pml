/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The claims about the second series, as those of ../claims.pml: a name is a variable that
 * stays 0, and a failing assert() tells it.  Without a name: nobody sleeps, or waits for a
 * lock, for ever, which is Spin's "invalid end state"; and, for the reader, that it comes to
 * an end, which is its "non-progress cycle".
 */
hidden byte
	opened_at_server,	/* nobody opens a file that the server is asked to remove */
	opened_when_gone,	/* nor one that it has removed */
	stays_blocked,		/* what was blocked is not blocked when the operation is over */
	version_of_another_directory,	/* is not stored */
	renamed_is_dropped,	/* what is renamed meanwhile is not called invalid */
	count_wrong,		/* references balance */
	lock_not_held,		/* ->iterate_shared() is called with the directory locked */
	waits_locked,		/* and the reader waits for a lookup without that */
	dead_listed,		/* a directory that was removed is not listed */
	listed_wrong,		/* each entry is listed once, in its place */
	two_dentries;		/* a name has one dentry, in lookup or hashed */

#define claim(name, cond)	assert(name || (cond))

/* Places that have to be reached, see ../claims.pml. */
#define WAITS_FOR_AN_ANSWER	2
#define RCU_WALK_FAILS		3
#define OPENER_IS_COUNTED	4
#define COMES_LATE		5
#define FOUND_AFTER_A_REFUSAL	6
#define OUTER_BLOCKS		7
#define LOCKED_WHILE_IT_WAITS	8
#define REMOVED_WHILE_IT_WAITS	9
#define WAITS_FOR_ANOTHER_ONE	10
#define WAITS_LOCKED_AFTER_ALL	11
#define MADE_WHILE_IT_WAITS	12
#define ALL_LISTED		13
#define WAITS_FOR_A_RENAME	14
#define STORED_AFTER_A_RENAME	15
#define OVERTAKEN		16
#ifndef REACH
#define REACH		0
#endif
#define reach(name, cond)	assert(REACH != name || !(cond))

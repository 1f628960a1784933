// SPDX-License-Identifier: GPL-2.0
// What scripts/port/audit-report wants to know of a file, one fact a line on standard output:
// kind, file, line, column, function, and what belongs to the kind, between tabs.  A
// position is that of the name that the script looks for in the text, too: what it
// finds there and is not said here has not been understood.

//
// coccinelle.py puts what takes the lock in place of each "// without ->d_lock of D", and what
// gives it back in place of "unlock(D)".  Functions that are annotated as the one or the other
// are in $AUDIT_LOCKS and $AUDIT_UNLOCKS.

@initialize:python@
@@
import os
LOCKS = os.environ.get("AUDIT_LOCKS", "").split()
UNLOCKS = os.environ.get("AUDIT_UNLOCKS", "").split()
seen = set()
def say(kind, p, *more):
    # An expression with an #if in it has lines.
    more = tuple(" ".join(text.split()) for text in more)
    fact = "\t".join((kind, p[0].file, p[0].line, p[0].column, p[0].current_element) + more)
    if fact not in seen:
        seen.add(fact)
        print(fact, flush=True)

// ---- calls of d_alloc_parallel() ----

@call@
expression list[n] arguments;
position p;
@@
 d_alloc_parallel@p(arguments)

@script:python@
n << call.n;
p << call.p;
@@
say("call", p, n, p[0].current_element_line, p[0].current_element_line_end)

@lent@
expression P, N, W;
position p;
@@
 d_alloc_parallel@p(P, N, W)

@script:python@
p << lent.p;
W << lent.W;
@@
say("queue", p, W)

@member@
type T;
T *E;
T O;
expression P, N;
identifier m;
position p;
@@
(
 d_alloc_parallel@p(P, N, &E->m)
|
 d_alloc_parallel@p(P, N, &O.m)
)

@script:python@
p << member.p;
T << member.T;
m << member.m;
@@
say("member", p, T, m)

@taken@
expression D, E1, E2;
position p;
@@
(
 D = d_alloc_parallel@p(...)
|
 D = E1 ? d_alloc_parallel@p(...) : E2
)

@script:python@
p << taken.p;
D << taken.D;
@@
say("taken", p, D)

@given@
expression taken.D;
identifier g;
position p;
@@
 g@p(..., D, ...)

@script:python@
p << given.p;
g << given.g;
@@
say("given", p, g)

// ---- the others ----

@named@
identifier g = {d_in_lookup, d_lookup_done, d_splice_alias};
position p;
@@
 g@p(...)

@script:python@
p << named.p;
g << named.g;
@@
say("named", p, g)

@d_wait@
struct dentry *D;
position p;
@@
 D->d_wait@p

@script:python@
p << d_wait.p;
@@
say("d_wait", p)

// ---- writes of ->d_flags ----

@write@
expression D, E;
assignment operator op;
position p;
@@
(
 D->d_flags@p op E
|
 (D->d_flags@p) op E
|
 D->d_flags@p++
|
 D->d_flags@p--
|
 ++D->d_flags@p
|
 --D->d_flags@p
|
 WRITE_ONCE(D->d_flags@p, E)
|
 smp_store_release(&D->d_flags@p, E)
|
 xchg(&D->d_flags@p, ...)
|
 cmpxchg(&D->d_flags@p, ...)
|
 try_cmpxchg(&D->d_flags@p, ...)
)

@script:python@
p << write.p;
D << write.D;
@@
say("write", p, D)

@typed@
type T;
T *D;
position write.p;
@@
 D->d_flags@p

@script:python@
p << write.p;
T << typed.T;
@@
say("typed", p, T)

// No lock from the beginning of the function, or none any more.  Who has just made the
// dentry is alone with it.

@made@
expression D;
position q;
@@
 D@q = \(d_alloc(...)\|d_alloc_name(...)\|d_alloc_anon(...)\)

@unlocked_entry exists@
expression D;
identifier f;
iterator name scoped_guard;
statement S;
identifier locks : script:python() { locks in LOCKS };
position write.p;
@@
 f(...)
 {
 ... // without ->d_lock of D
     when != D = \(d_alloc(...)\|d_alloc_name(...)\|d_alloc_anon(...)\)
     when any
 D->d_flags@p
 ... when any
 }

@script:python@
p << write.p;
D << unlocked_entry.D;
@@
say("unlocked_since_entry", p, D)

@unlocked_again exists@
expression D;
iterator name scoped_guard;
statement S;
identifier locks : script:python() { locks in LOCKS };
identifier unlocks : script:python() { unlocks in UNLOCKS };
position write.p;
@@
 unlock(D)
 ... // without ->d_lock of D
     when any
 D->d_flags@p

@script:python@
p << write.p;
D << unlocked_again.D;
@@
say("unlocked", p, D)

// It is another dentry now.

@unlocked_other exists@
expression D, E;
iterator name scoped_guard;
statement S;
identifier locks : script:python() { locks in LOCKS };
position write.p;
position q != made.q;
@@
 D@q = E
 ... // without ->d_lock of D
     when any
 D->d_flags@p

@script:python@
p << write.p;
D << unlocked_other.D;
@@
say("unlocked", p, D)

// The lock was not to be had.

@unlocked_tried@
expression D, E;
assignment operator op;
position write.p;
@@
 if (!spin_trylock(&D->d_lock))
(
 D->d_flags@p op E;
|
 { D->d_flags@p op E; ... }
)

@script:python@
p << write.p;
D << unlocked_tried.D;
@@
say("unlocked", p, D)

// d_set_d_op() is such a write, and one that some kernels take the lock for.

@d_op@
expression D;
position p;
@@
 d_set_d_op@p(D, ...)

@script:python@
p << d_op.p;
D << d_op.D;
@@
say("d_op", p, D)

@d_op_entry exists@
expression D;
identifier f;
iterator name scoped_guard;
statement S;
identifier locks : script:python() { locks in LOCKS };
position d_op.p;
@@
 f(...)
 {
 ... // without ->d_lock of D
     when != D = \(d_alloc(...)\|d_alloc_name(...)\|d_alloc_anon(...)\)
     when any
 d_set_d_op@p(D, ...)
 ... when any
 }

@script:python@
p << d_op.p;
D << d_op_entry.D;
@@
say("d_op_unlocked_since_entry", p, D)

@d_op_again exists@
expression D;
iterator name scoped_guard;
statement S;
identifier locks : script:python() { locks in LOCKS };
identifier unlocks : script:python() { unlocks in UNLOCKS };
position d_op.p;
@@
 unlock(D)
 ... // without ->d_lock of D
     when any
 d_set_d_op@p(D, ...)

@script:python@
p << d_op.p;
D << d_op_again.D;
@@
say("d_op_unlocked", p, D)

// It is another dentry now.

@d_op_other exists@
expression D, E;
iterator name scoped_guard;
statement S;
identifier locks : script:python() { locks in LOCKS };
position d_op.p;
position q != made.q;
@@
 D@q = E
 ... // without ->d_lock of D
     when any
 d_set_d_op@p(D, ...)

@script:python@
p << d_op.p;
D << d_op_other.D;
@@
say("d_op_unlocked", p, D)

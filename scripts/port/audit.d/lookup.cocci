// SPDX-License-Identifier: GPL-2.0
// Where a dentry that d_alloc_parallel() has made is still in lookup at the end of the
// function.  What ends a lookup beside d_lookup_done() and d_add() is in $AUDIT_ENDERS.
//
// Each branch on which the dentry is none, or not in lookup, is marked first, in the copy
// that spatch works on; then a path is searched that has neither a mark nor an end.

@initialize:python@
@@
import os
ENDERS = ("d_lookup_done d_add " + os.environ.get("AUDIT_ENDERS", "")).split()
def say(kind, p, D):
    print("\t".join((kind, p[0].file, "0", "0", p[0].current_element, D)), flush=True)

@call@
local idexpression D;
expression E1, E2;
@@
(
 D = d_alloc_parallel(...)
|
 D = E1 ? d_alloc_parallel(...) : E2
)

// What is set next to it may be what remembers it.
@flag exists@
local idexpression call.D;
identifier F;
expression E;
symbol true;
@@
(
 F = \(true\|1\);
 ... when != F = E
 D = d_alloc_parallel(...)
|
 D = d_alloc_parallel(...)
 ... when any
 F = \(true\|1\);
|
 F = d_in_lookup(D)
)

// (A pattern with unlikely() matches the condition without it, but not the other way.)
@disable neg_if@
local idexpression call.D;
expression E;
statement S1, S2;
@@
(
 if (\(unlikely(IS_ERR(D))\|unlikely(IS_ERR_OR_NULL(D))\|unlikely(!D)\|unlikely(!d_in_lookup(D))\|IS_ERR(D) || !d_in_lookup(D)\|E && !d_in_lookup(D)\|!d_in_lookup(D) && E\|unlikely(IS_ERR(D = d_alloc_parallel(...)))\))
+{
+	dentry_is_not_in_lookup(D);
 S1
+}
 else S2
|
 if (\(unlikely(IS_ERR(D))\|unlikely(IS_ERR_OR_NULL(D))\|unlikely(!D)\|unlikely(!d_in_lookup(D))\|IS_ERR(D) || !d_in_lookup(D)\|E && !d_in_lookup(D)\|!d_in_lookup(D) && E\|unlikely(IS_ERR(D = d_alloc_parallel(...)))\))
+{
+	dentry_is_not_in_lookup(D);
 S1
+}
|
 if (\(unlikely(d_in_lookup(D))\|!IS_ERR(D) && d_in_lookup(D)\|!IS_ERR_OR_NULL(D) && d_in_lookup(D)\|unlikely(!IS_ERR(D))\|unlikely(!IS_ERR_OR_NULL(D))\|unlikely(D)\))
 S1
 else
+{
+	dentry_is_not_in_lookup(D);
 S2
+}
|
 if (\(unlikely(d_in_lookup(D))\|!IS_ERR(D) && d_in_lookup(D)\|!IS_ERR_OR_NULL(D) && d_in_lookup(D)\|unlikely(!IS_ERR(D))\|unlikely(!IS_ERR_OR_NULL(D))\|unlikely(D)\))
 S1
+else
+	dentry_is_not_in_lookup(D);
)

// A variable has the error.
@@
local idexpression call.D;
local idexpression F;
statement S1;
@@
 F = PTR_ERR_OR_ZERO(D);
 if (F)
+{
+	dentry_is_not_in_lookup(D);
 S1
+}

@@
local idexpression call.D;
identifier F;
type T;
statement S1;
@@
 T F = PTR_ERR_OR_ZERO(D);
 if (F)
+{
+	dentry_is_not_in_lookup(D);
 S1
+}

// A variable remembers that there is one in lookup.
@@
local idexpression call.D;
identifier flag.F;
@@
 if (unlikely(F)) {
 ... when any
 d_lookup_done(D);
 ... when any
 }
+else
+	dentry_is_not_in_lookup(D);

@left exists@
local idexpression call.D;
expression E, E1, E2;
identifier f;
identifier g : script:python() { g in ENDERS };
position p;
@@
 f@p(...)
 {
 ... when any
 \(D = d_alloc_parallel(...)\|D = E1 ? d_alloc_parallel(...) : E2\)
 ... when != dentry_is_not_in_lookup(D)
     when != g(..., D, ...)
     when != d_splice_alias(..., D)
     when != d_splice_alias_ops(..., D, ...)
     when != return D;
     when != D = E
     when != E = D
 }

@script:python@
p << left.p;
D << call.D;
@@
say("left", p, D)

// The same, if d_splice_alias() failed.
@spliced exists@
local idexpression call.D;
expression E, E1, E2;
identifier f;
identifier g : script:python() { g in ENDERS };
position p;
@@
 f@p(...)
 {
 ... when any
 \(D = d_alloc_parallel(...)\|D = E1 ? d_alloc_parallel(...) : E2\)
 ... when != dentry_is_not_in_lookup(D)
     when != g(..., D, ...)
     when != return D;
     when != D = E
     when != E = D
 }

@script:python@
p << spliced.p;
D << call.D;
@@
say("spliced", p, D)

// The same, if the next one takes its place.
@again exists@
local idexpression call.D;
expression E, E1, E2;
identifier f;
identifier g : script:python() { g in ENDERS };
position p;
@@
 f@p(...)
 {
 ... when any
 \(D = d_alloc_parallel(...)\|D = E1 ? d_alloc_parallel(...) : E2\)
 ... when != dentry_is_not_in_lookup(D)
     when != g(..., D, ...)
     when != d_splice_alias(..., D)
     when != d_splice_alias_ops(..., D, ...)
     when != return D;
     when != D = E
     when != E = D
 D = d_alloc_parallel(...)
 ... when any
 }

@script:python@
p << again.p;
D << call.D;
@@
say("left", p, D)

// SPDX-License-Identifier: GPL-2.0
// What is done with a member of a struct, by the name that -D member= gives.  With -D drop
// it goes from the struct that -D tag= names, and so does what initialises it.

virtual drop

@initialize:python@
@@
def say(kind, p, T):
    print("\t".join((kind, p[0].file, p[0].line, p[0].column, p[0].current_element, T)),
          flush=True)

@typed depends on !drop@
identifier virtual.member;
type T;
T *E;
T O;
position p;
@@
(
 E->member@p
|
 O.member@p
)

@script:python@
p << typed.p;
T << typed.T;
@@
say("of", p, T)

@init depends on !drop@
identifier virtual.member;
expression E;
position p;
@@
 init_waitqueue_head(\(&E->member@p\|&E.member@p\))

@script:python@
p << init.p;
@@
say("init", p, "")

@depends on drop@
identifier virtual.tag, virtual.member;
struct tag *E;
struct tag O;
@@
-init_waitqueue_head(\(&E->member\|&O.member\));

@depends on drop@
identifier virtual.tag, virtual.member;
typedef wait_queue_head_t;
@@
 struct tag {
 ...
(
-wait_queue_head_t member;
|
-struct wait_queue_head member;
)
 ...
 };

// SPDX-License-Identifier: GPL-2.0
// Remove the wait queues that are named in $AUDIT_QUEUES, as FILE:FUNCTION:QUEUE, and what
// initialises them.

@initialize:python@
@@
import os
QUEUES = os.environ.get("AUDIT_QUEUES", "").split()
def named(p, Q):
    # A rule after one that has changed something sees a copy: ...-FILE.
    file = os.path.basename(p[0].file).rpartition("-")[2]
    return ":".join((file, p[0].current_element, Q)) in QUEUES

@@
identifier Q;
declarer name DECLARE_WAIT_QUEUE_HEAD_ONSTACK, DECLARE_WAIT_QUEUE_HEAD;
position p : script:python(Q) { named(p, Q) };
@@
(
-DECLARE_WAIT_QUEUE_HEAD_ONSTACK@p(Q);
|
-DECLARE_WAIT_QUEUE_HEAD@p(Q);
)

@@
identifier Q;
typedef wait_queue_head_t;
symbol __WAIT_QUEUE_HEAD_INITIALIZER, __WAIT_QUEUE_HEAD_INIT_ONSTACK;
position p : script:python(Q) { named(p, Q) };
@@
(
-wait_queue_head_t Q@p;
|
-wait_queue_head_t Q@p = __WAIT_QUEUE_HEAD_INITIALIZER(Q);
|
-wait_queue_head_t Q@p = __WAIT_QUEUE_HEAD_INIT_ONSTACK(Q);
|
-struct wait_queue_head Q@p;
|
-struct wait_queue_head Q@p = __WAIT_QUEUE_HEAD_INITIALIZER(Q);
|
-struct wait_queue_head Q@p = __WAIT_QUEUE_HEAD_INIT_ONSTACK(Q);
)

@@
identifier Q;
position p : script:python(Q) { named(p, Q) };
@@
-init_waitqueue_head@p(&Q);

// SPDX-License-Identifier: GPL-2.0
// The calls of d_alloc_parallel() at $AUDIT_PLACES, as FILE:LINE:COLUMN, become those of a
// function that knows both forms.

@initialize:python@
@@
import os
PLACES = os.environ.get("AUDIT_PLACES", "").split()

@@
expression P, N, W;
position p : script:python() {
	":".join((os.path.basename(p[0].file), p[0].line, p[0].column)) in PLACES };
@@
-d_alloc_parallel@p(P, N, W)
+d_alloc_parallel_compat(P, N, W)

// SPDX-License-Identifier: GPL-2.0
// To which functions those of $AUDIT_NAMES give a dentry that they are given.

@initialize:python@
@@
import os
NAMES = os.environ.get("AUDIT_NAMES", "").split()
def say(p, g):
    print("\t".join(("gives", p[0].file, "0", "0", p[0].current_element, g)), flush=True)

@asked@
identifier f, D;
position p : script:python(f) { f in NAMES };
@@
 f@p(..., struct dentry *D, ...) { ... }

@giving@
identifier asked.f, asked.D, g;
position asked.p;
@@
 f@p(..., struct dentry *D, ...)
 {
 <+...
 g(..., D, ...)
 ...+>
 }

@script:python@
p << asked.p;
g << giving.g;
@@
say(p, g)

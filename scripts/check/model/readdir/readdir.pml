/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Three models of the second series, patches/6.12/readdir/: a dentry that a filesystem blocks
 * (-DMARK), one that is renamed while it is revalidated (-DRENAME), and iterate_dir() that
 * waits for a lookup.  What stands in ../d_alloc_parallel.pml
 * about how to read a model goes for them, too.
 */
#include "claims.pml"
#ifdef MARK
#include "mark.pml"
#elif defined(RENAME)
#include "rename.pml"
#else
#include "retry.pml"
#endif

init {
	atomic {
#ifdef WAIVE
		WAIVE = 1;
#endif
#ifdef MARK
		run remover();
		run looker(0);
#if LOOKERS > 1
		run looker(1);
#endif
#elif defined(RENAME)
		run renamer();
		run looker();
#if LOOKERS > 1
		run looker();
#endif
#else
		run reader();
#ifdef BUSY
		run busy_looker()
#else
		run looker();
		run looker();
		run writer_of_directory()
#endif
#endif
	}
}

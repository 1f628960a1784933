// SPDX-License-Identifier: GPL-2.0
/*
 * Shared by the rest of lookup_scale.  Nothing here calls any of it.
 */
#include <linux/kernel.h>
#include <linux/printk.h>

#include "scale.h"

struct dentry *ls_dir, *ls_elsewhere, *ls_moving;
unsigned int ls_runs;
bool ls_failed;

u64 ls_values[LS_WARM_UP + LS_MAX_RUNS], ls_returns[LS_WARM_UP + LS_MAX_RUNS];

/* The line that they are printed on. */
static char ls_line[LS_MAX_RUNS * 12];

void ls_fail(const char *what)
{
	ls_failed = true;
	pr_alert("lookup_scale: !!! %s\n", what);
}

/* All but those that were there to warm up. */
void ls_print(const char *row, const u64 *values, unsigned int n)
{
	unsigned int i;
	int used = 0;

	for (i = LS_WARM_UP; i < n; i++)
		used += scnprintf(ls_line + used, sizeof(ls_line) - used, " %llu",
				  values[i]);
	if (!ls_failed)
		pr_info("lookup_scale: cost %s:%s\n", row, ls_line);
}

/* To warm up, and to count: with many waiters fewer. */
unsigned int ls_runs_with(unsigned int waiters)
{
	return LS_WARM_UP + (waiters < 2048 ? ls_runs : DIV_ROUND_UP(ls_runs, 10));
}

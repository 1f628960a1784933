/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which functions call d_alloc_parallel(), how often, and how often such a call slept: by
 * kprobes whose histograms the kernel keeps, over all cases of a run.
 */
#pragma once

#include "ktap.hpp"

#include <optional>
#include <vector>

/* Sets the probes.  What cannot be probed is told by the case below. */
void watch_call_sites();

/* How often somebody has slept in a call of d_alloc_parallel() there; nothing if not known. */
std::optional<uint64_t> sleeps_at(const std::string &name);

/*
 * A case that prints a line for each call site, and fails if one was not hit; and one for each
 * site where a case makes somebody sleep, which fails if nobody did.
 */
std::vector<ktap::test> call_sites_cases();

// SPDX-License-Identifier: GPL-2.0
/*
 * See call_sites.hpp.  A call site is told by a function that is in the stack above
 * d_alloc_parallel(): the compiler puts most of those that call it into their callers.
 */
#include "call_sites.hpp"

#include "kernel.hpp"
#include "race.hpp"

#include <algorithm>
#include <charconv>
#include <fcntl.h>
#include <map>
#include <sstream>
#include <sys/mount.h>

namespace {

const std::string tracing = "/sys/kernel/tracing";
const std::string calls = tracing + "/events/lookup/calls", sleeps = tracing + "/events/sched/sched_switch";

struct call_site {
	const char *name;
	std::vector<std::string> symbols;	/* any of which is the one that called */
	bool slept_in;				/* a case makes somebody sleep there */
	bool tries_only = false;		/* where the kernel has d_alloc_trylock() */
};

const call_site sites[] = {
	{"__lookup_slow", {"__lookup_slow"}, true},
	{"lookup_open", {"lookup_open", "path_openat", "open_last_lookups"}, true},
	{"d_add_ci", {"d_add_ci"}, true},
	{"fuse_direntplus_link", {"fuse_direntplus_link", "parse_dirplusfile", "fuse_readdir_uncached", "fuse_readdir"}, true, true},
	{"proc_fill_cache", {"proc_fill_cache"}, false, true},
	{"proc_sys_fill_cache", {"proc_sys_fill_cache", "proc_sys_readdir"}, false, true},
	{"cifs_prime_dcache", {"cifs_prime_dcache", "cifs_filldir", "cifs_readdir"}, true},
	{"nfs_prime_dcache", {"nfs_prime_dcache", "nfs_readdir_entry_decode"}, true, true},
	{"nfs_atomic_open", {"nfs_atomic_open"}, false},
	{"nfs_call_unlink", {"nfs_call_unlink", "nfs_complete_unlink", "nfs_dentry_iput"}, true},
	{"afs_do_silly_unlink", {"afs_silly_iput"}, true},
};

bool put_in(const std::string &file, const std::string &text)
{
	const unique_fd fd(::open(file.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));

	return fd && ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

/* "name+0x12/0x34 [module]" */
std::string symbol_in(const std::string &text)
{
	const size_t from = text.find_first_not_of(" \t");
	const size_t end = from == text.npos ? from : text.find_first_of("+ \t", from);

	return from == text.npos ? "" : text.substr(from, end - from);
}

uint64_t count_behind(const std::string &line, const char *word)
{
	const size_t at = line.find(word);
	uint64_t n = 0;

	if (at != line.npos) {
		const size_t digits = line.find_first_of("0123456789", at);

		if (digits != line.npos)
			std::from_chars(line.data() + digits, line.data() + line.size(), n);
	}
	return n;
}

/* { caller: [ffffffff812c3d20] __lookup_slow+0x86/0x130 } hitcount: 12 */
std::map<std::string, uint64_t> counts_of_calls()
{
	std::istringstream text(read_file(calls + "/hist").value_or(""));
	std::map<std::string, uint64_t> counts;

	for (std::string line; std::getline(text, line);)
		if (const size_t at = line.find("] "); line.starts_with("{ caller") && at != line.npos)
			counts[symbol_in(line.substr(at + 2))] += count_behind(line, "hitcount:");
	return counts;
}

/*
 * A stack, a function a line, ends with "} hitcount: 3".  They are those of threads that
 * went to sleep, wherever that was.
 */
std::map<std::string, uint64_t> counts_of_sleeps()
{
	std::istringstream text(read_file(sleeps + "/hist").value_or(""));
	std::map<std::string, uint64_t> counts;
	std::string caller;
	bool next = false;

	for (std::string line; std::getline(text, line);) {
		if (const uint64_t n = count_behind(line, "hitcount:")) {
			counts[caller] += n;
			caller.clear();
		} else if (next && caller.empty()) {
			caller = symbol_in(line);
		}
		next = symbol_in(line) == "d_alloc_parallel";
	}
	return counts;
}

bool is_of(const std::string &function, const call_site &site)
{
	return std::any_of(site.symbols.begin(), site.symbols.end(), [&](const std::string &symbol) {
		/* Of a copy that the compiler made, "name.isra.0". */
		return function == symbol || function.starts_with(symbol + ".");
	});
}

uint64_t of_site(const std::map<std::string, uint64_t> &counts, const call_site &site)
{
	uint64_t n = 0;

	for (const auto &[name, count] : counts)
		if (is_of(name, site))
			n += count;
	return n;
}

/* What found no place in it. */
uint64_t hist_lost(const std::string &event)
{
	const std::string text = read_file(event + "/hist").value_or("");
	const size_t at = text.rfind("Dropped: ");

	return at == text.npos ? 0 : count_behind(text.substr(at), "Dropped:");
}

/* Threads that list and look up at once, which must not disagree either. */
void race_on_procfs(ktap::test_case &t)
{
	race_config c;

	c.duration = std::chrono::seconds(3);
	c.bound = t.bound(c.bound);
	race_on_new_processes(t, c);
	race_on_sysctl(t, c);
}

void each_call_site_was_hit(ktap::test_case &t)
{
	std::string missed;

	if (::access(calls.c_str(), F_OK))
		t.skip("d_alloc_parallel() cannot be probed: no tracefs, kprobe events or histograms");
	/* The two of them that need no mount. */
	race_on_procfs(t);
	const auto called = counts_of_calls(), slept = counts_of_sleeps();
	const auto lost = hist_lost(calls) + hist_lost(sleeps);

	for (const call_site &site : sites) {
		const uint64_t n = of_site(called, site);

		t.note("{:<22} {:>8} calls {:>6} sleeps", site.name, n, of_site(slept, site));
		if (!n && !(site.tries_only && !readdir_waits(t)))
			missed += fmt::format("{}{}", missed.empty() ? "" : ", ", site.name);
	}
	/* Of what the compiler has made of a site that is not found above. */
	for (const auto &[name, n] : called)
		if (std::none_of(std::begin(sites), std::end(sites),
				 [&](const call_site &site) { return is_of(name, site); }))
			t.note("{} calls from {}, which is none of these", n, name);
	t.require(!lost, "the histograms have lost {} of what they count", lost);
	t.require(missed.empty(), "no call from {}", missed);
}

/* A site by itself: where the fix of NFS is missing, only that of the silly unlink may fail. */
void somebody_slept_in(ktap::test_case &t, const call_site &site)
{
	const auto asleep = sleeps_at(site.name);

	if (!asleep)
		t.skip("who sleeps where cannot be told: no tracefs or histograms");
	if (site.tries_only && !readdir_waits(t)) {
		t.require(!*asleep, "{} slept in {}()", *asleep, site.name);
		return;
	}
	t.require(*asleep, "nobody slept in {}()", site.name);
}

} /* namespace */

void watch_call_sites()
{
	::mount("tracefs", tracing.c_str(), "tracefs", 0, nullptr);
	if (put_in(tracing + "/kprobe_events", "p:lookup/calls d_alloc_parallel caller=$stack0:x64\n"))
		put_in(calls + "/trigger", "hist:keys=caller.sym-offset:size=256");
	/* 2: TASK_UNINTERRUPTIBLE. */
	put_in(sleeps + "/trigger", "hist:keys=common_stacktrace:size=16384 if prev_state & 2");
}

std::optional<uint64_t> sleeps_at(const std::string &name)
{
	const auto site = std::find_if(std::begin(sites), std::end(sites),
				       [&](const call_site &s) { return s.name == name; });

	if (site == std::end(sites) || ::access((sleeps + "/hist").c_str(), F_OK))
		return {};
	return of_site(counts_of_sleeps(), *site);
}

std::vector<ktap::test> call_sites_cases()
{
	std::vector<ktap::test> tests = {
		{"each_call_site_was_hit", each_call_site_was_hit, std::chrono::seconds(60)},
	};

	for (const call_site &site : sites)
		if (site.slept_in)
			tests.push_back({fmt::format("somebody_slept_in_{}", site.name),
					 [&site](ktap::test_case &t) { somebody_slept_in(t, site); },
					 std::chrono::seconds(60)});
	return tests;
}

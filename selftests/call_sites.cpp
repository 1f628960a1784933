// SPDX-License-Identifier: GPL-2.0
/*
 * See call_sites.hpp.  A call site is told by a function that is in the stack above
 * d_alloc_parallel(): the compiler puts most of those that call it into their callers.
 */
#include "call_sites.hpp"

#include "caches.hpp"
#include "crew.hpp"
#include "server_root.hpp"

#include <charconv>
#include <map>
#include <sstream>
#include <sys/mount.h>

namespace {

const std::string tracing = "/sys/kernel/tracing";
const std::string calls = tracing + "/events/lookup/calls", sleeps = tracing + "/events/lookup/sleeps";

struct call_site {
	const char *name;
	std::vector<std::string> symbols;	/* any of which is the one that called */
};

/* Those whose filesystem is among the ones that are tested here. */
const call_site sites[] = {
	{"__lookup_slow", {"__lookup_slow"}},
	{"lookup_open", {"lookup_open", "path_openat", "open_last_lookups"}},
	{"fuse_direntplus_link", {"fuse_direntplus_link", "parse_dirplusfile", "fuse_readdir_uncached", "fuse_readdir"}},
	{"proc_fill_cache", {"proc_fill_cache"}},
	{"proc_sys_fill_cache", {"proc_sys_fill_cache", "proc_sys_readdir"}},
	{"cifs_prime_dcache", {"cifs_prime_dcache", "cifs_filldir", "cifs_readdir"}},
	{"nfs_prime_dcache", {"nfs_prime_dcache", "nfs_readdir_entry_decode"}},
	{"nfs_atomic_open", {"nfs_atomic_open"}},
	{"nfs_call_unlink", {"nfs_call_unlink", "nfs_complete_unlink", "nfs_dentry_iput"}},
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

/* A stack, a function a line, ends with "} hitcount: 3". */
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

uint64_t of_site(const std::map<std::string, uint64_t> &counts, const call_site &site)
{
	uint64_t n = 0;

	for (const std::string &symbol : site.symbols)
		for (const auto &[name, count] : counts)
			/* Of a copy that the compiler made, "name.isra.0". */
			if (name == symbol || name.starts_with(symbol + "."))
				n += count;
	return n;
}

void each_call_site_was_hit(ktap::test_case &t)
{
	std::string missed;

	if (::access(calls.c_str(), F_OK))
		t.skip("d_alloc_parallel() cannot be probed: no tracefs, kprobe events or histograms");
	const bool asleep_known = !::access(sleeps.c_str(), F_OK);

	/* The two of them that need no mount. */
	drop_caches();
	for (const char *dir : {"/proc/self", "/proc/sys/kernel"})
		list_now(dir);
	const auto called = counts_of_calls(), slept = counts_of_sleeps();

	for (const call_site &site : sites) {
		const uint64_t n = of_site(called, site);

		t.note("{}: {} calls, {}", site.name, n,
		       asleep_known ? fmt::format("{} waits", of_site(slept, site)) :
				      "its waits are not known: d_wait_lookup() is inlined");
		if (!n)
			missed += std::string(missed.empty() ? "" : ", ") + site.name;
	}
	for (const auto &[name, n] : called)
		t.note("called from {}: {}", name, n);
	t.require(missed.empty(), "never called from {}", missed);
}

} /* namespace */

void watch_call_sites()
{
	::mount("tracefs", tracing.c_str(), "tracefs", 0, nullptr);
	if (put_in(tracing + "/kprobe_events", "p:lookup/calls d_alloc_parallel caller=$stack0:x64\n"))
		put_in(calls + "/trigger", "hist:keys=caller.sym-offset:size=256");
	if (put_in(tracing + "/kprobe_events", "p:lookup/sleeps d_wait_lookup\n"))
		put_in(sleeps + "/trigger", "hist:keys=common_stacktrace:size=2048");
}

ktap::test call_sites_case()
{
	return {"each_call_site_was_hit", each_call_site_was_hit, std::chrono::seconds(20)};
}

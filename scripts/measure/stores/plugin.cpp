// SPDX-License-Identifier: GPL-2.0
/*
 * For scripts/measure/bench-static: a QEMU plugin that notes which cache lines are written
 * from the entry of a function to its return, each time that it is called.
 *
 *   -plugin FILE,out=PATH,function=ADDRESS[,function=ADDRESS...]
 *
 * PATH gets a line for each call, when it returns:
 *
 *   NUMBER STORES LINE:PC[:s]...
 *
 * NUMBER is which function it was, from 0; LINE the virtual address of a line of 64
 * bytes, PC the first instruction that wrote to it, and `s` is there if a call
 * instruction did, so that the line is on a stack.  For a guest with one CPU, and
 * for functions that are entered by a call; another way in is not noted.
 *
 * A plugin is told when a block of instructions begins, not when one returns.  But a
 * block that ends in a call says where that will return to, and a block begins there.
 */
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

/* Debian's QEMU comes without qemu-plugin.h; this is what we need of its version 1. */
extern "C" {
using qemu_plugin_id_t = uint64_t;
using qemu_plugin_meminfo_t = uint32_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_info_t {
	const char *target_name;
	struct {
		int min, cur;
	} version;
	bool system_emulation;
	struct {
		int smp_vcpus, max_vcpus;
	} system;
};
enum qemu_plugin_cb_flags { QEMU_PLUGIN_CB_NO_REGS };
enum qemu_plugin_mem_rw { QEMU_PLUGIN_MEM_R = 1, QEMU_PLUGIN_MEM_W };

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
		void (*cb)(qemu_plugin_id_t, qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_cb(qemu_plugin_tb *tb,
		void (*cb)(unsigned, void *), qemu_plugin_cb_flags flags, void *data);
void qemu_plugin_register_vcpu_mem_cb(qemu_plugin_insn *insn,
		void (*cb)(unsigned, qemu_plugin_meminfo_t, uint64_t, void *),
		qemu_plugin_cb_flags flags, qemu_plugin_mem_rw rw, void *data);
size_t qemu_plugin_tb_n_insns(const qemu_plugin_tb *tb);
qemu_plugin_insn *qemu_plugin_tb_get_insn(const qemu_plugin_tb *tb, size_t index);
const void *qemu_plugin_insn_data(const qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const qemu_plugin_insn *insn);
uint64_t qemu_plugin_insn_vaddr(const qemu_plugin_insn *insn);
unsigned qemu_plugin_mem_size_shift(qemu_plugin_meminfo_t info);
bool qemu_plugin_mem_is_store(qemu_plugin_meminfo_t info);

__attribute__((visibility("default"))) int qemu_plugin_version = 1;
__attribute__((visibility("default")))
int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv);
}

namespace {

constexpr uint64_t line_size = 64;

struct instruction {
	uint64_t pc;
	bool is_call;
};

/* Of a translation block. */
struct block {
	uint64_t begin;
	uint64_t returns_to;		/* 0 unless it ends in a call */
};

struct line {
	uint64_t pc;
	bool on_stack;
};

/* A function to watch, and the call of it that is under way. */
struct watched {
	uint64_t entry;
	uint64_t returns_to = 0;	/* 0: it is not being called */
	uint64_t stores = 0;
	std::map<uint64_t, line> lines;
};

std::vector<watched> functions;
unsigned under_way;
std::FILE *out;
const block *previous;
/* QEMU keeps pointers to these; it translates anew what was overwritten. */
std::deque<block> blocks;
std::unordered_map<uint64_t, instruction> instructions;

void report(size_t number, watched &f)
{
	std::fprintf(out, "%zu %" PRIu64, number, f.stores);
	for (const auto &[address, l] : f.lines)
		std::fprintf(out, " %" PRIx64 ":%" PRIx64 "%s", address, l.pc,
			     l.on_stack ? ":s" : "");
	std::fputc('\n', out);
	std::fflush(out);	/* the guest may end without our being told */
	f.returns_to = 0;
	f.stores = 0;
	f.lines.clear();
	under_way--;
}

void on_block(unsigned, void *data)
{
	const auto *b = static_cast<const block *>(data);

	for (size_t i = 0; i < functions.size(); i++) {
		watched &f = functions[i];

		if (f.returns_to && b->begin == f.returns_to)
			report(i, f);
		if (!f.returns_to && b->begin == f.entry && previous && previous->returns_to) {
			f.returns_to = previous->returns_to;
			under_way++;
		}
	}
	previous = b;
}

void on_access(unsigned, qemu_plugin_meminfo_t info, uint64_t address, void *data)
{
	/* QEMU 7.2 tells of loads, too, whatever one has asked for. */
	if (!under_way || !qemu_plugin_mem_is_store(info))
		return;
	const auto *insn = static_cast<const instruction *>(data);
	const uint64_t last = address + (uint64_t{1} << qemu_plugin_mem_size_shift(info)) - 1;

	for (watched &f : functions) {
		if (!f.returns_to)
			continue;
		f.stores++;
		for (uint64_t at = address & -line_size; at <= last; at += line_size) {
			line &l = f.lines.try_emplace(at, line{insn->pc, false}).first->second;

			l.on_stack |= insn->is_call;
		}
	}
}

bool is_call(const qemu_plugin_insn *insn)
{
	const auto *code = static_cast<const unsigned char *>(qemu_plugin_insn_data(insn));
	size_t left = qemu_plugin_insn_size(insn);

	/* Prefixes that the kernel puts before a call: segment, REX. */
	while (left > 1 && (*code == 0x2e || *code == 0x3e || (*code & 0xf0) == 0x40)) {
		code++;
		left--;
	}
	return *code == 0xe8 || (left > 1 && *code == 0xff && (code[1] & 0x38) == 0x10);
}

void on_translation(qemu_plugin_id_t, qemu_plugin_tb *tb)
{
	const size_t count = qemu_plugin_tb_n_insns(tb);
	block b{};

	for (size_t i = 0; i < count; i++) {
		qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		const uint64_t pc = qemu_plugin_insn_vaddr(insn);
		instruction &known = instructions[pc];

		known = {pc, is_call(insn)};
		if (i == 0)
			b.begin = pc;
		b.returns_to = known.is_call ? pc + qemu_plugin_insn_size(insn) : 0;
		qemu_plugin_register_vcpu_mem_cb(insn, on_access, QEMU_PLUGIN_CB_NO_REGS,
						 QEMU_PLUGIN_MEM_W, &known);
	}
	qemu_plugin_register_vcpu_tb_exec_cb(tb, on_block, QEMU_PLUGIN_CB_NO_REGS,
					     &blocks.emplace_back(b));
}

int refuse(const char *why)
{
	std::fprintf(stderr, "stores: %s\n", why);
	return -1;
}

} /* namespace */

int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv)
{
	if (!info->system_emulation || std::strcmp(info->target_name, "x86_64") != 0 ||
	    info->system.smp_vcpus != 1)
		return refuse("want a whole x86_64 machine with one CPU");
	for (int i = 0; i < argc; i++) {
		const std::string word = argv[i];

		if (word.starts_with("out=")) {
			out = std::fopen(word.c_str() + 4, "w");
		} else if (word.starts_with("function=")) {
			functions.emplace_back();
			functions.back().entry = std::strtoull(word.c_str() + 9, nullptr, 0);
		} else {
			return refuse("want out=PATH and function=ADDRESS");
		}
	}
	if (!out || functions.empty())
		return refuse("want out=PATH, that can be written to, and function=ADDRESS");
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * A store to ->d_flags, split in two by a kprobe: see dcache_probe.h.
 */
#include <linux/kprobes.h>
#include <linux/ptrace.h>

#include "dcache_probe.h"

#define MAX_STORES	16

#ifdef DCACHE_CAN_SPLIT

static struct {
	struct split_store seen;
	struct dentry *dentry;
	struct asker *waiter;
} split;

#ifdef CONFIG_X86_64

#define SPLITTABLE	"orl $imm, (%reg)"
#define STORE_ALIGN	1
#define STORE_LONGEST	7

/* orl $value, (%reg) */
struct store_insn {
	unsigned int length;
	unsigned int reg;
	u32 value;
};

static bool decode_store(const u8 *code, struct store_insn *insn)
{
	const u8 *at = code;
	unsigned int high = 0;
	bool wide;

	if (*at == 0x41) {			/* REX.B: one of r8 to r15 */
		high = 8;
		at++;
	}
	if (*at != 0x81 && *at != 0x83)		/* or, among others; imm32, imm8 */
		return false;
	wide = *at++ == 0x81;
	if ((*at & 0xf8) != 0x08)		/* or; no displacement */
		return false;
	insn->reg = high + (*at & 7);
	if ((*at & 7) == 4 || (*at & 7) == 5)	/* other addressing modes */
		return false;
	at++;
	if (wide)
		memcpy(&insn->value, at, sizeof(insn->value));
	else
		insn->value = (s32)(s8)*at;
	insn->length = at + (wide ? 4 : 1) - code;
	return true;
}

static unsigned long reg_value(struct pt_regs *regs, unsigned int reg)
{
	unsigned long *const all[16] = {
		&regs->ax, &regs->cx, &regs->dx, &regs->bx,
		&regs->sp, &regs->bp, &regs->si, &regs->di,
		&regs->r8, &regs->r9, &regs->r10, &regs->r11,
		&regs->r12, &regs->r13, &regs->r14, &regs->r15,
	};

	return *all[reg];
}

static unsigned long store_address(struct pt_regs *regs,
				   const struct store_insn *insn)
{
	return reg_value(regs, insn->reg);
}

/*
 * The rest of the instruction; that no compiler looks at the CPU's flags after it is
 * assumed.  Returns what a handler has to.
 */
static int store_old(struct kprobe *kp, struct pt_regs *regs,
		     const struct store_insn *insn, unsigned int *flags,
		     unsigned int old)
{
	WRITE_ONCE(*flags, old | insn->value);
	regs->ip = (unsigned long)kp->addr + insn->length;
	return 1;
}

#else /* CONFIG_ARM64 */

#define SPLITTABLE	"str wN, [xM, #imm]"
#define STORE_ALIGN	4
#define STORE_LONGEST	4

/* str wN, [xM, #offset], behind the load and the or */
struct store_insn {
	unsigned int reg;
	unsigned int offset;
};

static bool decode_store(const u8 *code, struct store_insn *insn)
{
	u32 word = le32_to_cpup((const __le32 *)code);

	if ((word & 0xffc00000) != 0xb9000000)
		return false;
	insn->reg = word >> 5 & 31;
	insn->offset = (word >> 10 & 0xfff) * 4;
	return insn->reg != 31;			/* the stack */
}

static unsigned long store_address(struct pt_regs *regs,
				   const struct store_insn *insn)
{
	return pt_regs_read_reg(regs, insn->reg) + insn->offset;
}

/* The instruction has in its register what was loaded before, and does it by itself. */
static int store_old(struct kprobe *kp, struct pt_regs *regs,
		     const struct store_insn *insn, unsigned int *flags,
		     unsigned int old)
{
	return 0;
}

#endif

static struct store_site {
	struct kprobe kp;
	struct store_insn insn;
} sites[MAX_STORES];

static unsigned int nr_sites;

static int store_handler(struct kprobe *kp, struct pt_regs *regs)
{
	struct store_site *site = container_of(kp, struct store_site, kp);
	unsigned int *flags = &split.dentry->d_flags;
	unsigned int old, us;

	if (split.seen.split ||
	    store_address(regs, &site->insn) != (unsigned long)flags)
		return 0;

	old = READ_ONCE(*flags);
	raise_flag(split.waiter->start);
	/* a waiter that sleeps sets no bit any more; one that spins for ->d_lock cannot */
	for (us = 0; us < SPLIT_US && READ_ONCE(*flags) == old; us += 5) {
		if (asker_is_parked(split.waiter))
			break;
		udelay(5);
	}
	split.seen.bit_came_between = READ_ONCE(*flags) & ~old;
	split.seen.split++;
	return store_old(kp, regs, &site->insn, flags, old);
}

static void unprobe_stores(void *unused)
{
	while (nr_sites)
		unregister_kprobe(&sites[--nr_sites].kp);
}

static void probe_store(u8 *address)
{
	struct store_site *site = &sites[nr_sites];

	if (nr_sites == MAX_STORES || !decode_store(address, &site->insn))
		return;
	site->kp = (struct kprobe) {
		.addr = (kprobe_opcode_t *)address,
		.pre_handler = store_handler,
		.post_handler = no_post_handler,
	};
	/* refuses what only looks like an instruction */
	if (!register_kprobe(&site->kp))
		nr_sites++;
}

static void probe_stores_of(const char *function)
{
	struct kprobe kp = { .symbol_name = function };
	unsigned long i, start, size = 0;
	char name[128];
	u8 *code;

	if (register_kprobe(&kp))
		return;
	code = (u8 *)kp.addr;
	unregister_kprobe(&kp);

	snprintf(name, sizeof(name), "%pS", code);	/* name+offset/size */
	if (!strchr(name, '+') ||
	    sscanf(strchr(name, '+'), "+%lx/%lx", &start, &size) != 2)
		return;
	for (i = 0; start + i + STORE_LONGEST <= size; i += STORE_ALIGN)
		probe_store(code + i);
}

struct split_store *split_store(struct kunit *test, struct dentry *dentry,
				struct asker *waiter)
{
	memset(&split.seen, 0, sizeof(split.seen));
	split.dentry = dentry;
	split.waiter = waiter;
	/* placing them takes longer than all that they are for: once for a case */
	if (nr_sites)
		return &split.seen;

	probe_stores_of("d_set_d_op");
	probe_stores_of("__d_set_d_op");
	if (!nr_sites)
		kunit_skip(test, "no \"%s\" in d_set_d_op()", SPLITTABLE);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, unprobe_stores, NULL));
	return &split.seen;
}
EXPORT_SYMBOL_GPL(split_store);

#endif /* DCACHE_CAN_SPLIT */

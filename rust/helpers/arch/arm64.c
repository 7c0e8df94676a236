// SPDX-License-Identifier: GPL-2.0

#include <linux/irqflags.h>
#include <linux/memlab_walk.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/nodemask.h>
#include <asm/alternative.h>
#include <asm/barrier.h>
#include <asm/cputype.h>
#include <asm/hypervisor.h>
#include <asm/sysreg.h>
#include "arch.h"

/*
 * Arm ARM, "MAIR_EL1": the outer attribute in the upper half, 0 for all that is
 * no memory. 0xf0 is cached memory with tags, and 0x40 uncached with FEAT_XS.
 */
static u32 memlab_mair_attr(u8 attr)
{
	if (!(attr & 0xf0))
		return MEMLAB_ATTR_DEVICE;
	return attr == 0x44 || attr == 0x40 ? MEMLAB_ATTR_UNCACHED : MEMLAB_ATTR_CACHED;
}

/*
 * Arm ARM, "PAR_EL1": AT S1E1R translates like a privileged read and leaves a byte as MAIR has
 * it.
 */
int memlab_arch_attr(const void *addr)
{
	unsigned long flags;
	u64 par;

	local_irq_save(flags);
	asm volatile("at s1e1r, %0" : : "r" (addr) : "memory");
	isb();
	par = read_sysreg_par();
	local_irq_restore(flags);
	if (par & SYS_PAR_EL1_F)
		return MEMLAB_ATTR_UNKNOWN;
	return memlab_mair_attr(FIELD_GET(SYS_PAR_EL1_ATTR, par));
}

/* Arm ARM, "VMSAv8-64 descriptor formats"; what the kernel keeps in them: asm/pgtable-prot.h. */
void memlab_arch_entry(struct memlab_level *level, const void *at, bool kernel)
{
	bool leaf = level->bits & MEMLAB_ENTRY_LEAF, none;
	u64 e = level->entry;
	pte_t pte = __pte(e);

	level->known = MEMLAB_ENTRY_PRESENT | MEMLAB_ENTRY_LEAF | MEMLAB_ENTRY_PROT_NONE;
	none = leaf && !(e & PTE_VALID);
	if (!(e & PTE_VALID) && !none)
		return;
	level->bits |= none ? MEMLAB_ENTRY_PROT_NONE : MEMLAB_ENTRY_PRESENT;
	level->known |= MEMLAB_ENTRY_WRITE | MEMLAB_ENTRY_USER | MEMLAB_ENTRY_EXECUTE;
	level->phys = __pte_to_phys(pte);
	if (!leaf) {
		/* What a table keeps from all that is below it. */
		level->bits |= (e & BIT_ULL(62) ? 0 : MEMLAB_ENTRY_WRITE) |
			       (e & BIT_ULL(61) ? 0 : MEMLAB_ENTRY_USER) |
			       (e & (kernel ? PMD_TABLE_PXN : PMD_TABLE_UXN) ?
				0 : MEMLAB_ENTRY_EXECUTE);
		return;
	}
	level->phys &= ~((1ULL << level->shift) - 1);
	level->known |= MEMLAB_ENTRY_ACCESSED | MEMLAB_ENTRY_DIRTY | MEMLAB_ENTRY_GLOBAL |
			MEMLAB_ENTRY_CONTIGUOUS;
	level->bits |= (pte_write(pte) ? MEMLAB_ENTRY_WRITE : 0) |
		       (e & PTE_USER ? MEMLAB_ENTRY_USER : 0) |
		       (e & (kernel ? PTE_PXN : PTE_UXN) ? 0 : MEMLAB_ENTRY_EXECUTE) |
		       (e & PTE_AF ? MEMLAB_ENTRY_ACCESSED : 0) |
		       (pte_dirty(pte) ? MEMLAB_ENTRY_DIRTY : 0) |
		       (e & PTE_NG ? 0 : MEMLAB_ENTRY_GLOBAL) |
		       (e & PTE_CONT ? MEMLAB_ENTRY_CONTIGUOUS : 0);
	level->attr = memlab_mair_attr(read_sysreg(mair_el1) >>
				       (8 * FIELD_GET(PTE_ATTRINDX_MASK, e)));
}

/*
 * The tables of the kernel's half are its own. In the register stands besides
 * their address an ASID, and where pages are of 64 KiB and the CPU has fewer
 * bits than the kernel was built for, an offset into the page.
 */
void *memlab_arch_kernel_table(unsigned long addr)
{
	u64 ttbr = read_sysreg(ttbr1_el1), phys;

	if (addr < -(1UL << vabits_actual))
		return NULL;
	phys = ttbr & GENMASK_ULL(47, PAGE_SHIFT);
	if (IS_ENABLED(CONFIG_ARM64_PA_BITS_52))
		phys |= (ttbr & GENMASK_ULL(5, 2)) << 46;
	return __va(phys);
}

/* QEMU's -cpu max, of which no other machine has the number. */
#define MEMLAB_PART_QEMU	0x051

/* The kernel has numbers for all and names for none: those that boards and clouds have. */
static const char *memlab_cpu_name(u32 midr)
{
	static const struct {
		u32 model;
		const char *name;
	} names[] = {
		{ MIDR_CPU_MODEL(0, MEMLAB_PART_QEMU), "QEMU TCG max" },
		{ MIDR_CORTEX_A35, "Cortex-A35" },
		{ MIDR_CORTEX_A53, "Cortex-A53" },
		{ MIDR_CORTEX_A55, "Cortex-A55" },
		{ MIDR_CORTEX_A57, "Cortex-A57" },
		{ MIDR_CORTEX_A72, "Cortex-A72" },
		{ MIDR_CORTEX_A73, "Cortex-A73" },
		{ MIDR_CORTEX_A75, "Cortex-A75" },
		{ MIDR_CORTEX_A76, "Cortex-A76" },
		{ MIDR_CORTEX_A76AE, "Cortex-A76AE" },
		{ MIDR_CORTEX_A77, "Cortex-A77" },
		{ MIDR_CORTEX_A78, "Cortex-A78" },
		{ MIDR_CORTEX_A78AE, "Cortex-A78AE" },
		{ MIDR_CORTEX_A78C, "Cortex-A78C" },
		{ MIDR_CORTEX_A510, "Cortex-A510" },
		{ MIDR_CORTEX_A520, "Cortex-A520" },
		{ MIDR_CORTEX_A710, "Cortex-A710" },
		{ MIDR_CORTEX_A715, "Cortex-A715" },
		{ MIDR_CORTEX_A720, "Cortex-A720" },
		{ MIDR_NEOVERSE_N1, "Neoverse-N1" },
		{ MIDR_NEOVERSE_N2, "Neoverse-N2" },
		{ MIDR_NEOVERSE_V1, "Neoverse-V1" },
		{ MIDR_NEOVERSE_V2, "Neoverse-V2" },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if ((midr & MIDR_CPU_MODEL_MASK) == names[i].model)
			return names[i].name;
	return NULL;
}

void memlab_arch_machine(struct memlab_machine *out)
{
	out->cpu_id = read_cpuid_id();
	out->cpu = memlab_cpu_name(out->cpu_id);
	out->emulated = MIDR_IMPLEMENTOR(out->cpu_id) == 0 &&
			MIDR_PARTNUM(out->cpu_id) == MEMLAB_PART_QEMU;
	if (kvm_arm_hyp_service_available(ARM_SMCCC_KVM_FUNC_FEATURES))
		strscpy(out->hypervisor, "KVM");
}

/*
 * The linear map begins where the first memory is mapped: with fewer bits of
 * address than the kernel was built for, and with KASLR, that is far above
 * PAGE_OFFSET.
 */
unsigned long memlab_arch_linear(void)
{
	unsigned long first = ULONG_MAX;
	int node;

	for_each_online_node(node)
		if (node_present_pages(node))
			first = min(first, node_start_pfn(node));
	return (unsigned long)__va(PFN_PHYS(first));
}

/* Below vmalloc; with KASLR the kernel and, as far as they fit, its modules are in vmalloc. */
unsigned int memlab_arch_regions(struct memlab_region *out)
{
	out[0] = (struct memlab_region){ "modules", MODULES_VADDR, MODULES_END };
	return 1;
}

/* mov x9, x30, and then what is a no-op until it becomes bl; before them there may be a bti. */
bool memlab_arch_traced(const void *function)
{
	const u32 *code = function;
	int i;

	for (i = 0; i < 2; i++)
		if (code[i] == 0xaa1e03e9 && code[i + 1] >> 26 == 0x25)
			return true;
	return false;
}

notrace void memlab_arch_spin(unsigned long rounds)
{
	asm volatile("1: subs %0, %0, #1\n\tb.ne 1b" : "+r" (rounds) : : "cc");
}

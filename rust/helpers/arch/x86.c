// SPDX-License-Identifier: GPL-2.0

#include <linux/irqflags.h>
#include <linux/memlab.h>
#include <linux/moduleloader.h>
#include <linux/pgtable.h>
#include <linux/string.h>
#include <linux/vm_event_item.h>
#include <asm/cpufeature.h>
#include <asm/cpuid/api.h>
#include <asm/msr.h>
#include <asm/processor.h>
#include "arch.h"

/* Intel SDM vol. 3, "Page Attribute Table": three bits of the entry choose a byte of the MSR. */
int memlab_arch_attr(const void *addr)
{
	static const u8 attrs[8] = {
		[0] = MEMLAB_ATTR_UNCACHED,		/* UC */
		[1] = MEMLAB_ATTR_WRITE_COMBINED,	/* WC */
		[4] = MEMLAB_ATTR_CACHED,		/* WT */
		[5] = MEMLAB_ATTR_CACHED,		/* WP */
		[6] = MEMLAB_ATTR_CACHED,		/* WB */
		[7] = MEMLAB_ATTR_UNCACHED,		/* UC- */
	};
	unsigned int level, index;
	unsigned long flags;
	u64 pat, value = 0;
	pte_t *pte;

	/*
	 * Tables that were collapsed into a large page are freed after every
	 * CPU has flushed its TLB, which waits for this one.
	 */
	local_irq_save(flags);
	pte = lookup_address((unsigned long)addr, &level);
	if (pte)
		value = pte_val(READ_ONCE(*pte));
	local_irq_restore(flags);
	if (!(value & _PAGE_PRESENT))
		return MEMLAB_ATTR_UNKNOWN;
	index = (value & _PAGE_PWT ? 1 : 0) | (value & _PAGE_PCD ? 2 : 0) |
		(value & (level == PG_LEVEL_4K ? _PAGE_PAT : _PAGE_PAT_LARGE) ? 4 : 0);
	rdmsrq(MSR_IA32_CR_PAT, pat);
	return attrs[pat >> (8 * index) & 7];
}

void memlab_arch_machine(struct memlab_machine *out)
{
	u32 eax, *name = (u32 *)out->hypervisor;

	out->cpu = boot_cpu_data.x86_model_id;
	if (boot_cpu_has(X86_FEATURE_HYPERVISOR))
		cpuid(0x40000000, &eax, &name[0], &name[1], &name[2]);
}

unsigned int memlab_arch_regions(struct memlab_region *out)
{
	out[0] = (struct memlab_region){ "modules", MODULES_VADDR, MODULES_END };
	out[1] = (struct memlab_region){
		"kernel", __START_KERNEL_map, __START_KERNEL_map + KERNEL_IMAGE_SIZE,
	};
	return 2;
}

const char *memlab_arch_event_name(unsigned int event)
{
	switch (event) {
	case DIRECT_MAP_LEVEL2_SPLIT:
		return "direct_map_level2_splits";
	case DIRECT_MAP_LEVEL3_SPLIT:
		return "direct_map_level3_splits";
	default:
		return NULL;
	}
}

/* A no-op of five bytes becomes a call or a jump, or its first byte a breakpoint. */
bool memlab_arch_traced(const void *function)
{
	static const u8 endbr[4] = { 0xf3, 0x0f, 0x1e, 0xfa };
	const u8 *code = function;

	if (!memcmp(code, endbr, sizeof(endbr)))
		code += sizeof(endbr);
	return *code == 0xe8 || *code == 0xe9 || *code == 0xcc;
}

notrace void memlab_arch_spin(unsigned long rounds)
{
	asm volatile("1: dec %0\n\tjnz 1b" : "+r" (rounds) : : "cc");
}

// SPDX-License-Identifier: GPL-2.0

#include <linux/irqflags.h>
#include <linux/memlab_walk.h>
#include <linux/moduleloader.h>
#include <linux/pgtable.h>
#include <linux/string.h>
#include <linux/vm_event_item.h>
#include <asm/cpufeature.h>
#include <asm/cpuid/api.h>
#include <asm/msr.h>
#include <asm/processor.h>
#include "arch.h"

/*
 * Intel SDM vol. 3, "Page Attribute Table": three bits of the entry, one of them
 * elsewhere in that of a large page, choose a byte of the MSR.
 */
static u32 memlab_pat_attr(u64 value, bool large)
{
	static const u8 attrs[8] = {
		[0] = MEMLAB_ATTR_UNCACHED,		/* UC */
		[1] = MEMLAB_ATTR_WRITE_COMBINED,	/* WC */
		[4] = MEMLAB_ATTR_CACHED,		/* WT */
		[5] = MEMLAB_ATTR_CACHED,		/* WP */
		[6] = MEMLAB_ATTR_CACHED,		/* WB */
		[7] = MEMLAB_ATTR_UNCACHED,		/* UC- */
	};
	unsigned int index;
	u64 pat;

	index = (value & _PAGE_PWT ? 1 : 0) | (value & _PAGE_PCD ? 2 : 0) |
		(value & (large ? _PAGE_PAT_LARGE : _PAGE_PAT) ? 4 : 0);
	rdmsrq(MSR_IA32_CR_PAT, pat);
	return attrs[pat >> (8 * index) & 7];
}

int memlab_arch_attr(const void *addr)
{
	unsigned long flags;
	unsigned int level;
	u64 value = 0;
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
	return memlab_pat_attr(value, level != PG_LEVEL_4K);
}

/* Intel SDM vol. 3, "4-Level Paging and 5-Level Paging". */
void memlab_arch_entry(struct memlab_level *level, const void *at, bool kernel)
{
	bool leaf = level->bits & MEMLAB_ENTRY_LEAF;
	u64 e = level->entry;

	level->known = MEMLAB_ENTRY_PRESENT | MEMLAB_ENTRY_LEAF | MEMLAB_ENTRY_PROT_NONE;
	if (!(e & _PAGE_PRESENT)) {
		if (!leaf)
			return;
		level->bits |= MEMLAB_ENTRY_PROT_NONE;
	} else {
		level->bits |= MEMLAB_ENTRY_PRESENT;
	}
	level->known |= MEMLAB_ENTRY_WRITE | MEMLAB_ENTRY_USER | MEMLAB_ENTRY_EXECUTE |
			MEMLAB_ENTRY_ACCESSED;
	level->bits |= (e & _PAGE_RW ? MEMLAB_ENTRY_WRITE : 0) |
		       (e & _PAGE_USER ? MEMLAB_ENTRY_USER : 0) |
		       (e & _PAGE_NX ? 0 : MEMLAB_ENTRY_EXECUTE) |
		       (e & _PAGE_ACCESSED ? MEMLAB_ENTRY_ACCESSED : 0);
	if (leaf) {
		level->known |= MEMLAB_ENTRY_DIRTY | MEMLAB_ENTRY_GLOBAL;
		/* The second is where a shadow stack's page has it, by the kernel alone. */
		level->bits |= e & (_PAGE_DIRTY | _PAGE_SAVED_DIRTY) ? MEMLAB_ENTRY_DIRTY : 0;
		if (e & _PAGE_PRESENT)
			level->bits |= e & _PAGE_GLOBAL ? MEMLAB_ENTRY_GLOBAL : 0;
		level->attr = memlab_pat_attr(e, level->level > 1);
	}
	/* These undo what an entry that keeps the CPU away has done to its address. */
	if (level->level == 1)
		level->phys = PFN_PHYS(pte_pfn(__pte(e)));
	else if (level->level == 2)
		level->phys = PFN_PHYS(pmd_pfn(__pmd(e)));
	else if (level->level == 3)
		level->phys = PFN_PHYS(pud_pfn(__pud(e)));
	else
		level->phys = e & PTE_PFN_MASK;
}

/* Every process has all of the kernel's half in its top table. */
void *memlab_arch_kernel_table(unsigned long addr)
{
	if (!__is_canonical_address(addr, boot_cpu_data.x86_virt_bits) || (long)addr >= 0)
		return NULL;
	return current->active_mm->pgd;
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
	/* They are where they are whether this kernel puts something there or not. */
	out[2] = (struct memlab_region){ "ldt", LDT_BASE_ADDR, LDT_END_ADDR };
	out[3] = (struct memlab_region){
		"cpu_entry_area", CPU_ENTRY_AREA_BASE,
		CPU_ENTRY_AREA_BASE + P4D_SIZE,
	};
	out[4] = (struct memlab_region){
		"espfix", ESPFIX_BASE_ADDR, ESPFIX_BASE_ADDR + P4D_SIZE,
	};
	/* They go down from the start. */
	out[5] = (struct memlab_region){ "efi", EFI_VA_END, EFI_VA_START };
	return 6;
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

// SPDX-License-Identifier: GPL-2.0
/* How the CPU reaches memory: what its page tables say, decoded as the CPU does it. */

#include <linux/irqflags.h>
#include <linux/memlab.h>
#include <linux/pgtable.h>
#ifdef CONFIG_X86
#include <asm/msr.h>
#endif
#ifdef CONFIG_ARM
#include <asm/barrier.h>
#endif
#include "helpers.h"

#ifdef CONFIG_X86
/* Intel SDM vol. 3, "Page Attribute Table": three bits of the entry choose a byte of the MSR. */
u32 memlab_attr(const void *addr)
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
	pte_t *pte = lookup_address((unsigned long)addr, &level);
	u64 pat, value;

	if (!pte || !(pte_val(*pte) & _PAGE_PRESENT))
		return MEMLAB_ATTR_UNKNOWN;
	value = pte_val(*pte);
	index = (value & _PAGE_PWT ? 1 : 0) | (value & _PAGE_PCD ? 2 : 0) |
		(value & (level == PG_LEVEL_4K ? _PAGE_PAT : _PAGE_PAT_LARGE) ? 4 : 0);
	rdmsrq(MSR_IA32_CR_PAT, pat);
	return attrs[pat >> (8 * index) & 7];
}
#elif defined(CONFIG_ARM) && __LINUX_ARM_ARCH__ >= 7
/* ARM DDI 0406C, B4.1.112: ATS1CPR translates like a privileged read and leaves PAR. */
u32 memlab_attr(const void *addr)
{
	unsigned long flags;
	u32 attr;
#ifdef CONFIG_ARM_LPAE
	u64 par;

	local_irq_save(flags);
	asm volatile("mcr p15, 0, %0, c7, c8, 0" : : "r" (addr) : "memory");
	isb();
	asm volatile("mrrc p15, 0, %Q0, %R0, c7" : "=r" (par));
	local_irq_restore(flags);
	if (par & 1)
		return MEMLAB_ATTR_UNKNOWN;
	/* As in MAIR: the outer attribute in the upper half, 0 for all that is no memory. */
	attr = par >> 56;
	if (!(attr & 0xf0))
		return MEMLAB_ATTR_DEVICE;
	return (attr & 0x0f) == 4 ? MEMLAB_ATTR_UNCACHED : MEMLAB_ATTR_CACHED;
#else
	u32 par;

	local_irq_save(flags);
	asm volatile("mcr p15, 0, %0, c7, c8, 0" : : "r" (addr) : "memory");
	isb();
	asm volatile("mrc p15, 0, %0, c7, c4, 0" : "=r" (par));
	local_irq_restore(flags);
	/* A fault, or a supersection, which maps no memory of the kernel's. */
	if (par & 3)
		return MEMLAB_ATTR_UNKNOWN;
	attr = par >> 4 & 7;
	if (attr == 1 || attr == 3)
		return MEMLAB_ATTR_DEVICE;
	return attr ? MEMLAB_ATTR_CACHED : MEMLAB_ATTR_UNCACHED;
#endif
}
#else
u32 memlab_attr(const void *addr)
{
	return MEMLAB_ATTR_UNKNOWN;
}
#endif

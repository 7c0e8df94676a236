// SPDX-License-Identifier: GPL-2.0

#include <linux/irqflags.h>
#include <linux/memlab_walk.h>
#include <linux/mm.h>
#include <asm/barrier.h>
#include <asm/cputype.h>
#include "arch.h"

#if __LINUX_ARM_ARCH__ >= 7
#ifdef CONFIG_ARM_LPAE
/* MAIR: the outer attribute in the upper half, 0 for all that is no memory. */
static u32 memlab_mair_attr(u8 attr)
{
	if (!(attr & 0xf0))
		return MEMLAB_ATTR_DEVICE;
	return (attr & 0x0f) == 4 ? MEMLAB_ATTR_UNCACHED : MEMLAB_ATTR_CACHED;
}

static u32 memlab_par_attr(u64 par)
{
	return par & 1 ? MEMLAB_ATTR_UNKNOWN : memlab_mair_attr(par >> 56);
}

static u64 memlab_par(void)
{
	u64 par;

	asm volatile("mrrc p15, 0, %Q0, %R0, c7" : "=r" (par));
	return par;
}
#else
static u32 memlab_par_attr(u64 par)
{
	u32 attr = par >> 4 & 7;

	/* A fault, or a supersection, which maps no memory of the kernel's. */
	if (par & 3)
		return MEMLAB_ATTR_UNKNOWN;
	if (attr == 1 || attr == 3)
		return MEMLAB_ATTR_DEVICE;
	return attr ? MEMLAB_ATTR_CACHED : MEMLAB_ATTR_UNCACHED;
}

static u64 memlab_par(void)
{
	u32 par;

	asm volatile("mrc p15, 0, %0, c7, c4, 0" : "=r" (par));
	return par;
}
#endif

/* ARM DDI 0406C, B4.1.112: ATS1CPR translates like a privileged read and leaves PAR. */
int memlab_arch_attr(const void *addr)
{
	unsigned long flags;
	u64 par;

	local_irq_save(flags);
	asm volatile("mcr p15, 0, %0, c7, c8, 0" : : "r" (addr) : "memory");
	isb();
	par = memlab_par();
	local_irq_restore(flags);
	return memlab_par_attr(par);
}
#endif

#ifdef CONFIG_ARM_LPAE
/* ARM DDI 0406C, B3.6; what the kernel keeps in them: asm/pgtable-3level.h. */
void memlab_arch_entry(struct memlab_level *level, const void *at, bool kernel)
{
	bool leaf = level->bits & MEMLAB_ENTRY_LEAF;
	u64 e = level->entry, mair;
	u32 low, high;

	level->known = MEMLAB_ENTRY_PRESENT | MEMLAB_ENTRY_LEAF | MEMLAB_ENTRY_PROT_NONE;
	if (!(e & L_PTE_VALID) && !leaf)
		return;
	level->bits |= e & L_PTE_VALID ? MEMLAB_ENTRY_PRESENT : MEMLAB_ENTRY_PROT_NONE;
	level->known |= MEMLAB_ENTRY_WRITE | MEMLAB_ENTRY_USER | MEMLAB_ENTRY_EXECUTE;
	level->phys = e & PHYS_MASK & ~0xfffULL;
	if (!leaf) {
		/* What a table keeps from all that is below it. */
		level->bits |= (e & BIT_ULL(62) ? 0 : MEMLAB_ENTRY_WRITE) |
			       (e & BIT_ULL(61) ? 0 : MEMLAB_ENTRY_USER) |
			       (e & (BIT_ULL(60) | (kernel ? PMD_PXNTABLE : 0)) ?
				0 : MEMLAB_ENTRY_EXECUTE);
		return;
	}
	level->phys &= ~((1ULL << level->shift) - 1);
	level->known |= MEMLAB_ENTRY_ACCESSED | MEMLAB_ENTRY_DIRTY | MEMLAB_ENTRY_GLOBAL |
			MEMLAB_ENTRY_CONTIGUOUS;
	/*
	 * A program's page is read-only to the CPU until it is dirty: the kernel says what it may
	 * become.
	 */
	level->bits |= (e & (kernel ? PTE_AP2 : L_PTE_RDONLY) ? 0 : MEMLAB_ENTRY_WRITE) |
		       (e & L_PTE_USER ? MEMLAB_ENTRY_USER : 0) |
		       (e & (L_PTE_XN | (kernel ? PTE_EXT_PXN : 0)) ? 0 : MEMLAB_ENTRY_EXECUTE) |
		       (e & L_PTE_YOUNG ? MEMLAB_ENTRY_ACCESSED : 0) |
		       (e & L_PTE_DIRTY ? MEMLAB_ENTRY_DIRTY : 0) |
		       (e & PTE_EXT_NG ? 0 : MEMLAB_ENTRY_GLOBAL) |
		       (e & BIT_ULL(52) ? MEMLAB_ENTRY_CONTIGUOUS : 0);
	asm volatile("mrc p15, 0, %0, c10, c2, 0" : "=r" (low));
	asm volatile("mrc p15, 0, %0, c10, c2, 1" : "=r" (high));
	mair = (u64)high << 32 | low;
	level->attr = memlab_mair_attr(mair >> (8 * (e >> 2 & 7)));
}

/* All processes share the tables below the top one. */
void *memlab_arch_kernel_table(unsigned long addr)
{
	return addr < TASK_SIZE ? NULL : current->active_mm->pgd;
}
#else
/*
 * ARM DDI 0406C, B3.8.2: of the kinds of memory, three bits choose the one that these registers
 * say.
 */
static u32 memlab_remap_attr(u32 n)
{
	u32 prrr, nmrr, kind;

	asm volatile("mrc p15, 0, %0, c10, c2, 0" : "=r" (prrr));
	asm volatile("mrc p15, 0, %0, c10, c2, 1" : "=r" (nmrr));
	kind = prrr >> (2 * n) & 3;
	if (kind != 2)
		return kind == 3 ? MEMLAB_ATTR_UNKNOWN : MEMLAB_ATTR_DEVICE;
	return nmrr >> (16 + 2 * n) & 3 ? MEMLAB_ATTR_CACHED : MEMLAB_ATTR_UNCACHED;
}

/* ARM DDI 0406C, B3.5: an entry of the first table, for 1 MiB. */
static void memlab_first_entry(struct memlab_level *level, bool leaf, bool kernel)
{
	u32 e = level->entry, off = PMD_SECT_XN | (kernel ? PMD_SECT_PXN : 0);

	level->shift = SECTION_SHIFT;
	if (!(e & PMD_TYPE_MASK))
		return;
	level->bits |= MEMLAB_ENTRY_PRESENT;
	if (!leaf) {
		level->phys = e & ~0x3ffU;
		return;
	}
	if (e & PMD_SECT_SUPER)
		level->shift = SUPERSECTION_SHIFT;
	level->phys = e & ~((1U << level->shift) - 1);
	level->known |= MEMLAB_ENTRY_WRITE | MEMLAB_ENTRY_USER | MEMLAB_ENTRY_EXECUTE |
			MEMLAB_ENTRY_GLOBAL;
	level->bits |= (e & PMD_SECT_APX ? 0 : MEMLAB_ENTRY_WRITE) |
		       (e & PMD_SECT_AP_READ ? MEMLAB_ENTRY_USER : 0) |
		       (e & off ? 0 : MEMLAB_ENTRY_EXECUTE) |
		       (e & PMD_SECT_nG ? 0 : MEMLAB_ENTRY_GLOBAL);
	level->attr = memlab_remap_attr((e >> 10 & 4) | (e >> 2 & 3));
}

/* The kernel's own entry, with what the CPU's has no room for, lies in front of that. */
void memlab_arch_entry(struct memlab_level *level, const void *at, bool kernel)
{
	bool leaf = level->bits & MEMLAB_ENTRY_LEAF;
	u32 e = level->entry, h;

	level->known = MEMLAB_ENTRY_PRESENT | MEMLAB_ENTRY_LEAF | MEMLAB_ENTRY_PROT_NONE;
	if (level->level > 1) {
		memlab_first_entry(level, leaf, kernel);
		return;
	}
	h = READ_ONCE(((const u32 *)at)[PTE_HWTABLE_PTRS]);
	level->hardware = h;
	level->bits |= h & PTE_TYPE_MASK ? MEMLAB_ENTRY_PRESENT : 0;
	if (!leaf)
		return;
	level->bits |= e & L_PTE_NONE ? MEMLAB_ENTRY_PROT_NONE : 0;
	level->phys = e & PAGE_MASK;
	level->known |= MEMLAB_ENTRY_WRITE | MEMLAB_ENTRY_USER | MEMLAB_ENTRY_EXECUTE |
			MEMLAB_ENTRY_ACCESSED | MEMLAB_ENTRY_DIRTY;
	level->bits |= (e & L_PTE_RDONLY ? 0 : MEMLAB_ENTRY_WRITE) |
		       (e & L_PTE_USER ? MEMLAB_ENTRY_USER : 0) |
		       (e & L_PTE_XN ? 0 : MEMLAB_ENTRY_EXECUTE) |
		       (e & L_PTE_YOUNG ? MEMLAB_ENTRY_ACCESSED : 0) |
		       (e & L_PTE_DIRTY ? MEMLAB_ENTRY_DIRTY : 0);
	if (!(h & PTE_TYPE_MASK))
		return;
	level->known |= MEMLAB_ENTRY_GLOBAL;
	level->bits |= h & PTE_EXT_NG ? 0 : MEMLAB_ENTRY_GLOBAL;
	level->attr = memlab_remap_attr((h >> 4 & 4) | (h >> 2 & 3));
}

/* To the kernel two entries of 1 MiB are one. */
void *memlab_arch_pmd(void *pmd, unsigned long addr)
{
	return (pmd_t *)pmd + (addr >> SECTION_SHIFT & 1);
}

/* What is mapped later is put into the kernel's own table, and into others on their first fault. */
void *memlab_arch_kernel_table(unsigned long addr)
{
	u32 ttbr;

	if (addr < TASK_SIZE)
		return NULL;
	asm volatile("mrc p15, 0, %0, c2, c0, 1" : "=r" (ttbr));
	return __va(ttbr & ~0x3fffU);
}
#endif

void memlab_arch_machine(struct memlab_machine *out)
{
	out->cpu_id = read_cpuid_id();
}

unsigned int memlab_arch_regions(struct memlab_region *out)
{
	out[0] = (struct memlab_region){ "modules", MODULES_VADDR, MODULES_END };
	return 1;
}

/* push {lr}, and then what is a no-op until it becomes bl. */
bool memlab_arch_traced(const void *function)
{
	const u32 *code = function;

	return code[0] == 0xe52de004 && code[1] >> 24 == 0xeb;
}

notrace void memlab_arch_spin(unsigned long rounds)
{
	asm volatile("1: subs %0, %0, #1\n\tbne 1b" : "+r" (rounds) : : "cc");
}

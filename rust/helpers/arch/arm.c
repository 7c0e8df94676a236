// SPDX-License-Identifier: GPL-2.0

#include <linux/irqflags.h>
#include <linux/memlab.h>
#include <linux/mm.h>
#include <asm/barrier.h>
#include <asm/cputype.h>
#include "arch.h"

#if __LINUX_ARM_ARCH__ >= 7
#ifdef CONFIG_ARM_LPAE
/* As in MAIR: the outer attribute in the upper half, 0 for all that is no memory. */
static u32 memlab_par_attr(u64 par)
{
	u32 attr = par >> 56;

	if (par & 1)
		return MEMLAB_ATTR_UNKNOWN;
	if (!(attr & 0xf0))
		return MEMLAB_ATTR_DEVICE;
	return (attr & 0x0f) == 4 ? MEMLAB_ATTR_UNCACHED : MEMLAB_ATTR_CACHED;
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

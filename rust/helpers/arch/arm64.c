// SPDX-License-Identifier: GPL-2.0

#include <linux/mm.h>
#include <asm/cputype.h>
#include "arch.h"

void memlab_arch_machine(struct memlab_machine *out)
{
	out->cpu_id = read_cpuid_id();
}

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

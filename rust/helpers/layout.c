// SPDX-License-Identifier: GPL-2.0
/* The regions of the kernel's address space. */

#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/vmalloc.h>
#include <asm/fixmap.h>
#include "arch.h"

static unsigned int memlab_add(struct memlab_region *out, unsigned int count, const char *name,
			       unsigned long start, unsigned long last)
{
	out[count].name = name;
	out[count].start = start;
	out[count].end = (u64)last + 1;
	return count + 1;
}

/* Writes up to MEMLAB_REGIONS of them, in no order; returns how many. */
unsigned int memlab_regions(struct memlab_region *out)
{
	unsigned long last_low = (unsigned long)high_memory - 1;
	unsigned int n = 0;

	n = memlab_add(out, n, "user", 0, TASK_SIZE - 1);
	n = memlab_add(out, n, "linear", memlab_arch_linear(), last_low);
	/* x86 means the last byte by VMALLOC_END, ARM the one behind it. */
	n = memlab_add(out, n, "vmalloc", VMALLOC_START, PAGE_ALIGN(VMALLOC_END) - 1);
	n = memlab_add(out, n, "fixmap", FIXADDR_START, FIXADDR_TOP - 1);
#ifdef CONFIG_HIGHMEM
	n = memlab_add(out, n, "pkmap", PKMAP_BASE, PKMAP_ADDR(LAST_PKMAP) - 1);
#endif
#ifdef CONFIG_SPARSEMEM_VMEMMAP
	n = memlab_add(out, n, "vmemmap",
		       (unsigned long)virt_to_page((void *)memlab_arch_linear()),
		       (unsigned long)(virt_to_page((void *)last_low) + 1) - 1);
#endif
	return n + memlab_arch_regions(out + n);
}

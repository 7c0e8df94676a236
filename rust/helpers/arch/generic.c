// SPDX-License-Identifier: GPL-2.0
/* For an architecture, or a version of one, that lacks something. */

#include <linux/errno.h>
#include <linux/mm.h>
#include "arch.h"

int __weak memlab_arch_attr(const void *addr)
{
	return -EOPNOTSUPP;
}

void __weak memlab_arch_entry(struct memlab_level *level, const void *at, bool kernel)
{
}

void * __weak memlab_arch_pmd(void *pmd, unsigned long addr)
{
	return pmd;
}

void * __weak memlab_arch_kernel_table(unsigned long addr)
{
	return NULL;
}

bool __weak memlab_arch_traced(const void *function)
{
	return false;
}

unsigned long __weak memlab_arch_linear(void)
{
	return PAGE_OFFSET;
}

const char * __weak memlab_arch_event_name(unsigned int event)
{
	return NULL;
}

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All that differs by architecture: arch/<architecture>.c has it, and for what
 * an architecture lacks arch/generic.c answers -EOPNOTSUPP, or nothing.
 */
#ifndef MEMLAB_ARCH_H
#define MEMLAB_ARCH_H

#include "helpers.h"

/*
 * How the CPU's page tables let it reach @addr: an enum memlab_attr, or
 * -EOPNOTSUPP where they cannot be asked.
 */
int memlab_arch_attr(const void *addr);

struct memlab_level;

/*
 * Says of an entry of a page table what its bits mean and where it leads;
 * @at is the entry itself. Level, entry and whether it is a leaf are known.
 */
void memlab_arch_entry(struct memlab_level *level, const void *at, bool kernel);

/* Which of the entries at @pmd, that the kernel takes for one, is the one for @addr. */
void *memlab_arch_pmd(void *pmd, unsigned long addr);

/* The top table of the kernel's half, or NULL where @addr is not in that. */
void *memlab_arch_kernel_table(unsigned long addr);

/* The CPU and what it runs under. */
void memlab_arch_machine(struct memlab_machine *out);

/* Where the linear map of memory begins. */
unsigned long memlab_arch_linear(void);

/* The regions that only this architecture has: six at most, in no order. */
unsigned int memlab_arch_regions(struct memlab_region *out);

/* The name of an event that only this architecture counts, or NULL. */
const char *memlab_arch_event_name(unsigned int event);

/*
 * Whether the first instructions of @function call somebody: a tracer of
 * functions, or a probe.
 */
bool memlab_arch_traced(const void *function);

/* Executes 2 * @rounds instructions besides a few to get here and back; @rounds is not 0. */
void memlab_arch_spin(unsigned long rounds);

#endif /* MEMLAB_ARCH_H */

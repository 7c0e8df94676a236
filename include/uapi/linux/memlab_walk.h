/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * A call of a session of /dev/memlab: the way of an address through the page
 * tables, and the page at its end.
 */
#ifndef _UAPI_LINUX_MEMLAB_WALK_H
#define _UAPI_LINUX_MEMLAB_WALK_H

#include <linux/memlab.h>

#define MEMLAB_LEVELS		5

/* What an entry of a page table says, and of which of these it says anything. */
enum memlab_entry {
	MEMLAB_ENTRY_PRESENT	= 1 << 0,	/* the CPU follows it */
	MEMLAB_ENTRY_WRITE	= 1 << 1,	/* the kernel lets be written through it */
	MEMLAB_ENTRY_USER	= 1 << 2,	/* programs may go through it */
	MEMLAB_ENTRY_EXECUTE	= 1 << 3,	/* whose half of the addresses it is may execute */
	MEMLAB_ENTRY_ACCESSED	= 1 << 4,
	MEMLAB_ENTRY_DIRTY	= 1 << 5,
	MEMLAB_ENTRY_GLOBAL	= 1 << 6,	/* stays in the TLB from one process to the next */
	MEMLAB_ENTRY_LEAF	= 1 << 7,	/* leads to memory; above level 1 to a large page */
	MEMLAB_ENTRY_PROT_NONE	= 1 << 8,	/* there is memory, and the CPU is kept from it */
	MEMLAB_ENTRY_CONTIGUOUS	= 1 << 9,	/* one of several that the TLB may take for one */
};

enum memlab_found {
	MEMLAB_FOUND_NOTHING	= 0,	/* the last entry is empty */
	MEMLAB_FOUND_PAGE	= 1,	/* memory */
	MEMLAB_FOUND_DEVICE	= 2,	/* no memory that the kernel manages: registers, mostly */
	MEMLAB_FOUND_SWAP	= 3,	/* the page is in swap */
	MEMLAB_FOUND_MIGRATING	= 4,	/* the page is being moved */
	MEMLAB_FOUND_OTHER	= 5,	/* another note of the kernel's */
	MEMLAB_FOUND_GONE	= 6,	/* a table went away while it was looked at */
};

enum memlab_kind {
	MEMLAB_KIND_OTHER	= 0,	/* the kernel's, mostly */
	MEMLAB_KIND_ANON	= 1,
	MEMLAB_KIND_FILE	= 2,
	MEMLAB_KIND_SHMEM	= 3,	/* of a tmpfs, or anonymous and shared */
	MEMLAB_KIND_ZERO	= 4,	/* the page of zeroes that many share */
};

/**
 * struct memlab_level - one entry that the CPU passes on its way to a page
 * @level: 5 to 1; the first of a walk is the top table's
 * @shift: one such entry is for 2 to the power of this bytes
 * @index: which entry of its table
 * @attr: enum memlab_attr; unknown for one that leads to a table
 * @bits: enum memlab_entry
 * @known: those of enum memlab_entry that entries of this kind have
 * @at: physical address of the entry
 * @entry: as the kernel keeps it
 * @hardware: as the CPU reads it: another one with the short descriptors of 32-bit ARM, where the
 *	kernel's own is beside it
 * @phys: where it leads, or MEMLAB_NO_ADDRESS
 */
struct memlab_level {
	__u32 level;
	__u32 shift;
	__u32 index;
	__u32 attr;
	__u32 bits;
	__u32 known;
	__u64 at;
	__u64 entry;
	__u64 hardware;
	__u64 phys;
};

/**
 * struct memlab_walk - the page tables' way from an address to a page, and what that page is
 * @size: of this structure, in bytes
 * @flags: 0
 * @address: in: an address of a process, or one of the kernel's
 * @pid: in: the process; 0 for the caller, and for an address of the kernel's
 * @kernel: out: enum memlab_tristate: whether the address is in the kernel's half
 * @found: out: enum memlab_found
 * @levels: out: how many of @level are filled in
 * @level: out: from the top table down
 * @phys: out: what @address stands for, or MEMLAB_NO_ADDRESS
 * @swap_offset: out: of a page in swap, in pages
 * @swap_type: out: which swap area, by its number
 * @kind: out: enum memlab_kind, of the page
 * @page_flags: out: of the page, the bits of /proc/kpageflags
 * @refcount: out: references to the folio that the page is part of, without the walk's own
 * @mapcount: out: how many page tables map the page, as /proc/kpagecount counts
 * @order: out: of the folio
 * @node: out: of the page
 * @generation: out: of the folio in the multi-generational LRU, modulo what that keeps; ~0 for none
 * @cma: out: enum memlab_tristate, whether the page is of a CMA area
 * @zone: out: of the page, NUL-terminated
 * @message: out: why it was refused, NUL-terminated; otherwise untouched
 *
 * Nothing is changed by it, and no page is brought in. The process's address space is locked
 * meanwhile. Another process's is shown to who may trace any (CAP_SYS_PTRACE). Tables of the
 * kernel's half are read as they are: of an address that the kernel gives up meanwhile, an entry
 * may be of what its table's page has become.
 */
struct memlab_walk {
	__u32 size;
	__u32 flags;
	__u64 address;
	__u32 pid;
	__u32 kernel;
	__u32 found;
	__u32 levels;
	struct memlab_level level[MEMLAB_LEVELS];
	__u64 phys;
	__u64 swap_offset;
	__u32 swap_type;
	__u32 kind;
	__u64 page_flags;
	__u32 refcount;
	__u32 mapcount;
	__u32 order;
	__u32 node;
	__u32 generation;
	__u32 cma;
	char zone[8];
	char message[MEMLAB_MESSAGE_MAX];
};

#define MEMLAB_WALK_SIZE_LEAST	616

#define MEMLAB_IOC_WALK		_IOWR(MEMLAB_IOC_MAGIC, 0x0A, struct memlab_walk)

#endif /* _UAPI_LINUX_MEMLAB_WALK_H */

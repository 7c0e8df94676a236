/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * Calls of a session of /dev/memlab: memory that a program holds through a
 * descriptor, which is a dma-buf.
 *
 * It can be mapped (shared, not to be executed), handed to other drivers that
 * take a dma-buf, and passed on. DMA_BUF_IOCTL_SYNC is for the mapping for the
 * device that it was allocated for and for those of all importers: EINVAL for
 * a direction that the former does not have, ENODEV once the device is
 * unbound. Sizes are whole pages, zeroed. What kmalloc() and pools give is not
 * to be had this way: its page holds other people's objects.
 *
 * A buffer outlives its session. All buffers together are bounded by the
 * module's parameter max_memory, and by a quarter of the memory available.
 */
#ifndef _UAPI_LINUX_MEMLAB_BUFFER_H
#define _UAPI_LINUX_MEMLAB_BUFFER_H

#include <linux/memlab.h>

/*
 * The first three are memory of the buffer's own: it lives as long as the
 * dma-buf and outlives an unbind, by which only the mapping for the device
 * goes. The others are the device's: when it is unbound they go, whoever has
 * them mapped (SIGBUS), and importers are refused from the beginning
 * (EOPNOTSUPP), so that an unbind waits for nobody.
 */
enum memlab_buffer_kind {
	MEMLAB_BUFFER_PAGES	= 0,	/* single pages; charged to the caller's memory cgroup */
	MEMLAB_BUFFER_VMALLOC	= 1,	/* vmalloc(); charged likewise */
	MEMLAB_BUFFER_CMA	= 2,	/* contiguous, of the device's CMA area; not charged */
	MEMLAB_BUFFER_COHERENT	= 3,	/* dma_alloc_coherent() */
	MEMLAB_BUFFER_WC	= 4,	/* dma_alloc_wc() */
	MEMLAB_BUFFER_NONCOHERENT = 5,	/* dma_alloc_noncoherent() */
	MEMLAB_BUFFER_NONCONTIGUOUS = 6, /* dma_alloc_noncontiguous() */
};

#define MEMLAB_BUFFER_CLOEXEC	(1U << 0)

/**
 * struct memlab_buffer_alloc - allocate memory for a device, and hold it
 * @size: of this structure, in bytes
 * @flags: MEMLAB_BUFFER_CLOEXEC: the descriptor is closed by exec
 * @device: name of a device that is lent; empty for the one lent first
 * @bytes: at least so many; rounded up to whole pages, which is what comes back
 * @kind: enum memlab_buffer_kind
 * @direction: enum memlab_direction, of the mapping for the device. Coherent and write-combined
 *	memory has both whatever is asked for
 * @fd: out: the descriptor, for reading and writing
 * @reserved: 0
 * @message: out: why it was refused, NUL-terminated; otherwise untouched
 */
struct memlab_buffer_alloc {
	__u32 size;
	__u32 flags;
	char device[MEMLAB_NAME_MAX];
	__u64 bytes;
	__u32 kind;
	__u32 direction;
	__s32 fd;
	__u32 reserved;
	char message[MEMLAB_MESSAGE_MAX];
};

#define MEMLAB_BUFFER_ALLOC_SIZE_LEAST	304

/**
 * struct memlab_buffer_facts - what a buffer is
 * @size: of this structure, in bytes
 * @flags: 0
 * @fd: in: its descriptor
 * @kind: enum memlab_buffer_kind
 * @device: that it was allocated for, NUL-terminated
 * @bytes: of it
 * @phys: physical address of the first byte, or MEMLAB_NO_ADDRESS
 * @dma: the device's address of the first byte, or MEMLAB_NO_ADDRESS
 * @largest_extent: the longest of @extents, in bytes
 * @direction: enum memlab_direction, of the mapping for the device
 * @lent: enum memlab_tristate: whether the device still has it
 * @extents: physically contiguous runs; 0 once the device took its memory along
 * @segments: ranges that the device sees; 0 once it has none
 * @window: enum memlab_window, of the kernel's mapping
 * @kernel_attr: enum memlab_attr, of the kernel's mapping
 * @user_attr: enum memlab_attr, of a program's mapping
 * @node: of the first page
 * @cma: enum memlab_tristate
 * @bounced: enum memlab_tristate: whether the device has the first page's bytes elsewhere
 * @zone: of the first page, NUL-terminated
 * @message: out: why it was refused, NUL-terminated; otherwise untouched
 *
 * Addresses are told to whoever has CAP_SYS_ADMIN, unless the kernel is locked down to keep them.
 */
struct memlab_buffer_facts {
	__u32 size;
	__u32 flags;
	__s32 fd;
	__u32 kind;
	char device[MEMLAB_NAME_MAX];
	__u64 bytes;
	__u64 phys;
	__u64 dma;
	__u64 largest_extent;
	__u32 direction;
	__u32 lent;
	__u32 extents;
	__u32 segments;
	__u32 window;
	__u32 kernel_attr;
	__u32 user_attr;
	__u32 node;
	__u32 cma;
	__u32 bounced;
	char zone[8];
	char message[MEMLAB_MESSAGE_MAX];
};

#define MEMLAB_BUFFER_FACTS_SIZE_LEAST	368

/**
 * struct memlab_buffer_transfer - have the device carry bytes
 * @size: of this structure, in bytes
 * @flags: 0
 * @fd: the buffer's descriptor
 * @way: MEMLAB_TO_DEVICE or MEMLAB_FROM_DEVICE; EINVAL where the mapping does not go that way
 * @offset: of the first byte in the buffer
 * @bytes: how many
 * @device_offset: of the first byte in the device's own memory
 * @message: out: why it was refused, NUL-terminated; otherwise untouched
 * @device: that has any dma-buf, whosever it is, attached and mapped meanwhile, NUL-terminated;
 *	empty for the device that has a buffer of memlab's already
 *
 * The device that the buffer was allocated for has to be one that moves bytes: QEMU's edu, which
 * has 4096 of its own. Neither caches nor bounce buffers are synced by it: that is what
 * DMA_BUF_IOCTL_SYNC is for; what is mapped meanwhile is synced by that. EBUSY while a run or its
 * like is on, ENODEV once the device is unbound.
 */
struct memlab_buffer_transfer {
	__u32 size;
	__u32 flags;
	__s32 fd;
	__u32 way;
	__u64 offset;
	__u64 bytes;
	__u64 device_offset;
	char message[MEMLAB_MESSAGE_MAX];
	char device[MEMLAB_NAME_MAX];
};

#define MEMLAB_BUFFER_TRANSFER_SIZE_LEAST	280

#define MEMLAB_IOC_BUFFER_ALLOC		_IOWR(MEMLAB_IOC_MAGIC, 0x0B, struct memlab_buffer_alloc)
#define MEMLAB_IOC_BUFFER_DESCRIBE	_IOWR(MEMLAB_IOC_MAGIC, 0x0C, struct memlab_buffer_facts)
#define MEMLAB_IOC_BUFFER_TRANSFER	_IOWR(MEMLAB_IOC_MAGIC, 0x0D, struct memlab_buffer_transfer)

#endif /* _UAPI_LINUX_MEMLAB_BUFFER_H */

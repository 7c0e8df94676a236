/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * memlab: ask a running kernel what memory and DMA really cost.
 *
 * Every structure starts with its own size: a caller that knows a shorter one
 * gets what it knows, one that knows a longer one must leave the unknown tail
 * zero (E2BIG otherwise). Reserved fields and unknown flags must be zero
 * (EINVAL).
 */
#ifndef _UAPI_LINUX_MEMLAB_H
#define _UAPI_LINUX_MEMLAB_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define MEMLAB_ABI_VERSION	1

#define MEMLAB_NAME_MAX		32
#define MEMLAB_MESSAGE_MAX	240
#define MEMLAB_BUCKETS		1056
#define MEMLAB_ERRNOS		8

/* No node asked for; no DMA address; not known. */
#define MEMLAB_NODE_ANY		0xffffffffU
#define MEMLAB_NO_ADDRESS	(~(__u64)0)

enum memlab_direction {
	MEMLAB_BIDIRECTIONAL	= 0,
	MEMLAB_TO_DEVICE	= 1,
	MEMLAB_FROM_DEVICE	= 2,
};

enum memlab_mode {
	MEMLAB_MODE_AUTO	= 0,
	MEMLAB_MODE_OP		= 1,
	MEMLAB_MODE_BATCH	= 2,
};

enum memlab_gfp {
	MEMLAB_GFP_DEFAULT	= 0,
	MEMLAB_GFP_KERNEL	= 1,
	MEMLAB_GFP_ATOMIC	= 2,
	MEMLAB_GFP_NOWAIT	= 3,
	MEMLAB_GFP_DMA		= 4,
	MEMLAB_GFP_DMA32	= 5,
	MEMLAB_GFP_HIGHUSER	= 6,
	MEMLAB_GFP_ZERO		= 7,
	MEMLAB_GFP_ACCOUNT	= 8,
};

enum memlab_window {
	MEMLAB_WINDOW_NONE	= 0,
	MEMLAB_WINDOW_LINEAR	= 1,
	MEMLAB_WINDOW_VMALLOC	= 2,
	MEMLAB_WINDOW_MODULE	= 3,
	MEMLAB_WINDOW_PKMAP	= 4,
	MEMLAB_WINDOW_FIXMAP	= 5,
};

enum memlab_attr {
	MEMLAB_ATTR_UNKNOWN		= 0,
	MEMLAB_ATTR_CACHED		= 1,
	MEMLAB_ATTR_UNCACHED		= 2,
	MEMLAB_ATTR_WRITE_COMBINED	= 3,
	MEMLAB_ATTR_DEVICE		= 4,
};

enum memlab_ending {
	MEMLAB_COMPLETE		= 0,
	MEMLAB_TIME		= 1,
	MEMLAB_STOPPED		= 2,
	MEMLAB_DEVICE_GONE	= 3,
};

enum memlab_tristate {
	MEMLAB_NO		= 0,
	MEMLAB_YES		= 1,
	MEMLAB_UNKNOWN		= 2,
};

/**
 * struct memlab_info - what this module can do
 * @size: of this structure, in bytes; in and out
 * @abi: MEMLAB_ABI_VERSION of the module
 * @experiments: how many experiments there are
 * @index: in: which experiment is meant, below @experiments
 * @name: its name, NUL-terminated
 * @size_min: smallest size it takes, in bytes; in instructions for calibrate
 * @size_max: largest size it takes, likewise
 * @iterations_max: most operations per thread
 * @time_max: longest run, in ms
 * @threads_max: most threads
 * @batch_max: most operations per batch
 */
struct memlab_info {
	__u32 size;
	__u32 abi;
	__u32 experiments;
	__u32 index;
	char name[MEMLAB_NAME_MAX];
	__u64 size_min;
	__u64 size_max;
	__u64 iterations_max;
	__u64 time_max;
	__u32 threads_max;
	__u32 batch_max;
};

/**
 * struct memlab_phase - raw latencies of one phase, in ns per operation
 * @count: samples
 * @sum: of all samples
 * @min: smallest
 * @max: largest
 * @overflow: samples above the range of the buckets
 * @buckets: counts; values below 32 have a bucket each, above that every power
 *	of two is cut into 32 equal ones
 */
struct memlab_phase {
	__u64 count;
	__u64 sum;
	__u64 min;
	__u64 max;
	__u64 overflow;
	__u64 buckets[MEMLAB_BUCKETS];
};

/**
 * struct memlab_failure - failed acquisitions of one kind
 * @error: the errno, positive; 0 for an unused entry
 * @reserved: 0
 * @count: how many
 */
struct memlab_failure {
	__u32 error;
	__u32 reserved;
	__u64 count;
};

/**
 * struct memlab_outcome - what came back from a run
 * @size: of this structure, in bytes
 * @ending: enum memlab_ending
 * @phases: what acquires, what releases
 * @failures: by errno
 * @disturbed: samples during which the thread was switched out
 * @elapsed: of the whole run, in ns
 * @batch: operations per pair of clock reads
 * @clock_median: cost of the clock per operation, to be subtracted, in ns
 * @clock_p99: its 99th percentile, in ns, of the phase in which that is larger
 * @clock_step: smallest step of the clock, per operation, in ns, at least 1
 * @zone: of the first page, NUL-terminated
 * @node: of the first page
 * @window: enum memlab_window, of the CPU's mapping
 * @cma: enum memlab_tristate
 * @bounced: enum memlab_tristate
 * @extents: physically contiguous runs; 0 where no placement is known: no @phys then, nor
 *	@largest_extent
 * @attr: enum memlab_attr, of the CPU's mapping
 * @largest_extent: the longest of them, in bytes
 * @phys: physical address of the first byte
 * @dma: address for the device, or MEMLAB_NO_ADDRESS
 */
struct memlab_outcome {
	__u32 size;
	__u32 ending;
	struct memlab_phase phases[2];
	struct memlab_failure failures[MEMLAB_ERRNOS];
	__u64 disturbed;
	__u64 elapsed;
	__u64 batch;
	__u64 clock_median;
	__u64 clock_p99;
	__u64 clock_step;
	char zone[8];
	__u32 node;
	__u32 window;
	__u32 cma;
	__u32 bounced;
	__u32 extents;
	__u32 attr;
	__u64 largest_extent;
	__u64 phys;
	__u64 dma;
};

/**
 * struct memlab_run - run one experiment
 * @size: of this structure, in bytes
 * @flags: 0
 * @experiment: its name, NUL-terminated
 * @device: name of the device under test; empty for the module's own, or for none
 * @bytes: size of one operation; 0 for the default, as in every field below but @node
 * @iterations: operations to measure, per thread
 * @time: ms after which the run ends
 * @threads: at the same time
 * @node: memory node to run on, or MEMLAB_NODE_ANY
 * @batch: operations per pair of clock reads; 0 with MEMLAB_MODE_OP
 * @direction: enum memlab_direction; 0 is the experiment's default: both ways, or to the
 *	device where it has no such direction
 * @mode: enum memlab_mode
 * @warmup: operations before the measured ones, per thread
 * @offset: where in its first page a mapped buffer begins, in bytes
 * @entries: of a scatter list
 * @mask: bits of address that the device is to have
 * @align: log2 of the pages that an allocation is aligned to
 * @gfp: enum memlab_gfp
 * @reserved: 0
 * @sync: bytes that are synced, from @offset on
 * @outcome: address of a struct memlab_outcome
 * @outcome_size: room there, in bytes
 * @message: out: why the request was refused, NUL-terminated; otherwise untouched
 */
struct memlab_run {
	__u32 size;
	__u32 flags;
	char experiment[MEMLAB_NAME_MAX];
	char device[MEMLAB_NAME_MAX];
	__u64 bytes;
	__u64 iterations;
	__u64 time;
	__u32 threads;
	__u32 node;
	__u32 batch;
	__u32 direction;
	__u32 mode;
	__u32 warmup;
	__u32 offset;
	__u32 entries;
	__u32 mask;
	__u32 align;
	__u32 gfp;
	__u32 reserved;
	__u64 sync;
	__u64 outcome;
	__u64 outcome_size;
	char message[MEMLAB_MESSAGE_MAX];
};

/* 0xB9 is free in Documentation/userspace-api/ioctl/ioctl-number.rst. */
#define MEMLAB_IOC_MAGIC	0xB9
#define MEMLAB_IOC_INFO		_IOWR(MEMLAB_IOC_MAGIC, 0x00, struct memlab_info)
#define MEMLAB_IOC_RUN		_IOWR(MEMLAB_IOC_MAGIC, 0x01, struct memlab_run)

#endif /* _UAPI_LINUX_MEMLAB_H */

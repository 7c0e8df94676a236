/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * memlab: ask a running kernel what memory and DMA really cost.
 *
 * Every structure starts with its own size: a caller that knows a shorter one
 * gets what it knows, one that knows a longer one must leave the unknown tail
 * zero (E2BIG otherwise). The shortest that is taken stays the same for ever:
 * MEMLAB_..._SIZE_LEAST. Reserved fields and unknown flags must be zero
 * (EINVAL). Where a call is refused, @message says why in one sentence that
 * names the member or the parameter, its value and what it may be; it is left
 * alone otherwise.
 *
 * An open file is a session: it has its own last results, and the state of
 * memory that it makes goes with it. There is one machine to measure, whoever
 * asks: while a run, a comparison, a calibration, a probe or the making of a
 * scenario is on, another one is refused (EBUSY). PROGRESS, STOP, SNAPSHOT,
 * INFO, DEVICE and WALK (memlab_walk.h) are answered meanwhile, and so is all that
 * is asked of buffers (memlab_buffer.h) but a TRANSFER.
 */
#ifndef _UAPI_LINUX_MEMLAB_H
#define _UAPI_LINUX_MEMLAB_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* Grows with what is added; nothing that it had ever goes. 2: sessions. 3: walks. 4: buffers. */
#define MEMLAB_ABI_VERSION	4

#define MEMLAB_NAME_MAX		32
#define MEMLAB_DEVICE_MAX	64
#define MEMLAB_WORD_MAX		16
#define MEMLAB_MESSAGE_MAX	240
#define MEMLAB_LINE_MAX		256
#define MEMLAB_BUCKETS		1056
#define MEMLAB_ERRNOS		8
#define MEMLAB_CLASSES		4

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

/* Where memory lies that is mapped for one transfer. */
enum memlab_buffers {
	MEMLAB_BUFFERS_AUTO	= 0,
	MEMLAB_BUFFERS_ANYWHERE	= 1,
	MEMLAB_BUFFERS_REACHABLE = 2,
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
	MEMLAB_ABOVE		= 4,
};

/* Nothing; woke kswapd; reclaimed memory itself; moved memory itself. */
enum memlab_class {
	MEMLAB_CLASS_FAST	= 0,
	MEMLAB_CLASS_WOKEN	= 1,
	MEMLAB_CLASS_RECLAIM	= 2,
	MEMLAB_CLASS_COMPACTION	= 3,
};

enum memlab_tristate {
	MEMLAB_NO		= 0,
	MEMLAB_YES		= 1,
	MEMLAB_UNKNOWN		= 2,
};

/* Who turns a physical address into one for the device. */
enum memlab_mapper {
	MEMLAB_MAPPER_UNKNOWN	= 0,
	MEMLAB_MAPPER_DIRECT	= 1,
	MEMLAB_MAPPER_IOMMU	= 2,
	MEMLAB_MAPPER_OPS	= 3,
};

enum memlab_swiotlb {
	MEMLAB_SWIOTLB_NONE	= 0,
	MEMLAB_SWIOTLB_ON_NEED	= 1,
	MEMLAB_SWIOTLB_FORCED	= 2,
};

enum memlab_state {
	MEMLAB_IDLE		= 0,
	MEMLAB_BUSY		= 1,
	MEMLAB_STOPPING		= 2,
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
 * @message: out: why the call was refused, NUL-terminated
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
	char message[MEMLAB_MESSAGE_MAX];
};

#define MEMLAB_INFO_SIZE_LEAST	16

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
 * @failed: what acquiring took where it failed; in batches from the beginning of the batch to the
 *	failure
 * @classes: what acquiring took, by the most that the kernel went through for it: enum
 *	memlab_class; together they are the first of @phases
 * @unsampled: operations that succeeded in a batch in which another failed: they are in no phase
 * @watched: 1 if @classes were counted: in a run of what allocates, on a kernel with tracepoints
 * @reserved: 0
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
	struct memlab_phase failed;
	struct memlab_phase classes[MEMLAB_CLASSES];
	__u64 unsampled;
	__u32 watched;
	__u32 reserved;
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
 * @buffers: enum memlab_buffers
 * @sync: bytes that are synced, from @offset on
 * @outcome: address of a struct memlab_outcome
 * @outcome_size: room there, in bytes
 * @message: out: why the request was refused, NUL-terminated; otherwise untouched
 * @line: address of "NAME key=value ...", as the file run takes it, or 0. It is the whole
 *	request then: what stands above, from @experiment to @sync, is left zero, but that @node
 *	may be MEMLAB_NODE_ANY. A parameter that is not among the members above can be given here
 *	only, such as above=NS: the run ends with the first operation of which a phase took so
 *	long, which the trace event memlab:memlab_above tells of (MEMLAB_ABOVE); backing=huge: a
 *	program's memory is of huge pages; fd=N: the descriptor of a dma-buf, which has to be
 *	open in the process that asks; or release=newest|oldest|random: the order in which a batch
 *	is given back
 * @line_length: of the line, in bytes, without a NUL; at most MEMLAB_LINE_MAX
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
	__u32 buffers;
	__u64 sync;
	__u64 outcome;
	__u64 outcome_size;
	char message[MEMLAB_MESSAGE_MAX];
	__u64 line;
	__u64 line_length;
};

#define MEMLAB_RUN_SIZE_LEAST	408

/**
 * struct memlab_line - carry out what a line of text asks for
 * @size: of this structure, in bytes
 * @flags: 0
 * @line: address of the text, or 0 where it is empty
 * @line_length: of the text, in bytes, without a NUL; at most MEMLAB_LINE_MAX
 * @message: out: why it was refused, NUL-terminated; otherwise untouched
 *
 * The lines are those of the debugfs files: MEMLAB_IOC_COMPARE of compare,
 * MEMLAB_IOC_CALIBRATE of calibrate, MEMLAB_IOC_SCENARIO of scenario and
 * MEMLAB_IOC_PROBE of cma. The call returns when it is done; MEMLAB_IOC_SNAPSHOT
 * of the file of that name shows what came of it.
 */
struct memlab_line {
	__u32 size;
	__u32 flags;
	__u64 line;
	__u64 line_length;
	char message[MEMLAB_MESSAGE_MAX];
};

#define MEMLAB_LINE_SIZE_LEAST	264

/**
 * struct memlab_snapshot - the text of a file
 * @size: of this structure, in bytes
 * @flags: 0
 * @file: its name, as in debugfs, NUL-terminated: zones, buddy, run, help, ...
 * @text: where the text is to go; it gets no NUL
 * @text_size: in: room there, in bytes; out: length of the whole text. Where that is more, the
 *	text was cut. The text of another look may be of another length
 * @message: out: why it was refused, NUL-terminated; otherwise untouched
 *
 * The header line of a table is its ABI: columns are found by their names.
 */
struct memlab_snapshot {
	__u32 size;
	__u32 flags;
	char file[MEMLAB_NAME_MAX];
	__u64 text;
	__u64 text_size;
	char message[MEMLAB_MESSAGE_MAX];
};

#define MEMLAB_SNAPSHOT_SIZE_LEAST	296

/**
 * struct memlab_device - what stands between a device and memory
 * @size: of this structure, in bytes
 * @flags: 0
 * @bus: in: pci, platform or amba, or empty to look on each of them; out: where it is
 * @device: in: its name in sysfs, NUL-terminated. It need not be lent
 * @mask: streaming DMA mask; 0 where it has none
 * @coherent_mask: coherent DMA mask
 * @required_mask: what reaches all of this machine's memory
 * @bus_limit: highest address that its bridges let through; 0 for no such limit
 * @max_mapping: largest streaming mapping, in bytes; ~0 for any
 * @optimal_mapping: largest that is mapped without a detour, in bytes; ~0 for any
 * @max_segment: largest entry of a list, in bytes
 * @boundary: mask of the address bits that an entry of a list may not cross
 * @min_align: bits of an address that a mapping has to keep; 0 for none
 * @cache_align: what a streaming buffer has to be aligned to, and to fill, in bytes
 * @mapper: enum memlab_mapper
 * @coherent: enum memlab_tristate: whether the CPU's caches follow its DMA
 * @swiotlb: enum memlab_swiotlb
 * @node: memory node that it is near, or MEMLAB_NODE_ANY
 * @lent: enum memlab_tristate: whether it is lent to this module
 * @reserved: 0
 * @domain: type of its IOMMU domain, as in sysfs; "none" without one, NUL-terminated
 * @driver: that is bound to it; empty if none is, NUL-terminated. What is said of coherence and
 *	limits holds from when a driver was bound first
 * @message: out: why it was refused, NUL-terminated; otherwise untouched
 */
struct memlab_device {
	__u32 size;
	__u32 flags;
	char bus[MEMLAB_WORD_MAX];
	char device[MEMLAB_DEVICE_MAX];
	__u64 mask;
	__u64 coherent_mask;
	__u64 required_mask;
	__u64 bus_limit;
	__u64 max_mapping;
	__u64 optimal_mapping;
	__u64 max_segment;
	__u64 boundary;
	__u64 min_align;
	__u64 cache_align;
	__u32 mapper;
	__u32 coherent;
	__u32 swiotlb;
	__u32 node;
	__u32 lent;
	__u32 reserved;
	char domain[MEMLAB_WORD_MAX];
	char driver[MEMLAB_DEVICE_MAX];
	char message[MEMLAB_MESSAGE_MAX];
};

#define MEMLAB_DEVICE_SIZE_LEAST	512

/**
 * struct memlab_progress - how far what is on has come
 * @size: of this structure, in bytes
 * @flags: 0
 * @serial: in: as it was told last, or 0; out: now. It moves at each begin and end, and while
 *	something is on when @done does, at most a hundred times in a second
 * @timeout: ms to wait for another serial than the one given; 0 to answer at once
 * @state: out: enum memlab_state
 * @done: out: of @total
 * @total: out: operations, of all threads; of a comparison or a calibration, runs; 0 if unknown
 * @elapsed: out: since it began, in ns
 * @left: out: until it will have ended, estimated, in ns; ~0 if unknown
 * @what: out: the command or experiment, NUL-terminated; of what ended last, if nothing is on
 * @message: out: why it was refused, NUL-terminated; otherwise untouched
 */
struct memlab_progress {
	__u32 size;
	__u32 flags;
	__u64 serial;
	__u32 timeout;
	__u32 state;
	__u64 done;
	__u64 total;
	__u64 elapsed;
	__u64 left;
	char what[MEMLAB_NAME_MAX];
	char message[MEMLAB_MESSAGE_MAX];
};

#define MEMLAB_PROGRESS_SIZE_LEAST	328

/**
 * struct memlab_stop - end what is on, whoever asked for it
 * @size: of this structure, in bytes
 * @flags: 0
 * @message: out: why it was refused, NUL-terminated; otherwise untouched
 *
 * It ends between two operations, its call with ECANCELED. Without anything on it
 * does nothing.
 */
struct memlab_stop {
	__u32 size;
	__u32 flags;
	char message[MEMLAB_MESSAGE_MAX];
};

#define MEMLAB_STOP_SIZE_LEAST	8

/* 0xB9 is free in Documentation/userspace-api/ioctl/ioctl-number.rst. */
#define MEMLAB_IOC_MAGIC	0xB9
#define MEMLAB_IOC_INFO		_IOWR(MEMLAB_IOC_MAGIC, 0x00, struct memlab_info)
#define MEMLAB_IOC_RUN		_IOWR(MEMLAB_IOC_MAGIC, 0x01, struct memlab_run)
#define MEMLAB_IOC_DEVICE	_IOWR(MEMLAB_IOC_MAGIC, 0x02, struct memlab_device)
#define MEMLAB_IOC_COMPARE	_IOWR(MEMLAB_IOC_MAGIC, 0x03, struct memlab_line)
#define MEMLAB_IOC_CALIBRATE	_IOWR(MEMLAB_IOC_MAGIC, 0x04, struct memlab_line)
#define MEMLAB_IOC_SCENARIO	_IOWR(MEMLAB_IOC_MAGIC, 0x05, struct memlab_line)
#define MEMLAB_IOC_PROBE	_IOWR(MEMLAB_IOC_MAGIC, 0x06, struct memlab_line)
#define MEMLAB_IOC_SNAPSHOT	_IOWR(MEMLAB_IOC_MAGIC, 0x07, struct memlab_snapshot)
#define MEMLAB_IOC_PROGRESS	_IOWR(MEMLAB_IOC_MAGIC, 0x08, struct memlab_progress)
#define MEMLAB_IOC_STOP		_IOWR(MEMLAB_IOC_MAGIC, 0x09, struct memlab_stop)

#endif /* _UAPI_LINUX_MEMLAB_H */

/* SPDX-License-Identifier: GPL-2.0 */
/* C helpers: inline functions, macros and reads that differ by architecture. */
#ifndef MEMLAB_HELPERS_H
#define MEMLAB_HELPERS_H

#include <linux/types.h>

struct cma;
struct device;
struct page;
struct pci_dev;
struct scatterlist;

#define MEMLAB_ORDERS	16
#define MEMLAB_ZONES	6
#define MEMLAB_TYPES	6
#define MEMLAB_MOVABLE	1

/*
 * One zone. Counts are in pages, @blocks in free blocks by order. @reserve is
 * by the zone that an allocation would rather have come from; @pcp and
 * @pcp_high are sums over the per-CPU lists. The watermarks include @boost.
 */
struct memlab_zone {
	const char *name;
	u32 index;
	u32 zones;
	u64 start_pfn;
	u64 spanned;
	u64 present;
	u64 managed;
	u64 free;
	u64 cma;
	u64 free_cma;
	u64 watermark[3];
	u64 boost;
	u64 reserve[MEMLAB_ZONES];
	u64 pcp;
	u64 pcp_high;
	u32 orders;
	u64 blocks[MEMLAB_ORDERS];
};

/*
 * The free lists of one order of a zone: @total blocks, and how many of them
 * each migration type has. Bits of @types: this kernel has the type; of
 * @capped: the type has at least so many.
 */
struct memlab_free_area {
	u64 total;
	u64 blocks[MEMLAB_TYPES];
	u32 types;
	u32 capped;
};

/* The whole machine, in pages. @low: the sum of the low watermarks. */
struct memlab_meminfo {
	u64 total;
	u64 high;
	u64 high_free;
	u64 reserve;
	u64 low;
	u64 free;
	u64 active_file;
	u64 inactive_file;
	u64 slab_reclaimable;
	u64 misc_reclaimable;
	s64 available;
	u64 slab_unreclaimable;
	u64 anon;
	u64 shmem;
	u64 page_tables;
	u64 free_cma;
};

#define MEMLAB_REGIONS	8

/* A region of the kernel's address space; @end is the byte behind it. */
struct memlab_region {
	const char *name;
	u64 start;
	u64 end;
};

/* One page. @cma: 1 yes, 0 no, -1 not to be known. */
struct memlab_page {
	const char *zone;
	u32 node;
	s32 cma;
	u64 phys;
};

/* What holds for the machine as long as it runs. */
struct memlab_machine {
	const char *release;
	const char *version;
	const char *arch;
	const char *clocksource;
	const char *preemption;
	const char *cpu;
	u32 cpu_id;
	u32 cpus;
	u32 nodes;
	bool virtual_board;
	bool init_on_alloc;
	bool init_on_free;
	bool page_poisoning;
	char hypervisor[13];
};

/* What the DMA layer thinks of a device. */
struct memlab_dma {
	bool coherent;
	bool swiotlb_force;
	u64 mask;
	u64 coherent_mask;
	u64 max_mapping;
	const char *iommu;
	const char *bus;
};

/* What the DMA layer is told of a device by its driver. */
struct memlab_dma_limits {
	u64 mask;
	u64 coherent_mask;
	u32 max_segment;
};

int memlab_next_node(int node);
int memlab_last_node(void);
bool memlab_zone(int node, unsigned int index, struct memlab_zone *out);
unsigned int memlab_zones(void);
void memlab_free_area(int node, unsigned int index, unsigned int order,
		      struct memlab_free_area *out);

void memlab_meminfo(struct memlab_meminfo *out);
unsigned int memlab_events(void);
void memlab_all_events(unsigned long *out);
const char *memlab_event_name(unsigned int event);
unsigned int memlab_regions(struct memlab_region *out);

void memlab_page(const struct page *page, struct memlab_page *out);
struct page *memlab_addr_to_page(const void *addr);
void *memlab_page_address(const struct page *page);
u32 memlab_window(const void *addr);

struct cma *memlab_device_cma(struct device *dev);
void *memlab_vmalloc(unsigned long size);
struct page *memlab_alloc_highmem_page(void);

void memlab_machine(struct memlab_machine *out);
void memlab_dma(struct device *dev, struct memlab_dma *out);
void memlab_dma_limits(struct device *dev, struct memlab_dma_limits *out);
void memlab_dma_set_limits(struct device *dev, const struct memlab_dma_limits *limits);
bool memlab_pci_enabled(struct pci_dev *pdev);
u64 memlab_dma_map_single(struct device *dev, void *ptr, size_t size, u32 direction);
void memlab_dma_unmap_single(struct device *dev, u64 addr, size_t size, u32 direction);
void memlab_sg_set_page(struct scatterlist *sg, struct page *page, unsigned int length);
bool memlab_dma_mapping_error(struct device *dev, u64 addr);
unsigned long memlab_context_switches(void);
bool memlab_fatal_signal(void);
int memlab_nth_cpu(unsigned int n, int node);
void memlab_cond_resched(void);

#endif /* MEMLAB_HELPERS_H */

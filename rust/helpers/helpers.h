/* SPDX-License-Identifier: GPL-2.0 */
/* C helpers: inline functions and macros. What differs by architecture is in arch.h. */
#ifndef MEMLAB_HELPERS_H
#define MEMLAB_HELPERS_H

#include <linux/types.h>

struct cma;
struct device;
struct dma_buf;
struct dma_buf_attachment;
struct dma_pool;
struct file;
struct kmem_cache;
struct memlab_buffer;
struct memlab_device;
struct memlab_map;
struct memlab_relief;
struct memlab_suspend;
struct memlab_user;
struct memlab_walk;
struct page;
struct page_pool;
struct platform_device;
struct scatterlist;
struct sg_table;

#define MEMLAB_ORDERS	16
#define MEMLAB_ZONES	6
#define MEMLAB_TYPES	6
#define MEMLAB_MOVABLE	1

/* Whose allocations a zone's pages are for. */
enum memlab_reach {
	MEMLAB_REACH_KERNEL,
	MEMLAB_REACH_MAPPED,	/* high memory: the kernel's too, without an address of their own */
	MEMLAB_REACH_MOVABLE,	/* none of the kernel's own */
};

/*
 * Where a zone stands, in pages: what is free, what of that is in CMA areas or is kept for atomic
 * allocations, the watermarks without boost, the boost, and what it keeps from the kernel's pages
 * that could have come from a higher zone.
 */
struct memlab_stand {
	u32 reach;
	u64 free;
	u64 free_cma;
	u64 free_highatomic;
	u64 watermark[3];
	u64 boost;
	u64 kept;
};

/* Who asks for what is held on purpose. */
enum memlab_asks {
	MEMLAB_ASKS_BACKGROUND,	/* kswapd: somebody may soon have to wait */
	MEMLAB_ASKS_CALLER,	/* an allocation that waits */
	MEMLAB_ASKS_LAST,	/* the OOM killer, before it kills */
};

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
	u64 free_highatomic;
	u64 watermark[3];
	u64 boost;
	u64 reserve[MEMLAB_ZONES];
	u64 pcp;
	u64 pcp_high;
	u32 reach;
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

#define MEMLAB_REGIONS	12

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

/* Pages of a place by who has them; those of @pinned are counted by their kind too. */
struct memlab_holders {
	unsigned long free;
	unsigned long anon;
	unsigned long file;
	unsigned long slab;
	unsigned long other;
	unsigned long pinned;
};

/*
 * What the tracepoints of CMA said of one call, in pages; @error is negative. @busy is of the place
 * at @busy_pfn, the last of @retries, looked at right after the call.
 */
struct memlab_cma_call {
	unsigned long total;
	unsigned long available;
	unsigned long retries;
	unsigned long busy_pfn;
	struct memlab_holders busy;
	int error;
	bool seen;
};

/*
 * What holds for the machine as long as it runs. @product: by its firmware, or
 * NULL. @virtual_board: QEMU's, by its device tree. @emulated: its CPU is one
 * that only an emulator has.
 */
struct memlab_machine {
	const char *release;
	const char *version;
	const char *arch;
	const char *preemption;
	const char *cpu;
	u32 cpu_id;
	u32 cpus;
	u32 nodes;
	const char *product;
	bool virtual_board;
	bool emulated;
	char hypervisor[13];
};

/* What is on in this kernel that slows what is measured; and by which clock, empty if unknown. */
struct memlab_debug {
	char clocksource[32];
	bool init_on_alloc;
	bool init_on_free;
	bool page_poisoning;
	bool page_alloc;
	bool page_owner;
	bool slab_debug;
	bool dma_debug;
	bool locks;
	bool profiling;
	bool encryption;
	/* As a guest, so that memory is decrypted for a device, and encrypted again. */
	bool confidential;
	/* Somebody is called wherever the kernel begins a function that is measured. */
	bool traced;
	/* 0 where it is off. */
	unsigned long kfence_ms;
	/* One that somebody listens to, or NULL. */
	const char *tracepoint;
};

/* What the DMA layer thinks of a device. */
struct memlab_dma {
	bool coherent;
	bool swiotlb_force;
	u32 mapper;
	/* Whether some memory lies where a device that nothing translates for does not reach. */
	bool limited;
	/* The highest physical address that such a device reaches. */
	u64 highest;
	u64 mask;
	u64 coherent_mask;
	u64 max_mapping;
	u32 max_segment;
	const char *iommu;
	const char *bus;
};

/* The pool of bounce buffers of a device; no slots where it has none. */
struct memlab_bounce {
	u64 start;
	u64 end;
	u64 slots;
	u32 slot_bytes;
	u64 used;
	u64 most;
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
void memlab_spot(const struct page *page, int *node, u32 *index);
bool memlab_stand(int node, unsigned int index, struct memlab_stand *out);
unsigned int memlab_zones(void);
int memlab_hotplug_register(void);
void memlab_hotplug_unregister(void);
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

int memlab_device_cma(struct device *dev, struct cma **area);
struct page *memlab_cma_alloc(struct cma *cma, unsigned long count, unsigned int align,
			      struct memlab_cma_call *out);
struct page *memlab_alloc_highmem_page(void);

u32 memlab_gfp(u32 gfp);
u32 memlab_gfp_once(u32 flags);
struct page *memlab_alloc_spare(int node, unsigned int zone, unsigned int order);
bool memlab_drain(int node, unsigned int zone);
void memlab_split_page(struct page *page, unsigned int order);
void *memlab_kmalloc(unsigned long size, u32 flags);
void *memlab_kvmalloc(unsigned long size, u32 flags);
void *memlab_vmalloc(unsigned long size, u32 flags);
void *memlab_vmalloc_huge(unsigned long size, u32 flags);
void *memlab_alloc_pages_exact(unsigned long size, u32 flags);
struct page *memlab_alloc_contig(unsigned long pages, u32 flags);
void memlab_free_contig(struct page *page, unsigned long pages);
struct kmem_cache *memlab_cache_create(unsigned int size);
void *memlab_cache_alloc(struct kmem_cache *cache, u32 flags);
bool memlab_cache_alloc_bulk(struct kmem_cache *cache, u32 flags, unsigned int count, void **out);
bool memlab_pcp_is_empty(const struct page *page);

void *memlab_kmap(struct page *page);
void memlab_kunmap(struct page *page);
unsigned int memlab_kmaps(void);
bool memlab_kmap_is_forced(void);
void *memlab_kmap_local(struct page *page, int *depth);
void memlab_kunmap_local(void *addr, int depth);
void *memlab_kmap_forced(struct page *page, int *depth);
void memlab_kunmap_forced(void *addr, int depth);
void *memlab_vmap(struct page **pages, unsigned int count);

/* What a thread's allocations went through since it last looked. */
enum {
	MEMLAB_SEEN_WOKEN = 1,
	MEMLAB_SEEN_RECLAIM = 2,
	MEMLAB_SEEN_COMPACTION = 4,
};

/* Alone on its cache line, also where the CPU fetches two at a time: it is read in timed loops. */
struct memlab_mark {
	const void *task;
	u32 seen;
} __aligned(128);

#define MEMLAB_PROBES	4

/* To be zero but for @marks, of which there are @count, until it begins. */
struct memlab_trace {
	struct memlab_mark *marks;
	u32 count;
	/* Those that are listened to. */
	void *tracepoints[MEMLAB_PROBES];
};

int memlab_trace_begin(struct memlab_trace *trace);
void memlab_trace_end(struct memlab_trace *trace);
const void *memlab_current(void);

struct file *memlab_cache_open(u64 pages);
int memlab_cache_add(struct file *file, u64 index);
void memlab_cache_remove(struct file *file, u64 index);
u64 memlab_cache_pages(struct file *file);
u64 memlab_cache_shrink(struct file *file, u64 most);
void memlab_cache_close(struct file *file);
void memlab_chain(struct page *page, unsigned long count, struct page *next);
struct page *memlab_unchain(struct page *page, unsigned long *count);
struct memlab_relief *
memlab_relief_register(unsigned long (*count)(void *data, u32 asks),
		       unsigned long (*release)(void *data, u32 asks, unsigned long most),
		       void *data, bool locks);
void memlab_relief_unregister(struct memlab_relief *relief);
void memlab_reliefs_open(void);
unsigned int memlab_reliefs_close(void);
struct memlab_suspend *memlab_suspend_register(void (*call)(bool begins));
void memlab_suspend_unregister(struct memlab_suspend *suspend);

#define MEMLAB_EVENT_NAME	32

bool memlab_addresses_locked(void);
u32 memlab_change_count(void);
void memlab_changed(void);
int memlab_wait_change(u32 seen, u32 ms);
void memlab_event_above(const char *experiment, u32 length, bool release, u64 ns, u64 above);

int memlab_describe(struct memlab_device *out);
int memlab_walk(struct memlab_walk *out);
u64 memlab_user_end(void);
const char *memlab_iommu(struct device *dev);
void memlab_machine(struct memlab_machine *out);
void memlab_debug(struct memlab_debug *out);
int memlab_platform_device(const char *name, int coherent, struct platform_device **out);
void memlab_dma(struct device *dev, struct memlab_dma *out);
void memlab_bounce(struct device *dev, struct memlab_bounce *out);
u64 memlab_dma_to_phys(struct device *dev, u64 addr);
void memlab_dma_limits(struct device *dev, struct memlab_dma_limits *out);
void memlab_dma_set_limits(struct device *dev, const struct memlab_dma_limits *limits);
unsigned long memlab_context_switches(void);
void *memlab_memcg(void);
void memlab_put_memcg(void *memcg);
void memlab_charge_to(void *memcg);
bool memlab_fatal_signal(void);
int memlab_nth_cpu(unsigned int n, int node);
void memlab_copy(void *to, const void *from, unsigned long size);
void memlab_cond_resched(void);
void memlab_pause(void);

/* What the map functions give where there is no mapping. */
#define MEMLAB_NOT_MAPPED	0xffffffffffffffffULL

/* struct dma_iova_state, for any width of dma_addr_t. */
struct memlab_iova {
	u64 words[2];
};

void *memlab_alloc_exact(size_t size, u32 zone);
void memlab_free_exact(void *ptr, size_t size);
u64 memlab_virt_to_phys(void *ptr);
u64 memlab_dma_map_single(struct device *dev, void *ptr, size_t size, u32 direction);
void memlab_dma_unmap_single(struct device *dev, u64 addr, size_t size, u32 direction);
u64 memlab_dma_map_page(struct device *dev, void *ptr, size_t size, u32 direction);
void memlab_dma_unmap_page(struct device *dev, u64 addr, size_t size, u32 direction);
u64 memlab_dma_map_phys(struct device *dev, void *ptr, size_t size, u32 direction);
void memlab_dma_unmap_phys(struct device *dev, u64 addr, size_t size, u32 direction);
void memlab_dma_sync_for_cpu(struct device *dev, u64 addr, size_t size, u32 direction);
void memlab_dma_sync_for_device(struct device *dev, u64 addr, size_t size, u32 direction);
void memlab_sg_set_buf(struct scatterlist *sg, const void *ptr, unsigned int length);
void *memlab_dma_alloc_noncoherent(struct device *dev, size_t size, u64 *addr, u32 direction);
void memlab_dma_free_noncoherent(struct device *dev, size_t size, void *ptr, u64 addr,
				 u32 direction);
struct sg_table *memlab_dma_alloc_noncontiguous(struct device *dev, size_t size, u32 direction);
void memlab_dma_free_noncontiguous(struct device *dev, size_t size, struct sg_table *table,
				   u32 direction);
void *memlab_dma_vmap(struct device *dev, size_t size, struct sg_table *table);
void memlab_dma_vmap_for_device(struct device *dev, void *ptr, size_t size,
				struct sg_table *table, u32 direction);
void memlab_dma_vmap_for_cpu(struct device *dev, void *ptr, size_t size,
			     struct sg_table *table, u32 direction);
void memlab_dma_vunmap(struct device *dev, void *ptr);
struct dma_pool *memlab_dma_pool_create(struct device *dev, size_t size);
void memlab_dma_pool_destroy(struct dma_pool *pool);
void *memlab_dma_pool_alloc(struct dma_pool *pool, u64 *addr);
void memlab_dma_pool_free(struct dma_pool *pool, void *ptr, u64 addr);
bool memlab_iova_alloc(struct device *dev, struct memlab_iova *iova, size_t size);
int memlab_iova_link(struct device *dev, struct memlab_iova *iova, void *ptr, size_t offset,
		     size_t size, u32 direction);
int memlab_iova_sync(struct device *dev, struct memlab_iova *iova, size_t size);
void memlab_iova_destroy(struct device *dev, struct memlab_iova *iova, size_t linked,
			 u32 direction);
u64 memlab_iova_addr(const struct memlab_iova *iova);
int memlab_dma_set_masks(struct device *dev, u64 mask, u64 coherent_mask);

u32 memlab_gfp_buffer(u32 zone);
void memlab_clear_pages(struct page *page, unsigned long count);
struct memlab_map *memlab_map_pages(struct device *dev, struct page **pages, unsigned long count,
				    u32 direction);
void memlab_unmap_pages(struct memlab_map *map);
u32 memlab_map_ranges(const struct memlab_map *map);
bool memlab_map_at(struct memlab_map *map, u64 at, u64 *dma, u64 *size);
int memlab_map_sync(struct memlab_map *map, bool for_cpu, u32 direction);

/* How a program's page tables let the CPU reach a buffer's pages. */
enum memlab_protection {
	MEMLAB_PROTECTION_CACHED,
	MEMLAB_PROTECTION_COHERENT,	/* coherent memory of a device that is not */
	MEMLAB_PROTECTION_WC,
};

/* Who owns what a dma-buf is of. */
struct memlab_buffer_calls {
	/* Syncs what is mapped for the device of ours, for the CPU or for the device again. */
	int (*sync)(void *data, bool for_cpu, u32 direction);
	/* Nobody has the dma-buf any more. */
	void (*release)(void *data);
};

int memlab_buffer_new(struct page **pages, unsigned long count, u32 protection, bool importable,
		      struct memlab_buffer **out);
void memlab_buffer_free(struct memlab_buffer *buffer);
int memlab_buffer_export(struct memlab_buffer *buffer, const struct memlab_buffer_calls *calls,
			 void *data, struct file **out);
void memlab_buffer_revoke(struct memlab_buffer *buffer);
int memlab_buffer_get(int fd, struct dma_buf **out, void **data);
void memlab_buffer_put(struct dma_buf *dmabuf);

int memlab_import_get(int fd, struct dma_buf **out, u64 *size);
int memlab_import_file(struct file *file, struct dma_buf **out, u64 *size);
void memlab_import_put(struct dma_buf *dmabuf);
int memlab_import_map(struct dma_buf *dmabuf, struct device *dev, u32 direction,
		      struct dma_buf_attachment **attachment, struct sg_table **table);
void memlab_import_unmap(struct dma_buf *dmabuf, struct dma_buf_attachment *attachment,
			 struct sg_table *table, u32 direction);
int memlab_import_begin(struct dma_buf *dmabuf, u32 direction);
int memlab_import_end(struct dma_buf *dmabuf, u32 direction);
bool memlab_import_at(struct sg_table *table, u64 at, u64 *dma, u64 *size);
u32 memlab_import_ranges(const struct sg_table *table);

void memlab_bh_disable(void);
void memlab_bh_enable(void);
struct page_pool *memlab_page_pool_create(struct device *dev, u32 order, u32 direction, bool sync);
void memlab_page_pool_destroy(struct page_pool *pool);
struct page *memlab_page_pool_alloc(struct page_pool *pool);
void memlab_page_pool_recycle(struct page_pool *pool, struct page *page, u32 bytes);
u64 memlab_page_pool_dma(const struct page *page);

int memlab_become_process(void);
void *memlab_process_get(void);
void memlab_process_put(void *mm);
bool memlab_process_enter(void *mm);
bool memlab_process_is_ours(void *mm);
void memlab_process_leave(void *mm);
u64 memlab_huge_size(void);
u32 memlab_longest_entry(struct device *dev);
struct memlab_user *memlab_user_new(unsigned long size, unsigned long offset, bool huge);
void memlab_user_free(struct memlab_user *user);
int memlab_user_fill(struct memlab_user *user, u8 byte);
bool memlab_user_holds(struct memlab_user *user, u8 byte);
int memlab_user_pin(struct memlab_user *user, struct device *dev, u32 longest, u32 direction);
void memlab_user_unpin(struct memlab_user *user, struct device *dev, u32 direction);
u32 memlab_user_first(struct memlab_user *user, u64 *dma, u64 *size);
struct page *memlab_user_page(struct memlab_user *user, unsigned long n);
int memlab_user_copy_in(struct memlab_user *user, void *to);
int memlab_user_copy_out(struct memlab_user *user, const void *from);

#endif /* MEMLAB_HELPERS_H */

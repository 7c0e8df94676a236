// SPDX-License-Identifier: GPL-2.0

#include <linux/dma-map-ops.h>
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/memory.h>
#include <linux/mmzone.h>
#include <linux/notifier.h>
#include <linux/rcupdate.h>
#include <linux/nodemask.h>
#include <linux/percpu.h>
#include <linux/pageblock-flags.h>
#include <linux/vmalloc.h>
#include <asm/fixmap.h>
#include <linux/memlab.h>
#include "helpers.h"

/* The online node after @node (-1 for the first), or -1 after the last. */
int memlab_next_node(int node)
{
	node = node < 0 ? first_online_node : next_online_node(node);
	return node < MAX_NUMNODES ? node : -1;
}

int memlab_last_node(void)
{
	int node, last = 0;

	for_each_online_node(node)
		last = node;
	return last;
}

unsigned int memlab_zones(void)
{
	return MAX_NR_ZONES;
}

/* The zone of a page: its node, and which of that node's zones it is. */
void memlab_spot(const struct page *page, int *node, u32 *index)
{
	*node = page_to_nid(page);
	*index = page_zonenum(page);
}

static u32 memlab_reach(struct zone *zone)
{
	if (zone_idx(zone) == ZONE_MOVABLE)
		return MEMLAB_REACH_MOVABLE;
	return is_highmem(zone) ? MEMLAB_REACH_MAPPED : MEMLAB_REACH_KERNEL;
}

/* The same zones as memlab_zone(), without a lock: memory may be short when it is asked. */
bool memlab_stand(int node, unsigned int index, struct memlab_stand *out)
{
	struct zone *zone = &NODE_DATA(node)->node_zones[index];
	unsigned int i;

	if (!populated_zone(zone))
		return false;

	out->reach = memlab_reach(zone);
	out->free = zone_page_state(zone, NR_FREE_PAGES);
	out->free_cma = zone_page_state(zone, NR_FREE_CMA_PAGES);
	out->free_highatomic = READ_ONCE(zone->nr_free_highatomic);
	for (i = 0; i < ARRAY_SIZE(out->watermark); i++)
		out->watermark[i] = zone->_watermark[WMARK_MIN + i];
	out->boost = zone->watermark_boost;
	out->kept = zone->lowmem_reserve[gfp_zone(GFP_HIGHUSER)];
	return true;
}

/* Memory that is just being taken offline. A zone that loses the last of it frees its page sets. */
static atomic_t memlab_going = ATOMIC_INIT(0);

#ifdef CONFIG_MEMORY_HOTPLUG

static int memlab_hotplug_notify(struct notifier_block *block, unsigned long event, void *unused)
{
	switch (event) {
	case MEM_GOING_OFFLINE:
		atomic_inc(&memlab_going);
		/* Whoever reads page sets has seen that, or is done. */
		synchronize_rcu();
		break;
	case MEM_OFFLINE:
	case MEM_CANCEL_OFFLINE:
		/* It may have begun before this module was loaded. */
		atomic_dec_if_positive(&memlab_going);
		break;
	}
	return NOTIFY_OK;
}

static struct notifier_block memlab_hotplug = {
	.notifier_call = memlab_hotplug_notify,
};

int memlab_hotplug_register(void)
{
	return register_memory_notifier(&memlab_hotplug);
}

void memlab_hotplug_unregister(void)
{
	unregister_memory_notifier(&memlab_hotplug);
}

#else

int memlab_hotplug_register(void)
{
	return 0;
}

void memlab_hotplug_unregister(void)
{
}

#endif

/*
 * Zone @index of online @node; false if it has no pages. The lists are counted
 * under the zone's lock, as /proc/buddyinfo does: one load for each order.
 * While memory is taken offline nothing is said of the page sets: they are 0.
 */
bool memlab_zone(int node, unsigned int index, struct memlab_zone *out)
{
	struct zone *zone = &NODE_DATA(node)->node_zones[index];
	unsigned int order, i;
	unsigned long flags;
	int cpu;

	BUILD_BUG_ON(NR_PAGE_ORDERS > MEMLAB_ORDERS);
	BUILD_BUG_ON(MAX_NR_ZONES > MEMLAB_ZONES);

	if (!populated_zone(zone))
		return false;

	out->name = zone->name;
	out->index = index;
	out->zones = MAX_NR_ZONES;
	out->start_pfn = zone->zone_start_pfn;
	out->spanned = zone->spanned_pages;
	out->present = zone->present_pages;
	out->managed = zone_managed_pages(zone);
	out->cma = zone_cma_pages(zone);
	out->watermark[0] = min_wmark_pages(zone);
	out->watermark[1] = low_wmark_pages(zone);
	out->watermark[2] = high_wmark_pages(zone);
	out->boost = zone->watermark_boost;
	for (i = 0; i < MAX_NR_ZONES; i++)
		out->reserve[i] = zone->lowmem_reserve[i];
	out->pcp = 0;
	out->pcp_high = 0;
	rcu_read_lock();
	if (!atomic_read(&memlab_going)) {
		for_each_online_cpu(cpu) {
			struct per_cpu_pages *pcp = per_cpu_ptr(zone->per_cpu_pageset, cpu);

			out->pcp += READ_ONCE(pcp->count);
			out->pcp_high += READ_ONCE(pcp->high);
		}
	}
	rcu_read_unlock();
	out->reach = memlab_reach(zone);
	out->orders = NR_PAGE_ORDERS;

	spin_lock_irqsave(&zone->lock, flags);
	for (order = 0; order < NR_PAGE_ORDERS; order++)
		out->blocks[order] = zone->free_area[order].nr_free;
	out->free = zone_page_state(zone, NR_FREE_PAGES);
	out->free_cma = zone_page_state(zone, NR_FREE_CMA_PAGES);
	out->free_highatomic = zone->nr_free_highatomic;
	spin_unlock_irqrestore(&zone->lock, flags);
	return true;
}

/* In the order of the module's own names; -1 where the kernel has no such type. */
static const int memlab_types[MEMLAB_TYPES] = {
	MIGRATE_UNMOVABLE,
	[MEMLAB_MOVABLE] = MIGRATE_MOVABLE,
	MIGRATE_RECLAIMABLE,
	MIGRATE_HIGHATOMIC,
#ifdef CONFIG_CMA
	MIGRATE_CMA,
#else
	-1,
#endif
#ifdef CONFIG_MEMORY_ISOLATION
	MIGRATE_ISOLATE,
#else
	-1,
#endif
};

/* Steps through the lists of one order while the zone is locked: under 1 ms. */
#define MEMLAB_LIST_CAP	8192

/*
 * The movable list, which is the longest by far, is not walked: it holds what
 * is left of nr_free. Where another list is capped only its being empty is known.
 */
void memlab_free_area(int node, unsigned int index, unsigned int order,
		      struct memlab_free_area *out)
{
	struct zone *zone = &NODE_DATA(node)->node_zones[index];
	struct free_area *area = &zone->free_area[order];
	unsigned int steps = MEMLAB_LIST_CAP, type;
	struct list_head *block;
	unsigned long flags;
	u64 rest;

	/* The lists of a zone that never had a page are not made. */
	if (order >= NR_PAGE_ORDERS || !populated_zone(zone))
		return;

	spin_lock_irqsave(&zone->lock, flags);
	out->total = area->nr_free;
	rest = out->total;
	/* The last ones first: not every allocation may have them, so that their number counts. */
	for (type = MEMLAB_TYPES; type-- > 0;) {
		if (memlab_types[type] < 0)
			continue;
		out->types |= BIT(type);
		if (type == MEMLAB_MOVABLE)
			continue;
		list_for_each(block, &area->free_list[memlab_types[type]]) {
			if (!steps) {
				out->capped |= BIT(type) | BIT(MEMLAB_MOVABLE);
				break;
			}
			steps--;
			out->blocks[type]++;
		}
		rest -= out->blocks[type];
	}
	if (out->capped)
		rest = !list_empty(&area->free_list[MIGRATE_MOVABLE]);
	out->blocks[MEMLAB_MOVABLE] = rest;
	spin_unlock_irqrestore(&zone->lock, flags);
}

/* get_pfnblock_migratetype() is not exported; the flags it reads are. */
static s32 memlab_pageblock_is_cma(const struct page *page)
{
#ifdef CONFIG_CMA
	unsigned long pfn = page_to_pfn(page);
	unsigned long bit, word;
	unsigned long *bitmap;

#ifdef CONFIG_SPARSEMEM
	bitmap = section_to_usemap(__pfn_to_section(pfn));
	pfn &= PAGES_PER_SECTION - 1;
#else
	bitmap = page_zone(page)->pageblock_flags;
	pfn -= pageblock_start_pfn(page_zone(page)->zone_start_pfn);
#endif
	if (!bitmap)
		return -1;
	bit = (pfn >> pageblock_order) * NR_PAGEBLOCK_BITS;
	word = READ_ONCE(bitmap[bit / BITS_PER_LONG]);
	return ((word >> (bit % BITS_PER_LONG)) & PAGEBLOCK_MIGRATETYPE_MASK) == MIGRATE_CMA;
#else
	return 0;
#endif
}

void memlab_page(const struct page *page, struct memlab_page *out)
{
	out->zone = page_zone(page)->name;
	out->node = page_to_nid(page);
	out->cma = memlab_pageblock_is_cma(page);
	out->phys = page_to_phys(page);
}

static bool memlab_in_pkmap(unsigned long addr)
{
#ifdef CONFIG_HIGHMEM
	return addr >= PKMAP_ADDR(0) && addr < PKMAP_ADDR(LAST_PKMAP);
#else
	return false;
#endif
}

/* The page that a kernel address maps, or NULL where no table says. */
struct page *memlab_addr_to_page(const void *addr)
{
	if (memlab_in_pkmap((unsigned long)addr))
		return kmap_to_page((void *)addr);
	if (is_vmalloc_or_module_addr(addr)) {
		struct page *page = vmalloc_to_page(addr);

		/* A device's own memory, mapped there, has no struct page. */
		return page && pfn_valid(page_to_pfn(page)) ? page : NULL;
	}
	if (virt_addr_valid(addr))
		return virt_to_page(addr);
	return NULL;
}

/* The permanent address of a page of low memory, or NULL. */
void *memlab_page_address(const struct page *page)
{
	return PageHighMem(page) ? NULL : lowmem_page_address(page);
}

u32 memlab_window(const void *addr)
{
	unsigned long a = (unsigned long)addr;

	if (memlab_in_pkmap(a))
		return MEMLAB_WINDOW_PKMAP;
	if (a >= FIXADDR_START && a < FIXADDR_TOP)
		return MEMLAB_WINDOW_FIXMAP;
	if (is_vmalloc_addr(addr))
		return MEMLAB_WINDOW_VMALLOC;
	if (is_vmalloc_or_module_addr(addr))
		return MEMLAB_WINDOW_MODULE;
	if (virt_addr_valid(addr))
		return MEMLAB_WINDOW_LINEAR;
	return MEMLAB_WINDOW_NONE;
}

/* From the highest zone there is: HighMem where the kernel has one. */
struct page *memlab_alloc_highmem_page(void)
{
	return alloc_page(GFP_HIGHUSER);
}

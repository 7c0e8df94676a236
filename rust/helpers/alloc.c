// SPDX-License-Identifier: GPL-2.0
/* Allocators that are macros or inline functions, with flags by name. */

#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <linux/memlab.h>
#include "helpers.h"

/* What enum memlab_gfp stands for. */
static gfp_t memlab_named(u32 gfp)
{
	switch (gfp) {
	case MEMLAB_GFP_ATOMIC:
		return GFP_ATOMIC;
	case MEMLAB_GFP_NOWAIT:
		return GFP_NOWAIT;
	case MEMLAB_GFP_DMA:
		return GFP_KERNEL | GFP_DMA;
	case MEMLAB_GFP_DMA32:
		return GFP_KERNEL | GFP_DMA32;
	case MEMLAB_GFP_HIGHUSER:
		return GFP_HIGHUSER;
	case MEMLAB_GFP_ZERO:
		return GFP_KERNEL | __GFP_ZERO;
	case MEMLAB_GFP_ACCOUNT:
		return GFP_KERNEL_ACCOUNT;
	default:
		return GFP_KERNEL;
	}
}

/*
 * Its flags, as an instrument takes them: failing is an answer here, so that no
 * allocation warns, and what may sleep fails where the kernel would kill a
 * process, or one of a cgroup that is full, to make room.
 */
u32 memlab_gfp(u32 gfp)
{
	gfp_t flags = memlab_named(gfp) | __GFP_NOWARN;

	if (flags & __GFP_DIRECT_RECLAIM)
		flags |= __GFP_RETRY_MAYFAIL;
	return (__force u32)flags;
}

/*
 * The same where __GFP_RETRY_MAYFAIL would be taken for a wish: kvmalloc() reclaims by it for one
 * piece, vmalloc_huge() for huge pages. One round of reclaim for each has nobody killed either.
 */
u32 memlab_gfp_once(u32 flags)
{
	if (flags & (__force u32)__GFP_DIRECT_RECLAIM)
		flags = (flags & ~(__force u32)__GFP_RETRY_MAYFAIL) | (__force u32)__GFP_NORETRY;
	return flags;
}

/* The flags with which an allocation looks into zone @zone of its node first. */
static gfp_t memlab_zone_gfp(unsigned int zone)
{
	switch (zone) {
#ifdef CONFIG_ZONE_DMA
	case ZONE_DMA:
		return __GFP_DMA;
#endif
#ifdef CONFIG_ZONE_DMA32
	case ZONE_DMA32:
		return __GFP_DMA32;
#endif
#ifdef CONFIG_HIGHMEM
	case ZONE_HIGHMEM:
		return __GFP_HIGHMEM;
#endif
	default:
		return 0;
	}
}

/*
 * Pages of one zone that are free now, but not CMA's: nothing is reclaimed, nobody is woken. How
 * much has to stay free the caller says: watermarks that fragmentation has raised are no bar, so
 * that single pages are asked for as an interrupt would, without the reserve of larger blocks.
 */
struct page *memlab_alloc_spare(int node, unsigned int zone, unsigned int order)
{
	gfp_t flags = memlab_zone_gfp(zone) | __GFP_THISNODE | __GFP_HIGH | __GFP_NOWARN |
		      __GFP_NORETRY;
	struct page *page;

	page = alloc_pages_node(node, order ? flags | __GFP_NOMEMALLOC : flags, order);
	if (page && page_zonenum(page) != zone) {
		/* A lower zone had to help out. */
		__free_pages(page, order);
		return NULL;
	}
	return page;
}

/*
 * Empties the per-CPU lists of a zone: allocating a range of it does. The range is one that was
 * free a moment ago, so that nothing has to be moved, or looked for, for it. False if there
 * is none.
 */
bool memlab_drain(int node, unsigned int zone)
{
#ifdef CONFIG_CONTIG_ALLOC
	/* Of whole pageblocks, next to which nothing is that could not be moved. */
	unsigned int order = pageblock_order;
	struct page *page = memlab_alloc_spare(node, zone, order);
	unsigned long first;

	if (!page)
		return false;
	first = page_to_pfn(page);
	__free_pages(page, order);
	if (alloc_contig_range_noprof(first, first + (1UL << order), ACR_FLAGS_NONE,
				      GFP_KERNEL | __GFP_NOWARN))
		return false;
	free_contig_range(first, 1UL << order);
	return true;
#else
	return false;
#endif
}

void memlab_split_page(struct page *page, unsigned int order)
{
	split_page(page, order);
}

/* What it calls has another prototype where caches are partitioned by type. */
void *memlab_kmalloc(unsigned long size, u32 flags)
{
	return kmalloc(size, (__force gfp_t)flags);
}

void *memlab_kvmalloc(unsigned long size, u32 flags)
{
	return kvmalloc(size, (__force gfp_t)flags);
}

/* Flags that are not in GFP_VMALLOC_SUPPORTED would warn. */
void *memlab_vmalloc(unsigned long size, u32 flags)
{
	return __vmalloc(size, (__force gfp_t)flags);
}

void *memlab_vmalloc_huge(unsigned long size, u32 flags)
{
	return vmalloc_huge(size, (__force gfp_t)flags);
}

void *memlab_alloc_pages_exact(unsigned long size, u32 flags)
{
	return alloc_pages_exact(size, (__force gfp_t)flags);
}

struct page *memlab_alloc_contig(unsigned long pages, u32 flags)
{
#ifdef CONFIG_CONTIG_ALLOC
	return alloc_contig_pages(pages, (__force gfp_t)flags, numa_mem_id(), NULL);
#else
	return NULL;
#endif
}

void memlab_free_contig(struct page *page, unsigned long pages)
{
#ifdef CONFIG_CONTIG_ALLOC
	free_contig_range(page_to_pfn(page), pages);
#endif
}

/* A cache of its own: merged with another one it would show what the other one does. */
struct kmem_cache *memlab_cache_create(unsigned int size)
{
	return kmem_cache_create("memlab", size, 0, SLAB_NO_MERGE, NULL);
}

void *memlab_cache_alloc(struct kmem_cache *cache, u32 flags)
{
	return kmem_cache_alloc(cache, (__force gfp_t)flags);
}

/* All or none. */
bool memlab_cache_alloc_bulk(struct kmem_cache *cache, u32 flags, unsigned int count, void **out)
{
	return kmem_cache_alloc_bulk(cache, (__force gfp_t)flags, count, out);
}

/* Whether this CPU's list that @page, an unmovable one of order 0, would go to is empty. */
bool memlab_pcp_is_empty(const struct page *page)
{
	struct per_cpu_pages *pcp = raw_cpu_ptr(page_zone(page)->per_cpu_pageset);

	return list_empty(&pcp->lists[MIGRATE_UNMOVABLE]);
}

// SPDX-License-Identifier: GPL-2.0
/* What the whole machine has: memory by use, and how often things happened. */

#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/nodemask.h>
#include <linux/vmstat.h>
#include "arch.h"

/* In pages, and in the order in which si_mem_available() reads them. */
void memlab_meminfo(struct memlab_meminfo *out)
{
	struct sysinfo total;
	int node, i;

	si_meminfo(&total);
	out->total = total.totalram;
	out->high = total.totalhigh;
	out->high_free = total.freehigh;
	for_each_online_node(node) {
		pg_data_t *pgdat = NODE_DATA(node);

		/* They add up to totalreserve_pages, which is not exported. */
		out->reserve += pgdat->totalreserve_pages;
		for (i = 0; i < MAX_NR_ZONES; i++)
			out->low += low_wmark_pages(&pgdat->node_zones[i]);
	}
	out->free = global_zone_page_state(NR_FREE_PAGES);
	out->active_file = global_node_page_state(NR_ACTIVE_FILE);
	out->inactive_file = global_node_page_state(NR_INACTIVE_FILE);
	out->slab_reclaimable = global_node_page_state_pages(NR_SLAB_RECLAIMABLE_B);
	out->misc_reclaimable = global_node_page_state(NR_KERNEL_MISC_RECLAIMABLE);
	out->available = si_mem_available();
	out->slab_unreclaimable = global_node_page_state_pages(NR_SLAB_UNRECLAIMABLE_B);
	out->anon = global_node_page_state(NR_ANON_MAPPED);
	out->shmem = global_node_page_state(NR_SHMEM);
	out->page_tables = global_node_page_state(NR_PAGETABLE);
	out->free_cma = global_zone_page_state(NR_FREE_CMA_PAGES);
}

/* vmstat_text[] is not exported: those that tell of allocations, with its names. */
static const char *const memlab_event_names[NR_VM_EVENT_ITEMS] = {
#ifdef CONFIG_ZONE_DMA
	[PGALLOC_DMA] = "pgalloc_dma",
	[ALLOCSTALL_DMA] = "allocstall_dma",
	[PGSCAN_SKIP_DMA] = "pgskip_dma",
#endif
#ifdef CONFIG_ZONE_DMA32
	[PGALLOC_DMA32] = "pgalloc_dma32",
	[ALLOCSTALL_DMA32] = "allocstall_dma32",
	[PGSCAN_SKIP_DMA32] = "pgskip_dma32",
#endif
	[PGALLOC_NORMAL] = "pgalloc_normal",
	[ALLOCSTALL_NORMAL] = "allocstall_normal",
	[PGSCAN_SKIP_NORMAL] = "pgskip_normal",
#ifdef CONFIG_HIGHMEM
	[PGALLOC_HIGH] = "pgalloc_high",
	[ALLOCSTALL_HIGH] = "allocstall_high",
	[PGSCAN_SKIP_HIGH] = "pgskip_high",
#endif
	[PGALLOC_MOVABLE] = "pgalloc_movable",
	[ALLOCSTALL_MOVABLE] = "allocstall_movable",
	[PGSCAN_SKIP_MOVABLE] = "pgskip_movable",
	[PGPGIN] = "pgpgin",
	[PGPGOUT] = "pgpgout",
	[PSWPIN] = "pswpin",
	[PSWPOUT] = "pswpout",
	[PGFREE] = "pgfree",
	[PGACTIVATE] = "pgactivate",
	[PGDEACTIVATE] = "pgdeactivate",
	[PGFAULT] = "pgfault",
	[PGMAJFAULT] = "pgmajfault",
	[PGREUSE] = "pgreuse",
	[SLABS_SCANNED] = "slabs_scanned",
	[KSWAPD_LOW_WMARK_HIT_QUICKLY] = "kswapd_low_wmark_hit_quickly",
	[KSWAPD_HIGH_WMARK_HIT_QUICKLY] = "kswapd_high_wmark_hit_quickly",
	[PAGEOUTRUN] = "pageoutrun",
	[PGROTATED] = "pgrotated",
	[DROP_PAGECACHE] = "drop_pagecache",
	[DROP_SLAB] = "drop_slab",
	[OOM_KILL] = "oom_kill",
#ifdef CONFIG_MIGRATION
	[PGMIGRATE_SUCCESS] = "pgmigrate_success",
	[PGMIGRATE_FAIL] = "pgmigrate_fail",
#endif
#ifdef CONFIG_COMPACTION
	[COMPACTMIGRATE_SCANNED] = "compact_migrate_scanned",
	[COMPACTFREE_SCANNED] = "compact_free_scanned",
	[COMPACTISOLATED] = "compact_isolated",
	[COMPACTSTALL] = "compact_stall",
	[COMPACTFAIL] = "compact_fail",
	[COMPACTSUCCESS] = "compact_success",
	[KCOMPACTD_WAKE] = "compact_daemon_wake",
#endif
#ifdef CONFIG_CMA
	[CMA_ALLOC_SUCCESS] = "cma_alloc_success",
	[CMA_ALLOC_FAIL] = "cma_alloc_fail",
#endif
	[UNEVICTABLE_PGCULLED] = "unevictable_pgs_culled",
	[UNEVICTABLE_PGMLOCKED] = "unevictable_pgs_mlocked",
};

/* Every total; @out has room for memlab_events() of them. May sleep. */
void memlab_all_events(unsigned long *out)
{
	all_vm_events(out);
	/* Counted in sectors; in KiB here as in /proc/vmstat. */
	out[PGPGIN] /= 2;
	out[PGPGOUT] /= 2;
}

/* How many totals there are; none where the kernel does not count. */
unsigned int memlab_events(void)
{
	return IS_ENABLED(CONFIG_VM_EVENT_COUNTERS) ? NR_VM_EVENT_ITEMS : 0;
}

/* NULL for an event that says nothing of allocations. */
const char *memlab_event_name(unsigned int event)
{
	if (event >= NR_VM_EVENT_ITEMS)
		return NULL;
	return memlab_event_names[event] ?: memlab_arch_event_name(event);
}

// SPDX-License-Identifier: GPL-2.0
/* Windows onto pages: what is inline, and the ways that a kernel may not have. */

#include <linux/highmem.h>
#include <linux/vmalloc.h>
#include "helpers.h"

/* May sleep until another user of the pool lets go. */
void *memlab_kmap(struct page *page)
{
	return kmap(page);
}

void memlab_kunmap(struct page *page)
{
	kunmap(page);
}

/* How many pages kmap() has windows for; 0 where it needs none. */
unsigned int memlab_kmaps(void)
{
#ifdef CONFIG_HIGHMEM
	return LAST_PKMAP;
#else
	return 0;
#endif
}

/*
 * Local maps are a stack: kunmap_local() takes away the newest, whichever it is told. How many the
 * thread has is remembered with each, so that one that is not the newest stays instead.
 */
static int memlab_local_maps(void)
{
#ifdef CONFIG_KMAP_LOCAL
	return current->kmap_ctrl.idx;
#else
	return 0;
#endif
}

/* Interrupts have the other half. */
static bool memlab_room_for_map(void)
{
#ifdef CONFIG_KMAP_LOCAL
	return memlab_local_maps() < KM_MAX_IDX / 2;
#else
	return true;
#endif
}

/* NULL where the thread has enough of them; @depth is for unmapping it. */
void *memlab_kmap_local(struct page *page, int *depth)
{
	void *addr = memlab_room_for_map() ? kmap_local_page(page) : NULL;

	*depth = memlab_local_maps();
	return addr;
}

void memlab_kunmap_local(void *addr, int depth)
{
	if (memlab_local_maps() == depth)
		kunmap_local(addr);
}

/*
 * A local map even of a page that has an address: without high memory
 * kmap_local_page() never comes here, and with it only if it is told to.
 */
bool memlab_kmap_is_forced(void)
{
	return IS_ENABLED(CONFIG_DEBUG_KMAP_LOCAL_FORCE_MAP);
}

void *memlab_kmap_forced(struct page *page, int *depth)
{
	void *addr = NULL;

#ifdef CONFIG_DEBUG_KMAP_LOCAL_FORCE_MAP
	if (memlab_room_for_map())
		addr = __kmap_local_page_prot(page, PAGE_KERNEL);
#endif
	*depth = memlab_local_maps();
	return addr;
}

void memlab_kunmap_forced(void *addr, int depth)
{
#ifdef CONFIG_DEBUG_KMAP_LOCAL_FORCE_MAP
	if (memlab_local_maps() == depth)
		kunmap_local_indexed(addr);
#endif
}

/* Each of @count pages by its own entry of the page tables, as vmalloc() has it. */
void *memlab_vmap(struct page **pages, unsigned int count)
{
	return vmap(pages, count, VM_MAP, PAGE_KERNEL);
}

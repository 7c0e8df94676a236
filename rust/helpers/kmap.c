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
 * A local map even of a page that has an address: without high memory
 * kmap_local_page() never comes here, and with it only if it is told to.
 */
bool memlab_kmap_is_forced(void)
{
	return IS_ENABLED(CONFIG_DEBUG_KMAP_LOCAL_FORCE_MAP);
}

void *memlab_kmap_forced(struct page *page)
{
#ifdef CONFIG_DEBUG_KMAP_LOCAL_FORCE_MAP
	return __kmap_local_page_prot(page, PAGE_KERNEL);
#else
	return NULL;
#endif
}

void memlab_kunmap_forced(void *addr)
{
#ifdef CONFIG_DEBUG_KMAP_LOCAL_FORCE_MAP
	kunmap_local_indexed(addr);
#endif
}

/* Each of @count pages by its own entry of the page tables, as vmalloc() has it. */
void *memlab_vmap(struct page **pages, unsigned int count)
{
	return vmap(pages, count, VM_MAP, PAGE_KERNEL);
}

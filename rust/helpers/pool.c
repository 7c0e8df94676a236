// SPDX-License-Identifier: GPL-2.0
/* A network driver's pool of pages that stay mapped. include/net/page_pool/helpers.h */

#include <linux/bottom_half.h>
#include <linux/err.h>
#include "helpers.h"

void memlab_bh_disable(void)
{
	local_bh_disable();
}

void memlab_bh_enable(void)
{
	local_bh_enable();
}

#if IS_ENABLED(CONFIG_PAGE_POOL)
#include <net/page_pool/helpers.h>

/* Of pages of 2^@order, which are mapped; with @sync they are synced as they come back. */
struct page_pool *memlab_page_pool_create(struct device *dev, u32 order, u32 direction, bool sync)
{
	struct page_pool_params params = {
		.flags = PP_FLAG_DMA_MAP | (sync ? PP_FLAG_DMA_SYNC_DEV : 0),
		.order = order,
		.nid = NUMA_NO_NODE,
		.dev = dev,
		.dma_dir = direction,
		.max_len = PAGE_SIZE << order,
	};

	return page_pool_create(&params);
}

/* With all of its pages back it is gone by this. */
void memlab_page_pool_destroy(struct page_pool *pool)
{
	page_pool_destroy(pool);
}

struct page *memlab_page_pool_alloc(struct page_pool *pool)
{
	return page_pool_dev_alloc_pages(pool);
}

/* @bytes have been received, or 0 where nothing is synced. */
void memlab_page_pool_recycle(struct page_pool *pool, struct page *page, u32 bytes)
{
	if (bytes)
		page_pool_dma_sync_for_cpu(pool, page, 0, bytes);
	page_pool_put_page(pool, page, bytes, true);
}

u64 memlab_page_pool_dma(const struct page *page)
{
	return page_pool_get_dma_addr(page);
}
#else
struct page_pool *memlab_page_pool_create(struct device *dev, u32 order, u32 direction, bool sync)
{
	return ERR_PTR(-EOPNOTSUPP);
}

void memlab_page_pool_destroy(struct page_pool *pool)
{
}

struct page *memlab_page_pool_alloc(struct page_pool *pool)
{
	return NULL;
}

void memlab_page_pool_recycle(struct page_pool *pool, struct page *page, u32 bytes)
{
}

u64 memlab_page_pool_dma(const struct page *page)
{
	return 0;
}
#endif

// SPDX-License-Identifier: GPL-2.0
/* The DMA API where it is made of inline functions: include/linux/dma-mapping.h. */

#include <linux/dma-mapping.h>
#include <linux/highmem.h>
#include <linux/dmapool.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include "helpers.h"

/* As elsewhere: no warning, and nobody is killed to make room. */
#define MEMLAB_GFP	(GFP_KERNEL | __GFP_NOWARN | __GFP_RETRY_MAYFAIL)

/* Zeroed pages: 0 from any zone with a permanent address, 1 below 4 GiB, 2 for 24-bit devices. */
void *memlab_alloc_exact(size_t size, u32 zone)
{
	static const gfp_t zones[] = { 0, __GFP_DMA32, __GFP_DMA };

	if (zone >= ARRAY_SIZE(zones))
		return NULL;
	return alloc_pages_exact(size, MEMLAB_GFP | __GFP_ZERO | zones[zone]);
}

void memlab_free_exact(void *ptr, size_t size)
{
	free_pages_exact(ptr, size);
}

/* Of an address in the linear map. */
u64 memlab_virt_to_phys(void *ptr)
{
	return virt_to_phys(ptr);
}

/* One call, the error in band: what a driver writes in two lines. */
static u64 memlab_mapped(struct device *dev, dma_addr_t addr)
{
	return dma_mapping_error(dev, addr) ? MEMLAB_NOT_MAPPED : addr;
}

u64 memlab_dma_map_single(struct device *dev, void *ptr, size_t size, u32 direction)
{
	return memlab_mapped(dev, dma_map_single(dev, ptr, size, direction));
}

void memlab_dma_unmap_single(struct device *dev, u64 addr, size_t size, u32 direction)
{
	dma_unmap_single(dev, addr, size, direction);
}

u64 memlab_dma_map_page(struct device *dev, void *ptr, size_t size, u32 direction)
{
	return memlab_mapped(dev, dma_map_page(dev, virt_to_page(ptr), offset_in_page(ptr),
					       size, direction));
}

void memlab_dma_unmap_page(struct device *dev, u64 addr, size_t size, u32 direction)
{
	dma_unmap_page(dev, addr, size, direction);
}

u64 memlab_dma_map_phys(struct device *dev, void *ptr, size_t size, u32 direction)
{
	return memlab_mapped(dev, dma_map_phys(dev, virt_to_phys(ptr), size, direction, 0));
}

void memlab_dma_unmap_phys(struct device *dev, u64 addr, size_t size, u32 direction)
{
	dma_unmap_phys(dev, addr, size, direction, 0);
}

void memlab_dma_sync_for_cpu(struct device *dev, u64 addr, size_t size, u32 direction)
{
	dma_sync_single_for_cpu(dev, addr, size, direction);
}

void memlab_dma_sync_for_device(struct device *dev, u64 addr, size_t size, u32 direction)
{
	dma_sync_single_for_device(dev, addr, size, direction);
}

/*
 * A device may be at the memory meanwhile: to Rust that would be a race, to the kernel it is
 * none.
 */
void memlab_copy(void *to, const void *from, unsigned long size)
{
	memcpy(to, from, size);
}

void memlab_sg_set_buf(struct scatterlist *sg, const void *ptr, unsigned int length)
{
	sg_set_buf(sg, ptr, length);
}

void *memlab_dma_alloc_noncoherent(struct device *dev, size_t size, u64 *addr, u32 direction)
{
	dma_addr_t dma;
	void *ptr = dma_alloc_noncoherent(dev, size, &dma, direction, MEMLAB_GFP);

	*addr = dma;
	return ptr;
}

void memlab_dma_free_noncoherent(struct device *dev, size_t size, void *ptr, u64 addr,
				 u32 direction)
{
	dma_free_noncoherent(dev, size, ptr, addr, direction);
}

struct sg_table *memlab_dma_alloc_noncontiguous(struct device *dev, size_t size, u32 direction)
{
	/* Without an IOMMU it is cleared in any case. */
	return dma_alloc_noncontiguous(dev, size, direction, MEMLAB_GFP | __GFP_ZERO, 0);
}

void memlab_dma_free_noncontiguous(struct device *dev, size_t size, struct sg_table *table,
				   u32 direction)
{
	dma_free_noncontiguous(dev, size, table, direction);
}

void *memlab_dma_vmap(struct device *dev, size_t size, struct sg_table *table)
{
	return dma_vmap_noncontiguous(dev, size, table);
}

void memlab_dma_vmap_for_device(struct device *dev, void *ptr, size_t size,
				struct sg_table *table, u32 direction)
{
	flush_kernel_vmap_range(ptr, size);
	dma_sync_sgtable_for_device(dev, table, direction);
}

void memlab_dma_vmap_for_cpu(struct device *dev, void *ptr, size_t size,
			     struct sg_table *table, u32 direction)
{
	dma_sync_sgtable_for_cpu(dev, table, direction);
	invalidate_kernel_vmap_range(ptr, size);
}

void memlab_dma_vunmap(struct device *dev, void *ptr)
{
	dma_vunmap_noncontiguous(dev, ptr);
}

struct dma_pool *memlab_dma_pool_create(struct device *dev, size_t size)
{
	return dma_pool_create("memlab", dev, size, 0, 0);
}

void memlab_dma_pool_destroy(struct dma_pool *pool)
{
	dma_pool_destroy(pool);
}

void *memlab_dma_pool_alloc(struct dma_pool *pool, u64 *addr)
{
	dma_addr_t dma;
	void *ptr = dma_pool_alloc(pool, MEMLAB_GFP, &dma);

	*addr = dma;
	return ptr;
}

void memlab_dma_pool_free(struct dma_pool *pool, void *ptr, u64 addr)
{
	dma_pool_free(pool, ptr, addr);
}

static struct dma_iova_state *memlab_state(struct memlab_iova *iova)
{
	BUILD_BUG_ON(sizeof(struct dma_iova_state) > sizeof(*iova));
	return (struct dma_iova_state *)iova;
}

/* Without CONFIG_IOMMU_DMA these are inline functions that refuse. */
bool memlab_iova_alloc(struct device *dev, struct memlab_iova *iova, size_t size)
{
	return dma_iova_try_alloc(dev, memlab_state(iova), 0, size);
}

int memlab_iova_link(struct device *dev, struct memlab_iova *iova, void *ptr, size_t offset,
		     size_t size, u32 direction)
{
	return dma_iova_link(dev, memlab_state(iova), virt_to_phys(ptr), offset, size,
			     direction, 0);
}

int memlab_iova_sync(struct device *dev, struct memlab_iova *iova, size_t size)
{
	return dma_iova_sync(dev, memlab_state(iova), 0, size);
}

void memlab_iova_destroy(struct device *dev, struct memlab_iova *iova, size_t linked,
			 u32 direction)
{
	dma_iova_destroy(dev, memlab_state(iova), linked, direction, 0);
}

u64 memlab_iova_addr(const struct memlab_iova *iova)
{
	return ((const struct dma_iova_state *)iova)->addr;
}

int memlab_dma_set_masks(struct device *dev, u64 mask, u64 coherent_mask)
{
	int error = dma_set_mask(dev, mask);

	return error ?: dma_set_coherent_mask(dev, coherent_mask);
}

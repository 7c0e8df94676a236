// SPDX-License-Identifier: GPL-2.0

#include <linux/amba/bus.h>
#include <linux/cache.h>
#include <linux/device.h>
#include <linux/dma-map-ops.h>
#include <linux/iommu-dma.h>
#include <linux/pci.h>
#include <linux/platform_device.h>
#include <linux/swiotlb.h>
#include <linux/memlab.h>
#include "helpers.h"

/* Those whose devices do DMA themselves, and that a module can reach. */
static const struct bus_type *const memlab_buses[] = {
#ifdef CONFIG_PCI
	&pci_bus_type,
#endif
	&platform_bus_type,
#ifdef CONFIG_ARM_AMBA
	&amba_bustype,
#endif
};

static struct device *memlab_find_device(const char *bus, const char *name)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(memlab_buses); i++) {
		struct device *dev;

		if (*bus && strcmp(bus, memlab_buses[i]->name))
			continue;
		dev = bus_find_device_by_name(memlab_buses[i], NULL, name);
		if (dev)
			return dev;
	}
	return NULL;
}

static u32 memlab_mapper(struct device *dev)
{
	const struct dma_map_ops *ops = get_dma_ops(dev);

	if (use_dma_iommu(dev))
		return MEMLAB_MAPPER_IOMMU;
	return ops ? MEMLAB_MAPPER_OPS : MEMLAB_MAPPER_DIRECT;
}

static u32 memlab_swiotlb(struct device *dev)
{
#ifdef CONFIG_SWIOTLB
	if (is_swiotlb_force_bounce(dev))
		return MEMLAB_SWIOTLB_FORCED;
	if (dev->dma_io_tlb_mem && dev->dma_io_tlb_mem->nslabs)
		return MEMLAB_SWIOTLB_ON_NEED;
#endif
	return MEMLAB_SWIOTLB_NONE;
}

/* The kernel says "any" with the highest value of its size type, which has 32 bits on ARM. */
static u64 memlab_any(size_t most)
{
	return most == SIZE_MAX ? U64_MAX : most;
}

/* Under the lock of @dev: no driver comes or goes meanwhile. */
static void memlab_fill(struct device *dev, struct memlab_device *out)
{
	strscpy_pad(out->bus, dev->bus->name);
	strscpy_pad(out->driver, dev->driver ? dev->driver->name : "");
	strscpy_pad(out->domain, memlab_iommu(dev));
	out->lent = dev->driver && dev->driver->owner == THIS_MODULE;
	out->node = dev_to_node(dev) < 0 ? MEMLAB_NODE_ANY : dev_to_node(dev);
	out->coherent = dev_is_dma_coherent(dev);
	out->coherent_mask = dev->coherent_dma_mask;
	out->bus_limit = dev->bus_dma_limit;
	out->max_segment = dma_get_max_seg_size(dev);
	out->boundary = dma_get_seg_boundary(dev);
	out->min_align = dma_get_min_align_mask(dev);
	out->cache_align = dma_get_cache_alignment();
	out->mapper = memlab_mapper(dev);
	out->swiotlb = memlab_swiotlb(dev);
	/* What follows looks through the mask, which not every device has. */
	if (!dev->dma_mask) {
		out->mapper = MEMLAB_MAPPER_UNKNOWN;
		return;
	}
	out->mask = *dev->dma_mask;
	out->required_mask = dma_get_required_mask(dev);
	out->max_mapping = memlab_any(dma_max_mapping_size(dev));
	out->optimal_mapping = memlab_any(dma_opt_mapping_size(dev));
}

/* Fills in what @out names by bus and device: -ENODEV for no such one, -EINTR on a signal. */
int memlab_describe(struct memlab_device *out)
{
	struct device *dev = memlab_find_device(out->bus, out->device);
	int error;

	if (!dev)
		return -ENODEV;
	error = device_lock_interruptible(dev);
	if (!error) {
		/* One that was taken away while it was waited for has no bus any more. */
		if (device_is_registered(dev))
			memlab_fill(dev, out);
		else
			error = -ENODEV;
		device_unlock(dev);
	}
	put_device(dev);
	return error;
}

// SPDX-License-Identifier: GPL-2.0

#include <linux/cpumask.h>
#include <linux/device.h>
#include <linux/dma-direct.h>
#include <linux/dma-map-ops.h>
#include <linux/dmi.h>
#include <linux/iommu-dma.h>
#include <linux/iommu.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/of.h>
#include <linux/pci.h>
#include <linux/platform_device.h>
#include <linux/preempt.h>
#include <linux/property.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/swiotlb.h>
#include <linux/topology.h>
#include <linux/utsname.h>
#include <linux/version.h>
#include <linux/memlab.h>
#include "arch.h"

static const char *memlab_preemption(void)
{
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		return "rt";
	if (preempt_model_full())
		return "full";
	if (preempt_model_lazy())
		return "lazy";
	if (preempt_model_voluntary())
		return "voluntary";
	return "none";
}

void memlab_machine(struct memlab_machine *out)
{
	memset(out, 0, sizeof(*out));
	out->release = init_utsname()->release;
	out->version = init_utsname()->version;
	out->arch = init_utsname()->machine;
	out->preemption = memlab_preemption();
	out->cpus = num_online_cpus();
	out->nodes = num_online_nodes();
	out->product = dmi_get_system_info(DMI_PRODUCT_NAME);
	memlab_arch_machine(out);
#ifdef CONFIG_OF
	out->virtual_board = of_machine_is_compatible("linux,dummy-virt");
#endif
}

/*
 * Whether what is behind the first PCI host bridge sees the CPU's caches, by
 * device tree or ACPI; @otherwise where there is none, or it does not say.
 */
static bool memlab_bridge_is_coherent(bool otherwise)
{
#ifdef CONFIG_PCI
	struct pci_bus *bus = pci_find_next_bus(NULL);
	struct device *dev;

	for (dev = bus ? bus->bridge : NULL; dev; dev = dev->parent) {
		switch (device_get_dma_attr(dev)) {
		case DEV_DMA_COHERENT:
			return true;
		case DEV_DMA_NON_COHERENT:
			return false;
		default:
			break;
		}
	}
#endif
	return otherwise;
}

/*
 * A platform device without resources, with all 64 bits of DMA addresses until
 * a driver says less. @coherent: 0 or 1, or negative for what the first host
 * bridge is. -EOPNOTSUPP for 0 where every device is coherent.
 */
int memlab_platform_device(const char *name, int coherent, struct platform_device **out)
{
	struct platform_device *pdev;
	int error;

	pdev = platform_device_alloc(name, PLATFORM_DEVID_NONE);
	if (!pdev)
		return -ENOMEM;
	pdev->platform_dma_mask = DMA_BIT_MASK(64);
	pdev->dev.dma_mask = &pdev->platform_dma_mask;
	pdev->dev.coherent_dma_mask = DMA_BIT_MASK(64);
	/* What a new device is like is the kernel's default. */
	if (coherent < 0)
		coherent = memlab_bridge_is_coherent(dev_is_dma_coherent(&pdev->dev));
#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 3, 0)
#if defined(CONFIG_ARCH_HAS_SYNC_DMA_FOR_DEVICE) || defined(CONFIG_ARCH_HAS_SYNC_DMA_FOR_CPU)
	pdev->dev.dma_coherent = coherent;
#endif
#else
	dev_assign_dma_coherent(&pdev->dev, coherent);
#endif
	error = dev_is_dma_coherent(&pdev->dev) == !!coherent ? 0 : -EOPNOTSUPP;
	if (!error)
		error = platform_device_add(pdev);
	if (error)
		platform_device_put(pdev);
	else
		*out = pdev;
	return error;
}

/* The type of its domain, as in sysfs. */
const char *memlab_iommu(struct device *dev)
{
#ifdef CONFIG_IOMMU_API
	struct iommu_domain *domain = iommu_get_domain_for_dev(dev);

	if (!domain)
		return "none";
	switch (domain->type) {
	case IOMMU_DOMAIN_BLOCKED:
		return "blocked";
	case IOMMU_DOMAIN_IDENTITY:
		return "identity";
	case IOMMU_DOMAIN_UNMANAGED:
		return "unmanaged";
	case IOMMU_DOMAIN_DMA:
		return "DMA";
	case IOMMU_DOMAIN_DMA_FQ:
		return "DMA-FQ";
	default:
		return "other";
	}
#else
	return "none";
#endif
}

/* Who maps, as kernel/dma/mapping.c decides it in functions of its own: enum memlab_mapper. */
static u32 memlab_mapper(struct device *dev)
{
	if (use_dma_iommu(dev))
		return MEMLAB_MAPPER_IOMMU;
	return get_dma_ops(dev) ? MEMLAB_MAPPER_OPS : MEMLAB_MAPPER_DIRECT;
}

/* All bits set where there is no such address. */
static u64 memlab_phys(phys_addr_t phys)
{
	return phys == (phys_addr_t)-1 ? U64_MAX : phys;
}

void memlab_bounce(struct device *dev, struct memlab_bounce *out)
{
	memset(out, 0, sizeof(*out));
#ifdef CONFIG_SWIOTLB
	struct io_tlb_mem *mem = dev->dma_io_tlb_mem;

	if (!mem || !mem->defpool.nslabs)
		return;
	out->start = mem->defpool.start;
	out->end = mem->defpool.end;
	out->slots = mem->nslabs;
	out->slot_bytes = IO_TLB_SIZE;
#ifdef CONFIG_DEBUG_FS
	out->used = atomic_long_read(&mem->total_used);
	out->most = atomic_long_read(&mem->used_hiwater);
#endif
#endif
}

/* Where the bytes behind a device's address lie; all bits set where the kernel does not tell. */
u64 memlab_dma_to_phys(struct device *dev, u64 addr)
{
	switch (memlab_mapper(dev)) {
	case MEMLAB_MAPPER_DIRECT:
		return memlab_phys(dma_to_phys(dev, addr));
	case MEMLAB_MAPPER_IOMMU: {
		phys_addr_t phys = 0;
#ifdef CONFIG_IOMMU_API
		struct iommu_domain *domain = iommu_get_domain_for_dev(dev);

		if (domain)
			phys = iommu_iova_to_phys(domain, addr);
#endif
		return phys ?: U64_MAX;
	}
	default:
		return U64_MAX;
	}
}

void memlab_dma(struct device *dev, struct memlab_dma *out)
{
	out->mapper = memlab_mapper(dev);
	out->limited = false;
	out->highest = U64_MAX;
	/* What translates can give the device any memory at an address that it reaches. */
	if (out->mapper == MEMLAB_MAPPER_DIRECT) {
		u64 limit = min_not_zero(dma_get_mask(dev), dev->bus_dma_limit);

		out->limited = dma_addressing_limited(dev);
		out->highest = memlab_phys(dma_to_phys(dev, limit));
	}
	out->coherent = dev_is_dma_coherent(dev);
	out->swiotlb_force = IS_ENABLED(CONFIG_SWIOTLB) && is_swiotlb_force_bounce(dev);
	out->mask = dma_get_mask(dev);
	out->coherent_mask = dev->coherent_dma_mask;
	out->max_mapping = dma_max_mapping_size(dev);
	out->max_segment = dma_get_max_seg_size(dev);
	out->iommu = memlab_iommu(dev);
	out->bus = dev->bus ? dev->bus->name : "none";
}

void memlab_dma_limits(struct device *dev, struct memlab_dma_limits *out)
{
	out->mask = dev->dma_mask ? *dev->dma_mask : 0;
	out->coherent_mask = dev->coherent_dma_mask;
	out->max_segment = dev->dma_parms ? dev->dma_parms->max_segment_size : 0;
}

/*
 * A mask that the core does not like any more, or cuts to its own width, was there before: it is
 * set all the same.
 */
void memlab_dma_set_limits(struct device *dev, const struct memlab_dma_limits *limits)
{
	if (dev->dma_mask && *dev->dma_mask != limits->mask) {
		if (dma_set_mask(dev, limits->mask))
			dev_dbg(dev, "its own DMA mask is not supported\n");
		*dev->dma_mask = limits->mask;
	}
	dev->coherent_dma_mask = limits->coherent_mask;
	if (dev->dma_parms)
		dev->dma_parms->max_segment_size = limits->max_segment;
}

unsigned long memlab_context_switches(void)
{
	return current->nvcsw + current->nivcsw;
}

/*
 * The memory cgroup that pays for the current process. To a thread of the kernel's own nothing is
 * charged if it is not told whom to, nor to the root cgroup.
 */
void *memlab_memcg(void)
{
	return get_mem_cgroup_from_mm(current->mm);
}

void memlab_put_memcg(void *memcg)
{
	mem_cgroup_put(memcg);
}

/* From here on the current thread's __GFP_ACCOUNT allocations are @memcg's; NULL ends that. */
void memlab_charge_to(void *memcg)
{
	set_active_memcg(memcg);
}

bool memlab_fatal_signal(void)
{
	return fatal_signal_pending(current);
}

/* The online CPU number @n of @node (any node if negative), counting round. */
int memlab_nth_cpu(unsigned int n, int node)
{
	const struct cpumask *mask = node < 0 ? cpu_online_mask : cpumask_of_node(node);
	unsigned int count = cpumask_weight_and(mask, cpu_online_mask);
	unsigned int cpu;

	if (!count)
		return -1;
	cpu = cpumask_nth_and(n % count, mask, cpu_online_mask);
	/* One may have gone offline since they were counted. */
	return cpu < nr_cpu_ids ? cpu : -1;
}

void memlab_cond_resched(void)
{
	cond_resched();
}

/* To RCU tasks a preemption is no pause: without one they wait for the whole run. */
void memlab_pause(void)
{
	cond_resched_tasks_rcu_qs();
}

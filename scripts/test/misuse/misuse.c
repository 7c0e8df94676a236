// SPDX-License-Identifier: GPL-2.0
/*
 * A driver of QEMU's edu that uses the DMA API wrongly, in one way for each
 * value of its parameter "what". Only for tests of what finds such mistakes.
 *
 *	direction	unmapped the other way than mapped
 *	check		dma_mapping_error() was not asked
 *	fault		the device writes to what it was mapped to read, and after a second
 *			it is unmapped
 *	unmap		still mapped when the driver goes
 *	sync		read before dma_sync_single_for_cpu(): how many bytes are not
 *			yet what the device wrote is in the parameter "stale", and
 *			how many are not after the sync in "left"
 *	leak		of every twelve maps one is never unmapped, a hundred
 *			maps each second
 *	ring		what was mapped is unmapped 64 maps later, as a ring does it
 *	slab, vmalloc	a hundred objects of a slab cache, or areas, each second, which
 *			are kept until the device is let go of
 * What goes on after the probe works for one device: a second is refused.
 */
#include <linux/delay.h>
#include <linux/dma-mapping.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>

#define SIZE		4096
#define INSIDE		0x40000
#define REG_SOURCE	0x80
#define REG_TARGET	0x88
#define REG_COUNT	0x90
#define REG_COMMAND	0x98
#define RUN		1
#define TO_MEMORY	2

static char *what = "";
module_param(what, charp, 0444);
static unsigned int mask = 28;
module_param(mask, uint, 0444);
static int stale = -1, left = -1;
module_param(stale, int, 0444);
module_param(left, int, 0444);

/* What "unmap" leaves behind: freed when nobody can reach it any more. */
static void *kept;

#define RING		64
#define PIECE		(SIZE / (2 * RING))
static struct device *busy;
static dma_addr_t ring[RING];
static unsigned int turn;
static void work_on(struct work_struct *work);
static DECLARE_DELAYED_WORK(work, work_on);

/* What was taken, each with the one before it in its first bytes. */
static void **taken;
static struct kmem_cache *cache;

static void take_more(void)
{
	void **more = cache ? kmem_cache_alloc(cache, GFP_KERNEL) : vmalloc(SIZE);

	if (more) {
		*more = taken;
		taken = more;
	}
}

static void map_more(void)
{
	bool rings = !strcmp(what, "ring");
	unsigned int at = turn % RING;
	/* What is new in a place of the ring lies elsewhere than what was there. */
	void *piece = kept + (rings ? turn % (2 * RING) * PIECE : 0);
	unsigned int size = rings ? PIECE : SIZE;
	dma_addr_t addr = dma_map_single(busy, piece, size, DMA_TO_DEVICE);

	turn++;
	if (dma_mapping_error(busy, addr))
		return;
	if (rings)
		swap(addr, ring[at]);
	if (rings ? addr : turn % 12)
		dma_unmap_single(busy, addr, size, DMA_TO_DEVICE);
}

static void work_on(struct work_struct *unused)
{
	if (!strcmp(what, "leak") || !strcmp(what, "ring"))
		map_more();
	else
		take_more();
	schedule_delayed_work(&work, msecs_to_jiffies(10));
}

static bool works_on(void)
{
	return !strcmp(what, "leak") || !strcmp(what, "ring") ||
	       !strcmp(what, "slab") || !strcmp(what, "vmalloc");
}

static u8 pattern(int at)
{
	return at * 167 + 5;
}

static int carry(void __iomem *regs, u32 source, u32 target, u32 command)
{
	int tries = 150;

	writel(source, regs + REG_SOURCE);
	writel(target, regs + REG_TARGET);
	writel(SIZE, regs + REG_COUNT);
	writel(command, regs + REG_COMMAND);
	while (readl(regs + REG_COMMAND) & RUN && --tries)
		msleep(20);
	return tries ? 0 : -ETIMEDOUT;
}

static int wrong(const u8 *buf)
{
	int at, bytes = 0;

	for (at = 0; at < SIZE; at++)
		bytes += READ_ONCE(buf[at]) != pattern(at);
	return bytes;
}

static int read_too_soon(struct device *dev, void __iomem *regs, u8 *buf)
{
	dma_addr_t proof, addr;
	u8 *bytes = dma_alloc_coherent(dev, SIZE, &proof, GFP_KERNEL);
	int at, ret = -ENOMEM;

	if (!bytes)
		return ret;
	for (at = 0; at < SIZE; at++)
		bytes[at] = pattern(at);
	memset(buf, 0, SIZE);
	addr = dma_map_single(dev, buf, SIZE, DMA_FROM_DEVICE);
	if (!dma_mapping_error(dev, addr)) {
		ret = carry(regs, proof, INSIDE, RUN) ?:
		      carry(regs, INSIDE, addr, RUN | TO_MEMORY);
		stale = wrong(buf);
		dma_sync_single_for_cpu(dev, addr, SIZE, DMA_FROM_DEVICE);
		left = wrong(buf);
		dma_unmap_single(dev, addr, SIZE, DMA_FROM_DEVICE);
	}
	dma_free_coherent(dev, SIZE, bytes, proof);
	return ret;
}

static int misuse(struct device *dev, void __iomem *regs, u8 *buf)
{
	enum dma_data_direction way = DMA_TO_DEVICE;
	dma_addr_t addr;

	if (!strcmp(what, "sync"))
		return read_too_soon(dev, regs, buf);
	if (works_on()) {
		if (!strcmp(what, "slab"))
			cache = kmem_cache_create("misuse", SIZE / 2, 0, SLAB_NO_MERGE, NULL);
		if (!strcmp(what, "slab") && !cache)
			return -ENOMEM;
		busy = dev;
		schedule_delayed_work(&work, 0);
		return 0;
	}
	addr = dma_map_single(dev, buf, SIZE, way);
	if (strcmp(what, "check") && dma_mapping_error(dev, addr))
		return -EIO;
	if (!strcmp(what, "fault")) {
		carry(regs, INSIDE, addr, RUN | TO_MEMORY);
		msleep(1000);
	}
	if (!strcmp(what, "unmap"))
		return 0;
	if (!strcmp(what, "direction"))
		way = DMA_FROM_DEVICE;
	dma_unmap_single(dev, addr, SIZE, way);
	return 0;
}

static int misuse_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	void __iomem *regs;
	int ret = busy ? -EBUSY : pci_enable_device_mem(pdev);

	if (ret)
		return ret;
	pci_set_master(pdev);
	ret = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(mask));
	regs = ret ? NULL : pci_iomap(pdev, 0, 0);
	kept = kzalloc(SIZE, GFP_KERNEL | GFP_DMA);
	if (!ret)
		ret = regs && kept ? misuse(&pdev->dev, regs, kept) : -ENOMEM;
	if (regs)
		pci_iounmap(pdev, regs);
	pci_clear_master(pdev);
	pci_disable_device(pdev);
	return ret;
}

static void misuse_remove(struct pci_dev *pdev)
{
	cancel_delayed_work_sync(&work);
	while (taken) {
		void *next = *taken;

		if (cache)
			kmem_cache_free(cache, taken);
		else
			vfree(taken);
		taken = next;
	}
	kmem_cache_destroy(cache);
}

static const struct pci_device_id misuse_ids[] = {
	{ PCI_DEVICE(0x1234, 0x11e8) },
	{ }
};

static struct pci_driver misuse_driver = {
	.name = "misuse",
	.id_table = misuse_ids,
	.probe = misuse_probe,
	.remove = misuse_remove,
};

static int __init misuse_init(void)
{
	return pci_register_driver(&misuse_driver);
}
module_init(misuse_init);

static void __exit misuse_exit(void)
{
	pci_unregister_driver(&misuse_driver);
	kfree(kept);
}
module_exit(misuse_exit);

MODULE_DESCRIPTION("Uses the DMA API wrongly, for tests");
MODULE_LICENSE("GPL");

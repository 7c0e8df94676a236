// SPDX-License-Identifier: GPL-2.0
/*
 * Another driver that takes a dma-buf, for the test of memlab's: a device of its own that has it
 * attached and mapped both ways, and sees its bytes through the list and through vmap.
 *
 *	attach	write a descriptor of the writer's: attaches, maps and vmaps what it is of;
 *		read: how many bytes of the list differ from those of vmap, or -1 without one
 *	first	write a number: the first byte becomes that, through vmap and a sync;
 *		read: the first byte
 *	detach	write anything: lets go
 *	vmap	write a descriptor: vmaps what it is of, without being attached, and lets go
 */
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/highmem.h>
#include <linux/iosys-map.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/scatterlist.h>

static struct platform_device *device;
static struct dma_buf *dmabuf;
static struct dma_buf_attachment *attachment;
static struct sg_table *table;
static struct iosys_map map;

static void let_go(void)
{
	if (iosys_map_is_null(&map) == false)
		dma_buf_vunmap_unlocked(dmabuf, &map);
	iosys_map_clear(&map);
	if (table)
		dma_buf_unmap_attachment_unlocked(attachment, table, DMA_BIDIRECTIONAL);
	table = NULL;
	if (attachment)
		dma_buf_detach(dmabuf, attachment);
	attachment = NULL;
	if (dmabuf)
		dma_buf_put(dmabuf);
	dmabuf = NULL;
}

static int take(int fd)
{
	int error;

	dmabuf = dma_buf_get(fd);
	if (IS_ERR(dmabuf)) {
		error = PTR_ERR(dmabuf);
		dmabuf = NULL;
		return error;
	}
	attachment = dma_buf_attach(dmabuf, &device->dev);
	if (IS_ERR(attachment)) {
		error = PTR_ERR(attachment);
		attachment = NULL;
		return error;
	}
	table = dma_buf_map_attachment_unlocked(attachment, DMA_BIDIRECTIONAL);
	if (IS_ERR(table)) {
		error = PTR_ERR(table);
		table = NULL;
		return error;
	}
	error = dma_buf_vmap_unlocked(dmabuf, &map);
	if (error)
		iosys_map_clear(&map);
	return error;
}

static int attach_set(const char *text, const struct kernel_param *param)
{
	int fd, error = kstrtoint(text, 0, &fd);

	if (error)
		return error;
	if (dmabuf)
		return -EBUSY;
	error = take(fd);
	if (error)
		let_go();
	return error;
}

static int attach_get(char *text, const struct kernel_param *param)
{
	struct sg_page_iter page;
	long differ = 0;
	size_t at = 0;

	if (!table)
		return sysfs_emit(text, "-1\n");
	for_each_sgtable_page(table, &page, 0) {
		u8 *bytes = kmap_local_page(sg_page_iter_page(&page));

		for (int i = 0; i < PAGE_SIZE; i++)
			differ += bytes[i] != ((u8 *)map.vaddr)[at + i];
		kunmap_local(bytes);
		at += PAGE_SIZE;
	}
	return sysfs_emit(text, "%ld\n", at == dmabuf->size ? differ : -2);
}

static const struct kernel_param_ops attach_ops = { .set = attach_set, .get = attach_get };
module_param_cb(attach, &attach_ops, NULL, 0600);

static int first_set(const char *text, const struct kernel_param *param)
{
	int value, error = kstrtoint(text, 0, &value);

	if (error || !table)
		return error ?: -ENODEV;
	/* What is said of the owner's own device is not for an importer. */
	dma_buf_begin_cpu_access(dmabuf, DMA_BIDIRECTIONAL);
	*(u8 *)map.vaddr = value;
	dma_buf_end_cpu_access(dmabuf, DMA_BIDIRECTIONAL);
	return 0;
}

static int first_get(char *text, const struct kernel_param *param)
{
	return sysfs_emit(text, "%d\n", table ? *(u8 *)map.vaddr : -1);
}

static const struct kernel_param_ops first_ops = { .set = first_set, .get = first_get };
module_param_cb(first, &first_ops, NULL, 0600);

static int detach_set(const char *text, const struct kernel_param *param)
{
	let_go();
	return 0;
}

static const struct kernel_param_ops detach_ops = { .set = detach_set };
module_param_cb(detach, &detach_ops, NULL, 0200);

static int vmap_set(const char *text, const struct kernel_param *param)
{
	struct iosys_map once;
	struct dma_buf *other;
	int fd, error = kstrtoint(text, 0, &fd);

	if (error)
		return error;
	other = dma_buf_get(fd);
	if (IS_ERR(other))
		return PTR_ERR(other);
	error = dma_buf_vmap_unlocked(other, &once);
	if (!error)
		dma_buf_vunmap_unlocked(other, &once);
	dma_buf_put(other);
	return error;
}

static const struct kernel_param_ops vmap_ops = { .set = vmap_set };
module_param_cb(vmap, &vmap_ops, NULL, 0200);

static int __init importer_init(void)
{
	struct platform_device_info info = { .name = "importer", .id = PLATFORM_DEVID_NONE,
					     .dma_mask = DMA_BIT_MASK(64) };

	device = platform_device_register_full(&info);
	return PTR_ERR_OR_ZERO(device);
}

static void __exit importer_exit(void)
{
	let_go();
	platform_device_unregister(device);
}

module_init(importer_init);
module_exit(importer_exit);
MODULE_DESCRIPTION("Takes a dma-buf, for a test");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("DMA_BUF");

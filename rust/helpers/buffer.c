// SPDX-License-Identifier: GPL-2.0
/*
 * Pages as others see them: a device, by a list that is mapped for it, and programs and importers,
 * by a dma-buf. Whose the memory is, and when it goes, is Rust's (rust/sys/export.rs); here is what
 * needs C's structures and inline functions. include/linux/dma-buf.h; the model of taking memory
 * away is drivers/vfio/pci/vfio_pci_dmabuf.c.
 */

#include <linux/dma-buf.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/file.h>
#include <linux/highmem.h>
#include <linux/iosys-map.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include "helpers.h"

/* Pages that are mapped for a device. @list: of the importers' ones. */
struct memlab_map {
	struct list_head list;
	struct device *dev;
	struct sg_table table;
	enum dma_data_direction direction;
};

/* For a program's buffer, failing where a process would have to be killed for it. */
u32 memlab_gfp_buffer(u32 zone)
{
	const gfp_t flags = GFP_KERNEL_ACCOUNT | __GFP_ZERO | __GFP_NOWARN | __GFP_RETRY_MAYFAIL;
	static const gfp_t zones[] = { 0, __GFP_HIGHMEM, __GFP_DMA32, __GFP_DMA };

	return (__force u32)(flags | (zone < ARRAY_SIZE(zones) ? zones[zone] : 0));
}

void memlab_clear_pages(struct page *page, unsigned long count)
{
	for (; count; page++, count--)
		clear_highpage(page);
}

/* The longest entry that the device takes. */
u32 memlab_longest_entry(struct device *dev)
{
	size_t longest = min_t(size_t, dma_get_max_seg_size(dev), dma_max_mapping_size(dev));

	return clamp_t(size_t, longest, PAGE_SIZE, UINT_MAX & PAGE_MASK);
}

/*
 * The same pages are mapped again by whoever imports them, and each map is synced
 * for itself: no mistake, which the kernel's debugging would take it for.
 */
#ifdef DMA_ATTR_DEBUGGING_IGNORE_CACHELINES
#define MEMLAB_SHARED (DMA_ATTR_NO_WARN | DMA_ATTR_DEBUGGING_IGNORE_CACHELINES)
#else
#define MEMLAB_SHARED DMA_ATTR_NO_WARN
#endif

/* Entries no longer than the device takes; NULL where that fails. */
struct memlab_map *memlab_map_pages(struct device *dev, struct page **pages, unsigned long count,
				    u32 direction)
{
	struct memlab_map *map = kzalloc(sizeof(*map), GFP_KERNEL);

	if (!map)
		return NULL;
	map->dev = dev;
	map->direction = direction;
	if (sg_alloc_table_from_pages_segment(&map->table, pages, count, 0, count << PAGE_SHIFT,
					      memlab_longest_entry(dev), GFP_KERNEL))
		goto free;
	if (dma_map_sgtable(dev, &map->table, map->direction, MEMLAB_SHARED))
		goto free_table;
	return map;

free_table:
	sg_free_table(&map->table);
free:
	kfree(map);
	return NULL;
}

void memlab_unmap_pages(struct memlab_map *map)
{
	dma_unmap_sgtable(map->dev, &map->table, map->direction, 0);
	sg_free_table(&map->table);
	kfree(map);
}

/* How many ranges the device sees. */
u32 memlab_map_ranges(const struct memlab_map *map)
{
	return map->table.nents;
}

/* Where the device sees byte @at, and how many bytes follow there; false if there is none. */
bool memlab_map_at(struct memlab_map *map, u64 at, u64 *dma, u64 *size)
{
	return memlab_import_at(&map->table, at, dma, size);
}

/*
 * For the CPU, or for the device again. A map both ways is synced the way that is asked for, any
 * other the one way that it has; -EINVAL where that is not a part of what is asked for.
 */
int memlab_map_sync(struct memlab_map *map, bool for_cpu, u32 direction)
{
	enum dma_data_direction way = direction;

	if (map->direction != DMA_BIDIRECTIONAL && map->direction != way)
		return -EINVAL;
	if (for_cpu)
		dma_sync_sgtable_for_cpu(map->dev, &map->table, way);
	else
		dma_sync_sgtable_for_device(map->dev, &map->table, way);
	return 0;
}

#if IS_ENABLED(CONFIG_DMA_SHARED_BUFFER) && IS_ENABLED(CONFIG_MMU)
MODULE_IMPORT_NS("DMA_BUF");

struct memlab_buffer {
	/*
	 * Over @gone, @dmabuf and @maps. It is taken under the mmap lock, in faults, and under
	 * the reservation lock of the dma-buf: who has it touches no memory of a program's.
	 */
	struct mutex lock;
	bool gone;
	/* While it is out. */
	struct dma_buf *dmabuf;
	/* The importers' ones. */
	struct list_head maps;
	/* Those of whoever owns this, as long as it is not gone. */
	struct page **pages;
	unsigned long count;
	u32 protection;
	bool importable;
	const struct memlab_buffer_calls *calls;
	void *data;
};

static pgprot_t memlab_protection(u32 protection, pgprot_t prot)
{
	switch (protection) {
	case MEMLAB_PROTECTION_COHERENT:
		return pgprot_dmacoherent(prot);
	case MEMLAB_PROTECTION_WC:
		return pgprot_writecombine(prot);
	default:
		return prot;
	}
}

static vm_fault_t memlab_buffer_fault(struct vm_fault *vmf)
{
	struct memlab_buffer *buffer = vmf->vma->vm_private_data;
	vm_fault_t said = VM_FAULT_SIGBUS;

	/* Whoever takes the pages away sets @gone and removes what was put in here under it. */
	mutex_lock(&buffer->lock);
	if (!buffer->gone && vmf->pgoff < buffer->count)
		said = vmf_insert_pfn(vmf->vma, vmf->address,
				      page_to_pfn(buffer->pages[vmf->pgoff]));
	mutex_unlock(&buffer->lock);
	return said;
}

static const struct vm_operations_struct memlab_buffer_vm_ops = {
	.fault = memlab_buffer_fault,
};

/*
 * Puts no page in: the area is linked to the file only after this, and until then
 * unmap_mapping_range() does not find it. An importer may have set operations of its own.
 */
static int memlab_buffer_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	struct memlab_buffer *buffer = dmabuf->priv;
	bool gone;

	/* A copy made at the first write would be memory that the device does not have. */
	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	if (vma->vm_flags & VM_EXEC)
		return -EACCES;
	mutex_lock(&buffer->lock);
	gone = buffer->gone;
	mutex_unlock(&buffer->lock);
	if (gone)
		return -ENODEV;
	vm_flags_mod(vma, VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP, VM_MAYEXEC);
	vma->vm_page_prot = memlab_protection(buffer->protection, vma->vm_page_prot);
	vma->vm_private_data = buffer;
	vma->vm_ops = &memlab_buffer_vm_ops;
	return 0;
}

static int memlab_buffer_attach(struct dma_buf *dmabuf, struct dma_buf_attachment *attachment)
{
	struct memlab_buffer *buffer = dmabuf->priv;

	/* An importer need never let go, and an unbind would have to wait for it. */
	return buffer->importable ? 0 : -EOPNOTSUPP;
}

static struct sg_table *memlab_buffer_map(struct dma_buf_attachment *attachment,
					  enum dma_data_direction direction)
{
	struct memlab_buffer *buffer = attachment->dmabuf->priv;
	struct memlab_map *map = memlab_map_pages(attachment->dev, buffer->pages, buffer->count,
						  direction);

	if (!map)
		return ERR_PTR(-ENOMEM);
	mutex_lock(&buffer->lock);
	list_add(&map->list, &buffer->maps);
	mutex_unlock(&buffer->lock);
	return &map->table;
}

static void memlab_buffer_unmap(struct dma_buf_attachment *attachment, struct sg_table *table,
				enum dma_data_direction direction)
{
	struct memlab_buffer *buffer = attachment->dmabuf->priv;
	struct memlab_map *map = container_of(table, struct memlab_map, table);

	mutex_lock(&buffer->lock);
	list_del(&map->list);
	mutex_unlock(&buffer->lock);
	memlab_unmap_pages(map);
}

static int memlab_buffer_sync(struct dma_buf *dmabuf, bool for_cpu,
			      enum dma_data_direction direction)
{
	struct memlab_buffer *buffer = dmabuf->priv;
	struct memlab_map *map;

	mutex_lock(&buffer->lock);
	list_for_each_entry(map, &buffer->maps, list)
		memlab_map_sync(map, for_cpu, direction == DMA_BIDIRECTIONAL ? map->direction :
									       direction);
	mutex_unlock(&buffer->lock);
	return buffer->calls->sync(buffer->data, for_cpu, direction);
}

static int memlab_buffer_begin(struct dma_buf *dmabuf, enum dma_data_direction direction)
{
	return memlab_buffer_sync(dmabuf, true, direction);
}

static int memlab_buffer_end(struct dma_buf *dmabuf, enum dma_data_direction direction)
{
	return memlab_buffer_sync(dmabuf, false, direction);
}

static int memlab_buffer_vmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	struct memlab_buffer *buffer = dmabuf->priv;
	void *addr = vmap(buffer->pages, buffer->count, VM_MAP, PAGE_KERNEL);

	if (!addr)
		return -ENOMEM;
	iosys_map_set_vaddr(map, addr);
	return 0;
}

static void memlab_buffer_vunmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	vunmap(map->vaddr);
}

static void memlab_buffer_release(struct dma_buf *dmabuf)
{
	struct memlab_buffer *buffer = dmabuf->priv;

	mutex_lock(&buffer->lock);
	buffer->dmabuf = NULL;
	mutex_unlock(&buffer->lock);
	/* By this it may be freed. */
	buffer->calls->release(buffer->data);
}

#define MEMLAB_BUFFER_OPS					\
	.attach = memlab_buffer_attach,				\
	.map_dma_buf = memlab_buffer_map,			\
	.unmap_dma_buf = memlab_buffer_unmap,			\
	.release = memlab_buffer_release,			\
	.begin_cpu_access = memlab_buffer_begin,		\
	.end_cpu_access = memlab_buffer_end,			\
	.mmap = memlab_buffer_mmap

static const struct dma_buf_ops memlab_own_ops = {
	MEMLAB_BUFFER_OPS,
	.vmap = memlab_buffer_vmap,
	.vunmap = memlab_buffer_vunmap,
};

/* Who has no vmap is not asked; whoever refuses when asked is warned of (dma_buf_vmap()). */
static const struct dma_buf_ops memlab_device_ops = {
	MEMLAB_BUFFER_OPS,
};

int memlab_buffer_new(struct page **pages, unsigned long count, u32 protection, bool importable,
		      struct memlab_buffer **out)
{
	struct memlab_buffer *buffer = kzalloc(sizeof(*buffer), GFP_KERNEL);

	if (!buffer)
		return -ENOMEM;
	mutex_init(&buffer->lock);
	INIT_LIST_HEAD(&buffer->maps);
	buffer->pages = pages;
	buffer->count = count;
	buffer->protection = protection;
	buffer->importable = importable;
	*out = buffer;
	return 0;
}

/* When no dma-buf has it any more. */
void memlab_buffer_free(struct memlab_buffer *buffer)
{
	kfree(buffer);
}

/* Gives it out, once: the dma-buf's file, whose last user calls release with @data. */
int memlab_buffer_export(struct memlab_buffer *buffer, const struct memlab_buffer_calls *calls,
			 void *data, struct file **out)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct dma_buf *dmabuf;

	buffer->calls = calls;
	buffer->data = data;
	info.exp_name = "memlab";
	info.ops = buffer->importable ? &memlab_own_ops : &memlab_device_ops;
	info.size = buffer->count << PAGE_SHIFT;
	info.flags = O_RDWR;
	info.priv = buffer;
	dmabuf = dma_buf_export(&info);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	mutex_lock(&buffer->lock);
	buffer->dmabuf = dmabuf;
	mutex_unlock(&buffer->lock);
	*out = dmabuf->file;
	return 0;
}

/* Takes the pages from all that have them mapped: who touches them from now on gets a SIGBUS. */
void memlab_buffer_revoke(struct memlab_buffer *buffer)
{
	struct file *file = NULL;

	mutex_lock(&buffer->lock);
	buffer->gone = true;
	/*
	 * Where nobody has the file any more, nobody has it mapped, and it waits for us to be
	 * released.
	 */
	if (buffer->dmabuf)
		file = get_file_active(&buffer->dmabuf->file);
	if (file)
		unmap_mapping_range(file->f_mapping, 0, 0, 1);
	mutex_unlock(&buffer->lock);
	if (file)
		fput(file);
}

/*
 * What @data was given for that of which @fd is a dma-buf, held by that until it is put; -EBADF for
 * no descriptor, -EINVAL for one of something else.
 */
int memlab_buffer_get(int fd, struct dma_buf **out, void **data)
{
	struct dma_buf *dmabuf = dma_buf_get(fd);

	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	if (dmabuf->ops != &memlab_own_ops && dmabuf->ops != &memlab_device_ops) {
		dma_buf_put(dmabuf);
		return -EINVAL;
	}
	*out = dmabuf;
	*data = ((struct memlab_buffer *)dmabuf->priv)->data;
	return 0;
}

void memlab_buffer_put(struct dma_buf *dmabuf)
{
	dma_buf_put(dmabuf);
}
#else
int memlab_buffer_new(struct page **pages, unsigned long count, u32 protection, bool importable,
		      struct memlab_buffer **out)
{
	return -EOPNOTSUPP;
}

void memlab_buffer_free(struct memlab_buffer *buffer)
{
}

int memlab_buffer_export(struct memlab_buffer *buffer, const struct memlab_buffer_calls *calls,
			 void *data, struct file **out)
{
	return -EOPNOTSUPP;
}

void memlab_buffer_revoke(struct memlab_buffer *buffer)
{
}

int memlab_buffer_get(int fd, struct dma_buf **out, void **data)
{
	return -EOPNOTSUPP;
}

void memlab_buffer_put(struct dma_buf *dmabuf)
{
}
#endif

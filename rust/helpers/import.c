// SPDX-License-Identifier: GPL-2.0
/* Somebody's dma-buf, attached to and mapped for a device as a driver does that imports it. */

#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/err.h>
#include <linux/scatterlist.h>
#include "helpers.h"

#if IS_ENABLED(CONFIG_DMA_SHARED_BUFFER)
/*
 * The dma-buf behind a descriptor of the caller's, held until it is put, and its bytes. -EBUSY
 * where somebody's work on it is not done in a tenth of a second: to map it would wait for that
 * without an end, in a thread that nobody can kill.
 */
int memlab_import_get(int fd, struct dma_buf **out, u64 *size)
{
	struct dma_buf *dmabuf = dma_buf_get(fd);

	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	if (!dma_resv_wait_timeout(dmabuf->resv, DMA_RESV_USAGE_READ, false, HZ / 10)) {
		dma_buf_put(dmabuf);
		return -EBUSY;
	}
	*out = dmabuf;
	*size = dmabuf->size;
	return 0;
}

/* The same of a file that is open, which is known to be one of a dma-buf. */
int memlab_import_file(struct file *file, struct dma_buf **out, u64 *size)
{
	struct dma_buf *dmabuf = file->private_data;

	get_dma_buf(dmabuf);
	*out = dmabuf;
	*size = dmabuf->size;
	return 0;
}

void memlab_import_put(struct dma_buf *dmabuf)
{
	dma_buf_put(dmabuf);
}

/* Attaches and maps it. */
int memlab_import_map(struct dma_buf *dmabuf, struct device *dev, u32 direction,
		      struct dma_buf_attachment **attachment, struct sg_table **table)
{
	*attachment = dma_buf_attach(dmabuf, dev);
	if (IS_ERR(*attachment))
		return PTR_ERR(*attachment);
	*table = dma_buf_map_attachment_unlocked(*attachment, direction);
	if (!IS_ERR(*table))
		return 0;
	dma_buf_detach(dmabuf, *attachment);
	return PTR_ERR(*table);
}

void memlab_import_unmap(struct dma_buf *dmabuf, struct dma_buf_attachment *attachment,
			 struct sg_table *table, u32 direction)
{
	dma_buf_unmap_attachment_unlocked(attachment, table, direction);
	dma_buf_detach(dmabuf, attachment);
}

/* As DMA_BUF_IOCTL_SYNC does: what begins an access by the CPU, and what ends one. */
int memlab_import_begin(struct dma_buf *dmabuf, u32 direction)
{
	return dma_buf_begin_cpu_access(dmabuf, direction);
}

int memlab_import_end(struct dma_buf *dmabuf, u32 direction)
{
	return dma_buf_end_cpu_access(dmabuf, direction);
}
#else
int memlab_import_get(int fd, struct dma_buf **out, u64 *size)
{
	return -EOPNOTSUPP;
}

int memlab_import_file(struct file *file, struct dma_buf **out, u64 *size)
{
	return -EOPNOTSUPP;
}

void memlab_import_put(struct dma_buf *dmabuf)
{
}

int memlab_import_map(struct dma_buf *dmabuf, struct device *dev, u32 direction,
		      struct dma_buf_attachment **attachment, struct sg_table **table)
{
	return -EOPNOTSUPP;
}

void memlab_import_unmap(struct dma_buf *dmabuf, struct dma_buf_attachment *attachment,
			 struct sg_table *table, u32 direction)
{
}

int memlab_import_begin(struct dma_buf *dmabuf, u32 direction)
{
	return -EOPNOTSUPP;
}

int memlab_import_end(struct dma_buf *dmabuf, u32 direction)
{
	return -EOPNOTSUPP;
}
#endif

/* What has been mapped: the range that the device sees from byte @at on, or false. */
bool memlab_import_at(struct sg_table *table, u64 at, u64 *dma, u64 *size)
{
	struct scatterlist *entry;
	int i;

	for_each_sgtable_dma_sg(table, entry, i) {
		if (at < sg_dma_len(entry)) {
			*dma = sg_dma_address(entry) + at;
			*size = sg_dma_len(entry) - at;
			return true;
		}
		at -= sg_dma_len(entry);
	}
	return false;
}

/* How many ranges the device sees. */
u32 memlab_import_ranges(const struct sg_table *table)
{
	return table->nents;
}

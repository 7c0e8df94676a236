// SPDX-License-Identifier: GPL-2.0
/* Page cache on purpose: pages of a file in memory that nobody else has. */

#include <linux/err.h>
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/shmem_fs.h>
#include <linux/version.h>
#include "helpers.h"

#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 3, 0)
#define MEMLAB_NO_VMA_FLAGS	0
#else
#define MEMLAB_NO_VMA_FLAGS	EMPTY_VMA_FLAGS
#endif

/* A file with room for so many pages, of which it has none yet; or an error pointer. */
struct file *memlab_cache_open(u64 pages)
{
	return shmem_kernel_file_setup("memlab", pages << PAGE_SHIFT, MEMLAB_NO_VMA_FLAGS);
}

/*
 * Lets the file have page number @index, as anybody's write would: it can be moved, so that it may
 * lie in a CMA area. Nobody is killed for it. 1 if it does lie there, 0 if not, else an errno.
 */
int memlab_cache_add(struct file *file, u64 index)
{
	gfp_t flags = mapping_gfp_mask(file->f_mapping) | __GFP_NORETRY | __GFP_NOWARN;
	struct folio *folio = shmem_read_folio_gfp(file->f_mapping, index, flags);
	struct memlab_page facts;

	if (IS_ERR(folio))
		return PTR_ERR(folio);
	memlab_page(folio_file_page(folio, index), &facts);
	folio_put(folio);
	return facts.cma == 1;
}

/* Takes the pages @from to @to, which is not one of them, out of the file again. */
void memlab_cache_drop(struct file *file, u64 from, u64 to)
{
	if (from < to)
		shmem_truncate_range(file_inode(file), (loff_t)from << PAGE_SHIFT,
				     ((loff_t)to << PAGE_SHIFT) - 1);
}

/* And all the others. */
void memlab_cache_close(struct file *file)
{
	fput(file);
}

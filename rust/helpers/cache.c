// SPDX-License-Identifier: GPL-2.0
/* Page cache on purpose: pages of a file in memory that nobody else has. */

#include <linux/err.h>
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/shmem_fs.h>
#include <linux/version.h>
#include <linux/writeback.h> /* folio_batch, whose own header has another name in 7.2 */
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

/* Takes page number @index out of the file again. Not for who reclaims: it waits for the page. */
void memlab_cache_remove(struct file *file, u64 index)
{
	loff_t at = (loff_t)index << PAGE_SHIFT;

	shmem_truncate_range(file_inode(file), at, at + PAGE_SIZE - 1);
}

/* How many pages it has in memory. */
u64 memlab_cache_pages(struct file *file)
{
	return file->f_mapping->nrpages;
}

/*
 * Takes up to @most pages out of the file again, and says how many those were. A page that is
 * locked stays: whoever moves it has locked it, and may be the one who reclaims here.
 */
u64 memlab_cache_shrink(struct file *file, u64 most)
{
	struct address_space *mapping = file->f_mapping;
	struct folio_batch batch;
	pgoff_t next = 0;
	u64 gone = 0;

	folio_batch_init(&batch);
	while (gone < most && filemap_get_folios(mapping, &next, ULONG_MAX, &batch)) {
		for (unsigned int i = 0; i < folio_batch_count(&batch) && gone < most; i++) {
			struct folio *folio = batch.folios[i];

			if (!folio_trylock(folio))
				continue;
			if (folio->mapping == mapping &&
			    !generic_error_remove_folio(mapping, folio))
				gone += folio_nr_pages(folio);
			folio_unlock(folio);
		}
		folio_batch_release(&batch);
	}
	return gone;
}

/* And all the others. */
void memlab_cache_close(struct file *file)
{
	fput(file);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Memory of a program, as a driver is handed it: an area of the process that asks, with its pages
 * in, which is pinned and mapped for a device, or copied from and to. include/linux/mm.h,
 * Documentation/core-api/pin_user_pages.rst
 */

#include <linux/anon_inodes.h>
#include <linux/dma-mapping.h>
#include <linux/file.h>
#include <linux/huge_mm.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#if IS_BUILTIN(CONFIG_KUNIT)
#include <kunit/test.h>
#endif
#include "helpers.h"

/* An area of @mm, of which @size bytes from @at on are a buffer. */
struct memlab_user {
	struct mm_struct *mm;
	unsigned long area;
	unsigned long area_size;
	unsigned long at;
	unsigned long size;
	/* Room for the pages that the buffer touches, and they while they are pinned. */
	unsigned long count;
	struct page **pages;
	struct sg_table table;
};

/* The memory of the process that asks, which stays until it is put; NULL where there is none. */
void *memlab_process_get(void)
{
	struct mm_struct *mm = current->mm;

	if (mm)
		mmget(mm);
	return mm;
}

void memlab_process_put(void *mm)
{
	mmput(mm);
}

/* Has a kernel thread that has no memory of a process's work on that of one; false otherwise. */
bool memlab_process_enter(void *mm)
{
	if (!(current->flags & PF_KTHREAD) || current->mm)
		return false;
	kthread_use_mm(mm);
	return true;
}

bool memlab_process_is_ours(void *mm)
{
	return current->mm == mm;
}

void memlab_process_leave(void *mm)
{
	kthread_unuse_mm(mm);
}

/* Bytes of a huge page; 0 in a kernel without them. */
u64 memlab_huge_size(void)
{
#ifdef CONFIG_TRANSPARENT_HUGEPAGE
	return HPAGE_PMD_SIZE;
#else
	return 0;
#endif
}

static vm_flags_t memlab_area_flags(const struct file *file)
{
	/* Nobody's userfaultfd makes a thread of the kernel wait in a special area. */
	return file->private_data ? VM_HUGEPAGE : VM_NOHUGEPAGE | VM_DONTEXPAND;
}

/* Anonymous memory like that of /dev/zero: an area of its own, which is joined with no other. */
static int memlab_area_mmap(struct file *file, struct vm_area_struct *vma)
{
	if (vma->vm_flags & VM_SHARED)
		return -EINVAL;
	vm_flags_mod(vma, memlab_area_flags(file) | VM_DONTDUMP | VM_DONTCOPY, 0);
	vma_set_anonymous(vma);
	return 0;
}

static const struct file_operations memlab_area_fops = {
	.owner = THIS_MODULE,
	.mmap = memlab_area_mmap,
};

static unsigned long memlab_area_new(unsigned long size, bool huge)
{
	struct file *file = anon_inode_getfile("[memlab]", &memlab_area_fops,
					       huge ? (void *)1UL : NULL, O_RDWR);
	unsigned long at;

	if (IS_ERR(file))
		return PTR_ERR(file);
	at = vm_mmap(file, 0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, 0);
	fput(file);
	return at;
}

/* Sets every byte, as a program does that has something to send. */
int memlab_user_fill(struct memlab_user *user, u8 byte)
{
	unsigned long done = 0;
	u8 chunk[64];

	if (current->mm != user->mm)
		return -EINVAL;
	memset(chunk, byte, sizeof(chunk));
	while (done < user->size) {
		unsigned long more = min(sizeof(chunk), user->size - done);

		if (copy_to_user((void __user *)(user->at + done), chunk, more))
			return -EFAULT;
		done += more;
	}
	return 0;
}

/* Whether every byte is @byte. */
bool memlab_user_holds(struct memlab_user *user, u8 byte)
{
	unsigned long done = 0;
	u8 chunk[64];

	if (current->mm != user->mm)
		return false;
	while (done < user->size) {
		unsigned long more = min(sizeof(chunk), user->size - done);

		if (copy_from_user(chunk, (void __user *)(user->at + done), more) ||
		    memchr_inv(chunk, byte, more))
			return false;
		done += more;
	}
	return true;
}

/*
 * Puts every page in. From the last one down, so that pages that the free lists have in rising
 * order do not by chance lie as one piece.
 */
static int memlab_user_populate(struct memlab_user *user)
{
	unsigned long first = user->at & PAGE_MASK, page = PAGE_ALIGN(user->at + user->size);

	while (page > first) {
		page -= PAGE_SIZE;
		if (put_user((u8)0, (u8 __user *)max(page, user->at)))
			return -ENOMEM;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

static int memlab_user_get(struct memlab_user *user, bool write)
{
	long got = pin_user_pages_fast(user->at & PAGE_MASK, user->count, write ? FOLL_WRITE : 0,
				       user->pages);

	if (got == user->count)
		return 0;
	if (got > 0)
		unpin_user_pages(user->pages, got);
	return got < 0 ? got : -EFAULT;
}

/* Whether all of it is of huge pages. */
static int memlab_user_is_huge(struct memlab_user *user)
{
	int error = memlab_user_get(user, false);
	unsigned long n;

	if (error)
		return error;
	for (n = 0; n < user->count; n++)
		if (folio_size(page_folio(user->pages[n])) < memlab_huge_size())
			error = -EOPNOTSUPP;
	unpin_user_pages(user->pages, user->count);
	return error;
}

/*
 * @size bytes, @offset bytes into a page, in the process whose memory the current task works on,
 * with all pages there; -EOPNOTSUPP where these are to be huge and the kernel gives none, -ESRCH
 * without such a process.
 */
struct memlab_user *memlab_user_new(unsigned long size, unsigned long offset, bool huge)
{
	unsigned long align = huge ? memlab_huge_size() : PAGE_SIZE;
	struct memlab_user *user;
	int error = -ENOMEM;

	if (!current->mm)
		return ERR_PTR(-ESRCH);
	if (!align)
		return ERR_PTR(-EOPNOTSUPP);
	if (!size || size > SZ_1G || offset >= PAGE_SIZE)
		return ERR_PTR(-EINVAL);
	user = kzalloc_obj(*user);
	if (!user)
		return ERR_PTR(-ENOMEM);
	user->size = size;
	user->count = PAGE_ALIGN(size + offset) >> PAGE_SHIFT;
	user->pages = kvcalloc(user->count, sizeof(*user->pages), GFP_KERNEL);
	if (!user->pages)
		goto free;
	/* A huge page is whole within its area, wherever that begins. */
	user->area_size = ALIGN(size + offset, align) + (huge ? align : 0);
	user->area = memlab_area_new(user->area_size, huge);
	if (IS_ERR_VALUE(user->area)) {
		error = user->area;
		goto free;
	}
	user->at = ALIGN(user->area, align) + offset;
	user->mm = current->mm;
	mmgrab(user->mm);
	error = memlab_user_populate(user);
	if (!error && huge)
		error = memlab_user_is_huge(user);
	if (!error)
		return user;
	memlab_user_free(user);
	return ERR_PTR(error);

free:
	kvfree(user->pages);
	kfree(user);
	return ERR_PTR(error);
}

/* What is freed while the task works on no memory, or on another's, stays the process's. */
void memlab_user_free(struct memlab_user *user)
{
	if (current->mm == user->mm)
		vm_munmap(user->area, user->area_size);
	mmdrop(user->mm);
	kvfree(user->pages);
	kfree(user);
}

/*
 * Pins the pages, lists them and maps the list. -EFAULT where the program has unmapped them, -EIO
 * where they cannot be mapped.
 */
int memlab_user_pin(struct memlab_user *user, struct device *dev, u32 longest, u32 direction)
{
	int error;

	if (current->mm != user->mm)
		return -EINVAL;
	error = memlab_user_get(user, direction != DMA_TO_DEVICE);
	if (error)
		return error;
	error = sg_alloc_table_from_pages_segment(&user->table, user->pages, user->count,
						  offset_in_page(user->at), user->size, longest,
						  GFP_KERNEL);
	if (error)
		goto unpin;
	if (!dma_map_sgtable(dev, &user->table, direction, DMA_ATTR_NO_WARN))
		return 0;
	error = -EIO;
	sg_free_table(&user->table);
unpin:
	unpin_user_pages(user->pages, user->count);
	return error;
}

/* The way back. What the device may have written is dirty. */
void memlab_user_unpin(struct memlab_user *user, struct device *dev, u32 direction)
{
	dma_unmap_sgtable(dev, &user->table, direction, 0);
	sg_free_table(&user->table);
	unpin_user_pages_dirty_lock(user->pages, user->count, direction != DMA_TO_DEVICE);
}

/* While it is pinned: the first entry as the device sees it, and how many it sees. */
u32 memlab_user_first(struct memlab_user *user, u64 *dma, u64 *size)
{
	*dma = sg_dma_address(user->table.sgl);
	*size = sg_dma_len(user->table.sgl);
	return user->table.nents;
}

/* While it is pinned: page number @n of those that it touches, or NULL. */
struct page *memlab_user_page(struct memlab_user *user, unsigned long n)
{
	return n < user->count ? user->pages[n] : NULL;
}

/* Gives a thread of KUnit's memory of a process until it exits. */
int memlab_become_process(void)
{
#if IS_BUILTIN(CONFIG_KUNIT)
	return kunit_attach_mm();
#else
	return -EOPNOTSUPP;
#endif
}

int memlab_user_copy_in(struct memlab_user *user, void *to)
{
	if (current->mm != user->mm)
		return -EINVAL;
	return copy_from_user(to, (void __user *)user->at, user->size) ? -EFAULT : 0;
}

int memlab_user_copy_out(struct memlab_user *user, const void *from)
{
	if (current->mm != user->mm)
		return -EINVAL;
	return copy_to_user((void __user *)user->at, from, user->size) ? -EFAULT : 0;
}

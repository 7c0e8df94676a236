// SPDX-License-Identifier: GPL-2.0
/* The way of an address through the page tables, and the page at its end. Nothing is changed. */

#include <linux/capability.h>
#include <linux/highmem.h>
#include <linux/io.h>
#include <linux/swap.h> /* which 7.2's leafops.h needs before it */
#include <linux/leafops.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/mm_inline.h>
#include <linux/mmap_lock.h>
#include <linux/page-flags.h>
#include <linux/pgtable.h>
#include <linux/pid.h>
#include <linux/rcupdate.h>
#include <linux/sched/mm.h>
#include <linux/sched/task.h>
#include <linux/swapops.h>
#include <linux/uaccess.h>
#include <uapi/linux/kernel-page-flags.h>
#include <linux/memlab_walk.h>
#include "arch.h"

struct memlab_path {
	struct memlab_walk *out;
	unsigned long addr;
	const void *top;
	bool kernel;
	/* The page at the end, and its folio if a reference to that could be taken. */
	struct page *page;
	struct folio *folio;
};

/*
 * One entry, read once. Nothing keeps a table of the kernel's half: what was
 * freed may not even be mapped any more.
 */
static bool memlab_read(const struct memlab_path *path, void *value, const void *at, size_t size)
{
	if (path->kernel) {
		if (!copy_from_kernel_nofault(value, at, size))
			return true;
		path->out->found = MEMLAB_FOUND_GONE;
		return false;
	}
	if (size == sizeof(u64))
		*(u64 *)value = READ_ONCE(*(const u64 *)at);
	else
		*(u32 *)value = READ_ONCE(*(const u32 *)at);
	return true;
}

/*
 * The page of a frame that is memory. Behind the end of memory, in its last section, are pages that
 * no zone has: firmware's tables lie there, and the kernel maps them.
 */
static struct page *memlab_memory(unsigned long pfn)
{
	struct page *page = pfn_to_online_page(pfn);

	if (!page || page_to_nid(page) >= MAX_NUMNODES || !node_online(page_to_nid(page)))
		return NULL;
	return zone_spans_pfn(page_zone(page), pfn) ? page : NULL;
}

/* Notes an entry with what it says; @phys is its own address. */
static void memlab_note(struct memlab_path *path, u32 level, u32 shift, const void *at, u64 phys,
			const void *value, size_t size, bool leaf)
{
	struct memlab_walk *out = path->out;
	struct memlab_level *here = &out->level[out->levels];
	const void *table = out->levels++ ? PTR_ALIGN_DOWN(at, PAGE_SIZE) : path->top;

	here->level = level;
	here->shift = shift;
	here->index = (at - table) / size;
	here->at = phys;
	here->entry = size == sizeof(u64) ? *(const u64 *)value : *(const u32 *)value;
	here->hardware = here->entry;
	here->phys = MEMLAB_NO_ADDRESS;
	here->bits = leaf ? MEMLAB_ENTRY_LEAF : 0;
	memlab_arch_entry(here, at, path->kernel);
	if (!leaf)
		return;
	out->phys = here->phys + (path->addr & ((1ULL << here->shift) - 1));
	path->page = memlab_memory(PHYS_PFN(out->phys));
	out->found = path->page ? MEMLAB_FOUND_PAGE : MEMLAB_FOUND_DEVICE;
}

/* A note of the kernel's where there could be a page. */
static void memlab_leave_note(struct memlab_walk *out, softleaf_t note)
{
	if (softleaf_is_swap(note)) {
		out->found = MEMLAB_FOUND_SWAP;
		out->swap_type = swp_type(note);
		out->swap_offset = swp_offset(note);
	} else {
		out->found = softleaf_is_migration(note) ? MEMLAB_FOUND_MIGRATING :
							   MEMLAB_FOUND_OTHER;
	}
}

static void memlab_last_level(struct memlab_path *path, pmd_t pmd)
{
	struct page *table = pmd_page(pmd);
	pte_t *pte, value;

	/* It may lie in high memory. */
	if (!pfn_valid(page_to_pfn(table))) {
		path->out->found = MEMLAB_FOUND_GONE;
		return;
	}
	pte = (pte_t *)kmap_local_page(table) + pte_index(path->addr);
	if (memlab_read(path, &value, pte, sizeof(value))) {
		memlab_note(path, 1, PAGE_SHIFT, pte, page_to_phys(table) + offset_in_page(pte),
			    &value, sizeof(value), pte_present(value));
		if (!pte_none(value) && !pte_present(value))
			memlab_leave_note(path->out, softleaf_from_pte(value));
	}
	kunmap_local(pte);
}

/* From the top table down. Levels that this kernel or machine does not have are passed over. */
static void memlab_descend(struct memlab_path *path, const struct mm_struct *mm)
{
	unsigned long addr = path->addr;
	pgd_t *pgd = pgd_offset_pgd((pgd_t *)path->top, addr), top = {};
	p4d_t *p4d, fourth;
	pud_t *pud, third;
	pmd_t *pmd, second;

	if (mm_p4d_folded((struct mm_struct *)mm)) {
		p4d = p4d_offset(pgd, addr);
	} else {
		if (!memlab_read(path, &top, pgd, sizeof(top)))
			return;
		memlab_note(path, 5, PGDIR_SHIFT, pgd, virt_to_phys(pgd), &top, sizeof(top), false);
		if (pgd_none(top))
			return;
		p4d = p4d_offset_lockless(pgd, top, addr);
	}

	if (mm_pud_folded((struct mm_struct *)mm)) {
		pud = pud_offset(p4d, addr);
	} else {
		bool leaf;

		if (!memlab_read(path, &fourth, p4d, sizeof(fourth)))
			return;
		leaf = p4d_leaf(fourth);
		memlab_note(path, 4, P4D_SHIFT, p4d, virt_to_phys(p4d), &fourth, sizeof(fourth),
			    leaf);
		if (leaf || p4d_none(fourth))
			return;
		pud = pud_offset_lockless(p4d, fourth, addr);
	}

	if (mm_pmd_folded((struct mm_struct *)mm)) {
		pmd = pmd_offset(pud, addr);
	} else {
		bool leaf;

		if (!memlab_read(path, &third, pud, sizeof(third)))
			return;
		leaf = pud_present(third) && pud_leaf(third);
		memlab_note(path, 3, PUD_SHIFT, pud, virt_to_phys(pud), &third, sizeof(third),
			    leaf);
		if (leaf || pud_none(third))
			return;
		if (!pud_present(third)) {
			path->out->found = MEMLAB_FOUND_OTHER;
			return;
		}
		pmd = pmd_offset_lockless(pud, third, addr);
	}

	pmd = memlab_arch_pmd(pmd, addr);
	if (!memlab_read(path, &second, pmd, sizeof(second)))
		return;
	if (pmd_present(second) && !pmd_leaf(second)) {
		memlab_note(path, 2, PMD_SHIFT, pmd, virt_to_phys(pmd), &second, sizeof(second),
			    false);
		memlab_last_level(path, second);
		return;
	}
	memlab_note(path, 2, PMD_SHIFT, pmd, virt_to_phys(pmd), &second, sizeof(second),
		    pmd_present(second));
	if (!pmd_none(second) && !pmd_present(second))
		memlab_leave_note(path->out, softleaf_from_pmd(second));
}

/*
 * With the lock of a process's addresses for writing, no table of them is freed
 * after an munmap(); RCU and interrupts that are off keep those that are given
 * up without that lock. A folio that has a reference stays what it is.
 */
static void memlab_look(struct memlab_path *path, const struct mm_struct *mm)
{
	struct folio *folio;
	unsigned long flags;

	rcu_read_lock();
	local_irq_save(flags);
	memlab_descend(path, mm);
	if (path->page) {
		folio = page_folio(path->page);
		if (folio_try_get(folio))
			path->folio = folio;
	}
	local_irq_restore(flags);
	rcu_read_unlock();
	/* It was split or given away before the reference was there. */
	if (path->folio && path->folio != page_folio(path->page)) {
		folio_put(path->folio);
		path->folio = NULL;
	}
}

/* As /proc/kpagecount counts. */
static u32 memlab_mapcount(struct folio *folio, struct page *page)
{
	int count = atomic_read(&page->_mapcount) + 1;

	if (!folio_test_large(folio))
		return page_mapcount_is_type(count) ? 0 : count;
#ifdef CONFIG_PAGE_MAPCOUNT
	if (page_mapcount_is_type(count))
		count = 0;
	return count + folio_entire_mapcount(folio);
#else
	{
		int entire = folio_entire_mapcount(folio);
		unsigned int rest;

		count = folio_large_mapcount(folio);
		if (count <= 0)
			return 0;
		if (count <= entire)
			return entire;
		rest = count - entire + folio_nr_pages(folio) / 2;
		return max_t(int, (rest >> folio_order(folio)) + entire, 1);
	}
#endif
}

static u32 memlab_kind(const struct memlab_walk *out, struct folio *folio)
{
	if (out->page_flags & BIT_ULL(KPF_ZERO_PAGE))
		return MEMLAB_KIND_ZERO;
	if (!folio || folio_test_slab(folio))
		return MEMLAB_KIND_OTHER;
	if (folio_test_anon(folio))
		return MEMLAB_KIND_ANON;
	if (!folio_test_lru(folio) && !folio_mapped(folio))
		return MEMLAB_KIND_OTHER;
	if (!folio_mapping(folio))
		return MEMLAB_KIND_OTHER;
	return folio_test_swapbacked(folio) ? MEMLAB_KIND_SHMEM : MEMLAB_KIND_FILE;
}

static void memlab_page_facts(const struct memlab_path *path)
{
	struct memlab_walk *out = path->out;
	struct folio *folio = path->folio;
	struct memlab_page page;

	memlab_page(path->page, &page);
	strscpy_pad(out->zone, page.zone);
	out->node = page.node;
	out->cma = page.cma < 0 ? MEMLAB_UNKNOWN : page.cma;
#ifdef CONFIG_PROC_PAGE_MONITOR
	out->page_flags = stable_page_flags(path->page);
#endif
	out->kind = memlab_kind(out, folio);
	/* What is not counted is held by its owner alone: slabs, tables, the kernel's image. */
	if (!folio)
		return;
	out->refcount = folio_ref_count(folio) - 1;
	out->mapcount = memlab_mapcount(folio, path->page);
	out->order = folio_order(folio);
#ifdef CONFIG_LRU_GEN
	out->generation = folio_lru_gen(folio);
#endif
}

/* The memory of a process, with a reference: of @pid, or of the caller. */
static struct mm_struct *memlab_process(u32 pid)
{
	struct task_struct *task;
	struct mm_struct *mm;
	struct pid *number;

	if (!pid) {
		/* One of the kernel's own threads has none. */
		if (!current->mm)
			return ERR_PTR(-ESRCH);
		mmget(current->mm);
		return current->mm;
	}
	number = pid > INT_MAX ? NULL : find_get_pid(pid);
	task = get_pid_task(number, PIDTYPE_PID);
	put_pid(number);
	if (!task)
		return ERR_PTR(-ESRCH);
	mm = get_task_mm(task);
	put_task_struct(task);
	if (!mm)
		return ERR_PTR(-ESRCH);
	if (mm != current->mm && !capable(CAP_SYS_PTRACE)) {
		mmput(mm);
		return ERR_PTR(-EPERM);
	}
	return mm;
}

u64 memlab_user_end(void)
{
	return TASK_SIZE_MAX;
}

/*
 * Fills in what @out names by address and process. -ERANGE: nobody has such an
 * address; -EINVAL: a process with one of the kernel's; -ESRCH: no such
 * process, or it has no memory; -EPERM; -EINTR on a fatal signal.
 */
int memlab_walk(struct memlab_walk *out)
{
	struct memlab_path path = { .out = out, .addr = out->address };
	struct vm_area_struct *area;
	struct mm_struct *mm;

	out->phys = MEMLAB_NO_ADDRESS;
	out->generation = ~0U;
	if (path.addr != out->address)
		return -ERANGE;
	if (path.addr < TASK_SIZE_MAX) {
		mm = memlab_process(out->pid);
		if (IS_ERR(mm))
			return PTR_ERR(mm);
		if (mmap_write_lock_killable(mm)) {
			mmput(mm);
			return -EINTR;
		}
		/* Faults and MADV_DONTNEED take no more than the area's own lock. */
		area = vma_lookup(mm, path.addr);
		if (area)
			vma_start_write(area);
		path.top = mm->pgd;
		memlab_look(&path, mm);
		if (path.page)
			memlab_page_facts(&path);
		mmap_write_unlock(mm);
	} else {
		path.top = memlab_arch_kernel_table(path.addr);
		if (!path.top)
			return -ERANGE;
		if (out->pid)
			return -EINVAL;
		out->kernel = MEMLAB_YES;
		path.kernel = true;
		mm = current->active_mm;
		mmgrab(mm);
		memlab_look(&path, mm);
		if (path.page)
			memlab_page_facts(&path);
		mmdrop(mm);
		mm = NULL;
	}
	if (path.folio)
		folio_put(path.folio);
	if (mm)
		mmput(mm);
	return 0;
}

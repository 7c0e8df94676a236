// SPDX-License-Identifier: GPL-2.0
/* Pages that are held on purpose, and what the kernel calls when memory is short. */

#include <linux/cleanup.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/oom.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/swap.h>
#include "helpers.h"

/*
 * Pages that have an owner are chained through themselves, so that holding any number of them
 * takes no memory: @page is the first of @count pages that follow each other, and stands before
 * @next.
 */
void memlab_chain(struct page *page, unsigned long count, struct page *next)
{
	page->lru.next = (struct list_head *)next;
	set_page_private(page, count);
}

/* Takes @page out of the chain again; says what stands behind it, and how many pages it is. */
struct page *memlab_unchain(struct page *page, unsigned long *count)
{
	struct page *next = (struct page *)page->lru.next;

	*count = page_private(page);
	set_page_private(page, 0);
	INIT_LIST_HEAD(&page->lru);
	return next;
}

struct memlab_relief {
	struct list_head all;
	unsigned long (*count)(void *data, u32 asks);
	unsigned long (*release)(void *data, u32 asks, unsigned long most);
	void *data;
	/* Whether giving back takes locks that a reclaimer without __GFP_FS may hold. */
	bool locks;
	struct shrinker *shrinker;
	struct notifier_block oom;
};

static u32 memlab_asks(void)
{
	return current_is_kswapd() ? MEMLAB_ASKS_BACKGROUND : MEMLAB_ASKS_CALLER;
}

static bool memlab_may_call(const struct memlab_relief *relief,
			    const struct shrink_control *control)
{
	return !relief->locks || (control->gfp_mask & __GFP_FS);
}

static unsigned long memlab_shrink_count(struct shrinker *shrinker, struct shrink_control *control)
{
	struct memlab_relief *relief = shrinker->private_data;

	if (!memlab_may_call(relief, control))
		return 0;
	return relief->count(relief->data, memlab_asks());
}

static unsigned long memlab_shrink_scan(struct shrinker *shrinker, struct shrink_control *control)
{
	struct memlab_relief *relief = shrinker->private_data;
	unsigned long released;

	if (!memlab_may_call(relief, control))
		return SHRINK_STOP;
	released = relief->release(relief->data, memlab_asks(), control->nr_to_scan);
	/* Whole pages count as progress, without which reclaim asks for more and more. */
	mm_account_reclaimed_pages(released);
	return released ?: SHRINK_STOP;
}

/* The OOM killer kills nobody if somebody gave something. */
static int memlab_oom(struct notifier_block *block, unsigned long unused, void *freed)
{
	struct memlab_relief *relief = container_of(block, struct memlab_relief, oom);

	*(unsigned long *)freed += relief->release(relief->data, MEMLAB_ASKS_LAST, ULONG_MAX);
	return NOTIFY_OK;
}

/*
 * All that are registered. What calls into the module has to end with it, whatever has been
 * forgotten: between opening and closing they can be registered, and closing ends those left.
 */
static LIST_HEAD(memlab_reliefs);
static DEFINE_MUTEX(memlab_reliefs_lock);
static bool memlab_reliefs_are_open;

static bool memlab_relief_list(struct memlab_relief *relief)
{
	guard(mutex)(&memlab_reliefs_lock);
	if (memlab_reliefs_are_open)
		list_add(&relief->all, &memlab_reliefs);
	return memlab_reliefs_are_open;
}

/* Takes @relief off the list, or the first if it is NULL; NULL if there is none such. */
static struct memlab_relief *memlab_relief_unlist(struct memlab_relief *relief)
{
	struct memlab_relief *one;

	guard(mutex)(&memlab_reliefs_lock);
	list_for_each_entry(one, &memlab_reliefs, all) {
		if (!relief || one == relief) {
			list_del(&one->all);
			return one;
		}
	}
	return NULL;
}

static void memlab_relief_end(struct memlab_relief *relief)
{
	unregister_oom_notifier(&relief->oom);
	shrinker_free(relief->shrinker);
	kfree(relief);
}

void memlab_reliefs_open(void)
{
	guard(mutex)(&memlab_reliefs_lock);
	memlab_reliefs_are_open = true;
}

/* How many had been forgotten. */
unsigned int memlab_reliefs_close(void)
{
	struct memlab_relief *relief;
	unsigned int forgotten = 0;

	scoped_guard(mutex, &memlab_reliefs_lock)
		memlab_reliefs_are_open = false;
	while ((relief = memlab_relief_unlist(NULL))) {
		memlab_relief_end(relief);
		forgotten++;
	}
	return forgotten;
}

/* Both functions get @data; NULL if there is no memory, or before opening and after closing. */
struct memlab_relief *
memlab_relief_register(unsigned long (*count)(void *data, u32 asks),
		       unsigned long (*release)(void *data, u32 asks, unsigned long most),
		       void *data, bool locks)
{
	struct memlab_relief *relief = kzalloc(sizeof(*relief), GFP_KERNEL);

	if (!relief)
		return NULL;
	relief->count = count;
	relief->release = release;
	relief->data = data;
	relief->locks = locks;
	relief->oom.notifier_call = memlab_oom;
	relief->shrinker = shrinker_alloc(0, "memlab-held");
	if (!relief->shrinker)
		goto free;
	relief->shrinker->count_objects = memlab_shrink_count;
	relief->shrinker->scan_objects = memlab_shrink_scan;
	relief->shrinker->private_data = relief;
	/* Nothing has to be read again for it: what is asked for goes at once, before any cache. */
	relief->shrinker->seeks = 0;
	if (register_oom_notifier(&relief->oom))
		goto free_shrinker;
	shrinker_register(relief->shrinker);
	if (memlab_relief_list(relief))
		return relief;
	unregister_oom_notifier(&relief->oom);

free_shrinker:
	shrinker_free(relief->shrinker);
free:
	kfree(relief);
	return NULL;
}

/* Nothing, if closing has ended it. */
void memlab_relief_unregister(struct memlab_relief *relief)
{
	relief = memlab_relief_unlist(relief);
	if (relief)
		memlab_relief_end(relief);
}

// SPDX-License-Identifier: GPL-2.0
/* What the kernel says of one cma_alloc(): struct cma is private, its tracepoints are not. */

#include <linux/cma.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/tracepoint.h>
#include <trace/events/cma.h>
#include "helpers.h"

#if defined(CONFIG_CMA) && defined(CONFIG_TRACEPOINTS)

struct memlab_watch {
	struct memlab_cma_call *call;
	struct task_struct *task;
	struct tracepoint *start;
	struct tracepoint *retry;
	struct tracepoint *finish;
};

/* Others allocate at the same time: only the calls of the task that watches count. */
static void memlab_cma_start(void *data, const char *name, unsigned long count,
			     unsigned long available, unsigned long total, unsigned int align)
{
	struct memlab_watch *watch = data;

	if (watch->task != current)
		return;
	watch->call->total = total;
	watch->call->available = available;
}

static void memlab_cma_retry(void *data, const char *name, unsigned long pfn,
			     const struct page *page, unsigned long count, unsigned int align)
{
	struct memlab_watch *watch = data;

	if (watch->task != current)
		return;
	watch->call->retries++;
	watch->call->busy_pfn = pfn;
}

/* A folio that cannot go: one has more references than maps and caches account for. */
static bool memlab_is_pinned(const struct folio *folio, int own)
{
	return folio_ref_count(folio) - own > folio_expected_ref_count(folio);
}

/* Nothing keeps pages from changing hands meanwhile: each is held while it is looked at. */
static void memlab_hold(struct page *page, struct memlab_holders *busy)
{
	struct folio *folio = page_folio(page);

	if (folio_test_slab(folio)) {
		/* Slabs have no references. */
		busy->slab++;
		return;
	}
	if (!folio_try_get(folio)) {
		busy->free++;
		return;
	}
	if (page_folio(page) != folio || page_has_type(&folio->page)) {
		busy->other++;
	} else {
		if (folio_test_anon(folio))
			busy->anon++;
		else if (folio->mapping)
			busy->file++;
		else
			busy->other++;
		busy->pinned += memlab_is_pinned(folio, 1);
	}
	folio_put(folio);
}

static void memlab_look(unsigned long pfn, unsigned long count, struct memlab_holders *busy)
{
	unsigned long end = pfn + count;

	for (; pfn < end; pfn++) {
		if (pfn_valid(pfn))
			memlab_hold(pfn_to_page(pfn), busy);
		cond_resched();
	}
}

static void memlab_cma_finish(void *data, const char *name, unsigned long pfn,
			      const struct page *page, unsigned long count, unsigned int align,
			      int error)
{
	struct memlab_watch *watch = data;

	if (watch->task != current)
		return;
	watch->call->error = error;
	watch->call->seen = true;
}

/* They are not exported one by one: found by their names. */
static void memlab_cma_find(struct tracepoint *tp, void *data)
{
	struct memlab_watch *watch = data;

	if (!strcmp(tp->name, "cma_alloc_start"))
		watch->start = tp;
	else if (!strcmp(tp->name, "cma_alloc_busy_retry"))
		watch->retry = tp;
	else if (!strcmp(tp->name, "cma_alloc_finish"))
		watch->finish = tp;
}

/* cma_alloc() with the tracepoints listened to; @out->seen is false if they said nothing. */
struct page *memlab_cma_alloc(struct cma *cma, unsigned long count, unsigned int align,
			      struct memlab_cma_call *out)
{
	struct memlab_watch watch = { .call = out, .task = current };
	bool start, retry, finish;
	struct page *page;

	/* They do not compile if the kernel's own declarations say something else. */
	check_trace_callback_type_cma_alloc_start(memlab_cma_start);
	check_trace_callback_type_cma_alloc_busy_retry(memlab_cma_retry);
	check_trace_callback_type_cma_alloc_finish(memlab_cma_finish);
	for_each_kernel_tracepoint(memlab_cma_find, &watch);
	start = watch.start && !tracepoint_probe_register(watch.start, memlab_cma_start, &watch);
	retry = watch.retry && !tracepoint_probe_register(watch.retry, memlab_cma_retry, &watch);
	finish = watch.finish &&
		 !tracepoint_probe_register(watch.finish, memlab_cma_finish, &watch);
	page = cma_alloc(cma, count, align, true);
	if (start)
		tracepoint_probe_unregister(watch.start, memlab_cma_start, &watch);
	if (retry)
		tracepoint_probe_unregister(watch.retry, memlab_cma_retry, &watch);
	if (finish)
		tracepoint_probe_unregister(watch.finish, memlab_cma_finish, &watch);
	/* No probe may run any more when what it writes to goes. */
	tracepoint_synchronize_unregister();
	out->seen = out->seen && start && retry;
	if (!page && out->retries)
		memlab_look(out->busy_pfn, count, &out->busy);
	return page;
}

#elif defined(CONFIG_CMA)

struct page *memlab_cma_alloc(struct cma *cma, unsigned long count, unsigned int align,
			      struct memlab_cma_call *out)
{
	return cma_alloc(cma, count, align, true);
}

#endif

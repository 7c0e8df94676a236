// SPDX-License-Identifier: GPL-2.0
/* What the kernel says of one cma_alloc(): struct cma is private, its tracepoints are not. */

#include <linux/cma.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/tracepoint.h>
#include <trace/events/cma.h>
#include "helpers.h"

#if defined(CONFIG_CMA) && defined(CONFIG_TRACEPOINTS)

/* A tracepoint that is listened to. They are not exported one by one: found by their names. */
struct memlab_listener {
	const char *name;
	void *probe;
	struct tracepoint *tracepoint;
	bool on;
};

static void memlab_match(struct tracepoint *tp, void *data)
{
	struct memlab_listener *listener = data;

	if (!strcmp(tp->name, listener->name))
		listener->tracepoint = tp;
}

/* Whether each of them is listened to; memlab_unlisten() is to be called in either case. */
static bool memlab_listen(struct memlab_listener *listeners, int count, void *data)
{
	bool all = true;
	int i;

	for (i = 0; i < count; i++) {
		struct memlab_listener *l = &listeners[i];

		for_each_kernel_tracepoint(memlab_match, l);
		l->on = l->tracepoint && !tracepoint_probe_register(l->tracepoint, l->probe, data);
		all &= l->on;
	}
	return all;
}

static void memlab_unlisten(struct memlab_listener *listeners, int count, void *data)
{
	int i;

	for (i = 0; i < count; i++)
		if (listeners[i].on)
			tracepoint_probe_unregister(listeners[i].tracepoint, listeners[i].probe,
						    data);
	/* No probe may run any more when what it writes to goes. */
	tracepoint_synchronize_unregister();
}

struct memlab_watch {
	struct memlab_cma_call *call;
	struct task_struct *task;
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

/* cma_alloc() with the tracepoints listened to; @out->seen is false if they said nothing. */
struct page *memlab_cma_alloc(struct cma *cma, unsigned long count, unsigned int align,
			      struct memlab_cma_call *out)
{
	struct memlab_watch watch = { .call = out, .task = current };
	struct memlab_listener listeners[] = {
		{ "cma_alloc_start", memlab_cma_start },
		{ "cma_alloc_busy_retry", memlab_cma_retry },
		{ "cma_alloc_finish", memlab_cma_finish },
	};
	struct page *page;
	bool all;

	/* They do not compile if the kernel's own declarations say something else. */
	check_trace_callback_type_cma_alloc_start(memlab_cma_start);
	check_trace_callback_type_cma_alloc_busy_retry(memlab_cma_retry);
	check_trace_callback_type_cma_alloc_finish(memlab_cma_finish);
	all = memlab_listen(listeners, ARRAY_SIZE(listeners), &watch);
	page = cma_alloc(cma, count, align, true);
	memlab_unlisten(listeners, ARRAY_SIZE(listeners), &watch);
	out->seen = out->seen && all;
	if (!page && out->retries)
		memlab_look(out->busy_pfn, count, &out->busy);
	return page;
}

/* The areas that an allocation asks in turn. @name: the first in the device's reach. */
struct memlab_asked {
	struct task_struct *task;
	const char *name;
	unsigned long pfn;
};

static void memlab_asked_start(void *data, const char *name, unsigned long count,
			       unsigned long available, unsigned long total, unsigned int align)
{
	struct memlab_asked *asked = data;

	if (asked->task == current && !asked->name)
		asked->name = name;
}

static void memlab_asked_finish(void *data, const char *name, unsigned long pfn,
				const struct page *page, unsigned long count, unsigned int align,
				int error)
{
	struct memlab_asked *asked = data;

	if (asked->task == current && asked->name == name && page)
		asked->pfn = pfn;
}

/* What an area gave is given back at once where the device does not reach it. */
static void memlab_asked_release(void *data, const char *name, unsigned long pfn,
				 const struct page *page, unsigned long count)
{
	struct memlab_asked *asked = data;

	if (asked->task == current && asked->name == name && asked->pfn == pfn)
		asked->name = NULL;
}

/* The name is an array in the area: it stands equally far behind the beginning of each. */
static struct cma *memlab_cma_of_name(const char *name)
{
	return (struct cma *)(name - (cma_get_name((const struct cma *)name) - name));
}

/*
 * The area that the kernel asks first for coherent memory of @dev, of those that the device
 * reaches: its own, that of its node, or the one of all. Which are those of the nodes is known
 * to the kernel alone, so that two pages are allocated, and freed again, to see.
 */
int memlab_device_cma(struct device *dev, struct cma **area)
{
	const unsigned long attrs = DMA_ATTR_FORCE_CONTIGUOUS | DMA_ATTR_NO_WARN;
	struct memlab_asked asked = { .task = current };
	struct memlab_listener listeners[] = {
		{ "cma_alloc_start", memlab_asked_start },
		{ "cma_alloc_finish", memlab_asked_finish },
		{ "cma_release", memlab_asked_release },
	};
	const char *first = NULL;
	int error = -EOPNOTSUPP;
	dma_addr_t handle;
	void *memory;

	check_trace_callback_type_cma_alloc_start(memlab_asked_start);
	check_trace_callback_type_cma_alloc_finish(memlab_asked_finish);
	check_trace_callback_type_cma_release(memlab_asked_release);
	*area = NULL;
	if (!dev->coherent_dma_mask)
		return 0;
	if (memlab_listen(listeners, ARRAY_SIZE(listeners), &asked)) {
		memory = dma_alloc_attrs(dev, 2 * PAGE_SIZE, &handle, GFP_KERNEL | __GFP_NORETRY,
					 attrs);
		first = asked.name;
		if (memory)
			dma_free_attrs(dev, 2 * PAGE_SIZE, memory, handle, attrs);
		error = 0;
	}
	memlab_unlisten(listeners, ARRAY_SIZE(listeners), &asked);
	if (first)
		*area = memlab_cma_of_name(first);
	return error;
}

#elif defined(CONFIG_CMA)

/* Without tracepoints the kernel does not say which areas it asks. */
int memlab_device_cma(struct device *dev, struct cma **area)
{
	bool of_nodes = IS_ENABLED(CONFIG_DMA_NUMA_CMA) && !dev->cma_area &&
			dev_to_node(dev) != NUMA_NO_NODE;
	unsigned long end = 0;
	int node;

	/* max_pfn is not for modules. */
	for_each_online_node(node)
		end = max(end, node_end_pfn(node));
	*area = dev_get_cma_area(dev);
	if (of_nodes || (*area && dev->coherent_dma_mask < PFN_PHYS(end) - 1))
		return -EOPNOTSUPP;
	return 0;
}

struct page *memlab_cma_alloc(struct cma *cma, unsigned long count, unsigned int align,
			      struct memlab_cma_call *out)
{
	return cma_alloc(cma, count, align, true);
}

#endif

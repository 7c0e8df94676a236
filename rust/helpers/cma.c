// SPDX-License-Identifier: GPL-2.0
/* What the kernel says of one cma_alloc(): struct cma is private, its tracepoints are not. */

#include <linux/cma.h>
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

	if (watch->task == current)
		watch->call->retries++;
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
	return page;
}

#elif defined(CONFIG_CMA)

struct page *memlab_cma_alloc(struct cma *cma, unsigned long count, unsigned int align,
			      struct memlab_cma_call *out)
{
	return cma_alloc(cma, count, align, true);
}

#endif

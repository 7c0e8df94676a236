// SPDX-License-Identifier: GPL-2.0
/* What the kernel goes through for an allocation, told by its own tracepoints. */

#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/tracepoint.h>
#include "helpers.h"

#ifdef CONFIG_TRACEPOINTS

struct compact_control;

#include <trace/events/compaction.h>
#include <trace/events/vmscan.h>

/* An interrupt that allocates meanwhile, or a thread of the kernel's own, is not watched. */
static void memlab_mark(struct memlab_trace *trace, u32 seen)
{
	u32 i;

	if (!in_task())
		return;
	for (i = 0; i < trace->count; i++) {
		struct memlab_mark *mark = &trace->marks[i];

		if (READ_ONCE(mark->task) == current) {
			WRITE_ONCE(mark->seen, mark->seen | seen);
			return;
		}
	}
}

static void memlab_woken(void *data, int nid, int zid, int order, gfp_t flags)
{
	memlab_mark(data, MEMLAB_SEEN_WOKEN);
}

static void memlab_reclaims(void *data, gfp_t flags, int order, struct mem_cgroup *memcg)
{
	memlab_mark(data, MEMLAB_SEEN_RECLAIM);
}

static void memlab_compacts(void *data, struct compact_control *cc, unsigned long start,
			    unsigned long end, bool sync)
{
	memlab_mark(data, MEMLAB_SEEN_COMPACTION);
}

static const struct {
	const char *name;
	void *probe;
} memlab_probes[MEMLAB_PROBES] = {
	{ "mm_vmscan_wakeup_kswapd", memlab_woken },
	{ "mm_vmscan_direct_reclaim_begin", memlab_reclaims },
	{ "mm_vmscan_memcg_reclaim_begin", memlab_reclaims },
	{ "mm_compaction_begin", memlab_compacts },
};

/* They are not exported one by one: found by their names. */
static void memlab_find_probe(struct tracepoint *tp, void *data)
{
	struct memlab_trace *trace = data;
	int i;

	for (i = 0; i < MEMLAB_PROBES; i++)
		if (!strcmp(tp->name, memlab_probes[i].name))
			trace->tracepoints[i] = tp;
}

void memlab_trace_end(struct memlab_trace *trace)
{
	int i;

	for (i = 0; i < MEMLAB_PROBES; i++)
		if (trace->tracepoints[i])
			tracepoint_probe_unregister(trace->tracepoints[i], memlab_probes[i].probe,
						    trace);
	/* No probe may run any more when what it writes to goes. */
	tracepoint_synchronize_unregister();
}

int memlab_trace_begin(struct memlab_trace *trace)
{
	int i, error = 0;

	check_trace_callback_type_mm_vmscan_wakeup_kswapd(memlab_woken);
	check_trace_callback_type_mm_vmscan_direct_reclaim_begin(memlab_reclaims);
	check_trace_callback_type_mm_compaction_begin(memlab_compacts);
#ifdef CONFIG_MEMCG
	check_trace_callback_type_mm_vmscan_memcg_reclaim_begin(memlab_reclaims);
#endif
	for_each_kernel_tracepoint(memlab_find_probe, trace);
	for (i = 0; i < MEMLAB_PROBES; i++) {
		if (!trace->tracepoints[i])
			continue;
		if (!error)
			error = tracepoint_probe_register(trace->tracepoints[i],
							  memlab_probes[i].probe, trace);
		/* Not to be unregistered then. */
		if (error)
			trace->tracepoints[i] = NULL;
	}
	if (error)
		memlab_trace_end(trace);
	return error;
}

#else

int memlab_trace_begin(struct memlab_trace *trace)
{
	return -EOPNOTSUPP;
}

void memlab_trace_end(struct memlab_trace *trace)
{
}

#endif

const void *memlab_current(void)
{
	return current;
}

/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM memlab

#if !defined(MEMLAB_EVENT_H) || defined(TRACE_HEADER_MULTI_READ)
#define MEMLAB_EVENT_H

#include <linux/tracepoint.h>

/* An operation of which one phase took as long as a run was told to end at. */
TRACE_EVENT(memlab_above,
	    TP_PROTO(const char *experiment, bool release, u64 ns, u64 above),
	    TP_ARGS(experiment, release, ns, above),
	    TP_STRUCT__entry(__string(experiment, experiment)
			     __field(bool, release)
			     __field(u64, ns)
			     __field(u64, above)),
	    TP_fast_assign(__assign_str(experiment);
			   __entry->release = release;
			   __entry->ns = ns;
			   __entry->above = above;),
	    TP_printk("experiment=%s phase=%s ns=%llu above=%llu", __get_str(experiment),
		      __entry->release ? "release" : "acquire", __entry->ns, __entry->above)
);

#endif /* MEMLAB_EVENT_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE memlab_event
#include <trace/define_trace.h>

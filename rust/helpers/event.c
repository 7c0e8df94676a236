// SPDX-License-Identifier: GPL-2.0

#define CREATE_TRACE_POINTS
#include "memlab_event.h"
#include "helpers.h"

/* @experiment has @length bytes and no NUL. */
void memlab_event_above(const char *experiment, u32 length, bool release, u64 ns, u64 above)
{
	char name[MEMLAB_EVENT_NAME];

	if (!trace_memlab_above_enabled())
		return;
	length = min(length, (u32)sizeof(name) - 1);
	memcpy(name, experiment, length);
	name[length] = 0;
	trace_memlab_above(name, release, ns, above);
}

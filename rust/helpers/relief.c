// SPDX-License-Identifier: GPL-2.0
/* What the kernel calls when memory is short: its structures are filled in here. */

#include <linux/notifier.h>
#include <linux/oom.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include "helpers.h"

struct memlab_relief {
	unsigned long (*count)(void *data);
	unsigned long (*release)(void *data, unsigned long most);
	void *data;
	struct shrinker *shrinker;
	struct notifier_block oom;
};

static unsigned long memlab_shrink_count(struct shrinker *shrinker, struct shrink_control *control)
{
	struct memlab_relief *relief = shrinker->private_data;

	return relief->count(relief->data) ?: SHRINK_EMPTY;
}

static unsigned long memlab_shrink_scan(struct shrinker *shrinker, struct shrink_control *control)
{
	struct memlab_relief *relief = shrinker->private_data;

	return relief->release(relief->data, control->nr_to_scan) ?: SHRINK_STOP;
}

/* The OOM killer kills nobody if somebody gave something. */
static int memlab_oom(struct notifier_block *block, unsigned long unused, void *freed)
{
	struct memlab_relief *relief = container_of(block, struct memlab_relief, oom);

	*(unsigned long *)freed += relief->release(relief->data, ULONG_MAX);
	return NOTIFY_OK;
}

/* Both functions get @data; NULL if there is no memory. */
struct memlab_relief *memlab_relief_register(unsigned long (*count)(void *data),
					     unsigned long (*release)(void *data,
								      unsigned long most),
					     void *data)
{
	struct memlab_relief *relief = kzalloc(sizeof(*relief), GFP_KERNEL);

	if (!relief)
		return NULL;
	relief->count = count;
	relief->release = release;
	relief->data = data;
	relief->oom.notifier_call = memlab_oom;
	relief->shrinker = shrinker_alloc(0, "memlab-pressure");
	if (!relief->shrinker)
		goto free;
	relief->shrinker->count_objects = memlab_shrink_count;
	relief->shrinker->scan_objects = memlab_shrink_scan;
	relief->shrinker->private_data = relief;
	/* As dear as what caches hold: with less the pressure would be gone at once. */
	relief->shrinker->seeks = DEFAULT_SEEKS;
	if (register_oom_notifier(&relief->oom))
		goto free_shrinker;
	shrinker_register(relief->shrinker);
	return relief;

free_shrinker:
	shrinker_free(relief->shrinker);
free:
	kfree(relief);
	return NULL;
}

void memlab_relief_unregister(struct memlab_relief *relief)
{
	unregister_oom_notifier(&relief->oom);
	shrinker_free(relief->shrinker);
	kfree(relief);
}

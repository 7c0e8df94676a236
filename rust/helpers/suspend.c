// SPDX-License-Identifier: GPL-2.0
/* What the kernel calls before the machine sleeps, and after. */

#include <linux/notifier.h>
#include <linux/slab.h>
#include <linux/suspend.h>
#include "helpers.h"

struct memlab_suspend {
	void (*call)(bool begins);
	struct notifier_block block;
};

static int memlab_suspend_notify(struct notifier_block *block, unsigned long event, void *unused)
{
	struct memlab_suspend *suspend = container_of(block, struct memlab_suspend, block);

	switch (event) {
	case PM_SUSPEND_PREPARE:
	case PM_HIBERNATION_PREPARE:
		suspend->call(true);
		break;
	case PM_POST_SUSPEND:
	case PM_POST_HIBERNATION:
		suspend->call(false);
		break;
	}
	return NOTIFY_DONE;
}

struct memlab_suspend *memlab_suspend_register(void (*call)(bool begins))
{
	struct memlab_suspend *suspend = kzalloc(sizeof(*suspend), GFP_KERNEL);

	if (!suspend)
		return NULL;
	suspend->call = call;
	suspend->block.notifier_call = memlab_suspend_notify;
	if (register_pm_notifier(&suspend->block)) {
		kfree(suspend);
		return NULL;
	}
	return suspend;
}

void memlab_suspend_unregister(struct memlab_suspend *suspend)
{
	unregister_pm_notifier(&suspend->block);
	kfree(suspend);
}

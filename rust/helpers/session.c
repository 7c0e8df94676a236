// SPDX-License-Identifier: GPL-2.0

#include <linux/atomic.h>
#include <linux/jiffies.h>
#include <linux/security.h>
#include <linux/wait.h>
#include "helpers.h"

/* Whether addresses are kept from everybody, as the kernel keeps /proc/kcore. */
bool memlab_addresses_locked(void)
{
	return security_locked_down(LOCKDOWN_KCORE) != 0;
}

static DECLARE_WAIT_QUEUE_HEAD(memlab_waiting);
static atomic_t memlab_changes;

u32 memlab_change_count(void)
{
	return atomic_read_acquire(&memlab_changes);
}

void memlab_changed(void)
{
	atomic_inc(&memlab_changes);
	/* Has the barrier without which one that is about to sleep would be missed. */
	if (wq_has_sleeper(&memlab_waiting))
		wake_up_interruptible_all(&memlab_waiting);
}

/* Until there is another change than number @seen, for @ms at most; -ERESTARTSYS on a signal. */
int memlab_wait_change(u32 seen, u32 ms)
{
	long left = wait_event_interruptible_timeout(memlab_waiting,
						     memlab_change_count() != seen,
						     msecs_to_jiffies(ms));

	return left < 0 ? left : 0;
}

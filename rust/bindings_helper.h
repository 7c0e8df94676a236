/* SPDX-License-Identifier: GPL-2.0 */
/* What bindgen reads: the kernel headers that the kernel crate does not bind, and our own. */
#include <linux/cma.h>
#include <linux/mmzone.h>
#include <linux/vmalloc.h>
#include "arch.h"
#include <linux/memlab_buffer.h>
#include <linux/memlab_walk.h>

/* Macros that bindgen cannot read; the kernel crate has some of their kin. */
const gfp_t MEMLAB_GFP_NORETRY = __GFP_NORETRY;
const gfp_t MEMLAB_GFP_MAYFAIL = __GFP_RETRY_MAYFAIL;
const gfp_t MEMLAB_GFP_WAITS = __GFP_DIRECT_RECLAIM;
/* A macro that is no literal. */
enum memlab_limit {
	MEMLAB_MAX_ORDER = MAX_PAGE_ORDER,
};

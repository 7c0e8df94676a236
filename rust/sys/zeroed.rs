// SPDX-License-Identifier: GPL-2.0

//! Values too large for a kernel stack, made in place on the heap.

use crate::model::{
    histogram::Histogram,
    outcome::{
        Failures,
        Tally, //
    },
};
use kernel::prelude::*;

// SAFETY: A histogram is counters only, and all of them zero is one without samples.
unsafe impl pin_init::Zeroable for Histogram {}
// SAFETY: An errno of zero marks an entry that is not in use.
unsafe impl pin_init::Zeroable for Failures {}
// SAFETY: Every field may be all zero: see above.
unsafe impl pin_init::Zeroable for Tally {}

/// An empty tally on the heap; 17 KiB, so vmalloc'ed where no contiguous memory is left.
pub(crate) fn tally() -> Result<KVBox<Tally>> {
    KVBox::init(pin_init::init_zeroed::<Tally>(), GFP_KERNEL)
}

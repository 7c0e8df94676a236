// SPDX-License-Identifier: GPL-2.0

//! Values too large for a kernel stack, made in place on the heap.

use crate::model::{
    classes::Classes,
    delta::Delta,
    histogram::Histogram,
    outcome::{
        Failures,
        Tally, //
    },
    remark::Remark, //
};
use kernel::prelude::*;

// SAFETY: A histogram is counters only, and all of them zero is one without samples.
unsafe impl pin_init::Zeroable for Histogram {}
// SAFETY: Histograms only.
unsafe impl pin_init::Zeroable for Classes {}
// SAFETY: An errno of zero marks an entry that is not in use.
unsafe impl pin_init::Zeroable for Failures {}
// SAFETY: Counters, flags that are false, and texts without a length.
unsafe impl pin_init::Zeroable for Delta {}
// SAFETY: The variant with the tag zero has no fields, and the tag is a plain number.
unsafe impl pin_init::Zeroable for Remark {}
// SAFETY: Every field may be all zero: see above.
unsafe impl pin_init::Zeroable for Tally {}

/// An empty tally on the heap; 29 KiB, so vmalloc'ed where no contiguous memory is left.
pub(crate) fn tally() -> Result<KVBox<Tally>> {
    KVBox::init(pin_init::init_zeroed::<Tally>(), GFP_KERNEL)
}

/// Empty classes on the heap, likewise.
pub(crate) fn classes() -> Result<KVBox<Classes>> {
    KVBox::init(pin_init::init_zeroed::<Classes>(), GFP_KERNEL)
}

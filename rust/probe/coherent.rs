// SPDX-License-Identifier: GPL-2.0

//! How large a piece of coherent memory can be had, by asking for it.

use crate::{
    model::comparison::Largest,
    sys::{
        dma::Coherent,
        memory::PAGE_SIZE, //
    },
};
use kernel::device::{
    Bound,
    Device, //
};

/// Each size asked for is smaller than the one before by a part of 2 to this.
const STEP_SHIFT: u32 = 3;
/// No more than this is asked for: the kernel clears what it gives, and is not to be stopped in it.
const MOST: u64 = 256 << 20;

/// The largest coherent buffer of up to `cap` bytes that `dev` can have now, to within an eighth.
/// `None` where `stop` has ended the search.
///
/// Sizes are tried from the top: what cannot be had costs little, what can is cleared.
pub(crate) fn largest(dev: &Device<Bound>, cap: u64, stop: &dyn Fn() -> bool) -> Option<Largest> {
    let cap = usize::try_from(cap.min(MOST)).unwrap_or(usize::MAX) / PAGE_SIZE;
    let (mut pages, mut missed) = (cap, None);
    while pages > 0 {
        if stop() {
            return None;
        }
        if Coherent::obtainable(dev, pages * PAGE_SIZE) {
            break;
        }
        missed = Some(pages);
        pages -= (pages >> STEP_SHIFT).max(1);
    }
    // CAST: A size in memory fits.
    let bytes = |pages: usize| (pages * PAGE_SIZE) as u64;
    Some(Largest {
        bytes: bytes(pages),
        missed: missed.map(bytes),
    })
}

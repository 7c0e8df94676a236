// SPDX-License-Identifier: GPL-2.0

//! How large a piece of coherent memory can be had, by asking for it.

use crate::{
    model::cost::Largest,
    sys::{
        dma::Coherent,
        memory::PAGE_SIZE, //
    },
};
use kernel::device::{
    Bound,
    Device, //
};

/// What is found is exact to a part of 2 to this, and to a page.
const EXACT_SHIFT: u32 = 6;
/// No more than this is asked for: it is cleared each time.
const MOST: u64 = 1 << 30;

/// The largest coherent buffer of up to `cap` bytes that `dev` can have now. Ends early when
/// `stop` says so.
pub(crate) fn largest(dev: &Device<Bound>, cap: u64, stop: &dyn Fn() -> bool) -> Largest {
    let page = PAGE_SIZE;
    let pages = usize::try_from(cap.min(MOST)).unwrap_or(usize::MAX) / page;
    // `had` pages could be had, `not` could not.
    let (mut had, mut not) = (0, pages + 1);
    // The cap itself first: where memory is plentiful there is no more to ask.
    let mut ask = pages;
    while not - had > (had >> EXACT_SHIFT).max(1) && !stop() {
        if Coherent::obtainable(dev, ask * page) {
            had = ask;
        } else {
            not = ask;
        }
        ask = had + (not - had) / 2;
    }
    Largest {
        // CAST: A size in memory fits.
        bytes: (had * page) as u64,
        cap: (pages * page) as u64,
    }
}

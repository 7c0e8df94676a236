// SPDX-License-Identifier: GPL-2.0

//! Memory that is short: single pages are held until as little is free as a watermark says. The
//! kernel may ask for them: a shrinker gives what it asks for, an OOM notifier gives all.

use super::{
    all_usable,
    hoard::Hoard,
    no_memory,
    share_of,
    usable,
    Holder, //
};
use crate::{
    facts,
    model::{
        memory::Zone,
        request::Refusal,
        scenario::End, //
    },
    settings,
    sys::{
        alloc::Pages,
        relief::{
            Relief,
            Relieve, //
        },
        task, //
    },
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

/// Dropped in this order: who may ask for pages first, then the pages.
pub(super) struct Pressure {
    _relief: Relief<Hoard>,
    pages: Given,
}

struct Given(Arc<Hoard>);

impl Pressure {
    pub(super) fn pages(&self) -> u64 {
        self.pages.0.len() as u64
    }
}

impl Drop for Given {
    fn drop(&mut self) {
        while self.0.release(64) != 0 {
            task::cond_resched();
        }
    }
}

/// The most pages that are taken before the watermark is looked at again.
const CHUNK: u64 = 1 << 10;

/// How much more is free, in all zones, than their watermark number `mark`.
fn above(zones: &mut KVec<Zone>, mark: usize) -> Result<u64, Refusal> {
    facts::memory::zones_again(zones).map_err(|_| no_memory())?;
    // With what a zone keeps from those that could have come from a higher one.
    let marks = |zone: &Zone| {
        let mark = zone.watermarks.get(mark).copied().unwrap_or(0);
        mark.saturating_add(zone.reserves().iter().copied().max().unwrap_or(0))
    };
    let each = zones
        .iter()
        .map(|zone| usable(zone).saturating_sub(marks(zone)));
    Ok(each.sum())
}

pub(super) fn make(
    mark: usize,
    share: u64,
    stopped: &dyn Fn() -> bool,
) -> Result<(u64, End, Holder), Refusal> {
    if !settings::get().allow_pressure {
        return Err(Refusal::invalid(format_args!(
            "pressure: makes the whole machine short of memory; load the module with allow_pressure=1"
        )));
    }
    let cap = share_of(share, all_usable)?;
    let room = usize::try_from(cap).map_err(|_| no_memory())?;
    let hoard = Hoard::new(room).map_err(|_| no_memory())?;
    let relief = Relief::register(hoard.clone()).map_err(|_| no_memory())?;
    let pressure = Pressure {
        _relief: relief,
        pages: Given(hoard),
    };
    let mut zones = KVec::new();
    let end = loop {
        let missing = cap.saturating_sub(pressure.pages());
        let surplus = above(&mut zones, mark)?;
        if stopped() {
            break End::Stopped;
        }
        if surplus == 0 {
            break End::Mark;
        }
        if missing == 0 {
            break End::Cap;
        }
        if take(&pressure.pages.0, surplus.min(missing).min(CHUNK)).is_err() {
            break End::Exhausted;
        }
        task::cond_resched();
    };
    Ok((cap, end, Holder::Pressure(pressure)))
}

/// Takes so many pages, without asking the kernel to make room for them.
fn take(hoard: &Hoard, pages: u64) -> Result {
    for _ in 0..pages {
        hoard.add(Pages::spare(0)?)?;
    }
    Ok(())
}

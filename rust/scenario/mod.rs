// SPDX-License-Identifier: GPL-2.0

//! States of memory that are made on purpose and put back, for any experiment to be asked under
//! them. What is held never exceeds the cap, and all of it is given back on drop.

mod cache;
mod fill_cma;
mod fragment;
mod level;
mod pressure;

use crate::{
    facts,
    model::{
        memory::{
            Reach,
            Zone, //
        },
        num,
        request::Refusal,
        scenario::{
            End,
            Held,
            State,
            Wish, //
        },
    },
    sys::{
        alloc::{
            Pages,
            MAX_ORDER, //
        },
        cache::Cached,
        cma::Allocation,
        contig::drain,
        memory::Spot,
        relief::Hoard,
        task, //
    },
};
use kernel::prelude::*;
use level::Level;

/// The free blocks of one zone, the largest first. Those of the larger orders do not come over the
/// lists that each CPU has at hand: what had gone there would come back to the free lists later.
struct Blocks {
    zone: Spot,
    order: u32,
}

impl Blocks {
    /// Those of each zone that has pages for the kernel.
    fn all() -> impl Iterator<Item = Self> {
        let for_kernel = |zone: &Spot| {
            let stand = facts::memory::stand(*zone);
            stand.is_some_and(|stand| stand.reach != Reach::Movable)
        };
        Spot::all().filter(for_kernel).map(|zone| {
            drain(zone);
            Self {
                zone,
                order: MAX_ORDER,
            }
        })
    }

    /// How many pages more there are than watermark number `mark`.
    fn above(&self, mark: usize) -> u64 {
        facts::memory::stand(self.zone).map_or(0, |stand| stand.above(mark))
    }

    /// The largest of at most `most` pages, but not below 2^`least`, that is free now.
    fn next(&mut self, most: u64, least: u32) -> Option<Pages> {
        let fitting = most.checked_ilog2()?;
        loop {
            let order = self.order.min(fitting);
            if order < least {
                return None;
            }
            // Without reclaim or compaction, which would undo what is made.
            match Pages::spare(self.zone, order) {
                Ok(block) => return Some(block),
                // What was not there is not looked for again.
                Err(_) => self.order = order.checked_sub(1)?,
            }
        }
    }
}

/// What holds the pages of each kind.
enum Holder {
    Pages(Hoard<Pages, Level>),
    Area(Hoard<Allocation, Level>),
    Cache(Cached<Level>),
}

/// A state that was made. Dropping it gives everything back.
pub(crate) struct Scenario {
    wish: Wish,
    taken: u64,
    end: End,
    holder: Holder,
}

impl Scenario {
    /// Makes the state that `wish` asks for. `stopped` is asked now and then whether to stop; then,
    /// as upon a fatal signal, everything is given back at once.
    #[inline(never)]
    pub(crate) fn make(wish: &Wish, stopped: &dyn Fn() -> bool) -> Result<Self, Refusal> {
        let stopped = || stopped() || task::fatal_signal();
        let (taken, end, holder) = match wish.state {
            State::Fragment { order } => fragment::make(order, wish.share, &stopped)?,
            State::FillCma { order } => fill_cma::make(order, wish, &stopped)?,
            State::Pressure { mark } => pressure::make(mark, wish.share, &stopped)?,
            State::Hold { mark } => pressure::hold(mark, wish.share, &stopped)?,
            State::CacheInCma => cache::make(wish, &stopped)?,
        };
        Ok(Self {
            wish: *wish,
            taken,
            end,
            holder,
        })
    }

    /// Whether it was stopped before it was done.
    pub(crate) fn was_stopped(&self) -> bool {
        self.end == End::Stopped
    }

    /// What is held now.
    pub(crate) fn held(&self) -> Held {
        let (cap, held) = match &self.holder {
            Holder::Pages(hoard) => (hoard.cap(), hoard.held()),
            Holder::Area(hoard) => (hoard.cap(), hoard.held()),
            Holder::Cache(cached) => (cached.cap(), cached.held()),
        };
        Held {
            wish: self.wish,
            cap,
            taken: self.taken,
            held,
            end: self.end,
        }
    }
}

/// `share` per cent of what `free` counts over all zones.
fn share_of(share: u64, free: impl Fn(&Zone) -> u64) -> Result<u64, Refusal> {
    let zones = facts::memory::zones().map_err(|_| no_memory())?;
    let free: u64 = zones.iter().map(free).sum();
    Ok(num::div(free.saturating_mul(share), 100).unwrap_or(0))
}

/// What pages for the kernel can come from: what is on the free lists, but for CMA's, which are lent
/// to movable ones only, and what each CPU has at hand, which comes back to the lists as they empty.
fn usable(zone: &Zone) -> u64 {
    match zone.reach {
        Reach::Kernel | Reach::Mapped => {
            let free = zone.free.saturating_sub(zone.free_cma);
            free.saturating_add(zone.pcp)
        }
        Reach::Movable => 0,
    }
}

fn no_memory() -> Refusal {
    Refusal::no_memory(format_args!(
        "scenario: no memory for the owner of what is held"
    ))
}

#[cfg(CONFIG_KUNIT = "y")]
#[path = "tests.rs"]
mod scenario_tests;

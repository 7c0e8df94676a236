// SPDX-License-Identifier: GPL-2.0

//! States of memory that are made on purpose and put back, for any experiment to be asked under
//! them. What is held never exceeds the cap, and all of it is given back on drop.

mod fill_cma;
mod fragment;
mod hoard;
mod pressure;

use crate::{
    facts,
    model::{
        memory::Zone,
        num,
        request::Refusal,
        scenario::{
            End,
            Held,
            Kind,
            Wish, //
        },
    },
    sys::task, //
};
use kernel::prelude::*;

/// What holds the pages of each kind.
enum Holder {
    Fragment(fragment::Fragment),
    FillCma(fill_cma::FillCma),
    Pressure(pressure::Pressure),
}

/// A state that was made. Dropping it gives everything back.
pub(crate) struct Scenario {
    wish: Wish,
    cap: u64,
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
        let (cap, end, holder) = match wish.kind {
            Kind::Fragment { order } => fragment::make(order, wish.share, &stopped)?,
            Kind::FillCma { order } => fill_cma::make(order, wish, &stopped)?,
            Kind::Pressure { mark } => pressure::make(mark, wish.share, &stopped)?,
        };
        let mut this = Self {
            wish: *wish,
            cap,
            taken: 0,
            end,
            holder,
        };
        this.taken = this.pages();
        Ok(this)
    }

    /// Whether it was stopped before it was done.
    pub(crate) fn was_stopped(&self) -> bool {
        self.end == End::Stopped
    }

    fn pages(&self) -> u64 {
        match &self.holder {
            Holder::Fragment(holder) => holder.pages(),
            Holder::FillCma(holder) => holder.pages(),
            Holder::Pressure(holder) => holder.pages(),
        }
    }

    /// What is held now.
    pub(crate) fn held(&self) -> Held {
        Held {
            wish: self.wish,
            cap: self.cap,
            taken: self.taken,
            held: self.pages(),
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

/// What a kernel allocation finds on the free lists: CMA lends its pages to movable ones only.
fn usable(zone: &Zone) -> u64 {
    zone.free.saturating_sub(zone.free_cma)
}

/// That, and what each CPU has at hand, which comes back to the free lists as they empty.
fn all_usable(zone: &Zone) -> u64 {
    usable(zone).saturating_add(zone.pcp)
}

fn no_memory() -> Refusal {
    Refusal::no_memory(format_args!(
        "scenario: no memory for the list of what is held"
    ))
}

#[cfg(CONFIG_KUNIT = "y")]
#[path = "tests.rs"]
mod scenario_tests;

// SPDX-License-Identifier: GPL-2.0

//! The level of free memory that a scenario leaves to the kernel. As long as that is free, what is
//! held stays held, however much more kswapd would like to have; what is missing is given back.

use crate::{
    facts,
    model::{
        memory::Reach,
        scenario::MIN, //
    },
    sys::{
        memory::Spot,
        relief::{
            Asks,
            Rule, //
        },
    },
};

/// A watermark that each zone is left with, by what the kernel's own pages can come from.
pub(super) struct Level {
    mark: usize,
    kswapd: bool,
}

impl Level {
    /// Watermark number `mark`.
    pub(super) fn at(mark: usize) -> Self {
        Self { mark, kswapd: true }
    }

    /// Nothing for kswapd; who waits himself is given what is missing to the watermark min.
    pub(super) fn for_who_waits() -> Self {
        Self {
            mark: MIN,
            kswapd: false,
        }
    }
}

/// What one allocation that waits reclaims at a time (`SWAP_CLUSTER_MAX`).
const CALLER: u64 = 32;

impl Rule for Level {
    fn missing(&self, zone: Spot, asks: Asks) -> u64 {
        let Some(zone) = facts::memory::stand(zone) else {
            return 0;
        };
        if zone.reach == Reach::Movable {
            return 0;
        }
        let pages = zone.usable();
        let missing = zone.missing(pages, self.mark, 0);
        match asks {
            Asks::Background if !self.kswapd => 0,
            Asks::Background => missing,
            // It waits because its zones have no more than `min`, as raised.
            Asks::Caller | Asks::BeforeKilling => {
                missing.max(zone.missing(pages, MIN, zone.boost.saturating_add(CALLER)))
            }
        }
    }
}

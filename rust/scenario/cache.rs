// SPDX-License-Identifier: GPL-2.0

//! A CMA area that is full of page cache: whoever allocates from it has to move that first.
//!
//! Pages that can be moved come from an area only where no others are left, or few. So all others are
//! held while a file in memory grows, and go back when it has what was asked for.

use super::{
    no_memory,
    pressure,
    Holder,
    Level, //
};
use crate::{
    model::{
        num,
        request::Refusal,
        scenario::{
            End,
            Wish,
            HIGH, //
        },
    },
    probe,
    sys::{
        cache::{
            Cached,
            Filling, //
        },
        cma::Allocation,
        task, //
    },
};
use kernel::prelude::*;

/// So many pages may lie elsewhere: what each CPU has at hand, and what others gave back meanwhile.
const ELSEWHERE: usize = 1 << 13;
/// A part of the area that stays free: its last pages are those that others have under way.
const LEFT_SHIFT: u32 = 6;

pub(super) fn make(wish: &Wish, stopped: &dyn Fn() -> bool) -> Result<(u64, End, Holder), Refusal> {
    // All others are taken meanwhile.
    pressure::allowed("cache-in-cma")?;
    let area = probe::area::of_named(wish.device)?;
    let (pages, attempt) = Allocation::watched(area, 1, 0);
    drop(pages);
    let left = match attempt.seen {
        Some(seen) => seen.total,
        None => probe::cma::largest(area, None, stopped) as u64,
    };
    let cap = num::div(left.saturating_mul(wish.share), 100).unwrap_or(0);
    let mut filling =
        Filling::new(cap.saturating_add(ELSEWHERE as u64)).map_err(|_| no_memory())?;
    let mut elsewhere = KVec::with_capacity(ELSEWHERE, GFP_KERNEL).map_err(|_| no_memory())?;
    let mut within = 0;
    let others = pressure::all_others(stopped)?;
    let end = loop {
        if stopped() {
            break End::Stopped;
        }
        if within >= cap.saturating_sub(cap >> LEFT_SHIFT) {
            break End::Cap;
        }
        match filling.add() {
            Ok(true) => within += 1,
            Ok(false) if elsewhere.len() < ELSEWHERE => {
                // There is room up to that.
                drop(elsewhere.push_within_capacity(filling.pages() - 1));
            }
            _ => break End::Exhausted,
        }
        task::cond_resched();
    };
    drop(others);
    for page in &elsewhere {
        filling.remove(*page);
    }
    let cached = Cached::new(filling, cap, Level::at(HIGH)).map_err(|_| no_memory())?;
    Ok((within, end, Holder::Cache(cached)))
}

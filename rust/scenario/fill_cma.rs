// SPDX-License-Identifier: GPL-2.0

//! A CMA area that others have allocated from: its first pages, or every other piece of it.

use super::{
    no_memory,
    Holder, //
};
use crate::{
    facts,
    model::{
        num,
        request::Refusal,
        scenario::{
            End,
            Wish, //
        },
    },
    probe,
    sys::{
        cma::{
            Allocation,
            Area, //
        },
        task, //
    },
};
use kernel::prelude::*;

pub(super) struct FillCma {
    pieces: KVVec<Allocation>,
    pages: u64,
}

impl FillCma {
    pub(super) fn pages(&self) -> u64 {
        self.pages
    }

    /// Holds `pages` more in one piece, aligned to 2^`align`, of which `keep` stay.
    fn add(&mut self, area: Area, pages: usize, keep: usize, align: u32) -> Result {
        let mut piece = Allocation::new(area, pages, align)?;
        piece.keep(keep);
        let kept = piece.count() as u64;
        self.pieces.push(piece, GFP_KERNEL)?;
        self.pages += kept;
        Ok(())
    }
}

pub(super) fn make(
    order: Option<u32>,
    wish: &Wish,
    stopped: &dyn Fn() -> bool,
) -> Result<(u64, End, Holder), Refusal> {
    let area = facts::area::of_named(wish.device)?;
    // What one allocation can have now: all of what is left, where nobody has cut it up.
    let (pages, attempt) = Allocation::watched(area, 1, 0);
    drop(pages);
    let left = match attempt.seen {
        Some(seen) => seen.available,
        None => probe::cma::largest(area, None, stopped) as u64,
    };
    let cap = num::div(left.saturating_mul(wish.share), 100).unwrap_or(0);
    let mut fill = FillCma {
        pieces: KVVec::new(),
        pages: 0,
    };
    let end = match order {
        None => block(&mut fill, area, cap, stopped),
        Some(order) => pieces(&mut fill, area, cap, order, stopped),
    };
    Ok((cap, end.map_err(|_| no_memory())?, Holder::FillCma(fill)))
}

/// Takes `cap` pages in as few pieces as can be had.
fn block(fill: &mut FillCma, area: Area, cap: u64, stopped: &dyn Fn() -> bool) -> Result<End> {
    let mut size = usize::try_from(cap)?;
    loop {
        let missing = usize::try_from(cap.saturating_sub(fill.pages()))?;
        size = size.min(missing);
        if missing == 0 {
            return Ok(End::Cap);
        }
        if stopped() {
            return Ok(End::Stopped);
        }
        match fill.add(area, size, size, 0) {
            Ok(()) => {}
            Err(_) if size > 1 => size /= 2,
            Err(_) => return Ok(End::Exhausted),
        }
        task::cond_resched();
    }
}

/// Takes pieces of 2^`order` pages, each with as much behind it that stays free: a pair is taken and
/// its second half given back, into which no later pair fits, as pairs are aligned.
fn pieces(
    fill: &mut FillCma,
    area: Area,
    cap: u64,
    order: u32,
    stopped: &dyn Fn() -> bool,
) -> Result<End> {
    let piece = 1usize << order;
    loop {
        if stopped() {
            return Ok(End::Stopped);
        }
        if fill.pages().saturating_add(2 * piece as u64) > cap {
            return Ok(End::Cap);
        }
        if fill.add(area, 2 * piece, piece, order + 1).is_err() {
            return Ok(End::Exhausted);
        }
        task::cond_resched();
    }
}

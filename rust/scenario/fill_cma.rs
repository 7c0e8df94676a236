// SPDX-License-Identifier: GPL-2.0

//! A CMA area that others have allocated from: its first pages, or every other piece of it.

use super::{
    no_memory,
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
        cma::{
            Allocation,
            Area, //
        },
        relief::{
            Hoard,
            Piece, //
        },
        task, //
    },
};
use kernel::prelude::*;

type Pieces = Hoard<Allocation, Level>;

/// Holds `pages` more in one piece, aligned to 2^`align`, of which `keep` stay. Says how many do.
fn add(hoard: &Pieces, area: Area, pages: usize, keep: usize, align: u32) -> Result<u64> {
    let mut piece = Allocation::new(area, pages, align)?;
    piece.trim(keep);
    let kept = piece.count() as u64;
    hoard.add(piece)?;
    Ok(kept)
}

pub(super) fn make(
    order: Option<u32>,
    wish: &Wish,
    stopped: &dyn Fn() -> bool,
) -> Result<(u64, End, Holder), Refusal> {
    let area = probe::area::of_named(wish.device)?;
    // What one allocation can have now: all of what is left, where nobody has cut it up.
    let (pages, attempt) = Allocation::watched(area, 1, 0);
    drop(pages);
    let left = match attempt.seen {
        Some(seen) => seen.available,
        None => probe::cma::largest(area, None, stopped) as u64,
    };
    let cap = num::div(left.saturating_mul(wish.share), 100).unwrap_or(0);
    // Pages of the area are no help to the kernel's own: processes have to get them before they have
    // taken all others.
    let hoard = Hoard::new(area, cap, Level::at(HIGH)).map_err(|_| no_memory())?;
    let (taken, end) = match order {
        None => block(&hoard, area, stopped),
        Some(order) => pieces(&hoard, area, order, stopped),
    };
    Ok((taken, end, Holder::Area(hoard)))
}

/// Takes as many pages as may be held, in as few pieces as can be had.
fn block(hoard: &Pieces, area: Area, stopped: &dyn Fn() -> bool) -> (u64, End) {
    let (mut taken, mut size) = (0, usize::MAX);
    loop {
        let missing = hoard.cap().saturating_sub(taken);
        size = size.min(usize::try_from(missing).unwrap_or(usize::MAX));
        if missing == 0 {
            return (taken, End::Cap);
        }
        if stopped() {
            return (taken, End::Stopped);
        }
        match add(hoard, area, size, size, 0) {
            Ok(kept) => taken += kept,
            Err(_) if size > 1 => size /= 2,
            Err(_) => return (taken, End::Exhausted),
        }
        task::cond_resched();
    }
}

/// Takes pieces of 2^`order` pages, each with as much behind it that stays free: a pair is taken and
/// its second half given back, into which no later pair fits, as pairs are aligned.
fn pieces(hoard: &Pieces, area: Area, order: u32, stopped: &dyn Fn() -> bool) -> (u64, End) {
    let piece = 1usize << order;
    let mut taken = 0;
    loop {
        if stopped() {
            return (taken, End::Stopped);
        }
        if taken.saturating_add(2 * piece as u64) > hoard.cap() {
            return (taken, End::Cap);
        }
        match add(hoard, area, 2 * piece, piece, order + 1) {
            Ok(kept) => taken += kept,
            Err(_) => return (taken, End::Exhausted),
        }
        task::cond_resched();
    }
}

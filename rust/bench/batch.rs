// SPDX-License-Identifier: GPL-2.0

//! How many operations lie between two readings of the clock.

use super::{
    classes::Slow,
    crew,
    limits::{
        held_max,
        limits,
        BATCH_SHIFT_MAX, //
    },
    measure::Subject,
    order::Batch, //
};
use crate::{
    experiment::empty::Empty,
    model::{
        histogram::Histogram,
        num::{
            self,
            Dec, //
        },
        request::{
            Mode,
            Refusal,
            Release,
            Request, //
        },
    },
    sys::{
        self,
        clock::now,
        task, //
    },
};
use kernel::{
    prelude::*,
    sync::atomic::Atomic, //
};

/// Operations from whose cost the mode is chosen, and the nanoseconds after which fewer must do.
const PILOT: u64 = 32;
const PILOT_NS: u64 = 1_000_000;
/// An operation whose phases are both cheaper than so many clock reads is measured in batches.
const CHEAP: u64 = 5;
/// The largest batch that is not asked for: enough to make the clock a small part of a sample, too
/// few to make an allocator work from another end than it does for one.
const BATCH_SHIFT_AUTO: u32 = 4;
/// The time must have room for 2 to this batches.
const SEVERAL_SHIFT: u32 = 2;

/// log2 of the largest batch that fits; refuses what does not fit one at a time.
pub(super) fn largest(request: &Request) -> Result<u32, Refusal> {
    let (each, threads) = (request.footprint(&limits()), request.threads());
    // The figures of the one thread that every run has are the instrument's own.
    let books = threads.saturating_sub(1).saturating_mul(crew::BOOKS);
    let (most, bytes) = (u64::from(request.info().held_max), held_max());
    let fits = |batch: u64| {
        let held = each.saturating_mul(batch).saturating_mul(threads);
        batch <= most && held.saturating_add(books) <= bytes
    };
    let largest = (0..=BATCH_SHIFT_MAX)
        .take_while(|shift| fits(1 << shift))
        .last();
    largest.ok_or_else(|| {
        let name = request.info().name;
        let (size, threads) = (Dec(request.size()), Dec(threads));
        let (each, books, bytes) = (Dec(each), Dec(books), Dec(bytes));
        Refusal::no_memory(format_args!(
            "size={size} with threads={threads}: each {name} would hold {each} bytes, the \
             threads' figures {books}, all together may hold {bytes} now"
        ))
    })
}

/// log2 of the batch that was asked for, or that the cost of the operation calls for;
/// `largest` is what fits. Trying it ends early when `stopped` says so.
pub(super) fn shift(
    request: &Request,
    subject: &dyn Subject,
    largest: u32,
    stopped: &dyn Fn() -> bool,
) -> Result<u32, Refusal> {
    // What is not a whole batch is not measured.
    let largest = largest.min(request.iterations().checked_ilog2().unwrap_or(0));
    let release = request.release();
    let in_order = release != Release::Newest;
    if in_order && request.batch() == 1 {
        return Err(Refusal::invalid(format_args!(
            "batch=1: release={} needs a batch of two at least",
            release.name()
        )));
    }
    if in_order && request.info().held_max < 2 {
        return Err(Refusal::invalid(format_args!(
            "release={}: {} holds one at a time, there is no order",
            release.name(),
            request.info().name
        )));
    }
    if in_order && largest == 0 {
        return Err(Refusal::invalid(format_args!(
            "release={}: needs a batch of two at least, of this size and for these iterations one fits",
            release.name()
        )));
    }
    let batched = match request.mode() {
        Mode::Op => return Ok(0),
        // One at a time either way: trying would only take time.
        Mode::Auto if largest == 0 && request.batch() <= 1 => return Ok(0),
        Mode::Batch => true,
        // What cannot be tried fails again, and is counted, in the run itself.
        Mode::Auto => {
            in_order
                || request.batch() > 1
                || (largest > 0 && is_cheap(request, subject, stopped).unwrap_or(false))
        }
    };
    match request.batch() {
        _ if !batched => Ok(0),
        0 => Ok(largest.min(BATCH_SHIFT_AUTO)),
        asked if asked.is_power_of_two() && asked.ilog2() <= largest => Ok(asked.ilog2()),
        asked => {
            let (asked, largest) = (asked as u32, 1u32 << largest);
            Err(Refusal::invalid(format_args!(
                "batch={asked}: must be a power of two, 1 to {largest} for this experiment, size and iterations"
            )))
        }
    }
}

/// Whether one operation costs less than a few clock reads, by trying; and whether several batches of
/// it can be had in the time, with what is done to each buffer beside it.
#[inline(never)]
fn is_cheap(request: &Request, subject: &dyn Subject, stopped: &dyn Fn() -> bool) -> Result<bool> {
    let go_on = Atomic::new(0u32);
    let mut pilot = sys::zeroed::tally()?;
    let mut empty = sys::zeroed::tally()?;
    Empty.with_hands(Batch::ONE, &mut |hands| {
        hands.measure(PILOT, &mut empty, &mut Slow::unwatched(), &go_on)
    })?;
    let (mut began, mut spent) = (0, 0);
    subject.with_hands(Batch::ONE, &mut |hands| {
        began = now();
        let until = began.saturating_add(PILOT_NS);
        for _ in 0..PILOT {
            hands.measure(1, &mut pilot, &mut Slow::unwatched(), &go_on)?;
            spent = now().saturating_sub(began);
            if now() >= until || task::fatal_signal() || stopped() {
                break;
            }
        }
        Ok(())
    })?;
    let [empty, _] = &empty.phases;
    let read = empty.percentile(500).unwrap_or(1).max(1);
    let [done, _] = &pilot.phases;
    let each = num::div(spent, done.count()).unwrap_or(u64::MAX);
    if each > request.time_ns() >> (BATCH_SHIFT_AUTO + SEVERAL_SHIFT) {
        return Ok(false);
    }
    let cheap = |phase: &Histogram| phase.percentile(500).is_some_and(|m| m < read * CHEAP);
    Ok(pilot.phases.iter().all(cheap))
}

// SPDX-License-Identifier: GPL-2.0

//! What one operation changed, and what the experiment has to say beyond figures.

use super::{
    memory::order_names,
    table::{
        errno_name,
        header,
        row,
        Bytes,
        Column,
        Maybe, //
    }, //
};
use crate::model::{
    cma::{
        Finding,
        Holders,
        Seen, //
    },
    delta::{
        Delta,
        EventChange,
        ZoneChange, //
    },
    memory::Shortage,
    num::Dec,
    remark::{
        BouncePool,
        Remark, //
    },
    text::Text, //
};
use core::fmt::{
    self,
    Display,
    Write, //
};

const EVENTS: &[Column] = &[("event", -30), ("step", -8), ("change", 8)];

/// A difference, signed unless it is none.
struct Signed(i64);

impl Display for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.0 {
            0 => "",
            1.. => "+",
            _ => "-",
        };
        f.pad(Text::<24>::format(format_args!("{sign}{}", Dec(self.0.unsigned_abs()))).as_str())
    }
}

/// The changes by step: what is not in the table did not change.
pub(super) fn delta(out: &mut dyn Write, phases: [&str; 2], delta: &Delta) -> fmt::Result {
    if !delta.taken {
        return Ok(());
    }
    let [acquire, release] = phases;
    let steps = [acquire, release, "settle"];
    let count = if delta.settled { 3 } else { 2 };
    writeln!(
        out,
        "# changed by the first operation, which is not in the figures above (others' doings are in it;"
    )?;
    writeln!(
        out,
        "# free is the zone's counter, which lags by what each CPU has not added yet)"
    )?;
    if delta.settled {
        writeln!(
            out,
            "# the per-CPU lists were emptied before it, and again in the step settle"
        )?;
    }
    if delta.errno != 0 {
        let errno = delta.errno;
        writeln!(out, "first_errno   {errno} {}", errno_name(errno))?;
    }
    // What was not had was not given back.
    let done = if delta.errno == 0 { 2 } else { 1 };
    for (number, (phase, ns)) in phases.iter().zip(delta.ns).enumerate() {
        writeln!(
            out,
            "{:<13} {}",
            Text::<24>::format(format_args!("first_{phase}_ns")),
            Maybe((number < done).then_some(Dec(ns)))
        )?;
    }
    let orders = delta.zones().map(|zone| zone.orders).max().unwrap_or(0);
    if orders == 0 {
        writeln!(out, "# no free list and no per-CPU list changed")?;
    } else {
        write!(
            out,
            "{:<8} {:>4} {:<8} {:>8} {:>8}",
            "step", "node", "zone", "free", "pcp"
        )?;
        order_names(out, orders)?;
        writeln!(out)?;
    }
    for (step, name) in steps.iter().enumerate().take(count) {
        for zone in delta.zones() {
            change(out, step, name, zone)?;
        }
    }
    if delta.left_out != [0; 2] {
        let [zones, events] = delta.left_out;
        writeln!(
            out,
            "# left out for lack of room: {zones} changes of other zones, {events} of other events"
        )?;
    }
    if delta.events().next().is_some() {
        header(out, EVENTS)?;
    }
    for event in delta.events() {
        events(out, event, steps.iter().take(count))?;
    }
    writeln!(out)
}

fn change(out: &mut dyn Write, step: usize, name: &str, zone: &ZoneChange) -> fmt::Result {
    let at = |counts: &[i64]| counts.get(step).copied().unwrap_or(0);
    let (free, pcp) = (at(&zone.free), at(&zone.pcp));
    let blocks = zone.step(step);
    if free == 0 && pcp == 0 && blocks.iter().all(|blocks| *blocks == 0) {
        return Ok(());
    }
    let (free, pcp) = (Signed(free), Signed(pcp));
    write!(
        out,
        "{name:<8} {:>4} {:<8} {free:>8} {pcp:>8}",
        zone.node, zone.zone
    )?;
    for blocks in blocks {
        write!(out, " {:>7}", Signed(*blocks))?;
    }
    writeln!(out)
}

fn events<'a>(
    out: &mut dyn Write,
    event: &EventChange,
    steps: impl Iterator<Item = &'a &'a str>,
) -> fmt::Result {
    for (step, count) in steps.zip(event.counts) {
        if count != 0 {
            row(out, EVENTS, &[&event.name, step, &Signed(count)])?;
        }
    }
    Ok(())
}

/// What the experiment says beyond figures.
pub(super) fn remark(out: &mut dyn Write, remark: &Remark, page_size: u32) -> fmt::Result {
    match remark {
        Remark::None => return Ok(()),
        Remark::Fallback { linear, tried } => {
            writeln!(
                out,
                "# found by trying powers of two: physically contiguous up to contiguous_to, and from"
            )?;
            writeln!(out, "# one byte more on made of pages by vmalloc()")?;
            let linear = (*linear != 0).then_some(Bytes(*linear));
            writeln!(out, "contiguous_to {}", Maybe(linear))?;
            writeln!(out, "tried_to      {}", Bytes(*tried))?;
        }
        Remark::Cma(finding) => area(out, finding, page_size)?,
        Remark::Bounce(pool) => bounce(out, pool)?,
        Remark::Shortage(found) => shortage(out, found, page_size)?,
    }
    writeln!(out)
}

/// Why a map that has to be bounced fails.
fn bounce(out: &mut dyn Write, pool: &BouncePool) -> fmt::Result {
    writeln!(
        out,
        "# a map that is bounced and finds no room in the pool of bounce buffers fails (EIO)"
    )?;
    writeln!(out, "cause         bounce-pool-full")?;
    writeln!(out, "pool          software IO TLB (swiotlb)")?;
    let bytes = Bytes(pool.slots.saturating_mul(pool.slot_bytes));
    writeln!(
        out,
        "pool_slots    {} of {} bytes each ({bytes})",
        Dec(pool.slots),
        Dec(pool.slot_bytes)
    )?;
    writeln!(
        out,
        "asked_slots   {} in a row, for each map",
        Dec(pool.asked)
    )?;
    match pool.most {
        0 => writeln!(
            out,
            "used_slots    unknown: this kernel does not count them; with swiotlb=...,track_hiwater it does"
        )?,
        most => {
            writeln!(out, "used_slots    {} after the run", Dec(pool.used))?;
            writeln!(out, "most_slots    {} since boot", Dec(most))?;
        }
    }
    writeln!(
        out,
        "would_help    a larger pool (swiotlb=SLOTS on the kernel's command line), fewer maps at a time"
    )
}

/// Why the kernel's own allocations fail though memory is free.
fn shortage(out: &mut dyn Write, found: &Shortage, page_size: u32) -> fmt::Result {
    let kb = |pages: u64| Dec(pages.saturating_mul(u64::from(page_size >> 10)));
    writeln!(
        out,
        "# {} kB were asked for at a time, and of {} kB that are free after the run the kernel itself",
        kb(found.asked),
        kb(found.free)
    )?;
    writeln!(
        out,
        "# can have {} kB: {} kB lie in CMA areas, which are lent to what can be moved away only, and",
        kb(found.usable),
        kb(found.cma)
    )?;
    writeln!(
        out,
        "# {} kB are the watermarks min; the file meminfo says it zone by zone",
        kb(found.min)
    )?;
    writeln!(out, "cause         memory-in-cma")?;
    writeln!(
        out,
        "would_help    smaller CMA areas (cma= on the kernel's command line), less at a time"
    )
}

/// What was found out about an area.
pub(super) fn area(out: &mut dyn Write, found: &Finding, page_size: u32) -> fmt::Result {
    let attempt = &found.attempt;
    let seen =
        |pages: fn(&Seen) -> u64| Unknown(attempt.seen.as_ref().map(|seen| Dec(pages(seen))));
    let bytes = |pages: u64| Bytes(pages.saturating_mul(u64::from(page_size)));
    writeln!(
        out,
        "# asked once more with the kernel's tracepoints listened to; in pages"
    )?;
    writeln!(out, "area          {}", found.area)?;
    writeln!(out, "asked         {}", Dec(attempt.count))?;
    writeln!(out, "asked_align   {}", Dec(1 << attempt.align.min(63)))?;
    writeln!(out, "area_pages    {}", seen(|seen| seen.total))?;
    writeln!(out, "area_left     {}", seen(|seen| seen.available))?;
    writeln!(
        out,
        "largest_run   {} ({})",
        Dec(found.largest),
        bytes(found.largest)
    )?;
    writeln!(out, "busy_places   {}", seen(|seen| seen.retries))?;
    if let Some(seen) = attempt.seen.as_ref().filter(|seen| seen.retries > 0) {
        holders(out, &seen.busy)?;
    }
    match attempt.cause() {
        Some(cause) => {
            let [name, help, retry] = cause.words();
            writeln!(out, "cause         {name}")?;
            writeln!(out, "would_help    {help}")?;
            writeln!(out, "retry         {retry}")
        }
        None => writeln!(out, "cause         none: this time it succeeded"),
    }
}

/// Who has the pages of a place that was busy.
fn holders(out: &mut dyn Write, busy: &Holders) -> fmt::Result {
    let [anon, file, slab, other, free] =
        [busy.anon, busy.file, busy.slab, busy.other, busy.free].map(Dec);
    writeln!(
        out,
        "busy_pages    anon {anon} file {file} slab {slab} other {other} free {free}, of the last place"
    )?;
    writeln!(out, "busy_pinned   {} of them", Dec(busy.pinned))?;
    writeln!(out, "busy_why      {}", busy.why())
}

struct Unknown<T>(Option<T>);

impl<T: Display> Display for Unknown<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(value) => value.fmt(f),
            None => f.pad("unknown"),
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

//! What a comparison says beside its table: where copying stops paying, what an IOMMU or a bounce
//! buffer adds, how large a coherent buffer can be.

use super::table::Bytes;
use crate::model::{
    cost::{
        BreakEven,
        Cost,
        Largest, //
    },
    num::{
        self,
        Dec, //
    },
    outcome::{
        Ending,
        Outcome,
        Tally, //
    },
    request::{
        Family,
        Refusal, //
    },
};
use core::{
    fmt::{
        self,
        Write, //
    },
    ops::Deref, //
};

/// What a comparison found beside its rows.
pub struct Findings<'a> {
    /// What could not be measured, and why.
    pub refused: &'a [Refusal],
    /// One for each direction in which both were measured.
    pub break_even: &'a [BreakEven],
    /// What the device can have in one piece.
    pub largest: Option<Largest>,
    /// How the comparison ended.
    pub ending: Ending,
}

/// From which size on a map is worth it, for each direction.
#[inline(never)]
pub(super) fn break_even(out: &mut dyn Write, all: &[BreakEven]) -> fmt::Result {
    for found in all {
        let (map, copy, tried) = (found.map.name, found.copy.name, Bytes(found.tried));
        write!(out, "# {}: ", found.direction.name())?;
        match (found.copied.map(Bytes), found.mapped.map(Bytes)) {
            (Some(copied), Some(mapped)) => writeln!(
                out,
                "{copy} is cheaper up to {copied}, {map} from {mapped} on: break-even between them \
                 (tried up to {tried})"
            ),
            (Some(copied), None) => writeln!(
                out,
                "{copy} is cheaper up to {copied}, {map} at no size above (tried up to {tried})"
            ),
            (None, Some(mapped)) => writeln!(
                out,
                "{map} is cheaper from {mapped} on, {copy} at no size (tried up to {tried})"
            ),
            (None, None) => writeln!(
                out,
                "{copy} and {map} cannot be told apart at any size up to {tried}"
            ),
        }?;
    }
    Ok(())
}

/// How large a coherent buffer the device can have.
pub(super) fn largest(out: &mut dyn Write, largest: Option<Largest>) -> fmt::Result {
    let Some(Largest { bytes, missed }) = largest else {
        return Ok(());
    };
    write!(out, "# largest coherent buffer now: {}", Bytes(bytes))?;
    match missed {
        Some(missed) => writeln!(out, ", not {}", Bytes(missed)),
        None => writeln!(out, " or more (no more was asked for)"),
    }
}

/// What a map costs more on this device than on one that is neither translated nor bounced.
#[inline(never)]
pub(super) fn added<'a, T: Deref<Target = Tally> + 'a>(
    out: &mut dyn Write,
    rows: impl Iterator<Item = &'a Outcome<T>> + Clone,
    direct: impl Iterator<Item = &'a Outcome<T>> + Clone,
) -> fmt::Result {
    for plain in direct {
        let same = |o: &&Outcome<T>| {
            o.request.info().name == plain.request.info().name
                && o.request.size() == plain.request.size()
                && o.request.direction() == plain.request.direction()
        };
        let Some(o) = rows.clone().find(same) else {
            continue;
        };
        let (Some(device), Some(other)) = (&o.device, &plain.device) else {
            continue;
        };
        let (Some(cost), Some(without)) = (Cost::of(o), Cost::of(plain)) else {
            continue;
        };
        let (name, size) = (o.request.info().name, Bytes(o.request.size()));
        write!(
            out,
            "# {size} {}: {name} takes {cost} on {} (IOMMU {}), {without} on {} (IOMMU {}): ",
            o.request.direction().name(),
            device.name,
            device.iommu,
            other.name,
            other.iommu
        )?;
        match (cost.differs(&without), cost.ns.checked_sub(without.ns)) {
            (true, Some(more)) => {
                let hidden = cost.hidden.saturating_add(without.hidden);
                let up_to = if hidden == 0 { "" } else { "up to " };
                writeln!(out, "{up_to}{} more", Dec(more.saturating_add(cost.hidden)))?;
            }
            (true, None) => writeln!(out, "no more")?,
            (false, _) => writeln!(out, "cannot be told apart")?,
        }
    }
    Ok(())
}

/// What each KiB of a map costs, where a map moves or cleans the bytes.
#[inline(never)]
pub(super) fn per_kib<'a, T: Deref<Target = Tally> + 'a>(
    out: &mut dyn Write,
    rows: impl Iterator<Item = &'a Outcome<T>> + Clone,
) -> fmt::Result {
    for small in rows.clone() {
        let info = small.request.info();
        let why = match (small.placement.bounced, &small.device) {
            (Some(true), _) => "the bytes are copied to a bounce buffer and back",
            (_, Some(device)) if !device.coherent => "the caches are cleaned or invalidated",
            _ => continue,
        };
        let like = |o: &&Outcome<T>| {
            o.request.info().name == info.name && o.request.direction() == small.request.direction()
        };
        let smallest = rows.clone().filter(like).map(|o| o.request.size()).min();
        if info.family != Family::Streaming || smallest != Some(small.request.size()) {
            continue;
        }
        let large = rows.clone().filter(like).max_by_key(|o| o.request.size());
        let Some((large, low, high)) =
            large.and_then(|o| Some((o, Cost::of(small)?, Cost::of(o)?)))
        else {
            continue;
        };
        let bytes = large.request.size().saturating_sub(small.request.size());
        if !low.beats(&high) || bytes == 0 {
            continue;
        }
        let more = high.ns.saturating_sub(low.ns).saturating_mul(1024);
        writeln!(
            out,
            "# {} {}: {why}, {} ns for each KiB between {} and {}",
            info.name,
            small.request.direction().name(),
            Dec(num::div(more, bytes).unwrap_or(0)),
            Bytes(small.request.size()),
            Bytes(large.request.size())
        )?;
    }
    Ok(())
}

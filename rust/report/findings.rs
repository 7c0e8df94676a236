// SPDX-License-Identifier: GPL-2.0

//! What a comparison says beside its table: where copying stops paying, what an IOMMU or a bounce
//! buffer adds, how large a coherent buffer can be.

use super::table::{
    prose,
    Bytes, //
};
use crate::model::{
    break_even::{
        BreakEven,
        Choice,
        Run, //
    },
    comparison::{
        Largest,
        Refused, //
    },
    num::{
        self,
        Dec,
        Hex, //
    },
    outcome::{
        Ending,
        Outcome,
        Tally, //
    },
    request::{
        Buffers,
        Direction,
        Family, //
    },
};
use core::{
    fmt::{
        self,
        Display,
        Write, //
    },
    ops::Deref, //
};

/// What a comparison found beside its rows.
pub struct Findings<'a> {
    /// What could not be measured, and why.
    pub refused: &'a [Refused],
    /// One for each direction in which both were asked for.
    pub break_even: &'a [BreakEven],
    /// What the device can have in one piece.
    pub largest: Option<Largest>,
    /// Whether the CPU's own accesses are to be counted.
    pub touch: bool,
    /// How the comparison ended.
    pub ending: Ending,
}

/// From which size on a map is worth it, for each direction.
#[inline(never)]
pub(super) fn break_even<'a, T: 'a>(
    out: &mut dyn Write,
    rows: impl Iterator<Item = &'a Outcome<T>> + Clone,
    found: &Findings<'_>,
) -> fmt::Result {
    let mut hot = false;
    for even in found.break_even {
        let (map, copy, to) = (even.map.name, even.copy.name, even.direction);
        let bounced = rows
            .clone()
            .any(|o| o.request.info().name == map && o.request.direction() == to && is_bounced(o));
        let bounced = match bounced {
            true => "; a map is bounced here, which is a copy and more",
            false => "",
        };
        prose(
            out,
            format_args!(
                "# {}{map} or {copy}, {}: {}{bounced}",
                whose(even),
                to.name(),
                Order(even)
            ),
        )?;
        hot |=
            to != Direction::ToDevice && even.runs().iter().any(|run| run.choice == Choice::Copy);
    }
    if hot {
        prose(
            out,
            format_args!(
                "# a copy from the device may look cheaper than it is: here no device writes the \
                 buffer, so that the copy finds it in the caches"
            ),
        )?;
    }
    Ok(())
}

/// Whose memory it is, where that is not the kernel's own.
fn whose(even: &BreakEven) -> &'static str {
    match even.map.family {
        Family::Pinning => "from user memory, ",
        _ => "",
    }
}

/// What is cheaper at which sizes.
struct Order<'a>(&'a BreakEven);

impl Display for Order<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let runs = self.0.runs();
        let ends = runs.first().zip(runs.last());
        if let Some((first, last)) = ends.filter(|_| !self.0.is_ordered()) {
            let (from, to) = (Bytes(first.from), Bytes(last.to));
            return write!(
                f,
                "cannot be told: what is cheaper goes to and fro between {from} and {to}"
            );
        }
        let mut comma = "";
        for Run { choice, from, to } in runs {
            let what = match choice {
                Choice::Copy => "copy",
                Choice::Map if self.0.map.family == Family::Pinning => "pin",
                Choice::Map => "map",
                Choice::Even => "cannot be told",
                Choice::Few => "too few samples",
                Choice::Missing => "not measured",
            };
            match from == to {
                true => write!(f, "{comma}{what} at {}", Bytes(*from))?,
                false => write!(f, "{comma}{what} from {} to {}", Bytes(*from), Bytes(*to))?,
            }
            comma = ", ";
        }
        Ok(())
    }
}

fn is_bounced<T>(o: &Outcome<T>) -> bool {
    o.placement.bounced == Some(true)
}

/// Each row of `beside` with the row that was asked for and is the same but for what stands between.
fn pairs<'a, T: 'a>(
    rows: impl Iterator<Item = &'a Outcome<T>> + Clone,
    beside: impl Iterator<Item = &'a Outcome<T>> + Clone,
) -> impl Iterator<Item = (&'a Outcome<T>, &'a Outcome<T>)> + Clone {
    beside.filter_map(move |plain| {
        let same = |o: &&Outcome<T>| {
            o.request.info().name == plain.request.info().name
                && o.request.size() == plain.request.size()
                && o.request.direction() == plain.request.direction()
        };
        Some((rows.clone().find(same)?, plain))
    })
}

/// What being handed memory that the device does not reach adds to a map.
#[inline(never)]
pub(super) fn bounce<'a, T: Deref<Target = Tally> + 'a>(
    out: &mut dyn Write,
    rows: impl Iterator<Item = &'a Outcome<T>> + Clone,
    beside: impl Iterator<Item = &'a Outcome<T>> + Clone,
) -> fmt::Result {
    for &direction in Direction::ALL {
        let pairs = pairs(rows.clone(), beside.clone()).filter(|(o, plain)| {
            let handed = plain.request.buffers() == Buffers::Reachable;
            handed && o.request.direction() == direction && is_bounced(o)
        });
        let Some((first, device)) = pairs
            .clone()
            .next()
            .and_then(|(o, _)| Some((o.request.info().name, o.device.as_ref()?)))
        else {
            continue;
        };
        prose(
            out,
            format_args!(
                "# what a driver is handed may lie above {}, which the device does not reach: {first} \
                 {} bounces it, {}",
                Hex(device.highest),
                direction.name(),
                Bounces(pairs)
            ),
        )?;
    }
    Ok(())
}

/// Sizes with what they cost bounced and not.
struct Bounces<I>(I);

impl<'a, T, I> Display for Bounces<I>
where
    T: Deref<Target = Tally> + 'a,
    I: Iterator<Item = (&'a Outcome<T>, &'a Outcome<T>)> + Clone,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut comma = "";
        for (o, plain) in self.0.clone() {
            let (Some(cost), Some(without)) = (o.cost(), plain.cost()) else {
                continue;
            };
            let size = Bytes(o.request.size());
            match cost.differs(&without) {
                true => write!(f, "{comma}at {size} {cost} ns instead of {without}")?,
                false => write!(f, "{comma}at {size} cannot be told from not doing so")?,
            }
            comma = ", ";
        }
        Ok(())
    }
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

/// What a map costs more on this device than on one that nothing translates for.
#[inline(never)]
pub(super) fn added<'a, T: Deref<Target = Tally> + 'a>(
    out: &mut dyn Write,
    rows: impl Iterator<Item = &'a Outcome<T>> + Clone,
    beside: impl Iterator<Item = &'a Outcome<T>> + Clone,
) -> fmt::Result {
    for (o, plain) in pairs(rows, beside) {
        let (Some(device), Some(other)) = (&o.device, &plain.device) else {
            continue;
        };
        let (Some(cost), Some(without)) = (o.cost(), plain.cost()) else {
            continue;
        };
        if plain.request.buffers() == Buffers::Reachable {
            continue;
        }
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
            // From something between nothing and the resolution to the whole figure is at most that.
            (true, Some(_)) if without.below => writeln!(out, "up to {cost} more")?,
            (true, Some(more)) => writeln!(out, "{} more", Dec(more))?,
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
            // swiotlb_tbl_map_single() copies in any direction: the device may leave bytes as they are.
            (Some(true), _) => match small.request.direction() {
                Direction::ToDevice => "the bytes are copied once, to a bounce buffer",
                Direction::FromDevice | Direction::Bidirectional => {
                    "the bytes are copied twice, to a bounce buffer when it is mapped and back when it is unmapped"
                }
            },
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
        let Some((large, low, high)) = large.and_then(|o| Some((o, small.cost()?, o.cost()?)))
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

// SPDX-License-Identifier: GPL-2.0

//! What follows from a comparison's figures, and no more than follows.

use super::{
    findings::{
        self,
        Findings, //
    },
    rows::{
        end,
        sizes, //
    },
    table::{
        errno_name,
        Bytes, //
    }, //
};
use crate::model::{
    cost::Cost,
    num::Dec,
    outcome::{
        Outcome,
        Tally, //
    },
    placement::{
        Placement,
        Window, //
    },
    provenance::{
        Machine,
        Provenance, //
    },
    request::{
        Direction,
        Family,
        Info, //
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

impl Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.hidden {
            0 => Dec(self.ns).fmt(f),
            hidden => write!(f, "<{}", Dec(self.ns.saturating_add(hidden))),
        }
    }
}

/// Advice for each size in `rows`.
pub(super) fn advice<'a, T: Deref<Target = Tally> + 'a>(
    out: &mut dyn Write,
    rows: impl Iterator<Item = &'a Outcome<T>> + Clone,
    direct: impl Iterator<Item = &'a Outcome<T>> + Clone,
    found: &Findings<'_>,
    provenance: &Provenance,
) -> fmt::Result {
    let caveat = match provenance.machine {
        Machine::Tcg => " (counts of an emulator, not advice for hardware)",
        Machine::Unknown => " (perhaps counts of an emulator)",
        Machine::Native | Machine::Hypervisor => "",
    };
    writeln!(out, "# ADVICE{caveat}")?;
    writeln!(
        out,
        "# ns: p50 of both phases together; ~ cannot be told apart: within 10 %, the clock's \
         resolution or what the samples allow"
    )?;
    for size in sizes(rows.clone()) {
        let group = rows.clone().filter(|o| o.request.size() == size);
        for_size(out, size, group.clone())?;
        for &direction in Direction::ALL {
            for_direction(out, size, direction, group.clone())?;
        }
        places(out, size, group)?;
    }
    findings::break_even(out, found.break_even)?;
    findings::added(out, rows.clone(), direct)?;
    findings::per_kib(out, rows.clone())?;
    findings::largest(out, found.largest)?;
    let accesses = (rows.clone()).any(|o| o.request.info().family == Family::Access);
    if !accesses && rows.clone().any(|o| o.placement.dma.is_some()) {
        writeln!(
            out,
            "# not in these figures: what the CPU's own reads and writes of a buffer cost: compare the access- experiments"
        )?;
    }
    if (rows.clone()).any(|o| o.device.as_ref().is_some_and(|device| !device.coherent)) {
        writeln!(
            out,
            "# the device is not cache-coherent: a streaming map pays for cache maintenance, \
             a coherent buffer with uncached access"
        )?;
    }
    Ok(())
}

/// Ways to get memory, the cheapest first.
#[inline(never)]
fn for_size<'a, T: Deref<Target = Tally> + 'a>(
    out: &mut dyn Write,
    size: u64,
    group: impl Iterator<Item = &'a Outcome<T>> + Clone,
) -> fmt::Result {
    let costs = memory(group).filter_map(|o| Some((o.request.info(), Cost::of(o)?)));
    if costs.clone().count() > 1 {
        write!(out, "# {}: to get memory: ", Bytes(size))?;
        ranking(out, costs)?;
        writeln!(out)?;
    }
    Ok(())
}

/// What allocates, once each: in which direction the memory is for is nothing to its price.
fn memory<'a, T: Deref<Target = Tally> + 'a>(
    group: impl Iterator<Item = &'a Outcome<T>> + Clone,
) -> impl Iterator<Item = &'a Outcome<T>> + Clone {
    let rows = group.clone();
    group.filter(move |o| {
        let name = o.request.info().name;
        let mut rows = rows.clone();
        let first = rows.find(|row| row.request.info().name == name);
        o.request.info().allocates && first.is_some_and(|first| core::ptr::eq(first, *o))
    })
}

/// Ways to get bytes to or from a device: allocated for it, mapped for each transfer, or copied.
#[inline(never)]
fn for_direction<'a, T: Deref<Target = Tally> + 'a>(
    out: &mut dyn Write,
    size: u64,
    direction: Direction,
    group: impl Iterator<Item = &'a Outcome<T>> + Clone,
) -> fmt::Result {
    // What knows no direction serves all.
    let costs = group
        .filter(|o| o.placement.dma.is_some() && for_transfer(o))
        .filter(|o| o.request.info().directions.is_empty() || o.request.direction() == direction)
        .filter_map(|o| Some((o.request.info(), Cost::of(o)?)));
    let best = |of: Family| {
        costs
            .clone()
            .filter(|(info, _)| info.family == of)
            .map(|(_, cost)| cost)
            .min_by_key(|cost| cost.ns)
    };
    let Some(mapped) = best(Family::Streaming) else {
        return Ok(());
    };
    let (copied, allocated) = (best(Family::Copying), best(Family::Coherent));
    let beaten = |other: Option<Cost>| other.is_some_and(|other| other.beats(&mapped));
    let (size, direction) = (Bytes(size), direction.name());
    write!(out, "# {size} {direction}: ")?;
    ranking(out, costs)?;
    if beaten(copied) && copied.is_some_and(|copied| beats_or_none(copied, allocated)) {
        return writeln!(out, ": copy through a coherent buffer that you keep");
    }
    if beaten(allocated) {
        return writeln!(
            out,
            ": allocating for each transfer is cheaper than mapping"
        );
    }
    if allocated.is_some_and(|allocated| !mapped.beats(&allocated)) {
        return writeln!(out, ": neither is cheaper per transfer");
    }
    // Of what was not measured nothing is said.
    let mut lead = ": ";
    if let Some(copied) = copied {
        let verdict = match mapped.beats(&copied) {
            true => "map your buffer for each transfer",
            false => "map or copy, neither is cheaper",
        };
        write!(out, "{lead}{verdict}")?;
        lead = "; ";
    }
    if allocated.is_some() {
        write!(out, "{lead}allocate coherent once and keep it")?;
    }
    writeln!(out)
}

/// Whether it is all that a driver does to its memory for a transfer.
fn for_transfer<T>(o: &Outcome<T>) -> bool {
    let info = o.request.info();
    match info.family {
        Family::Allocator | Family::Streaming | Family::Copying => true,
        // What has a direction is synced for each transfer, and what the CPU has no address of
        // takes no bytes from it.
        Family::Coherent => info.directions.is_empty() && o.placement.virt != 0,
        _ => false,
    }
}

fn beats_or_none(cost: Cost, other: Option<Cost>) -> bool {
    other.is_none_or(|other| !other.beats(&cost))
}

/// Where memory came from, and what failed.
#[inline(never)]
fn places<'a, T: Deref<Target = Tally> + 'a>(
    out: &mut dyn Write,
    size: u64,
    group: impl Iterator<Item = &'a Outcome<T>> + Clone,
) -> fmt::Result {
    let size = Bytes(size);
    let mut lead = "came from: ";
    for o in memory(group.clone()) {
        if Cost::of(o).is_none() {
            continue;
        }
        if lead != ", " {
            write!(out, "# {size}: ")?;
        }
        write!(
            out,
            "{lead}{} {}",
            o.request.info().name,
            Origin(&o.placement)
        )?;
        lead = ", ";
    }
    end(out, lead)?;

    let mut lead = "failed: ";
    for o in group {
        for (errno, count) in o.tally.failures.iter() {
            if lead != ", " {
                write!(out, "# {size}: ")?;
            }
            let (count, errno) = (Dec(count), errno_name(errno));
            write!(out, "{lead}{}", o.request.info().name)?;
            if !o.request.info().directions.is_empty() {
                write!(out, " {}", o.request.direction().name())?;
            }
            write!(out, " {count} x {errno}")?;
            lead = ", ";
        }
    }
    end(out, lead)
}

/// `costs` in rising order, with `<` before what differs from all that stand before it, and `~`
/// where one of them cannot be told apart from it.
fn ranking(
    out: &mut dyn Write,
    costs: impl Iterator<Item = (&'static Info, Cost)> + Clone,
) -> fmt::Result {
    let key = |(at, (_, cost)): &(usize, (&'static Info, Cost))| (cost.ns, *at);
    let mut last: Option<(usize, (&'static Info, Cost))> = None;
    loop {
        let next = costs
            .clone()
            .enumerate()
            .filter(|each| last.as_ref().is_none_or(|last| key(each) > key(last)))
            .min_by_key(key);
        let Some((_, (info, cost))) = next else {
            return Ok(());
        };
        if let Some(last) = &last {
            let before = |each: &(usize, (&'static Info, Cost))| key(each) <= key(last);
            let mut all = costs.clone().enumerate().filter(before);
            let apart = all.all(|(_, (_, before))| cost.differs(&before));
            out.write_str(if apart { " < " } else { " ~ " })?;
        }
        write!(out, "{} {cost}", info.name)?;
        last = next;
    }
}

/// Which allocator the first page came from, as far as its place shows.
struct Origin<'a>(&'a Placement);

impl Display for Origin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let p = self.0;
        let from = match (p.cma, p.window) {
            (Some(true), Window::Vmalloc) => "CMA, remapped",
            (Some(true), _) => "CMA",
            (_, Window::Vmalloc) => "vmalloc",
            (Some(false), _) => "buddy",
            (None, _) => "unknown",
        };
        write!(f, "{from}")?;
        match (p.zone.as_str(), p.extents) {
            ("", _) => Ok(()),
            (zone, 0 | 1) => write!(f, " ({zone})"),
            (zone, extents) => write!(f, " ({zone}, {extents} extents)"),
        }
    }
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), kernel::macros::kunit_tests(memlab_advice))]
mod tests {
    use super::*;
    use crate::model::text::Text;

    const fn named(name: &'static str) -> Info {
        Info {
            name,
            ..Info::PLAIN
        }
    }
    static SLOW: Info = named("slow");
    static FAST: Info = named("fast");
    static EVEN: Info = named("even");

    const fn cost(ns: u64, noise: u64) -> Cost {
        Cost {
            ns,
            hidden: 0,
            low: ns - noise,
            high: ns + noise,
        }
    }

    #[test]
    fn the_cheapest_comes_first_and_the_like_are_joined() {
        let costs = [
            (&SLOW, cost(5000, 1)),
            (&FAST, cost(100, 1)),
            (&EVEN, cost(100, 1)),
        ];
        let mut text = Text::<64>::EMPTY;
        assert!(ranking(&mut text, costs.into_iter()).is_ok());
        assert_eq!(text.as_str(), "fast 100 ~ even 100 < slow 5000");
        // What nothing is known of is told apart from none.
        let [slow, _, even] = costs;
        let mut text = Text::<64>::EMPTY;
        let loose = (
            &FAST,
            Cost {
                high: u64::MAX,
                ..cost(100, 100)
            },
        );
        assert!(ranking(&mut text, [slow, loose, even].into_iter()).is_ok());
        assert_eq!(text.as_str(), "fast 100 ~ even 100 ~ slow 5000");
    }

    #[test]
    fn what_is_below_the_resolution_says_so() {
        let hidden = Cost {
            ns: 30,
            hidden: 20,
            low: 0,
            high: 90,
        };
        let text = Text::<16>::format(format_args!("{hidden}"));
        assert_eq!(text.as_str(), "<50");
    }

    #[test]
    fn origin_is_what_the_place_shows() {
        let origin = |cma, window| {
            let placement = Placement {
                cma,
                window,
                ..Placement::UNKNOWN
            };
            Text::<32>::format(format_args!("{}", Origin(&placement)))
        };
        assert_eq!(origin(Some(true), Window::Linear).as_str(), "CMA");
        assert_eq!(
            origin(Some(true), Window::Vmalloc).as_str(),
            "CMA, remapped"
        );
        assert_eq!(origin(Some(false), Window::Linear).as_str(), "buddy");
        assert_eq!(origin(Some(false), Window::Vmalloc).as_str(), "vmalloc");
        assert_eq!(origin(None, Window::None).as_str(), "unknown");
    }
}

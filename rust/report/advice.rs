// SPDX-License-Identifier: GPL-2.0

//! What follows from a comparison's figures, and no more than follows.

use super::{
    findings::{
        self,
        Findings, //
    },
    rows::{
        end,
        memory,
        sizes,
        Names, //
    },
    table::{
        errno_name,
        Bytes, //
    },
    ways::{
        costs,
        missing, //
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

/// What the answer rests on, for each size in `rows`.
pub(super) fn advice<'a, T: Deref<Target = Tally> + 'a>(
    out: &mut dyn Write,
    rows: impl Iterator<Item = &'a Outcome<T>> + Clone + 'a,
    beside: impl Iterator<Item = &'a Outcome<T>> + Clone,
    found: &'a Findings<'_>,
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
        "# ns, ranked by: mean of both phases together, over rounds of which the lowest and the highest are left \
         out; ~ cannot be told apart: within 10 %, the clock's resolution or the rounds' spread"
    )?;
    for size in sizes(rows.clone()) {
        for_size(out, size, rows.clone(), found)?;
        for &direction in Direction::ALL {
            for_direction(out, size, direction, rows.clone(), found)?;
        }
        places(out, size, rows.clone())?;
    }
    findings::added(out, rows.clone(), beside)?;
    findings::per_kib(out, rows.clone())?;
    let accesses = (rows.clone()).any(|o| o.request.info().family == Family::Access);
    if !accesses && rows.clone().any(|o| o.placement.dma.is_some()) {
        writeln!(
            out,
            "# not in these figures: what the CPU's own reads and writes of a buffer cost: touch=yes counts them"
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
    rows: impl Iterator<Item = &'a Outcome<T>> + Clone + 'a,
    found: &'a Findings<'_>,
) -> fmt::Result {
    let rows = memory(rows, size);
    let costs = (rows.clone()).filter_map(|o| Some((o.request.info(), o.cost()?)));
    if costs.clone().count() < 2 {
        return Ok(());
    }
    write!(out, "# {}: to get memory: ", Bytes(size))?;
    ranking(out, costs)?;
    let refused = || {
        let all = found.refused.iter();
        let all = all.filter(|refused| refused.size == size && refused.info.allocates);
        let empty = rows.clone().filter(|o| o.cost().is_none());
        empty
            .map(|o| o.request.info())
            .chain(all.map(|refused| refused.info))
    };
    unmeasured(out, Names(refused))
}

/// Ways to get bytes to or from a device: allocated for it, mapped for each transfer, synced, or
/// copied.
#[inline(never)]
fn for_direction<'a, T: Deref<Target = Tally> + 'a>(
    out: &mut dyn Write,
    size: u64,
    direction: Direction,
    rows: impl Iterator<Item = &'a Outcome<T>> + Clone + 'a,
    found: &'a Findings<'_>,
) -> fmt::Result {
    let costs = costs(rows.clone(), size, direction);
    // What serves any direction ranks where something is measured in this one.
    if !costs.clone().any(|(info, _)| !info.directions.is_empty()) {
        return Ok(());
    }
    write!(out, "# {} {}: ", Bytes(size), direction.name())?;
    ranking(out, costs)?;
    unmeasured(out, Names(|| missing(rows.clone(), found, size, direction)))
}

/// Ends the line of a ranking with what is not in it.
fn unmeasured<I: Iterator<Item = &'static Info>>(
    out: &mut dyn Write,
    names: Names<impl Fn() -> I>,
) -> fmt::Result {
    match names.is_empty() {
        true => writeln!(out),
        false => writeln!(out, "; not measured: {names}"),
    }
}

/// Where memory came from, and what failed.
#[inline(never)]
fn places<'a, T: Deref<Target = Tally> + 'a>(
    out: &mut dyn Write,
    size: u64,
    rows: impl Iterator<Item = &'a Outcome<T>> + Clone,
) -> fmt::Result {
    let group = rows.filter(|o| o.request.size() == size);
    let mut lead = "came from: ";
    let from = memory(group.clone(), size);
    let size = Bytes(size);
    for o in from {
        if o.cost().is_none() {
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
        if !cost.is_enough() {
            out.write_str(" (too few samples)")?;
        }
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
            // Mapped anew for a device that does not see the caches, or page by page.
            (_, Window::Vmalloc) if p.dma.is_some() => "buddy, remapped",
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

    #[test]
    fn what_is_remapped_for_a_device_is_no_vmalloc() {
        let mut place = Placement {
            window: Window::Vmalloc,
            zone: Text::new("DMA"),
            cma: Some(false),
            extents: 1,
            ..Placement::UNKNOWN
        };
        let origin = |place: &Placement| Text::<32>::format(format_args!("{}", Origin(place)));
        assert_eq!(origin(&place).as_str(), "vmalloc (DMA)");
        place.dma = Some(0x4000_0000);
        assert_eq!(origin(&place).as_str(), "buddy, remapped (DMA)");
        place.cma = Some(true);
        assert_eq!(origin(&place).as_str(), "CMA, remapped (DMA)");
    }

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
            below: false,
            low: ns - noise,
            high: ns + noise,
            rounds: 7,
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
        let below = Cost {
            below: true,
            low: 0,
            ..cost(50, 40)
        };
        let text = Text::<16>::format(format_args!("{below:>5}"));
        assert_eq!(text.as_str(), "  <50");
        // It is ranked by the figure that is shown.
        let costs = [(&SLOW, below), (&FAST, cost(45, 5)), (&EVEN, cost(51, 1))];
        let mut text = Text::<64>::EMPTY;
        assert!(ranking(&mut text, costs.into_iter()).is_ok());
        assert_eq!(text.as_str(), "fast 45 ~ slow <50 ~ even 51");
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

// SPDX-License-Identifier: GPL-2.0

//! What follows from a comparison's figures, and no more than follows.

use super::{
    comparison::{
        end,
        sizes, //
    },
    table::{
        errno_name,
        Bytes, //
    }, //
};
use crate::model::{
    num::{
        self,
        Dec, //
    },
    outcome::{
        Net,
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
    request::Info,
};
use core::{
    fmt::{
        self,
        Display,
        Write, //
    },
    ops::Deref, //
};

/// What getting and giving back costs in the median, in ns.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Cost {
    /// The net figures.
    ns: u64,
    /// What more it may be where a figure was below the resolution.
    hidden: u64,
    /// Between which figures it lies, as far as the samples and the clock can tell.
    low: u64,
    high: u64,
}

impl Cost {
    const NONE: Self = Self {
        ns: 0,
        hidden: 0,
        low: 0,
        high: 0,
    };

    /// `None` where a phase has no samples.
    fn of<T: Deref<Target = Tally>>(outcome: &Outcome<T>) -> Option<Self> {
        let clock = &outcome.clock;
        let floor = clock.floor();
        outcome
            .tally
            .phases
            .iter()
            .try_fold(Self::NONE, |sum, phase| {
                let (ns, hidden) = match clock.net(phase.percentile(500)?) {
                    Net::Ns(ns) => (ns, 0),
                    Net::Below(floor) => (0, floor),
                };
                let (low, high) = phase.median_interval()?;
                let [low, high] = [low, high].map(|raw| raw.saturating_sub(clock.median));
                Some(Self {
                    ns: sum.ns.saturating_add(ns),
                    hidden: sum.hidden.saturating_add(hidden),
                    low: sum.low.saturating_add(low.saturating_sub(floor)),
                    high: sum.high.saturating_add(high.saturating_add(floor)),
                })
            })
    }

    /// Whether it differs from `other` by more than both may be wrong and by more than 10 %.
    fn differs(&self, other: &Self) -> bool {
        let apart = self.high < other.low || other.high < self.low;
        let tenth = num::div(self.ns.max(other.ns), 10).unwrap_or(0);
        apart && self.ns.abs_diff(other.ns) > tenth
    }
}

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
        let group = rows.clone().filter(|o| o.request.size == size);
        for_size(out, size, group)?;
    }
    if rows.clone().any(|o| o.placement.dma.is_some()) {
        writeln!(
            out,
            "# not in these figures: what the CPU's own reads and writes of a buffer cost"
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

fn for_size<'a, T: Deref<Target = Tally> + 'a>(
    out: &mut dyn Write,
    size: u64,
    group: impl Iterator<Item = &'a Outcome<T>> + Clone,
) -> fmt::Result {
    let size = Bytes(size);
    let costs = || {
        group
            .clone()
            .filter_map(|o| Some((o.request.info, Cost::of(o)?)))
    };

    // Ways to get memory, the cheapest first.
    let memory = || costs().filter(|(info, _)| info.allocates);
    if memory().count() > 1 {
        write!(out, "# {size}: to get memory: ")?;
        ranking(out, memory())?;
        writeln!(out)?;
    }

    // Memory that a device can reach: allocated for it, or mapped for each transfer.
    let reachable = || {
        group
            .clone()
            .filter(|o| o.placement.dma.is_some())
            .filter_map(|o| Some((o.request.info, Cost::of(o)?)))
    };
    let best = |allocates| {
        reachable()
            .filter(|(info, _)| info.allocates == allocates)
            .map(|(_, cost)| cost)
            .min_by_key(|cost| cost.ns)
    };
    if let (Some(coherent), Some(streaming)) = (best(true), best(false)) {
        let verdict = match (coherent.differs(&streaming), streaming.ns < coherent.ns) {
            (false, _) => "neither is cheaper per transfer",
            (true, true) => "map your buffer for each transfer; allocate coherent once and keep it",
            (true, false) => "allocating for each transfer is cheaper than mapping",
        };
        write!(out, "# {size}: for a device: ")?;
        ranking(out, reachable())?;
        writeln!(out, ": {verdict}")?;
    }

    let mut lead = "came from: ";
    for o in group.clone().filter(|o| o.request.info.allocates) {
        if Cost::of(o).is_none() {
            continue;
        }
        if lead != ", " {
            write!(out, "# {size}: ")?;
        }
        write!(
            out,
            "{lead}{} {}",
            o.request.info.name,
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
            let (name, count, errno) = (o.request.info.name, Dec(count), errno_name(errno));
            write!(out, "{lead}{name} {count} x {errno}")?;
            lead = ", ";
        }
    }
    end(out, lead)
}

/// `costs` in rising order, with `<` between what differs and `~` between what does not.
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
        match &last {
            Some((_, (_, before))) if cost.differs(before) => out.write_str(" < ")?,
            Some(_) => out.write_str(" ~ ")?,
            None => {}
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
    use crate::model::{
        request::Range,
        text::Text, //
    };

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
    fn a_tenth_or_the_noise_is_no_difference() {
        assert!(!cost(1000, 1).differs(&cost(900, 1)));
        assert!(cost(1000, 1).differs(&cost(899, 1)));
        assert!(cost(899, 1).differs(&cost(1000, 1)));
        assert!(!cost(100, 30).differs(&cost(60, 10)));
        assert!(!cost(60, 10).differs(&cost(100, 30)));
        assert!(cost(100, 29).differs(&cost(60, 10)));
        assert!(!Cost::NONE.differs(&Cost::NONE));
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

// SPDX-License-Identifier: GPL-2.0

//! What an operation costs, with how far that can be trusted: what comparisons are made of.

use super::{
    num,
    outcome::{
        Net,
        Outcome,
        Tally, //
    },
    request::{
        Direction,
        Info, //
    },
};
use core::ops::Deref;

/// What both phases together cost in the median, in ns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// The net figures.
    pub ns: u64,
    /// What more it may be where a figure was below the resolution.
    pub hidden: u64,
    /// Between which figures it lies, as far as the samples and the clock can tell.
    pub low: u64,
    /// The upper end.
    pub high: u64,
}

impl Cost {
    /// Nothing.
    pub const NONE: Self = Self {
        ns: 0,
        hidden: 0,
        low: 0,
        high: 0,
    };

    /// `None` where a phase has no samples.
    pub fn of<T: Deref<Target = Tally>>(outcome: &Outcome<T>) -> Option<Self> {
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
    pub fn differs(&self, other: &Self) -> bool {
        let apart = self.high < other.low || other.high < self.low;
        let tenth = num::div(self.ns.max(other.ns), 10).unwrap_or(0);
        apart && self.ns.abs_diff(other.ns) > tenth
    }

    /// Whether it is less than `other`, beyond what may be wrong.
    pub fn beats(&self, other: &Self) -> bool {
        self.differs(other) && self.ns < other.ns
    }
}

/// From which size on mapping a buffer beats copying through one that is mapped for good.
#[derive(Clone, Copy, Debug)]
pub struct BreakEven {
    /// The way the bytes go.
    pub direction: Direction,
    /// What maps.
    pub map: &'static Info,
    /// What copies.
    pub copy: &'static Info,
    /// The largest size at which copying was the cheaper one, in bytes.
    pub copied: Option<u64>,
    /// The smallest size above it at which mapping was the cheaper one, in bytes.
    pub mapped: Option<u64>,
    /// The largest size that was tried, in bytes.
    pub tried: u64,
}

impl BreakEven {
    /// Nothing tried.
    pub fn new(direction: Direction, map: &'static Info, copy: &'static Info) -> Self {
        Self {
            direction,
            map,
            copy,
            copied: None,
            mapped: None,
            tried: 0,
        }
    }

    /// Takes in what both cost at `size`. Sizes rise from call to call.
    pub fn add(&mut self, size: u64, map: &Cost, copy: &Cost) {
        self.tried = self.tried.max(size);
        if copy.beats(map) {
            self.copied = Some(size);
            // What was cheaper mapped below this size was no break-even.
            self.mapped = None;
        } else if self.mapped.is_none() && map.beats(copy) {
            self.mapped = Some(size);
        }
    }
}

/// The largest piece of coherent memory that could be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Largest {
    /// Bytes; 0 if not even a page.
    pub bytes: u64,
    /// The next larger size that was asked for in vain; `None` if no more was asked for.
    pub missed: Option<u64>,
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), kernel::macros::kunit_tests(memlab_cost))]
mod tests {
    use super::*;

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
        assert!(cost(60, 10).beats(&cost(100, 29)));
        assert!(!cost(100, 29).beats(&cost(60, 10)));
    }

    #[test]
    fn break_even_lies_between_the_last_copy_and_the_first_map() {
        let none = || BreakEven::new(Direction::ToDevice, &Info::STREAMING, &Info::PLAIN);
        let mut found = none();
        for (size, copy) in [(64, 50), (128, 80), (256, 100), (512, 150), (1024, 300)] {
            found.add(size, &cost(100, 1), &cost(copy, 1));
        }
        assert_eq!(
            (found.copied, found.mapped, found.tried),
            (Some(128), Some(512), 1024)
        );

        // A copy that wins again moves it up.
        found.add(2048, &cost(500, 1), &cost(300, 1));
        assert_eq!((found.copied, found.mapped), (Some(2048), None));

        let mut never = none();
        never.add(64, &cost(100, 1), &cost(100, 1));
        assert_eq!((never.copied, never.mapped), (None, None));
    }
}

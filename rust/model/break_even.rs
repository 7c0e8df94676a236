// SPDX-License-Identifier: GPL-2.0

//! From which size on mapping a buffer, or pinning a program's, beats copying through one that is mapped for good.

use super::{
    cost::Cost,
    request::{
        Direction,
        Info, //
    },
};

/// What can be said of mapping and copying at one size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Copying is cheaper.
    Copy,
    /// Mapping is cheaper.
    Map,
    /// They cannot be told apart.
    Even,
    /// There are too few rounds to tell.
    Few,
    /// One of them has no samples.
    Missing,
}

impl Choice {
    /// Chooses by the intervals that rank the two everywhere else, too.
    pub fn between(map: Option<&Cost>, copy: Option<&Cost>) -> Self {
        match (map, copy) {
            (Some(map), Some(copy)) if !(map.is_enough() && copy.is_enough()) => Self::Few,
            (Some(map), Some(copy)) if copy.beats(map) => Self::Copy,
            (Some(map), Some(copy)) if map.beats(copy) => Self::Map,
            (Some(_), Some(_)) => Self::Even,
            _ => Self::Missing,
        }
    }
}

/// Sizes that follow each other and of which the same can be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// What can be said.
    pub choice: Choice,
    /// The smallest of them, in bytes.
    pub from: u64,
    /// The largest.
    pub to: u64,
}

/// The most runs that are kept; where there are more there is no order in them.
pub const RUNS_MAX: usize = 8;

/// What was found at rising sizes.
#[derive(Clone, Copy, Debug)]
pub struct BreakEven {
    /// The way the bytes go.
    pub direction: Direction,
    /// What maps.
    pub map: &'static Info,
    /// What copies.
    pub copy: &'static Info,
    runs: [Run; RUNS_MAX],
    count: usize,
}

impl BreakEven {
    /// Nothing tried.
    pub fn new(direction: Direction, map: &'static Info, copy: &'static Info) -> Self {
        Self {
            direction,
            map,
            copy,
            runs: [Run {
                choice: Choice::Missing,
                from: 0,
                to: 0,
            }; RUNS_MAX],
            count: 0,
        }
    }

    /// Takes in what can be said at `size`. Sizes rise from call to call.
    pub fn add(&mut self, size: u64, choice: Choice) {
        match self.runs.get_mut(..self.count).and_then(<[_]>::last_mut) {
            Some(last) if last.choice == choice => last.to = size,
            _ => {
                if let Some(slot) = self.runs.get_mut(self.count) {
                    *slot = Run {
                        choice,
                        from: size,
                        to: size,
                    };
                }
                // One more than there is room for says that there were more.
                self.count = (self.count + 1).min(RUNS_MAX + 1);
            }
        }
    }

    /// The runs, the smallest sizes first.
    pub fn runs(&self) -> &[Run] {
        self.runs.get(..self.count).unwrap_or(&self.runs)
    }

    /// Whether copying is cheaper below some size and mapping above it, and nowhere the other way.
    pub fn is_ordered(&self) -> bool {
        let runs = || self.runs().iter().map(|run| run.choice);
        let after_map = runs().skip_while(|choice| *choice != Choice::Map);
        self.count <= RUNS_MAX && !after_map.into_iter().any(|choice| choice == Choice::Copy)
    }

    /// The two sizes between which it is worth trying more, if there are.
    pub fn gap(&self) -> Option<(u64, u64)> {
        let said = |run: &Run| matches!(run.choice, Choice::Copy | Choice::Map | Choice::Even);
        let runs = self.runs();
        let copied = runs.iter().rposition(|run| run.choice == Choice::Copy);
        let mapped = runs.iter().position(|run| run.choice == Choice::Map);
        let (below, above) = match (copied, mapped) {
            (Some(below), Some(above)) => (below, above),
            (Some(below), None) => (below, below + 1),
            (None, Some(above)) => (above.checked_sub(1)?, above),
            (None, None) => return None,
        };
        let (below, above) = (runs.get(below)?, runs.get(above)?);
        (self.is_ordered() && said(below) && said(above)).then_some((below.to, above.from))
    }
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), kernel::macros::kunit_tests(memlab_break_even))]
mod tests {
    use super::*;

    fn found(choices: &[(u64, Choice)]) -> BreakEven {
        let mut found = BreakEven::new(Direction::ToDevice, &Info::STREAMING, &Info::PLAIN);
        for (size, choice) in choices {
            found.add(*size, *choice);
        }
        found
    }

    #[test]
    fn one_choice_is_made_by_the_intervals() {
        let cost = |ns, rounds| Cost {
            ns,
            below: false,
            low: ns - 1,
            high: ns + 1,
            rounds,
        };
        let (cheap, dear, few) = (cost(100, 7), cost(200, 7), cost(200, 2));
        assert_eq!(Choice::between(Some(&cheap), Some(&dear)), Choice::Map);
        assert_eq!(Choice::between(Some(&dear), Some(&cheap)), Choice::Copy);
        assert_eq!(Choice::between(Some(&dear), Some(&dear)), Choice::Even);
        assert_eq!(Choice::between(Some(&few), Some(&cheap)), Choice::Few);
        assert_eq!(Choice::between(None, Some(&cheap)), Choice::Missing);
    }

    #[test]
    fn sizes_of_which_the_same_is_said_are_one_run() {
        let found = found(&[
            (64, Choice::Copy),
            (128, Choice::Copy),
            (256, Choice::Even),
            (512, Choice::Map),
        ]);
        let runs = found.runs().iter().map(|run| (run.from, run.to));
        assert!(runs.eq([(64, 128), (256, 256), (512, 512)]));
        assert!(found.is_ordered());
        assert_eq!(found.gap(), Some((128, 512)));
    }

    #[test]
    fn to_and_fro_is_no_break_even() {
        let there_and_back = found(&[(64, Choice::Copy), (128, Choice::Map), (256, Choice::Copy)]);
        assert!(!there_and_back.is_ordered());
        assert_eq!(there_and_back.gap(), None);
        let mut wild = found(&[]);
        for at in 0..20 {
            wild.add(64 << at, [Choice::Copy, Choice::Even][at % 2]);
        }
        assert!(!wild.is_ordered());
    }

    #[test]
    fn more_is_tried_where_the_choice_changes() {
        let gap = |choices: &[_]| found(choices).gap();
        assert_eq!(
            gap(&[(64, Choice::Copy), (4096, Choice::Even)]),
            Some((64, 4096))
        );
        assert_eq!(
            gap(&[(64, Choice::Even), (4096, Choice::Map)]),
            Some((64, 4096))
        );
        assert_eq!(gap(&[(64, Choice::Copy), (4096, Choice::Missing)]), None);
        assert_eq!(gap(&[(64, Choice::Copy)]), None);
        assert_eq!(gap(&[(64, Choice::Map)]), None);
        assert_eq!(gap(&[(64, Choice::Even)]), None);
        assert_eq!(gap(&[]), None);
    }
}

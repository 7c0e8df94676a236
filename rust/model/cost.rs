// SPDX-License-Identifier: GPL-2.0

//! What an operation costs, with how far that can be trusted: what comparisons are made of.
//!
//! Much of what an operation costs falls on one in many by design: an IOMMU flushes its queue, the
//! page tables of what was freed are torn down, a list of free objects is filled again. It is in no
//! median. What ranks is therefore a mean. A single disturbance moves a mean too, so that an
//! experiment is measured in several rounds, between which all others have their turn: of the
//! rounds' means the lowest and the highest are left out, and the rest say between which figures
//! the cost lies. Samples that follow each other say nothing of that: they are not independent.

use super::num;

/// The most rounds that are kept apart. With seven, of which two are left out, the ranges of two
/// things that cost the same lie apart by chance in 3 of 100 cases.
pub const ROUNDS_MAX: usize = 7;
/// With fewer rounds than this nothing is said of a difference.
pub const ROUNDS_MIN: usize = 3;
/// From so many rounds on the lowest and the highest are left out.
const TRIMMED_FROM: usize = 5;

/// The means of the two phases in each round, net of the clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rounds {
    means: [[u64; 2]; ROUNDS_MAX],
    count: usize,
    floor: u64,
}

impl Rounds {
    /// No round.
    pub const NONE: Self = Self {
        means: [[0; 2]; ROUNDS_MAX],
        count: 0,
        floor: 0,
    };

    /// One round, of these means and with a clock of this floor.
    pub fn one(means: [u64; 2], floor: u64) -> Self {
        let mut rounds = Self {
            floor,
            ..Self::NONE
        };
        rounds.push(means);
        rounds
    }

    /// Adds the rounds of `other`, as far as there is room.
    pub fn extend(&mut self, other: &Self) {
        other.iter().for_each(|means| self.push(*means));
        self.floor = self.floor.max(other.floor);
    }

    fn push(&mut self, means: [u64; 2]) {
        if let Some(slot) = self.means.get_mut(self.count) {
            *slot = means;
            self.count += 1;
        }
    }

    fn iter(&self) -> impl Iterator<Item = &[u64; 2]> + Clone {
        self.means.iter().take(self.count)
    }

    /// What the phases that `counted` names cost together. `None` without a round.
    pub fn cost(&self, counted: [bool; 2]) -> Option<Cost> {
        let total = |means: &[u64; 2]| {
            (means.iter().zip(counted))
                .filter(|(_, counted)| *counted)
                .fold(0u64, |sum, (mean, _)| sum.saturating_add(*mean))
        };
        let phases = counted.iter().filter(|counted| **counted).count() as u64;
        let noise = self.floor.saturating_mul(phases);
        let totals = self.iter().map(total);
        let (least, most) = (totals.clone().min()?, totals.clone().max()?);
        let sum = totals.clone().fold(0, u64::saturating_add);
        let (kept, low, high) = if self.count < TRIMMED_FROM {
            (
                num::div(sum, self.count as u64)?,
                least,
                most, //
            )
        } else {
            // Each of the two once: where several are alike one of them is left out.
            let sum = sum.saturating_sub(least).saturating_sub(most);
            (
                num::div(sum, self.count as u64 - 2)?,
                second(totals.clone(), least, u64::min)?,
                second(totals, most, u64::max)?,
            )
        };
        let (low, high) = match self.count < ROUNDS_MIN {
            true => (0, u64::MAX),
            false => (low.saturating_sub(noise), high.saturating_add(noise)),
        };
        let below = kept < noise;
        Some(Cost {
            ns: if below { noise } else { kept },
            below,
            low: if below { 0 } else { low },
            high,
            rounds: self.count,
        })
    }
}

/// The outermost of `totals` once `outer` has been left out one time.
fn second(totals: impl Iterator<Item = u64>, outer: u64, pick: fn(u64, u64) -> u64) -> Option<u64> {
    let mut left_out = false;
    totals
        .filter(|total| {
            let this = !left_out && *total == outer;
            left_out |= this;
            !this
        })
        .reduce(pick)
}

/// What an operation costs, in ns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// The figure that ranks, and that is shown: the mean of the rounds.
    pub ns: u64,
    /// Whether it is somewhere below `ns`, and cannot be told from nothing.
    pub below: bool,
    /// Between which figures it lies, as far as the rounds and the clock can tell.
    pub low: u64,
    /// The upper end.
    pub high: u64,
    /// How many rounds it rests on.
    pub rounds: usize,
}

impl Cost {
    /// Both, one after the other.
    pub fn plus(&self, other: &Self) -> Self {
        // Where both are below, so is their sum below the sum of the two.
        let shown = |cost: &Self| if cost.below { 0 } else { cost.ns };
        let below = self.below && other.below;
        let ns = match below {
            true => self.ns.saturating_add(other.ns),
            false => shown(self).saturating_add(shown(other)),
        };
        Self {
            ns,
            below,
            low: self.low.saturating_add(other.low),
            high: self.high.saturating_add(other.high),
            rounds: self.rounds.min(other.rounds),
        }
    }

    /// Whether there are enough rounds to say anything of a difference.
    pub fn is_enough(&self) -> bool {
        self.rounds >= ROUNDS_MIN
    }

    /// Whether it differs from `other` by more than both may be wrong, and then by more than 10 %.
    pub fn differs(&self, other: &Self) -> bool {
        let (cheap, dear) = match self.ns <= other.ns {
            true => (self, other),
            false => (other, self),
        };
        let tenth = num::div(dear.low, 10).unwrap_or(0);
        cheap.high < dear.low.saturating_sub(tenth)
    }

    /// Whether it is less than `other`, beyond what may be wrong.
    pub fn beats(&self, other: &Self) -> bool {
        self.differs(other) && self.ns < other.ns
    }
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), kernel::macros::kunit_tests(memlab_cost))]
mod tests {
    use super::*;

    const fn cost(ns: u64, noise: u64) -> Cost {
        Cost {
            ns,
            below: false,
            low: ns - noise,
            high: ns + noise,
            rounds: ROUNDS_MAX,
        }
    }

    /// Rounds whose first phase has these means, and whose second costs 1 ns.
    fn rounds(firsts: &[u64], floor: u64) -> Rounds {
        let mut rounds = Rounds {
            floor,
            ..Rounds::NONE
        };
        firsts.iter().for_each(|first| rounds.push([*first, 1]));
        rounds
    }

    const BOTH: [bool; 2] = [true; 2];

    #[test]
    fn a_tenth_or_the_noise_is_no_difference() {
        assert!(!cost(1000, 1).differs(&cost(899, 1)));
        assert!(cost(1000, 1).differs(&cost(898, 1)));
        assert!(cost(898, 1).differs(&cost(1000, 1)));
        assert!(!cost(100, 30).differs(&cost(60, 10)));
        assert!(!cost(60, 10).differs(&cost(100, 30)));
        assert!(cost(100, 21).differs(&cost(60, 10)));
        assert!(cost(60, 10).beats(&cost(100, 21)));
        assert!(!cost(100, 21).beats(&cost(60, 10)));
    }

    #[test]
    fn one_disturbance_moves_nothing() {
        let quiet = rounds(&[100, 101, 99, 100, 102, 98, 100], 1).cost(BOTH);
        let hit = rounds(&[100, 101, 99, 100, 102, 98, 50_000_000], 1).cost(BOTH);
        assert_eq!(quiet.map(|cost| cost.ns), Some(101));
        assert_eq!(hit.map(|cost| cost.ns), Some(101));
        assert_eq!(hit.map(|cost| (cost.low, cost.high)), Some((98, 105)));
        // Two are no accident: then nothing can be told.
        let twice = rounds(&[100, 101, 99, 100, 50_000_000, 98, 50_000_000], 1).cost(BOTH);
        assert!(twice.is_some_and(|cost| cost.high > 50_000_000 && !cost.differs(&cost)));
    }

    #[test]
    fn too_few_rounds_tell_nothing() {
        let (two, three) = (rounds(&[10, 11], 1), rounds(&[10, 11, 12], 1));
        let far = cost(15_056_814, 10);
        let two = two.cost(BOTH);
        assert!(two.is_some_and(|cost| !cost.is_enough() && !cost.differs(&far)));
        let three = three.cost(BOTH);
        assert!(three.is_some_and(|cost| cost.is_enough() && cost.beats(&far)));
        assert_eq!(Rounds::NONE.cost(BOTH), None);
    }

    #[test]
    fn what_is_below_the_resolution_is_shown_and_ranked_as_one_bound() {
        let hidden = rounds(&[3; 7], 20).cost(BOTH);
        assert!(hidden.is_some_and(|cost| cost.below && (cost.ns, cost.low) == (40, 0)));
        // A phase that costs something shows the sum, whatever the other is.
        let shown = rounds(&[1000; 7], 20).cost(BOTH);
        assert!(shown.is_some_and(|cost| !cost.below && cost.ns == 1001));
        let one = rounds(&[1000; 7], 20).cost([false, true]);
        assert!(one.is_some_and(|cost| cost.below && cost.ns == 20));
    }

    #[test]
    fn costs_add_up() {
        let hidden = Cost {
            below: true,
            ns: 40,
            low: 0,
            high: 80,
            rounds: 3,
        };
        let sum = cost(100, 10).plus(&hidden);
        assert_eq!((sum.ns, sum.below, sum.rounds), (100, false, 3));
        assert_eq!((sum.low, sum.high), (90, 190));
        let sum = hidden.plus(&hidden);
        assert!(sum.below && sum.ns == 80);
    }

    #[test]
    fn more_rounds_than_there_is_room_for_are_left_out() {
        let mut many = rounds(&[10; 5], 1);
        many.extend(&rounds(&[20; 5], 9));
        assert_eq!(many.iter().count(), ROUNDS_MAX);
        assert_eq!(many.floor, 9);
    }
}

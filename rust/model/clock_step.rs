// SPDX-License-Identifier: GPL-2.0

//! The step of a clock, found in how far apart its readings are.

const WORDS: usize = 16;
const SPAN: u64 = WORDS as u64 * u64::BITS as u64;

/// The distances between readings that were seen.
///
/// A reading is in whole nanoseconds, whatever the clock's own step: one of 69.8 ns is read as 69
/// and 70, which says nothing of a step of one. But each distance of so many steps is then seen as
/// one of two neighbours, so that only what lies apart by more, or three in a row, tells a step.
pub struct Distances {
    shortest: u64,
    /// Those up to [`SPAN`] beyond the shortest one.
    near: [u64; WORDS],
    /// The shortest of the others.
    far: u64,
}

impl Distances {
    /// None yet. No distance that will be seen is to be below `shortest`.
    pub fn from(shortest: u64) -> Self {
        Self {
            shortest,
            near: [0; WORDS],
            far: u64::MAX,
        }
    }

    /// Notes the distance between two readings.
    pub fn see(&mut self, distance: u64) {
        let beyond = distance.saturating_sub(self.shortest);
        // CAST: Below SPAN, where the word exists.
        match self.near.get_mut((beyond >> 6).min(SPAN) as usize) {
            Some(word) => *word |= 1 << (beyond & 63),
            None => self.far = self.far.min(beyond),
        }
    }

    /// The step in ns, at least 1; `None` where the clock was not seen to step.
    pub fn step(&self) -> Option<u64> {
        let mut smallest = u64::MAX;
        let mut last: Option<u64> = None;
        let mut in_a_row = 0;
        for beyond in (0..SPAN).filter(|at| self.seen(*at)) {
            let gap = last.map_or(0, |last| beyond - last);
            in_a_row = if gap == 1 { in_a_row + 1 } else { 1 };
            match gap {
                0 => {}
                1 if in_a_row < 3 => {}
                gap => smallest = smallest.min(gap),
            }
            last = Some(beyond);
        }
        if smallest == u64::MAX {
            // One distance, or two neighbours: at most as long as the distance itself.
            smallest = match self.shortest {
                0 => last.filter(|last| *last != 0).unwrap_or(self.far),
                shortest => shortest,
            };
        }
        (smallest != u64::MAX).then_some(smallest)
    }

    fn seen(&self, beyond: u64) -> bool {
        // CAST: The caller stays below SPAN.
        let word = self.near.get((beyond >> 6) as usize).copied();
        word.is_some_and(|word| (word >> (beyond & 63)) & 1 != 0)
    }
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), kernel::macros::kunit_tests(memlab_clock_step))]
mod tests {
    use super::*;
    use crate::model::num;

    /// The step found for a clock that steps every `period` ps, read every `read` ns or a little
    /// later.
    fn found(period: u64, read: u64) -> Option<u64> {
        let clock = |at: u64| {
            let steps = num::div(at * 1000, period).unwrap_or(0);
            num::div(steps * period, 1000).unwrap_or(0)
        };
        let times = |n: u64| n * read + ((n * (n + 1) / 2) & 31);
        let distance = |n: u64| clock(times(n + 1)).saturating_sub(clock(times(n)));
        let shortest = (0..512).map(distance).min().unwrap_or(0);
        let mut distances = Distances::from(shortest);
        (0..512).for_each(|n| distances.see(distance(n)));
        distances.step()
    }

    #[test]
    fn a_step_of_whole_nanoseconds_is_found() {
        assert_eq!(found(1_000, 40), Some(1));
        assert_eq!(found(2_000, 40), Some(2));
        assert_eq!(found(16_000, 70), Some(16));
        assert_eq!(found(16_000, 1_237), Some(16));
        assert_eq!(found(100_000, 40), Some(100));
    }

    #[test]
    fn a_step_finer_than_a_nanosecond_is_one() {
        assert_eq!(found(333, 40), Some(1));
    }

    #[test]
    fn rounding_is_no_step() {
        let near = |step: Option<u64>, ns: u64| step.is_some_and(|s| s + 1 >= ns && s <= ns);
        assert!(near(found(69_841, 40), 69));
        assert!(near(found(69_841, 900), 69));
        assert!(near(found(41_667, 55), 41));
        assert!(near(found(18_519, 55), 18));
        assert!(near(found(279_365, 700), 279));
    }

    #[test]
    fn a_clock_that_stands_still_has_none() {
        let mut still = Distances::from(0);
        assert_eq!(still.step(), None);
        still.see(0);
        assert_eq!(still.step(), None);
        still.see(4_000_000);
        assert_eq!(still.step(), Some(4_000_000));
    }

    #[test]
    fn equal_distances_tell_no_more_than_themselves() {
        let mut equal = Distances::from(22);
        equal.see(22);
        assert_eq!(equal.step(), Some(22));
    }
}

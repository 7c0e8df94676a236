// SPDX-License-Identifier: GPL-2.0

//! What known delays were measured to take, and what that says of the instrument.

use super::{
    num,
    outcome::Ending, //
};

/// The delays, in instructions. The speed of a machine is not known; that its instructions take
/// equally long in a short loop and in a long one is.
pub const DELAYS: [u64; 5] = [0, 100, 1_000, 10_000, 100_000];

/// A delay is recovered if it is off by no more than this share of it, or by so many ns.
const TOLERANCE_PER_MILLE: u32 = 50;
const TOLERANCE_NS: u64 = 10;

/// One of [`DELAYS`], measured.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Delay {
    /// Its length.
    pub instructions: u64,
    /// The median of the samples less the clock's, in ns.
    pub net: u64,
    /// By how much the samples' median may be rounded up.
    pub rounding: u64,
    /// Below this, `net` cannot be told from nothing.
    pub floor: u64,
    /// The same as `net` for the phase that does nothing.
    pub empty: u64,
    /// Samples.
    pub samples: u64,
    /// Samples during which the thread was switched out.
    pub disturbed: u64,
}

/// All delays.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Calibration {
    /// In the order of [`DELAYS`].
    pub delays: [Delay; DELAYS.len()],
    /// How the last run ended.
    pub ending: Ending,
}

/// How far the instrument can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Something was not measured.
    Unknown,
    /// What does nothing was measured to take `ns`, beyond what noise explains.
    Offset {
        /// So long.
        ns: u64,
    },
    /// A delay of `instructions` is off by `per_mille` of what the longest one makes of it.
    Crooked {
        /// The longest one that is off.
        instructions: u64,
        /// So far.
        per_mille: u64,
    },
    /// Every delay was recovered, to `per_mille` or to `ns`.
    Straight {
        /// The largest deviation of those that are not within `ns`.
        per_mille: u64,
        /// The larger of ten and the floor: the allowance of short ones.
        ns: u64,
    },
}

impl Calibration {
    /// What `instructions` should take, by the rate of the longest delay.
    pub fn expected(&self, instructions: u64) -> Option<u64> {
        let longest = self.delays.last()?;
        let net = u32::try_from(longest.net).ok().filter(|net| *net != 0)?;
        num::scale(instructions, net, u32::try_from(longest.instructions).ok()?)
    }

    /// By how many thousandths `delay` is off what it should take, and whether it is too long.
    pub fn deviation(&self, delay: &Delay) -> Option<(u64, bool)> {
        let expected = self.expected(delay.instructions)?;
        let off = delay.net.abs_diff(expected);
        let per_mille = num::div(off.saturating_mul(1000), expected)?;
        Some((per_mille, delay.net > expected))
    }

    /// Whether `delay` was recovered.
    fn recovered(&self, delay: &Delay) -> Option<bool> {
        let expected = self.expected(delay.instructions)?;
        let share = num::scale(expected, TOLERANCE_PER_MILLE, 1000)?;
        let unseen = delay.floor.max(delay.rounding);
        let allowed = share.max(TOLERANCE_NS).max(unseen);
        Some(delay.net.abs_diff(expected) <= allowed)
    }

    /// The judgement.
    pub fn verdict(&self) -> Verdict {
        self.judge().unwrap_or(Verdict::Unknown)
    }

    fn judge(&self) -> Option<Verdict> {
        if self.delays.iter().any(|delay| delay.samples == 0) {
            return None;
        }
        let mut straight = (0, TOLERANCE_NS);
        // The longest that is off tells most, so from the longest on.
        for delay in self.delays.iter().rev() {
            // A loop of none still asks whether it is one, which is a delay like the others.
            let nothing = match delay.instructions {
                0 if delay.net > TOLERANCE_NS => delay.net.max(delay.empty),
                _ => delay.empty,
            };
            if nothing >= delay.floor {
                return Some(Verdict::Offset { ns: nothing });
            }
            straight.1 = straight.1.max(delay.floor);
            if delay.instructions == 0 {
                continue;
            }
            let (per_mille, _) = self.deviation(delay)?;
            if !self.recovered(delay)? {
                return Some(Verdict::Crooked {
                    instructions: delay.instructions,
                    per_mille,
                });
            }
            let off = delay.net.abs_diff(self.expected(delay.instructions)?);
            if off > delay.floor.max(TOLERANCE_NS) {
                straight.0 = straight.0.max(per_mille);
            }
        }
        let (per_mille, ns) = straight;
        Some(Verdict::Straight { per_mille, ns })
    }
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), kernel::macros::kunit_tests(memlab_calibration))]
mod tests {
    use super::*;

    /// A machine on which `DELAYS` were measured as `nets`, with a floor of 4 ns.
    fn measured(nets: [u64; DELAYS.len()]) -> Calibration {
        let mut delays = [Delay::default(); DELAYS.len()];
        for ((delay, instructions), net) in delays.iter_mut().zip(DELAYS).zip(nets) {
            *delay = Delay {
                instructions,
                net,
                floor: 4,
                samples: 500,
                ..Delay::default()
            };
        }
        let ending = Ending::Complete;
        Calibration { delays, ending }
    }

    #[test]
    fn an_exact_instrument_is_straight() {
        let exact = measured([2, 103, 1_003, 10_003, 100_003]);
        assert_eq!(exact.expected(1_000), Some(1_000));
        let straight = Verdict::Straight {
            per_mille: 0,
            ns: 10,
        };
        assert_eq!(exact.verdict(), straight);
        let small = measured([2, 103, 1_020, 10_003, 100_003]);
        let straight = Verdict::Straight {
            per_mille: 20,
            ns: 10,
        };
        assert_eq!(small.verdict(), straight);
    }

    #[test]
    fn the_speed_of_the_machine_does_not_matter() {
        let fast = measured([0, 21, 170, 1_670, 16_666]);
        assert!(matches!(fast.verdict(), Verdict::Straight { .. }));
        let slow = measured([0, 1_010, 10_010, 100_100, 1_000_000]);
        assert!(matches!(slow.verdict(), Verdict::Straight { .. }));
    }

    #[test]
    fn a_delay_that_is_off_is_named() {
        let crooked = |instructions, per_mille| Verdict::Crooked {
            instructions,
            per_mille,
        };
        let short = measured([0, 150, 1_000, 10_000, 100_000]);
        assert_eq!(short.verdict(), crooked(100, 500));
        let long = measured([0, 150, 1_000, 8_000, 100_000]);
        assert_eq!(long.verdict(), crooked(10_000, 200));
        assert_eq!(long.deviation(&long.delays[3]), Some((200, false)));
    }

    #[test]
    fn nothing_must_come_out_as_nothing() {
        let offset = measured([17, 100, 1_000, 10_000, 100_000]);
        assert_eq!(offset.verdict(), Verdict::Offset { ns: 17 });
        let branch = measured([4, 104, 1_004, 10_004, 100_004]);
        assert!(matches!(branch.verdict(), Verdict::Straight { .. }));
        let mut phase = measured([0, 100, 1_000, 10_000, 100_000]);
        phase.delays[2].empty = 4;
        assert_eq!(phase.verdict(), Verdict::Offset { ns: 4 });
    }

    #[test]
    fn what_was_not_measured_has_no_verdict() {
        let mut cut_short = measured([0, 100, 1_000, 10_000, 100_000]);
        cut_short.delays[1].samples = 0;
        assert_eq!(cut_short.verdict(), Verdict::Unknown);
        assert_eq!(measured([0; DELAYS.len()]).verdict(), Verdict::Unknown);
    }
}

// SPDX-License-Identifier: GPL-2.0

//! A log-linear histogram of latencies, of fixed size.
//!
//! Values below 32 ns have a bucket each; above, every power of two is cut into 32 equal buckets,
//! so that a bucket is never wider than 1/32 (3.125 %) of its lowest value. Minimum, maximum, sum
//! and count are exact; the count is that of all buckets, as recording is done in a loop in which
//! each instruction counts. Nothing is ever dropped: what lies above the range goes into `overflow`
//! and still counts in every figure.

use super::num;

/// log2 of the number of buckets that each power of two is cut into.
const SUB_BITS: u32 = 5;
const SUB: usize = 1 << SUB_BITS;
/// Values from 2^37 ns (137 s) on are counted as overflow.
const VALUE_BITS: u32 = 37;
/// The number of buckets.
pub const BUCKETS: usize = SUB * (VALUE_BITS - SUB_BITS + 1) as usize;

/// A histogram of nanoseconds.
///
/// # Invariants
///
/// All bits zero is a histogram without samples, which is why the minimum is kept inverted: its kind
/// can be made in place on the heap. Of one with samples either the inverted minimum or the maximum
/// is not zero.
#[derive(Clone)]
pub struct Histogram {
    buckets: [u64; BUCKETS],
    overflow: u64,
    sum: u64,
    inverted_min: u64,
    max: u64,
}

impl Histogram {
    /// A histogram without samples.
    pub const EMPTY: Self = Self {
        buckets: [0; BUCKETS],
        overflow: 0,
        sum: 0,
        inverted_min: 0,
        max: 0,
    };

    /// Counts one sample of `value` nanoseconds. Nobody lives to see 2^64 of them: the loop that calls
    /// this is spared the question.
    #[inline]
    pub fn record(&mut self, value: u64) {
        match self.buckets.get_mut(index(value)) {
            Some(bucket) => *bucket = bucket.wrapping_add(1),
            None => self.overflow = self.overflow.wrapping_add(1),
        }
        let (sum, beyond) = self.sum.overflowing_add(value);
        self.sum = sum;
        if beyond || value > self.max || !value > self.inverted_min {
            self.reach(value, beyond);
        }
    }

    /// Keeps an extreme `value`, and a sum that is `beyond` what it can be. Few samples are such.
    #[cold]
    #[inline(never)]
    fn reach(&mut self, value: u64, beyond: bool) {
        if beyond {
            self.sum = u64::MAX;
        }
        self.inverted_min = self.inverted_min.max(!value);
        self.max = self.max.max(value);
    }

    /// Adds the samples of `other`, as if they had been recorded here.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.buckets.iter_mut().zip(&other.buckets) {
            *mine = mine.saturating_add(*theirs);
        }
        self.overflow = self.overflow.saturating_add(other.overflow);
        self.sum = self.sum.saturating_add(other.sum);
        self.inverted_min = self.inverted_min.max(other.inverted_min);
        self.max = self.max.max(other.max);
    }

    /// The number of samples.
    pub fn count(&self) -> u64 {
        self.buckets
            .iter()
            .fold(self.overflow, |sum, bucket| sum.saturating_add(*bucket))
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.inverted_min == 0 && self.max == 0
    }

    /// The sum of all samples, in ns; saturates at `u64::MAX`.
    pub fn sum(&self) -> u64 {
        self.sum
    }

    /// The number of samples above the range of the buckets.
    pub fn overflow(&self) -> u64 {
        self.overflow
    }

    /// The smallest sample, exact.
    pub fn min(&self) -> Option<u64> {
        (!self.is_empty()).then_some(!self.inverted_min)
    }

    /// The largest sample, exact.
    pub fn max(&self) -> Option<u64> {
        (!self.is_empty()).then_some(self.max)
    }

    /// The mean, rounded down.
    pub fn mean(&self) -> Option<u64> {
        num::div(self.sum, self.count())
    }

    /// The value that `per_mille` thousandths of the samples do not exceed, at most 3.125 % above
    /// the exact one and never above [`max`](Self::max); `None` without samples.
    pub fn percentile(&self, per_mille: u32) -> Option<u64> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        let per_mille = per_mille.min(1000);
        // The rank is rounded up: the median of one sample is that sample.
        let below = num::scale(count, 1000 - per_mille, 1000)?;
        let rank = (count - below).max(1);
        let mut seen = 0;
        for (at, bucket) in self.buckets.iter().enumerate() {
            seen += bucket;
            if seen >= rank {
                return Some(highest(at).clamp(!self.inverted_min, self.max));
            }
        }
        Some(self.max)
    }

    /// The buckets that hold samples: lowest value, highest value, count.
    pub fn filled(&self) -> impl Iterator<Item = (u64, u64, u64)> + '_ {
        self.buckets
            .iter()
            .enumerate()
            .filter(|(_, count)| **count != 0)
            .map(|(at, count)| (lowest(at), highest(at), *count))
    }

    /// The counts of all buckets, in rising order of value.
    pub fn buckets(&self) -> &[u64; BUCKETS] {
        &self.buckets
    }
}

/// The bucket of `value`; [`BUCKETS`] or more for a value above the range.
#[inline]
fn index(value: u64) -> usize {
    // `| (2 * SUB - 1)` puts the small values, whose buckets are 1 ns wide, under the same rule.
    let shift = (value | (2 * SUB as u64 - 1)).ilog2() - SUB_BITS;
    // CAST: `value >> shift` is below 2 * SUB, and `shift` below 64.
    ((shift as usize) << SUB_BITS) + (value >> shift) as usize
}

/// By how much a percentile that is shown as `value` may be above the exact one.
pub fn rounding(value: u64) -> u64 {
    value >> SUB_BITS
}

/// The lowest value of bucket `at`.
fn lowest(at: usize) -> u64 {
    let octave = at / SUB;
    let within = (at % SUB) as u64;
    match octave {
        0 => within,
        _ => (SUB as u64 + within) << (octave - 1),
    }
}

/// The highest value of bucket `at`.
fn highest(at: usize) -> u64 {
    lowest(at + 1) - 1
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), kernel::macros::kunit_tests(memlab_histogram))]
mod tests {
    use super::*;

    static NONE: Histogram = Histogram::EMPTY;

    #[test]
    fn buckets_follow_each_other() {
        assert_eq!(lowest(0), 0);
        for at in 0..BUCKETS {
            assert!(lowest(at) <= highest(at));
            assert_eq!(highest(at) + 1, lowest(at + 1));
            assert_eq!(index(lowest(at)), at);
            assert_eq!(index(highest(at)), at);
        }
        assert_eq!(highest(BUCKETS - 1), (1 << VALUE_BITS) - 1);
    }

    #[test]
    fn a_bucket_is_never_wider_than_a_32nd_of_its_lowest_value() {
        for at in 0..BUCKETS {
            let width = highest(at) - lowest(at);
            assert!(width == 0 || (width + 1) * 32 <= lowest(at));
        }
    }

    #[test]
    fn what_is_above_the_range_has_no_bucket() {
        assert!(index(1 << VALUE_BITS) >= BUCKETS);
        assert!(index(u64::MAX) >= BUCKETS);
    }

    #[test]
    fn an_empty_one_has_no_figures() {
        assert_eq!(NONE.count(), 0);
        assert_eq!(NONE.sum(), 0);
        assert_eq!(NONE.min(), None);
        assert_eq!(NONE.max(), None);
        assert_eq!(NONE.mean(), None);
        assert_eq!(NONE.percentile(500), None);
        assert!(NONE.filled().next().is_none());
    }
}

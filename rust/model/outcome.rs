// SPDX-License-Identifier: GPL-2.0

//! What came back from a run: a plain value.

use super::{
    classes::Classes,
    cost::{
        Cost,
        Rounds, //
    },
    delta::Delta,
    histogram::{
        self,
        Histogram, //
    },
    placement::Placement,
    provenance::Device,
    remark::Remark,
    request::{
        Direction,
        Request, //
    },
};

use core::ops::Deref;

/// How many different errnos are told apart; the rest share the last entry.
pub const ERRNOS: usize = 8;

/// Failed operations by errno.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Failures {
    entries: [(i32, u64); ERRNOS],
}

impl Failures {
    /// No failures.
    pub const NONE: Self = Self {
        entries: [(0, 0); ERRNOS],
    };

    /// Counts `count` failures with `errno` (negative, as the kernel has it).
    pub fn add(&mut self, errno: i32, count: u64) {
        let last = ERRNOS - 1;
        let at = self
            .entries
            .iter()
            .position(|(seen, _)| *seen == errno || *seen == 0)
            .unwrap_or(last);
        if let Some((seen, total)) = self.entries.get_mut(at) {
            *seen = errno;
            *total = total.saturating_add(count);
        }
    }

    /// Adds all failures of `other`.
    pub fn merge(&mut self, other: &Self) {
        for (errno, count) in other.iter() {
            self.add(errno, count);
        }
    }

    /// Each errno with its count.
    pub fn iter(&self) -> impl Iterator<Item = (i32, u64)> + '_ {
        self.entries
            .iter()
            .copied()
            .filter(|(errno, _)| *errno != 0)
    }

    /// All failures.
    pub fn total(&self) -> u64 {
        self.iter().map(|(_, count)| count).sum()
    }
}

/// What a clock costs, found by running the same loop around an operation that does nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ClockCost {
    /// Median of the empty operation, in ns, before or after the run, whichever is less: subtracted
    /// from a raw figure to get a net one.
    pub median: u64,
    /// Its 99th percentile, in ns, of the phase in which that is larger.
    pub p99: u64,
    /// The smallest step that the clock was seen to make, in ns.
    pub step: u64,
    /// By how much the median was another after the run than before it, in ns: the CPU's speed has
    /// changed meanwhile.
    pub drift: u64,
}

impl ClockCost {
    /// The cost for each operation of a batch, by what the phases of as many empty ones were measured
    /// to take `before` and `after` those that are measured; `step` is that of two readings.
    pub fn between(
        before: &[Histogram; 2],
        after: &[Histogram; 2],
        step: u64,
        batch_shift: u32,
    ) -> Self {
        let median = |[acquire, _]: &[Histogram; 2]| acquire.percentile(500);
        let (begun, ended) = (median(before), median(after));
        let both = before.iter().chain(after);
        let p99s = both.filter_map(|phase| phase.percentile(990));
        Self {
            // A CPU that has become faster makes the clock cheaper than it was at first: what is
            // taken off is never more than either.
            median: begun.into_iter().chain(ended).min().unwrap_or(0),
            // On ARM an empty release takes ten instructions more than an empty acquire.
            p99: p99s.max().unwrap_or(0),
            step: (step >> batch_shift).max(1),
            drift: begun
                .zip(ended)
                .map_or(0, |(begun, ended)| begun.abs_diff(ended)),
        }
    }

    /// Below this a net figure cannot be told from nothing, in ns.
    ///
    /// Both a raw figure and what is subtracted from it are up to a step off, so that a difference
    /// of one step may be none at all, beside what the slowest of a hundred empty ones takes, in which
    /// [`Self::drift`] is contained; and the median is rounded up to its bucket's end.
    pub fn floor(&self) -> u64 {
        let noise = self.p99.saturating_sub(self.median);
        let noise = noise.saturating_add(self.step.saturating_mul(2));
        let rounding = histogram::rounding(self.median);
        noise.max(rounding).max(1)
    }

    /// What is left of a raw figure.
    pub fn net(&self, raw: u64) -> Net {
        let net = raw.saturating_sub(self.median);
        if net < self.floor() {
            Net::Below(self.floor())
        } else {
            Net::Ns(net)
        }
    }
}

/// A figure with the clock's cost taken off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Net {
    /// Nanoseconds.
    Ns(u64),
    /// Not to be told from nothing: less than so many nanoseconds.
    Below(u64),
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All operations were done.
    Complete,
    /// The time was up.
    Time,
    /// A fatal signal, or a write of `stop`.
    Stopped,
    /// The device went away.
    DeviceGone,
    /// An operation was as slow as it was to end at.
    Above,
}

/// How many threads are counted apart; the last entry is for it and all beyond.
pub const THREADS: usize = 64;

/// What one thread counted, or several that share an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thread {
    /// How many they are.
    pub threads: u32,
    /// The CPU it was on when it had finished; the last one's if they are several.
    pub cpu: u32,
    /// Samples of the first phase.
    pub samples: u64,
    /// Samples during which it was switched out.
    pub disturbed: u64,
}

impl Thread {
    /// No thread.
    pub const NONE: Self = Self {
        threads: 0,
        cpu: 0,
        samples: 0,
        disturbed: 0,
    };
}

/// What the threads of a run counted. All bits zero is an empty one.
#[derive(Clone)]
pub struct Tally {
    /// Raw latencies of the two phases, in ns per operation.
    pub phases: [Histogram; 2],
    /// Raw latencies of what failed, in ns, each to its failure; in batches from the beginning of the
    /// batch, because the clock is read there.
    pub failed: Histogram,
    /// Failed operations.
    pub failures: Failures,
    /// Operations that succeeded in a batch in which another one failed: they are in no sample.
    pub unsampled: u64,
    /// Samples during which the thread was switched out.
    pub disturbed: u64,
    /// The same by thread.
    pub threads: [Thread; THREADS],
    /// What one operation changed, before any was timed.
    pub delta: Delta,
    /// What the experiment has to say beyond figures.
    pub remark: Remark,
}

impl Tally {
    /// The means of the two phases, net of the clock; no round where a phase has no samples.
    pub fn round(&self, clock: &ClockCost) -> Rounds {
        let [first, second] = &self.phases;
        match (first.mean(), second.mean()) {
            (Some(first), Some(second)) => {
                let net = |raw: u64| raw.saturating_sub(clock.median);
                Rounds::one([net(first), net(second)], clock.floor())
            }
            _ => Rounds::NONE,
        }
    }

    /// Adds what thread `index`, now on `cpu`, counted.
    pub fn add_thread(&mut self, index: usize, cpu: u32, counted: &Self) {
        let [first, _] = &counted.phases;
        if let Some(thread) = self.threads.get_mut(index.min(THREADS - 1)) {
            thread.threads = thread.threads.saturating_add(1);
            thread.cpu = cpu;
            thread.samples = thread.samples.saturating_add(first.count());
            thread.disturbed = thread.disturbed.saturating_add(counted.disturbed);
        }
        self.merge(counted);
    }

    /// Adds what another run counted.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.phases.iter_mut().zip(&other.phases) {
            mine.merge(theirs);
        }
        self.failed.merge(&other.failed);
        self.failures.merge(&other.failures);
        self.unsampled = self.unsampled.saturating_add(other.unsampled);
        self.disturbed = self.disturbed.saturating_add(other.disturbed);
        for (mine, theirs) in self.threads.iter_mut().zip(&other.threads) {
            mine.threads = mine.threads.max(theirs.threads);
            mine.samples = mine.samples.saturating_add(theirs.samples);
            mine.disturbed = mine.disturbed.saturating_add(theirs.disturbed);
        }
    }
}

/// What owns a [`Tally`], and perhaps how long it took by class.
pub trait Counted: Deref<Target = Tally> {
    /// What was acquired, by class; `None` where it was not watched.
    fn classes(&self) -> Option<&Classes> {
        None
    }
}

impl Counted for &Tally {}

/// The result of one run. `T` is what owns the [`Tally`], which is too large for a kernel stack.
pub struct Outcome<T> {
    /// What was asked.
    pub request: Request,
    /// What was counted, over all threads.
    pub tally: T,
    /// What the clock cost in this run, per operation.
    pub clock: ClockCost,
    /// The same net and round by round: one for a run, several for a row of a comparison.
    pub rounds: Rounds,
    /// Operations that every thread did before those that were measured.
    pub warmed: u64,
    /// Operations per pair of clock reads: 1 unless batched.
    pub batch: u64,
    /// Where the first buffer was.
    pub placement: Placement,
    /// The device under test, where there is one.
    pub device: Option<Device>,
    /// From the first thread's start to the last one's end, in ns.
    pub elapsed: u64,
    /// How it ended.
    pub ending: Ending,
}

impl<T> Outcome<T> {
    /// What both phases cost together; `None` where a phase has no samples.
    pub fn cost(&self) -> Option<Cost> {
        self.rounds.cost([true; 2])
    }

    /// What one phase costs; `None` where a phase has no samples.
    pub fn phase_cost(&self, second: bool) -> Option<Cost> {
        self.rounds.cost([!second, second])
    }

    /// Why the first buffer was bounced; `None` where it was not, or that is not known.
    pub fn bounce_cause(&self) -> Option<&'static str> {
        let (place, device) = (&self.placement, self.device.as_ref()?);
        let last = place
            .phys
            .saturating_add(self.request.size().saturating_sub(1));
        match place.bounced? {
            false => None,
            true if device.swiotlb_force => Some("forced"),
            true if last > device.highest => Some("above-mask"),
            // The kernel takes it for a part of a cache line that others write to.
            true if !device.coherent && self.request.direction() != Direction::ToDevice => {
                Some("small-noncoherent")
            }
            true => Some("unknown"),
        }
    }
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), kernel::macros::kunit_tests(memlab_outcome))]
mod tests {
    use super::*;

    #[test]
    fn the_floor_is_two_steps_and_the_noise() {
        let mut clock = ClockCost {
            median: 48,
            p99: 49,
            step: 16,
            drift: 0,
        };
        assert_eq!(clock.floor(), 33);
        assert_eq!(clock.net(48 + 32), Net::Below(33));
        assert_eq!(clock.net(48 + 33), Net::Ns(33));
        assert_eq!(clock.net(0), Net::Below(33));
        clock.p99 = 148;
        assert_eq!(clock.net(147), Net::Below(132));
        clock.step = u64::MAX;
        assert_eq!(clock.net(u64::MAX), Net::Below(u64::MAX));
        let slow = ClockCost {
            median: 1_247,
            p99: 1_247,
            step: 2,
            drift: 0,
        };
        assert_eq!(slow.floor(), 38);
        assert_eq!(ClockCost::default().net(0), Net::Below(1));
    }

    #[test]
    fn errnos_beyond_the_room_share_the_last_entry() {
        let mut failures = Failures::NONE;
        for errno in 1..=20 {
            failures.add(-errno, 2);
        }
        assert_eq!(failures.total(), 40);
        assert_eq!(failures.iter().count(), ERRNOS);
    }
}

// SPDX-License-Identifier: GPL-2.0

//! What came back from a run: a plain value.

use super::{
    histogram::Histogram,
    placement::Placement,
    provenance::Device,
    request::Request, //
};

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
    /// Median of the empty operation, in ns: subtracted from a raw figure to get a net one.
    pub median: u64,
    /// Its 99th percentile, in ns.
    pub p99: u64,
    /// The smallest step that the clock was seen to make, in ns.
    pub step: u64,
}

impl ClockCost {
    /// Below this a net figure cannot be told from nothing, in ns.
    ///
    /// Both a raw figure and what is subtracted from it are up to a step off, so that a difference
    /// of one step may be none at all.
    pub fn floor(&self) -> u64 {
        let noise = self.p99.saturating_sub(self.median);
        noise.max(self.step.saturating_mul(2)).max(1)
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
}

/// What the threads of a run counted. All bits zero is an empty one.
#[derive(Clone)]
pub struct Tally {
    /// Raw latencies of the two phases, in ns per operation.
    pub phases: [Histogram; 2],
    /// Failed acquisitions.
    pub failures: Failures,
    /// Samples during which the thread was switched out.
    pub disturbed: u64,
}

impl Tally {
    /// Adds what another thread counted.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.phases.iter_mut().zip(&other.phases) {
            mine.merge(theirs);
        }
        self.failures.merge(&other.failures);
        self.disturbed = self.disturbed.saturating_add(other.disturbed);
    }
}

/// The result of one run. `T` is what owns the [`Tally`], which is too large for a kernel stack.
pub struct Outcome<T> {
    /// What was asked.
    pub request: Request,
    /// What was counted, over all threads.
    pub tally: T,
    /// What the clock cost in this run, per operation.
    pub clock: ClockCost,
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

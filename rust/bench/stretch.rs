// SPDX-License-Identifier: GPL-2.0

//! The measured operations of one thread, in stretches. Between two of them it is told how many are
//! done, and looked whether one was slower than the run is to end at: nothing of that stands beside
//! the operations themselves.

use super::{
    classes::Slow,
    measure::Hands, //
};
use crate::{
    model::{
        outcome::{
            Ending,
            Tally, //
        },
        request::Request, //
    },
    sys::{
        clock::now,
        event, //
    },
};
use kernel::{
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
};

/// A stretch has one operation or batch at first, and twice as many each time until it takes so many
/// nanoseconds, or the run's time divided by 2 to this.
const STRETCH_NS: u64 = 1_000_000;
const STRETCH_SHIFT: u32 = 4;

/// What one thread is to measure, and what it shares with who waits for it.
pub(super) struct Work<'a> {
    pub(super) request: &'a Request,
    pub(super) batch_shift: u32,
    /// No longer 0 when the run is to end.
    pub(super) ending: &'a Atomic<u32>,
    /// Operations that all threads have done.
    pub(super) done: &'a Atomic<u64>,
}

impl Work<'_> {
    /// Measures that. Why it is to end for the others too, if it is: who waits for the threads looks
    /// at the time as well, but no oftener than the kernel ticks.
    pub(super) fn measure(
        &self,
        hands: &mut dyn Hands,
        tally: &mut Tally,
        slow: &mut Slow<'_>,
    ) -> Result<Option<Ending>> {
        let mut left = self.request.iterations() >> self.batch_shift;
        let mut stretch = 1;
        let time = self.request.time_ns();
        let long = STRETCH_NS.min(time >> STRETCH_SHIFT);
        let mut began = now();
        let deadline = began.saturating_add(time);
        while left != 0 && self.ending.load(Relaxed) == 0 {
            let batches = left.min(stretch);
            hands.measure(batches << self.batch_shift, tally, slow, self.ending)?;
            left -= batches;
            self.done.fetch_add(batches << self.batch_shift, Relaxed);
            if let Some(above) = self.request.above() {
                // One operation at a time: the first that is too slow is the last.
                if self.was_slow(tally, slow, above) {
                    return Ok(Some(Ending::Above));
                }
                continue;
            }
            let ended = now();
            if left != 0 && ended >= deadline {
                return Ok(Some(Ending::Time));
            }
            if ended.saturating_sub(began) < long {
                stretch <<= 1;
            }
            began = ended;
        }
        Ok(None)
    }

    /// Whether a phase of an operation took `above` ns, though it failed; says so to who traces.
    fn was_slow(&self, tally: &Tally, slow: &Slow<'_>, above: u64) -> bool {
        let [acquired, released] = &tally.phases;
        // In batches, what failed is told with what went before it.
        let failed = tally.failed.max().filter(|_| self.batch_shift == 0);
        let acquired = acquired.max().max(slow.slowest()).max(failed);
        for (slowest, release) in [(acquired, false), (released.max(), true)] {
            if let Some(ns) = slowest.filter(|ns| *ns >= above) {
                event::above(self.request.info().name, release, ns, above);
                return true;
            }
        }
        false
    }
}

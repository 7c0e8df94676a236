// SPDX-License-Identifier: GPL-2.0

//! One operation outside the timed loops, with the state of memory looked at around it: what it
//! changed. Others' allocations meanwhile are in it, as the counters are the whole machine's.

use crate::{
    experiment::Experiment,
    facts,
    model::{
        delta::{
            Delta,
            STEPS, //
        },
        memory::Zone, //
    },
    sys::{
        self,
        clock::now, //
    },
};
use kernel::{
    ffi::c_ulong,
    prelude::*, //
};

/// The state of memory at one moment.
pub(super) struct Moment {
    zones: KVec<Zone>,
    events: KVec<c_ulong>,
}

impl Moment {
    /// Any moment: what makes room for others.
    fn new() -> Result<Self> {
        Ok(Self {
            zones: facts::memory::zones()?,
            events: sys::totals::events()?,
        })
    }

    /// This moment instead, in the same room: looking must not allocate.
    fn retake(&mut self) -> Result {
        facts::memory::zones_again(&mut self.zones)?;
        sys::totals::events_again(&mut self.events);
        Ok(())
    }
}

/// Before acquiring, after it, after releasing, and when all has been given back.
pub(super) type Moments = [Moment; 4];

/// What the first operation changes, which `once` is to do by [`operate`].
pub(super) fn look(
    once: impl FnOnce(&mut Moments, &mut Delta) -> Result,
    delta: &mut Delta,
) -> Result {
    let mut moments = [
        Moment::new()?,
        Moment::new()?,
        Moment::new()?,
        Moment::new()?,
    ];
    once(&mut moments, delta)?;
    for (step, pair) in moments.windows(2).enumerate().take(STEPS) {
        if let [before, after] = pair {
            compare(delta, step, before, after);
        }
    }
    Ok(())
}

/// Does one operation of `experiment`, with the state of memory taken around it.
pub(super) fn operate<E: Experiment>(
    experiment: &E,
    [begun, acquired, released, settled]: &mut Moments,
    delta: &mut Delta,
) -> Result {
    let mut idle = experiment.idle()?;
    experiment.touch(&mut idle);
    delta.settled = experiment.settle(&mut idle);
    begun.retake()?;
    let start = now();
    let result = experiment.acquire(idle);
    let held_at = now();
    acquired.retake()?;
    let mut idle = match result {
        Ok(held) => {
            let start = now();
            let idle = experiment.release(held);
            let [_, releasing] = &mut delta.ns;
            *releasing = now().saturating_sub(start);
            idle
        }
        Err((idle, error)) => {
            delta.errno = error.to_errno();
            idle
        }
    };
    let [acquiring, _] = &mut delta.ns;
    *acquiring = held_at.saturating_sub(start);
    released.retake()?;
    if delta.settled {
        experiment.settle(&mut idle);
    }
    settled.retake()?;
    delta.taken = true;
    Ok(())
}

fn compare(delta: &mut Delta, step: usize, before: &Moment, after: &Moment) {
    for after in &after.zones {
        let same = |before: &&Zone| (before.node, before.index) == (after.node, after.index);
        // One that was not there before has come by hotplug, and not by the operation.
        if let Some(before) = before.zones.iter().find(same) {
            delta.add_zone(step, before, after);
        }
    }
    for (number, (before, after)) in before.events.iter().zip(&after.events).enumerate() {
        if let Some(name) = sys::totals::event_name(number) {
            // CAST: `unsigned long` is not wider than 64 bits.
            delta.add_event(step, name, *before as u64, *after as u64);
        }
    }
}

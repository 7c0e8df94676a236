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

/// Looks at memory before acquiring, after it, after releasing, and when all has been given back. What
/// it does is the same for each experiment, and stands here once.
pub(super) struct Observer<'a> {
    moments: [Moment; 1 + STEPS],
    delta: &'a mut Delta,
    looked: Result,
}

impl<'a> Observer<'a> {
    /// What is found goes into `delta`.
    fn new(delta: &'a mut Delta) -> Result<Self> {
        Ok(Self {
            moments: [
                Moment::new()?,
                Moment::new()?,
                Moment::new()?,
                Moment::new()?,
            ],
            delta,
            looked: Ok(()),
        })
    }

    /// It is moment number `at`.
    #[inline(never)]
    fn look(&mut self, at: usize) {
        if let Some(moment) = self.moments.get_mut(at) {
            self.looked = self.looked.and_then(|()| moment.retake());
        }
    }

    /// Phase number `at` has taken so long.
    fn took(&mut self, at: usize, ns: u64) {
        if let Some(phase) = self.delta.ns.get_mut(at) {
            *phase = ns;
        }
    }
}

/// What the first operation changes, which `once` is to do by [`operate`].
pub(super) fn look(once: impl FnOnce(&mut Observer<'_>) -> Result, delta: &mut Delta) -> Result {
    let mut observer = Observer::new(delta)?;
    once(&mut observer)?;
    let Observer {
        moments,
        delta,
        looked,
    } = observer;
    looked?;
    delta.taken = true;
    for (step, pair) in moments.windows(2).enumerate() {
        if let [before, after] = pair {
            compare(delta, step, before, after);
        }
    }
    Ok(())
}

/// Does one operation of `experiment`, with the state of memory looked at around it.
pub(super) fn operate<E: Experiment>(experiment: &E, observer: &mut Observer<'_>) -> Result {
    let mut idle = experiment.idle()?;
    experiment.touch(&mut idle);
    observer.delta.settled = experiment.settle(&mut idle);
    observer.look(0);
    let start = now();
    let result = experiment.acquire(idle);
    let held_at = now();
    observer.look(1);
    observer.took(0, held_at.saturating_sub(start));
    let mut idle = match result {
        Ok(held) => {
            let start = now();
            let idle = experiment.release(held);
            observer.took(1, now().saturating_sub(start));
            idle
        }
        Err((idle, error)) => {
            observer.delta.errno = error.to_errno();
            idle
        }
    };
    observer.look(2);
    if observer.delta.settled {
        experiment.settle(&mut idle);
    }
    observer.look(3);
    Ok(())
}

fn compare(delta: &mut Delta, step: usize, before: &Moment, after: &Moment) {
    delta.add_zones(step, &before.zones, &after.zones);
    for (number, (before, after)) in before.events.iter().zip(&after.events).enumerate() {
        if let Some(name) = sys::totals::event_name(number) {
            // CAST: `unsigned long` is not wider than 64 bits.
            delta.add_event(step, name, *before as u64, *after as u64);
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

//! What the kernel goes through for the allocations of some threads, told by its tracepoints.
//!
//! Their probes are called on the slow paths that they stand on, and cost nothing elsewhere.
//!
//! C headers: [`include/trace/events/vmscan.h`](srctree/include/trace/events/vmscan.h),
//! [`include/trace/events/compaction.h`](srctree/include/trace/events/compaction.h)

use crate::{
    bindings as lab,
    compat, //
};
use core::{
    cell::UnsafeCell,
    marker::PhantomData, //
};
use kernel::{
    error::to_result,
    prelude::*, //
};

/// What was gone through: a set. One that is not empty and has none of the others: kswapd was woken.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen(u32);

impl Seen {
    /// Nothing of it.
    pub(crate) const NOTHING: Self = Self(0);
    /// The thread reclaimed memory itself.
    pub(crate) const RECLAIM: Self = Self(lab::MEMLAB_SEEN_RECLAIM);
    /// The thread moved memory to make room.
    pub(crate) const COMPACTION: Self = Self(lab::MEMLAB_SEEN_COMPACTION);

    /// Whether all of `other` is in it.
    pub(crate) fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// A place for each thread that is watched.
#[repr(transparent)]
struct Place(UnsafeCell<lab::memlab_mark>);

// SAFETY: Which thread a place belongs to is written and read with single accesses; what has been
// seen is touched by that thread alone, and by the probes that run in it.
unsafe impl Sync for Place {}
// SAFETY: Plain data.
unsafe impl Send for Place {}

/// Some threads are watched for as long as this lives. It is lent for that time only, so that nobody
/// can forget it: its probes would be called when the module has gone.
///
/// # Invariants
///
/// `trace` is registered and points to `places`, which do not move.
pub(crate) struct Watch {
    trace: KBox<UnsafeCell<lab::memlab_trace>>,
    places: KVec<Place>,
}

// SAFETY: `trace` is written by `new` and `drop` alone.
unsafe impl Sync for Watch {}

impl Watch {
    /// Does `work` with so many threads watched; with `None` on a kernel without CONFIG_TRACEPOINTS.
    pub(crate) fn over<R>(
        threads: usize,
        work: impl FnOnce(Option<&Self>) -> Result<R>,
    ) -> Result<R> {
        let watch = Self::new(threads)?;
        work(watch.as_ref())
    }

    fn new(threads: usize) -> Result<Option<Self>> {
        let mut places = KVec::with_capacity(threads, GFP_KERNEL)?;
        for _ in 0..threads {
            let place = Place(UnsafeCell::new(pin_init::zeroed()));
            places.push(place, GFP_KERNEL)?;
        }
        let mut trace: lab::memlab_trace = pin_init::zeroed();
        trace.marks = places.as_mut_ptr().cast();
        trace.count = u32::try_from(threads)?;
        let trace = KBox::new(UnsafeCell::new(trace), GFP_KERNEL)?;
        // SAFETY: All zero but for the marks, as asked for; it stays where it is, and the marks do,
        // until the probes have been unregistered in `drop`.
        match to_result(unsafe { lab::memlab_trace_begin(trace.get()) }) {
            // INVARIANT: Just registered; a `KVec` that is not pushed to stays where it is.
            Ok(()) => Ok(Some(Self { trace, places })),
            Err(error) if error == compat::not_supported() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The mark of thread `index`, which is the current one.
    pub(crate) fn mark(&self, index: usize) -> Option<Mark<'_>> {
        let place = self.places.get(index)?.0.get();
        // SAFETY: The place is alive as long as `self`, and read at any time by the probes, which
        // take a pointer for what it is worth.
        unsafe {
            (&raw mut (*place).seen).write_volatile(0);
            (&raw mut (*place).task).write_volatile(lab::memlab_current());
        }
        // INVARIANT: It is the current thread's from here on.
        Some(Mark {
            place,
            watch: PhantomData,
        })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // SAFETY: By the type invariant it is registered. When this returns no probe runs.
        unsafe { lab::memlab_trace_end(self.trace.get()) };
    }
}

/// What the current thread goes through is noted here. Stays in this thread.
///
/// # Invariants
///
/// `place` is this thread's, and alive for `'a`.
pub(crate) struct Mark<'a> {
    place: *mut lab::memlab_mark,
    watch: PhantomData<&'a Watch>,
}

impl Mark<'_> {
    /// What was gone through since the last call.
    #[inline(always)]
    pub(crate) fn take(&self) -> Seen {
        // SAFETY: By the type invariant; only this thread and what interrupts it write there.
        unsafe {
            let seen = (&raw mut (*self.place).seen).read_volatile();
            if seen != 0 {
                (&raw mut (*self.place).seen).write_volatile(0);
            }
            Seen(seen)
        }
    }
}

impl Drop for Mark<'_> {
    fn drop(&mut self) {
        // SAFETY: By the type invariant the place is alive.
        unsafe { (&raw mut (*self.place).task).write_volatile(core::ptr::null()) };
    }
}

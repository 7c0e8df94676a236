// SPDX-License-Identifier: GPL-2.0

//! A value behind a lock for a `static`.

use crate::compat;
use core::{
    cell::UnsafeCell,
    convert::Infallible,
    mem::MaybeUninit, //
};
use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Relaxed,
            Release, //
        },
        new_mutex,
        Mutex,
        MutexGuard, //
    },
};

const RAW: u32 = 0;
const MAKING: u32 = 1;
const READY: u32 = 2;

/// A value behind a lock, which whoever comes first makes: the kernel has no lock that is one from
/// the beginning. Nobody drops a static: a list that has become empty is to be replaced by a new one.
/// To lockdep all of them are one kind of lock: none is taken while another is held.
///
/// # Invariants
///
/// In the state `RAW` nobody uses `lock`, in `MAKING` only the thread that has set it; in `READY` it
/// is initialised.
pub(crate) struct Register<T> {
    state: Atomic<u32>,
    lock: UnsafeCell<MaybeUninit<Mutex<T>>>,
    first: fn() -> T,
}

// SAFETY: By the type invariant `lock` is a mutex whenever it is shared, and a mutex may be shared
// if what it holds may go from thread to thread.
unsafe impl<T: Send> Sync for Register<T> {}

impl<T> Register<T> {
    /// What `first` gives.
    pub(crate) const fn new(first: fn() -> T) -> Self {
        // INVARIANT: Nobody can use it yet.
        Self {
            state: Atomic::new(RAW),
            lock: UnsafeCell::new(MaybeUninit::uninit()),
            first,
        }
    }

    /// The value, locked.
    pub(crate) fn lock(&'static self) -> MutexGuard<'static, T> {
        if self.state.cmpxchg(RAW, MAKING, Relaxed).is_ok() {
            let lock = self.lock.get().cast::<Mutex<T>>();
            // SAFETY: By the type invariant nobody else uses the memory, which is pinned as it is a
            // static's.
            let made: Result<(), Infallible> =
                unsafe { compat::init_pinned!(new_mutex!((self.first)()), lock) };
            let Ok(()) = made;
            // INVARIANT: Just initialised.
            self.state.store(READY, Release);
        }
        while self.state.load(Acquire) != READY {
            super::task::cpu_relax();
        }
        // SAFETY: By the type invariant it is initialised, and a static is not moved or dropped.
        unsafe { (*self.lock.get()).assume_init_ref() }.lock()
    }
}

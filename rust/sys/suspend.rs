// SPDX-License-Identifier: GPL-2.0

//! Being told that the machine is about to sleep, and that it is awake again.
//!
//! C header: [`include/linux/suspend.h`](srctree/include/linux/suspend.h)

use crate::bindings as lab;
use core::{
    marker::PhantomPinned,
    ptr::NonNull, //
};
use kernel::prelude::*;

/// Calls a function as long as it exists. It is pinned, so that it cannot be forgotten where what it is
/// a part of is dropped: the function would be called when the module has gone.
///
/// # Invariants
///
/// The pointer is that of a registration.
#[pin_data(PinnedDrop)]
pub(crate) struct OnSuspend {
    raw: NonNull<lab::memlab_suspend>,
    #[pin]
    _pinned: PhantomPinned,
}

// SAFETY: A registration belongs to no thread.
unsafe impl Send for OnSuspend {}
// SAFETY: `&OnSuspend` gives access to nothing.
unsafe impl Sync for OnSuspend {}

impl OnSuspend {
    /// Calls `call` with true before processes are frozen, and with false when all is over.
    pub(crate) fn register(call: extern "C" fn(bool)) -> impl PinInit<Self, Error> {
        // INVARIANT: Just registered.
        try_pin_init!(Self {
            raw: {
                // SAFETY: The function is one of this module, which does not go before the
                // registration.
                let raw = unsafe { lab::memlab_suspend_register(Some(call)) };
                NonNull::new(raw).ok_or(ENOMEM)?
            },
            _pinned: PhantomPinned,
        })
    }
}

#[pinned_drop]
impl PinnedDrop for OnSuspend {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the type invariant. Waits for a call that is under way.
        unsafe { lab::memlab_suspend_unregister(self.raw.as_ptr()) };
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Being told that the machine is about to sleep, and that it is awake again.
//!
//! C header: [`include/linux/suspend.h`](srctree/include/linux/suspend.h)

use crate::bindings as lab;
use core::ptr::NonNull;
use kernel::prelude::*;

/// Calls a function as long as it exists.
///
/// # Invariants
///
/// The pointer is that of a registration.
pub(crate) struct OnSuspend(NonNull<lab::memlab_suspend>);

// SAFETY: A registration belongs to no thread.
unsafe impl Send for OnSuspend {}
// SAFETY: `&OnSuspend` gives access to nothing.
unsafe impl Sync for OnSuspend {}

impl OnSuspend {
    /// Calls `call` with true before processes are frozen, and with false when all is over.
    pub(crate) fn register(call: extern "C" fn(bool)) -> Result<Self> {
        // SAFETY: The function is one of this module, which does not go before the registration.
        let raw = unsafe { lab::memlab_suspend_register(Some(call)) };
        // INVARIANT: Just registered.
        NonNull::new(raw).map(Self).ok_or(ENOMEM)
    }
}

impl Drop for OnSuspend {
    fn drop(&mut self) {
        // SAFETY: By the type invariant. Waits for a call that is under way.
        unsafe { lab::memlab_suspend_unregister(self.0.as_ptr()) };
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Being told that memory is taken offline, so that nobody reads what goes with it.
//!
//! C header: [`include/linux/memory.h`](srctree/include/linux/memory.h)

use crate::bindings as lab;
use core::marker::PhantomPinned;
use kernel::{
    error::to_result,
    prelude::*, //
};

/// The module is told as long as this exists. It is pinned, so that it cannot be forgotten where what it
/// is a part of is dropped: the module would be told when it has gone.
///
/// # Invariants
///
/// The one registration that there is.
#[pin_data(PinnedDrop)]
pub(crate) struct OnHotplug {
    #[pin]
    _pinned: PhantomPinned,
}

impl OnHotplug {
    /// Registers; `EEXIST` the second time.
    pub(crate) fn register() -> impl PinInit<Self, Error> {
        // INVARIANT: The kernel refuses to register the same twice.
        try_pin_init!(Self {
            // SAFETY: What is registered is static, and goes with the module, which unregisters
            // before.
            _: { to_result(unsafe { lab::memlab_hotplug_register() })? },
            _pinned: PhantomPinned,
        })
    }
}

#[pinned_drop]
impl PinnedDrop for OnHotplug {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the type invariant it is registered. Waits for a call that is under way.
        unsafe { lab::memlab_hotplug_unregister() };
    }
}

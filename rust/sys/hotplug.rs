// SPDX-License-Identifier: GPL-2.0

//! Being told that memory is taken offline, so that nobody reads what goes with it.
//!
//! C header: [`include/linux/memory.h`](srctree/include/linux/memory.h)

use crate::bindings as lab;
use core::marker::PhantomData;
use kernel::{
    error::to_result,
    prelude::*, //
};

/// The module is told as long as this exists.
///
/// # Invariants
///
/// The one registration that there is.
pub(crate) struct OnHotplug(PhantomData<()>);

impl OnHotplug {
    /// Registers; `EEXIST` the second time.
    pub(crate) fn register() -> Result<Self> {
        // SAFETY: What is registered is static, and goes with the module, which unregisters before.
        to_result(unsafe { lab::memlab_hotplug_register() })?;
        // INVARIANT: The kernel refuses to register the same twice.
        Ok(Self(PhantomData))
    }
}

impl Drop for OnHotplug {
    fn drop(&mut self) {
        // SAFETY: By the type invariant it is registered. Waits for a call that is under way.
        unsafe { lab::memlab_hotplug_unregister() };
    }
}

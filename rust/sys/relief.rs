// SPDX-License-Identifier: GPL-2.0

//! The kernel's ways to ask for memory back that is held: a shrinker and an OOM notifier.
//!
//! C headers: [`include/linux/shrinker.h`](srctree/include/linux/shrinker.h),
//! [`include/linux/oom.h`](srctree/include/linux/oom.h)

use crate::bindings as lab;
use core::ptr::NonNull;
use kernel::{
    ffi::{
        c_ulong,
        c_void, //
    },
    prelude::*,
    sync::Arc, //
};

/// What can give pages back. Asked while memory is short, so that it must not allocate or sleep.
pub(crate) trait Relieve: Send + Sync {
    /// How many pages there are.
    fn len(&self) -> usize;

    /// Gives back up to `most` of them; says how many.
    fn release(&self, most: usize) -> usize;
}

/// Has a holder of pages asked for them when the kernel runs short.
///
/// # Invariants
///
/// `raw` is registered, and its data is the holder.
pub(crate) struct Relief<T: Relieve> {
    raw: NonNull<lab::memlab_relief>,
    _holder: Arc<T>,
}

// SAFETY: The registration belongs to no thread.
unsafe impl<T: Relieve> Send for Relief<T> {}

impl<T: Relieve> Relief<T> {
    /// Registers both.
    pub(crate) fn register(holder: Arc<T>) -> Result<Self> {
        let data = core::ptr::from_ref(&*holder).cast_mut().cast::<c_void>();
        // SAFETY: The functions take a `T`, and it lives until they are unregistered.
        let raw =
            unsafe { lab::memlab_relief_register(Some(count::<T>), Some(release::<T>), data) };
        let raw = NonNull::new(raw).ok_or(ENOMEM)?;
        // INVARIANT: Just registered with this holder.
        Ok(Self {
            raw,
            _holder: holder,
        })
    }
}

impl<T: Relieve> Drop for Relief<T> {
    fn drop(&mut self) {
        // SAFETY: By the type invariant it is registered. Waits for calls that are under way.
        unsafe { lab::memlab_relief_unregister(self.raw.as_ptr()) };
    }
}

/// # Safety
///
/// `data` is a `T`.
unsafe extern "C" fn count<T: Relieve>(data: *mut c_void) -> c_ulong {
    // SAFETY: By the function's requirement.
    let holder = unsafe { &*data.cast::<T>() };
    // CAST: `unsigned long` is as wide as a pointer.
    holder.len() as c_ulong
}

/// # Safety
///
/// `data` is a `T`.
unsafe extern "C" fn release<T: Relieve>(data: *mut c_void, most: c_ulong) -> c_ulong {
    // SAFETY: By the function's requirement.
    let holder = unsafe { &*data.cast::<T>() };
    holder.release(most)
}

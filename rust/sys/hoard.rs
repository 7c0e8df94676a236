// SPDX-License-Identifier: GPL-2.0

//! Single pages that are held so that nobody else has them, and the kernel's ways to ask for them.
//!
//! C headers: [`include/linux/shrinker.h`](srctree/include/linux/shrinker.h),
//! [`include/linux/oom.h`](srctree/include/linux/oom.h)

use super::alloc::Pages;
use crate::bindings as lab;
use core::ptr::NonNull;
use kernel::{
    alloc::flags::__GFP_NOWARN,
    ffi::{
        c_ulong,
        c_void, //
    },
    new_spinlock,
    prelude::*,
    sync::{
        Arc,
        SpinLock, //
    },
};

/// Pages with room for so many: adding and giving back allocate nothing, so that they work while
/// memory is short.
#[pin_data]
pub(crate) struct Hoard {
    #[pin]
    pages: SpinLock<KVVec<Pages>>,
}

impl Hoard {
    /// An empty one with room for `room` pages.
    pub(crate) fn new(room: usize) -> Result<Arc<Self>> {
        // As many as the machine has pages may be more than the kernel gives in one piece.
        let pages = KVVec::with_capacity(room, GFP_KERNEL | __GFP_NOWARN)?;
        Arc::pin_init(
            pin_init!(Self {
                pages <- new_spinlock!(pages),
            }),
            GFP_KERNEL,
        )
    }

    /// Holds one more; gives it back if there is no room.
    pub(crate) fn add(&self, page: Pages) -> Result {
        let full = self.pages.lock().push_within_capacity(page);
        // What did not fit is freed here, without the lock.
        full.map_err(|_| ENOSPC)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.pages.lock().len()
    }

    /// Gives back up to `most` of them; says how many.
    pub(crate) fn release(&self, most: usize) -> usize {
        let mut released = 0;
        while released < most {
            // One at a time: freed without the lock, which allocations of others wait for.
            let Some(page) = self.pages.lock().pop() else {
                break;
            };
            drop(page);
            released += 1;
        }
        released
    }
}

/// Gives pages of a hoard back when the kernel runs short: a shrinker and an OOM notifier.
///
/// # Invariants
///
/// `raw` is registered, and its data is the hoard.
pub(crate) struct Relief {
    raw: NonNull<lab::memlab_relief>,
    _hoard: Arc<Hoard>,
}

// SAFETY: The registration belongs to no thread.
unsafe impl Send for Relief {}

impl Relief {
    /// Registers both.
    pub(crate) fn register(hoard: Arc<Hoard>) -> Result<Self> {
        let data = core::ptr::from_ref(&*hoard).cast_mut().cast::<c_void>();
        // SAFETY: The functions take a hoard, and it lives until they are unregistered.
        let raw = unsafe { lab::memlab_relief_register(Some(count), Some(release), data) };
        let raw = NonNull::new(raw).ok_or(ENOMEM)?;
        // INVARIANT: Just registered with this hoard.
        Ok(Self { raw, _hoard: hoard })
    }
}

impl Drop for Relief {
    fn drop(&mut self) {
        // SAFETY: By the type invariant it is registered. Waits for calls that are under way.
        unsafe { lab::memlab_relief_unregister(self.raw.as_ptr()) };
    }
}

/// # Safety
///
/// `data` is a [`Hoard`].
unsafe extern "C" fn count(data: *mut c_void) -> c_ulong {
    // SAFETY: By the function's requirement.
    let hoard = unsafe { &*data.cast::<Hoard>() };
    // CAST: `unsigned long` is as wide as a pointer.
    hoard.len() as c_ulong
}

/// # Safety
///
/// `data` is a [`Hoard`].
unsafe extern "C" fn release(data: *mut c_void, most: c_ulong) -> c_ulong {
    // SAFETY: By the function's requirement.
    let hoard = unsafe { &*data.cast::<Hoard>() };
    hoard.release(most)
}

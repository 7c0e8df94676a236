// SPDX-License-Identifier: GPL-2.0

//! A misc device that answers ioctls.
//!
//! C header: [`include/linux/miscdevice.h`](srctree/include/linux/miscdevice.h)
//!
//! The kernel crate's misc devices have an owner from 7.3 on only: before, the module could go
//! while the device is open.

use core::marker::PhantomData;
use kernel::{
    bindings,
    error::to_result,
    ffi::{
        c_long,
        c_uint,
        c_ulong, //
    },
    prelude::*,
    types::Opaque, //
};

/// Answers the ioctls of a device.
pub(crate) trait Ioctl {
    /// Carries out `cmd`; nothing is kept from one call to the next.
    fn ioctl(cmd: u32, arg: usize) -> Result<isize>;
}

/// A registered misc device, deregistered on drop.
///
/// # Invariants
///
/// `inner` is a registered `struct miscdevice`.
#[pin_data(PinnedDrop)]
pub(crate) struct Misc<T> {
    #[pin]
    inner: Opaque<bindings::miscdevice>,
    _answers: PhantomData<T>,
}

// SAFETY: A misc device may be deregistered from any thread.
unsafe impl<T> Send for Misc<T> {}
// SAFETY: `&Misc` gives access to nothing.
unsafe impl<T> Sync for Misc<T> {}

impl<T: Ioctl> Misc<T> {
    const OPERATIONS: bindings::file_operations = bindings::file_operations {
        owner: super::THIS_MODULE,
        unlocked_ioctl: Some(Self::ioctl),
        #[cfg(CONFIG_COMPAT)]
        compat_ioctl: bindings::compat_ptr_ioctl,
        ..pin_init::zeroed()
    };

    /// Registers /dev/`name`.
    pub(crate) fn register(name: &'static CStr) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            inner <- Opaque::try_ffi_init(move |slot: *mut bindings::miscdevice| {
                let device = bindings::miscdevice {
                    // CAST: The constant is 255.
                    minor: bindings::MISC_DYNAMIC_MINOR as i32,
                    name: name.as_char_ptr(),
                    fops: &Self::OPERATIONS,
                    ..pin_init::zeroed()
                };
                // SAFETY: `slot` may be written, and is pinned until `drop` deregisters it.
                unsafe { slot.write(device) };
                // SAFETY: Just filled in as the function asks.
                to_result(unsafe { bindings::misc_register(slot) })
            }),
            _answers: PhantomData,
        })
    }

    /// # Safety
    ///
    /// To be called as `file_operations.unlocked_ioctl` only.
    unsafe extern "C" fn ioctl(_: *mut bindings::file, cmd: c_uint, arg: c_ulong) -> c_long {
        match T::ioctl(cmd, arg) {
            Ok(value) => value,
            // CAST: An errno fits any integer.
            Err(error) => error.to_errno() as c_long,
        }
    }
}

#[pinned_drop]
impl<T> PinnedDrop for Misc<T> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the type invariant.
        unsafe { bindings::misc_deregister(self.inner.get()) };
    }
}

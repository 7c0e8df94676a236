// SPDX-License-Identifier: GPL-2.0

//! A misc device whose open files are sessions that answer ioctls.
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
        c_int,
        c_long,
        c_uint,
        c_ulong,
        c_void, //
    },
    prelude::*,
    sync::Arc,
    types::Opaque, //
};

/// What a device keeps for each open file.
pub(crate) trait Session: Send + Sync + Sized + 'static {
    /// Begins one, for whoever may have it.
    fn open() -> Result<Arc<Self>>;

    /// Carries out `cmd`; several may be under way at a time, and what is given back is not below 0.
    fn ioctl(&self, cmd: u32, arg: usize) -> Result<isize>;
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
    _sessions: PhantomData<T>,
}

// SAFETY: A misc device may be deregistered from any thread.
unsafe impl<T> Send for Misc<T> {}
// SAFETY: `&Misc` gives access to nothing.
unsafe impl<T> Sync for Misc<T> {}

impl<T: Session> Misc<T> {
    const OPERATIONS: bindings::file_operations = bindings::file_operations {
        owner: super::THIS_MODULE,
        open: Some(Self::open),
        release: Some(Self::release),
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
            _sessions: PhantomData,
        })
    }

    /// # Safety
    ///
    /// To be called as `file_operations.open` only.
    unsafe extern "C" fn open(_: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        match T::open() {
            Ok(session) => {
                // SAFETY: The file is being opened, and its private data is its open's to set.
                unsafe {
                    (*file).private_data = Arc::into_raw(session).cast_mut().cast::<c_void>()
                };
                0
            }
            Err(error) => error.to_errno(),
        }
    }

    /// # Safety
    ///
    /// To be called as `file_operations.release` only.
    unsafe extern "C" fn release(_: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        // SAFETY: `open` left a reference to a `T` there. A file is released once, when no call on
        // it is under way.
        drop(unsafe { Arc::from_raw((*file).private_data.cast::<T>().cast_const()) });
        0
    }

    /// # Safety
    ///
    /// To be called as `file_operations.unlocked_ioctl` only.
    unsafe extern "C" fn ioctl(file: *mut bindings::file, cmd: c_uint, arg: c_ulong) -> c_long {
        // SAFETY: `open` left a reference to a `T` there, which is held until the file is released,
        // and that waits for this call.
        let session = unsafe { &*(*file).private_data.cast::<T>() };
        match session.ioctl(cmd, arg) {
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

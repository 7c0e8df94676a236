// SPDX-License-Identifier: GPL-2.0

//! The way of an address through the page tables, and the page at its end.
//!
//! C headers: [`include/linux/pgtable.h`](srctree/include/linux/pgtable.h),
//! [`include/uapi/linux/memlab_walk.h`](../../include/uapi/linux/memlab_walk.h)

use super::abi::Walk;
use crate::bindings as lab;
use kernel::{
    error::to_result,
    prelude::*, //
};

/// Fills in what `walk` names by address and process. `ERANGE`: nobody has such an address;
/// `EINVAL`: a process with one of the kernel's; `ESRCH`: no such process, or it has no memory;
/// `EPERM`: it is another's, and the caller may not trace it; `EINTR` on a fatal signal.
pub(crate) fn walk(walk: &mut Walk) -> Result {
    // What a caller left in what is answered is no answer.
    let (size, address, pid) = (walk.size, walk.address, walk.pid);
    *walk = pin_init::zeroed();
    (walk.size, walk.address, walk.pid) = (size, address, pid);
    // SAFETY: All of `walk` may be written, and what the function fills in it zeroes are where it
    // does not. It waits for a lock, which an ioctl may, as a process that has memory.
    to_result(unsafe { lab::memlab_walk(walk) })
}

/// The last address that a process can have.
pub(crate) fn last_of_user() -> u64 {
    // SAFETY: Gives a constant of the machine.
    unsafe { lab::memlab_user_end() - 1 }
}

#[cfg(CONFIG_KUNIT = "y")]
#[path = "walk_tests.rs"]
mod walk_tests;

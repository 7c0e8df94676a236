// SPDX-License-Identifier: GPL-2.0

//! Structures that travel between user space and the module.
//!
//! C headers: [`include/uapi/linux/memlab.h`](../../include/uapi/linux/memlab.h),
//! [`include/linux/uaccess.h`](srctree/include/linux/uaccess.h) (`copy_struct_from_user()`)

use crate::bindings as lab;
use kernel::{
    ffi::c_char,
    prelude::*,
    uaccess::{
        UserPtr,
        UserSlice, //
    },
};
use pin_init::Zeroable;

pub(crate) use lab::{
    memlab_ending_MEMLAB_COMPLETE as COMPLETE,
    memlab_ending_MEMLAB_DEVICE_GONE as DEVICE_GONE,
    memlab_ending_MEMLAB_STOPPED as STOPPED,
    memlab_ending_MEMLAB_TIME as TIME,
    memlab_info as Info,
    memlab_outcome as Outcome,
    memlab_phase as Phase,
    memlab_run as Run,
    memlab_tristate_MEMLAB_NO as NO,
    memlab_tristate_MEMLAB_UNKNOWN as UNKNOWN,
    memlab_tristate_MEMLAB_YES as YES,
    MEMLAB_ABI_VERSION as VERSION,
    MEMLAB_IOC_MAGIC as IOC_MAGIC,
    MEMLAB_NODE_ANY as NODE_ANY, //
};

// CAST: A structure is far smaller than 4 GiB.
pub(crate) const INFO_LEAST: usize = lab::MEMLAB_INFO_SIZE_LEAST as usize;
pub(crate) const RUN_LEAST: usize = lab::MEMLAB_RUN_SIZE_LEAST as usize;

/// A structure of the ABI.
///
/// # Safety
///
/// Every bit pattern is a value of the type, and it has no padding.
pub(crate) unsafe trait Plain: Zeroable {}

// SAFETY: Integers and arrays of them; `check_layout` sees to the padding.
unsafe impl Plain for Info {}
// SAFETY: A `Run` is of integers and arrays of them; `check_layout` sees to the padding.
unsafe impl Plain for Run {}
// SAFETY: An `Outcome` is of integers, of phases and failures that are of integers, and of arrays of
// them; `check_layout` sees to the padding.
unsafe impl Plain for Outcome {}

/// The structures are the same for 32-bit and 64-bit callers, and have no holes.
const _: () = {
    assert!(size_of::<Info>() == 328);
    assert!(size_of::<Run>() == 424);
    assert!(size_of::<Phase>() == 40 + 8 * lab::MEMLAB_BUCKETS as usize);
    // What it was before it grew, and what has been added.
    let first = core::mem::offset_of!(Outcome, failed);
    assert!(first == 8 + 2 * size_of::<Phase>() + 8 * 16 + 6 * 8 + 8 + 24 + 24);
    assert!(size_of::<Outcome>() == first + 5 * size_of::<Phase>() + 16);
};

fn bytes_mut<T: Plain>(value: &mut T) -> &mut [u8] {
    // SAFETY: By the trait's requirement every byte is initialised and may become any other.
    unsafe { core::slice::from_raw_parts_mut(core::ptr::from_mut(value).cast(), size_of::<T>()) }
}

fn bytes<T: Plain>(value: &T) -> &[u8] {
    // SAFETY: By the trait's requirement every byte is initialised.
    unsafe { core::slice::from_raw_parts(core::ptr::from_ref(value).cast(), size_of::<T>()) }
}

/// Reads a structure whose first member is its size. What the caller does not know is zero; what
/// only the caller knows must be (`E2BIG`). A size that cannot hold `least` bytes is `EINVAL`.
pub(crate) fn read<T: Plain>(from: UserPtr, least: usize) -> Result<(KBox<T>, usize)> {
    let size: u32 = UserSlice::new(from, size_of::<u32>()).reader().read()?;
    let size = usize::try_from(size)?;
    if size < least || size > kernel::page::PAGE_SIZE {
        return Err(if size < least { EINVAL } else { E2BIG });
    }
    let mut value = KBox::init(pin_init::init_zeroed::<T>(), GFP_KERNEL)?;
    let known = size.min(size_of::<T>());
    let mut reader = UserSlice::new(from, size).reader();
    let head = bytes_mut(&mut *value).get_mut(..known).ok_or(EINVAL)?;
    reader.read_slice(head)?;
    while !reader.is_empty() {
        if reader.read::<u8>()? != 0 {
            return Err(E2BIG);
        }
    }
    Ok((value, size))
}

/// Writes as much of a structure as the caller has room for.
pub(crate) fn write<T: Plain>(to: UserPtr, room: usize, value: &T) -> Result {
    let known = room.min(size_of::<T>());
    let head = bytes(value).get(..known).ok_or(EINVAL)?;
    UserSlice::new(to, known).writer().write_slice(head)
}

/// An outcome of all zeroes, to be filled in; too large for a stack.
pub(crate) fn outcome() -> Result<KVBox<Outcome>> {
    KVBox::init(pin_init::init_zeroed::<Outcome>(), GFP_KERNEL)
}

/// The text of a NUL-terminated field; `EINVAL` if it has no end or is not UTF-8.
pub(crate) fn text(field: &[c_char]) -> Result<&str> {
    // SAFETY: `char` and `u8` have the same size and every value of one is one of the other.
    let raw = unsafe { core::slice::from_raw_parts(field.as_ptr().cast::<u8>(), field.len()) };
    let end = raw.iter().position(|byte| *byte == 0).ok_or(EINVAL)?;
    let text = raw.get(..end).ok_or(EINVAL)?;
    core::str::from_utf8(text).map_err(|_| EINVAL)
}

/// Puts text into a field, cut so that a NUL remains; what was there is gone.
pub(crate) fn put(field: &mut [c_char], text: &str) {
    field.fill(0);
    let room = field.len().saturating_sub(1);
    for (slot, byte) in field.iter_mut().take(room).zip(text.bytes()) {
        // CAST: `char` has either sign.
        *slot = byte as c_char;
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Memory of a program, as a driver is handed it: pinned and mapped for a device, or copied.
//!
//! C headers: [`include/linux/mm.h`](srctree/include/linux/mm.h),
//! [`include/linux/kthread.h`](srctree/include/linux/kthread.h),
//! [`include/linux/uaccess.h`](srctree/include/linux/uaccess.h)

use super::{
    device::as_raw,
    dma::{
        Coherent,
        CpuMemory,
        Direction as _, //
    },
    memory::Page, //
};
use crate::{
    bindings as lab,
    model::request::Direction, //
};
use core::{
    mem::ManuallyDrop,
    ptr::NonNull, //
};
use kernel::{
    device::{
        Bound,
        Device, //
    },
    error::{
        from_err_ptr,
        to_result, //
    },
    ffi::c_void,
    prelude::*, //
};

/// The process that asks, whose memory stays until this is dropped.
///
/// # Invariants
///
/// A reference is held on `mm`, by which its areas stay.
pub(crate) struct Process {
    mm: NonNull<c_void>,
}

// SAFETY: Memory of a process belongs to no thread.
unsafe impl Send for Process {}
// SAFETY: `&Process` only has threads work on it, which any number may.
unsafe impl Sync for Process {}

impl Process {
    /// That of the current task; `None` for a thread of the kernel's.
    pub(crate) fn current() -> Option<Self> {
        // SAFETY: Reads the current task's memory descriptor, and takes a reference.
        let mm = unsafe { lab::memlab_process_get() };
        // INVARIANT: The reference was just taken.
        NonNull::new(mm).map(|mm| Self { mm })
    }

    /// Does `work` in a thread of the kernel's as if that were one of the process, or in one that is.
    /// `ESRCH` where the current task has memory of another process.
    pub(crate) fn within(&self, work: &mut dyn FnMut() -> Result) -> Result {
        // SAFETY: The pointer is compared only.
        if unsafe { lab::memlab_process_is_ours(self.mm.as_ptr()) } {
            return work();
        }
        // SAFETY: By the type invariant the memory stays.
        if !unsafe { lab::memlab_process_enter(self.mm.as_ptr()) } {
            return Err(ESRCH);
        }
        let done = work();
        // SAFETY: Ends what was begun above, in the same task.
        unsafe { lab::memlab_process_leave(self.mm.as_ptr()) };
        done
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // SAFETY: By the type invariant. Callers may sleep.
        unsafe { lab::memlab_process_put(self.mm.as_ptr()) };
    }
}

/// Bytes of a huge page; 0 in a kernel without them.
pub(crate) fn huge_size() -> u64 {
    // SAFETY: The function returns a constant of the kernel's configuration.
    unsafe { lab::memlab_huge_size() }
}

/// The longest entry of a list that `dev` takes.
pub(crate) fn longest_entry(dev: &Device<Bound>) -> u32 {
    // SAFETY: The device is bound, so that its DMA is set up.
    unsafe { lab::memlab_longest_entry(as_raw(dev)) }
}

/// A buffer in an area of a process, with all of its pages.
///
/// It belongs to the thread that made it. What another task of the process does to the area is that
/// task's affair: what has been unmapped cannot be pinned or copied any more.
///
/// # Invariants
///
/// `raw` came from `memlab_user_new()`, and is not pinned.
pub(crate) struct UserMemory {
    raw: NonNull<lab::memlab_user>,
    size: usize,
}

impl UserMemory {
    /// `size` bytes, `offset` bytes into a page, in the process that the current task works on, of
    /// which every page is there. `ESRCH` without one, `EOPNOTSUPP` where the kernel gives no huge
    /// pages that are asked for.
    pub(crate) fn new(size: usize, offset: usize, huge: bool) -> Result<Self> {
        // SAFETY: Any numbers are taken; callers may sleep.
        let raw = from_err_ptr(unsafe { lab::memlab_user_new(size, offset, huge) })?;
        // INVARIANT: Just made.
        Ok(Self {
            raw: NonNull::new(raw).ok_or(ENOMEM)?,
            size,
        })
    }

    /// Sets every byte, as the program would.
    pub(crate) fn fill(&mut self, byte: u8) -> Result {
        // SAFETY: By the type invariant.
        to_result(unsafe { lab::memlab_user_fill(self.raw.as_ptr(), byte) })
    }

    /// Whether the program sees `byte` everywhere.
    #[cfg(CONFIG_KUNIT = "y")]
    pub(crate) fn holds(&self, byte: u8) -> bool {
        // SAFETY: By the type invariant.
        unsafe { lab::memlab_user_holds(self.raw.as_ptr(), byte) }
    }

    /// Pins the pages, lists them in entries of `longest` bytes at most, and maps the list. Gives the
    /// memory back if that fails: `EFAULT` where the program has unmapped it, `EIO` where it cannot be
    /// mapped.
    #[inline]
    pub(crate) fn pin(
        self,
        dev: &Device<Bound>,
        longest: u32,
        direction: Direction,
    ) -> Result<Pinned<'_>, (Self, Error)> {
        // SAFETY: By the type invariant it is not pinned; the device is bound.
        let pinned = to_result(unsafe {
            lab::memlab_user_pin(self.raw.as_ptr(), as_raw(dev), longest, direction.number())
        });
        match pinned {
            // INVARIANT: Just pinned, and mapped for this device in this direction.
            Ok(()) => Ok(Pinned {
                memory: ManuallyDrop::new(self),
                dev,
                direction,
            }),
            Err(error) => Err((self, error)),
        }
    }

    /// Copies it to the beginning of `to`, as a driver does before a transfer.
    #[inline]
    pub(crate) fn copy_to_device(&self, to: &mut Coherent<'_>) -> Result {
        let (start, room) = to.cpu();
        if room < self.size {
            return Err(EINVAL);
        }
        // SAFETY: By the type invariant, and there is room for as many bytes, which are borrowed.
        to_result(unsafe { lab::memlab_user_copy_in(self.raw.as_ptr(), start.as_ptr().cast()) })
    }

    /// Copies it from the beginning of `from`, as a driver does after one.
    #[inline]
    pub(crate) fn copy_from_device(&mut self, from: &Coherent<'_>) -> Result {
        let (start, room) = from.cpu();
        if room < self.size {
            return Err(EINVAL);
        }
        // SAFETY: By the type invariant, and there are as many bytes, which are borrowed.
        to_result(unsafe { lab::memlab_user_copy_out(self.raw.as_ptr(), start.as_ptr().cast()) })
    }
}

impl Drop for UserMemory {
    fn drop(&mut self) {
        // SAFETY: By the type invariant; callers may sleep.
        unsafe { lab::memlab_user_free(self.raw.as_ptr()) };
    }
}

/// Memory of a program that a device has until [`Pinned::unpin`].
///
/// # Invariants
///
/// `memory` is pinned, and mapped for `dev` in `direction`.
pub(crate) struct Pinned<'a> {
    memory: ManuallyDrop<UserMemory>,
    dev: &'a Device<Bound>,
    direction: Direction,
}

impl Pinned<'_> {
    /// Takes it from the device: unmaps and unpins.
    #[inline]
    pub(crate) fn unpin(self) -> UserMemory {
        let mut this = ManuallyDrop::new(self);
        this.end();
        // SAFETY: `this` is not used again, nor dropped.
        unsafe { ManuallyDrop::take(&mut this.memory) }
    }

    #[inline]
    fn end(&mut self) {
        let (raw, direction) = (self.memory.raw.as_ptr(), self.direction.number());
        // SAFETY: By the type invariant; the device is bound as long as it is borrowed.
        unsafe { lab::memlab_user_unpin(raw, as_raw(self.dev), direction) };
    }

    /// The first range as the device sees it, and its bytes; and how many ranges it sees.
    pub(crate) fn ranges(&self) -> (u64, u64, u32) {
        let (mut dma, mut size) = (0, 0);
        // SAFETY: By the type invariant it is mapped; the numbers may be written.
        let count =
            unsafe { lab::memlab_user_first(self.memory.raw.as_ptr(), &mut dma, &mut size) };
        (dma, size, count)
    }

    /// The pages, which stay as long as it is pinned, in their order.
    pub(crate) fn pages(&self) -> impl Iterator<Item = Page> + '_ {
        (0..).map_while(|n| {
            // SAFETY: By the type invariant the pages are pinned.
            let page = unsafe { lab::memlab_user_page(self.memory.raw.as_ptr(), n) };
            // SAFETY: A pinned page is one that there is.
            NonNull::new(page).map(|page| unsafe { Page::new(page) })
        })
    }
}

impl Drop for Pinned<'_> {
    fn drop(&mut self) {
        self.end();
        // SAFETY: It is pinned no more, and `memory` is not used again.
        unsafe { ManuallyDrop::drop(&mut self.memory) };
    }
}

/// Gives the current thread, which is one of KUnit's, memory of a process, until it exits.
#[cfg(CONFIG_KUNIT = "y")]
pub(crate) fn become_process() -> Result {
    // SAFETY: It is for threads of KUnit's, which are the only ones that call this.
    to_result(unsafe { lab::memlab_become_process() })
}

// SPDX-License-Identifier: GPL-2.0

//! A network driver's pool of pages that stay mapped for its device.
//!
//! C header: [`include/net/page_pool/helpers.h`](srctree/include/net/page_pool/helpers.h)

use super::Direction as _;
use crate::{
    bindings as lab,
    model::request::Direction,
    sys::{
        device::as_raw,
        memory::{
            Page,
            PAGE_SIZE, //
        },
    }, //
};
use core::{
    marker::PhantomData,
    ptr::NonNull, //
};
use kernel::{
    bindings,
    device::{
        Bound,
        Device, //
    },
    error::from_err_ptr,
    prelude::*,
    sync::Arc,
    types::NotThreadSafe, //
};

/// No softirq runs on this CPU until it is dropped, as none does beside a driver's own poll.
pub(crate) struct BottomHalvesOff(NotThreadSafe);

impl BottomHalvesOff {
    #[inline]
    pub(crate) fn new() -> Self {
        // SAFETY: May be called in any context that is no hard interrupt.
        unsafe { lab::memlab_bh_disable() };
        Self(NotThreadSafe)
    }
}

impl Drop for BottomHalvesOff {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: Ends what was begun when the value was made, in the same thread.
        unsafe { lab::memlab_bh_enable() };
    }
}

/// A pool that one thread has to itself, as a receive queue has, until the last page is back. It
/// sleeps when it goes: the last reference is not dropped with bottom halves off.
///
/// # Invariants
///
/// `raw` is a pool for `dev`, which no other thread uses.
pub(crate) struct PagePool<'a> {
    raw: NonNull<lab::page_pool>,
    synced: u32,
    _dev: PhantomData<&'a Device<Bound>>,
    _thread: NotThreadSafe,
}

impl<'a> PagePool<'a> {
    /// A pool of pieces of whole pages that hold `size` bytes, which are mapped for `dev`. Where they
    /// are `synced`, so many bytes are: for the CPU before they come back, and for the device then.
    /// `EOPNOTSUPP` in a kernel without such pools.
    pub(crate) fn new(
        dev: &'a Device<Bound>,
        size: usize,
        direction: Direction,
        synced: bool,
    ) -> Result<Arc<Self>> {
        let order = size.div_ceil(PAGE_SIZE).next_power_of_two().ilog2();
        // SAFETY: The device is bound; callers may sleep.
        let raw = from_err_ptr(unsafe {
            lab::memlab_page_pool_create(as_raw(dev), order, direction.number(), synced)
        })?;
        // INVARIANT: Just made, by the thread that has it: it is not sent to another.
        let this = Self {
            raw: NonNull::new(raw).ok_or(ENOMEM)?,
            synced: match synced {
                true => u32::try_from(size)?,
                false => 0,
            },
            _dev: PhantomData,
            _thread: NotThreadSafe,
        };
        #[allow(clippy::arc_with_non_send_sync, reason = "shared within one thread")]
        Ok(Arc::new(this, GFP_KERNEL)?)
    }

    /// Takes one out. Gives the pool back where there is no memory.
    #[inline]
    pub(crate) fn take(this: Arc<Self>) -> Result<Pooled<'a>, Arc<Self>> {
        // SAFETY: By the type invariant nobody else uses it.
        let page = unsafe { lab::memlab_page_pool_alloc(this.raw.as_ptr()) };
        match NonNull::new(page) {
            // INVARIANT: Just taken out.
            Some(page) => Ok(Pooled { pool: this, page }),
            None => Err(this),
        }
    }
}

impl Drop for PagePool<'_> {
    fn drop(&mut self) {
        // SAFETY: By the type invariant. All of its pages are back, as each has a reference to it; the
        // device is bound as long as it is borrowed.
        unsafe { lab::memlab_page_pool_destroy(self.raw.as_ptr()) };
    }
}

/// What was taken out of a pool.
///
/// # Invariants
///
/// `page` is of `pool`, and not in it.
pub(crate) struct Pooled<'a> {
    pool: Arc<PagePool<'a>>,
    page: NonNull<bindings::page>,
}

impl<'a> Pooled<'a> {
    /// Puts it back, for this thread's next one.
    #[inline]
    pub(crate) fn recycle(self) -> Arc<PagePool<'a>> {
        let this = core::mem::ManuallyDrop::new(self);
        this.put_back();
        // SAFETY: `this` is not used again, nor dropped.
        unsafe { core::ptr::read(&this.pool) }
    }

    #[inline]
    fn put_back(&self) {
        let (pool, page) = (self.pool.raw.as_ptr(), self.page.as_ptr());
        // SAFETY: By the type invariant; only this thread uses the pool.
        unsafe { lab::memlab_page_pool_recycle(pool, page, self.pool.synced) };
    }

    /// The first page.
    pub(crate) fn page(&self) -> Page {
        // SAFETY: By the type invariant there is one.
        unsafe { Page::new(self.page) }
    }

    /// Its address for the device.
    pub(crate) fn dma(&self) -> u64 {
        // SAFETY: By the type invariant, and a page of such a pool is mapped.
        unsafe { lab::memlab_page_pool_dma(self.page.as_ptr()) }
    }
}

impl Drop for Pooled<'_> {
    fn drop(&mut self) {
        self.put_back();
    }
}

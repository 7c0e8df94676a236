// SPDX-License-Identifier: GPL-2.0

//! Memory that programs and other drivers have by a dma-buf.
//!
//! C headers: [`include/linux/dma-buf.h`](srctree/include/linux/dma-buf.h),
//! [`helpers.h`](../helpers/helpers.h)
//!
//! Two locks, so that nobody who touches a page waits for a device: that of the [`Tenant`] is over
//! what the device has, and is held while the device carries bytes; the one in C is over whether the
//! pages are still there, and is taken in faults. An unbind takes the one and then the other.

#[cfg(CONFIG_KUNIT = "y")]
use super::dma::import::DmaBuf;
use super::{
    dma::frames::{
        Frames,
        PageList, //
    },
    lend::Guest,
    memory::Page,
    tenant::Tenant, //
};
use crate::{
    bindings as lab,
    model::request::Direction, //
};
use core::{
    any::Any,
    ptr::NonNull, //
};
use kernel::{
    error::to_result,
    ffi::{
        c_int,
        c_void, //
    },
    fs::File,
    prelude::*,
    sync::{
        aref::ARef,
        new_mutex,
        Arc,
        Mutex, //
    },
};

/// How a program's page tables let the CPU reach the pages.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protection {
    /// As any memory.
    Cached,
    /// As the kernel maps coherent memory of a device that the caches do not follow.
    Coherent,
    /// The same, with writes that are collected.
    WriteCombined,
}

impl Protection {
    fn raw(self) -> u32 {
        match self {
            Self::Cached => lab::memlab_protection_MEMLAB_PROTECTION_CACHED,
            Self::Coherent => lab::memlab_protection_MEMLAB_PROTECTION_COHERENT,
            Self::WriteCombined => lab::memlab_protection_MEMLAB_PROTECTION_WC,
        }
    }
}

/// Memory with its dma-buf.
///
/// # Invariants
///
/// `raw` is what C knows of it, and has the pages of `list`: those of `own`, or those of the tenant,
/// of which `raw` is told before they are given back.
#[pin_data(PinnedDrop)]
pub(crate) struct Export {
    raw: NonNull<lab::memlab_buffer>,
    #[pin]
    tenant: Mutex<Option<Tenant>>,
    /// None where `own` has it.
    list: Option<PageList>,
    /// What stays when the device goes.
    own: Option<Arc<Frames>>,
    about: KBox<dyn Any + Send + Sync>,
}

// SAFETY: What C has of it is locked there, and belongs to no thread.
unsafe impl Send for Export {}
// SAFETY: The tenant is behind a lock, and so is what C has of it.
unsafe impl Sync for Export {}

/// `struct memlab_buffer` until somebody has it.
struct Raw(NonNull<lab::memlab_buffer>);

impl Drop for Raw {
    fn drop(&mut self) {
        // SAFETY: It was made, and no dma-buf is of it.
        unsafe { lab::memlab_buffer_free(self.0.as_ptr()) };
    }
}

impl Export {
    const CALLS: lab::memlab_buffer_calls = lab::memlab_buffer_calls {
        sync: Some(Self::on_sync),
        release: Some(Self::on_release),
    };

    /// Gives memory out: its dma-buf's file, with the last user of which the memory goes. `about` is
    /// what the caller wants to know of it. `EOPNOTSUPP` in a kernel without dma-bufs, `ENODEV` where
    /// the device is just being unbound.
    pub(crate) fn give_out(
        tenant: Tenant,
        protection: Protection,
        about: KBox<dyn Any + Send + Sync>,
    ) -> Result<ARef<File>> {
        let own = tenant.frames().cloned();
        let list = match own {
            Some(_) => None,
            None => Some(tenant.list()?),
        };
        let pages = own.as_ref().map(|own| own.list()).or(list.as_ref());
        let pages = pages.ok_or(EINVAL)?;
        let (mut raw, importable) = (core::ptr::null_mut(), own.is_some());
        // SAFETY: There are so many pages in the list, which does not move when its owner does, and
        // is dropped after what is made here; `raw` may be written.
        to_result(unsafe {
            lab::memlab_buffer_new(
                pages.raw(),
                pages.count(),
                protection.raw(),
                importable,
                &mut raw,
            )
        })?;
        let raw = Raw(NonNull::new(raw).ok_or(ENOMEM)?);
        let this = Arc::pin_init(
            pin_init!(Self {
                // INVARIANT: Just made of these pages. It is freed when this is dropped.
                raw: core::mem::ManuallyDrop::new(raw).0,
                tenant <- new_mutex!(Some(tenant)),
                list,
                own,
                about,
            }),
            GFP_KERNEL,
        )?;
        let data = this.clone().into_raw();
        let mut file = core::ptr::null_mut();
        // SAFETY: Called once for this value, of which the dma-buf gets a reference; the calls are a
        // constant of the module's, which the dma-buf pins; `file` may be written.
        let exported = to_result(unsafe {
            lab::memlab_buffer_export(
                this.raw.as_ptr(),
                &Self::CALLS,
                data.cast_mut().cast(),
                &mut file,
            )
        });
        if let Err(error) = exported {
            // SAFETY: It came from `into_raw`, and no dma-buf has it.
            drop(unsafe { Arc::from_raw(data) });
            return Err(error);
        }
        // SAFETY: The function gives the file of a new dma-buf with its one reference, and nobody
        // else has seen it: no position of it is in use.
        let file = unsafe { ARef::from_raw(NonNull::new(file).ok_or(EINVAL)?.cast::<File>()) };
        let guest: Arc<dyn Guest> = this.clone();
        match &*this.tenant.lock() {
            Some(tenant) => tenant.lease().admit(guest)?,
            None => return Err(ENODEV),
        }
        Ok(file)
    }

    /// Gives memory out, and has it as an importer has it that is handed the descriptor.
    #[cfg(CONFIG_KUNIT = "y")]
    pub(crate) fn imported(tenant: Tenant) -> Result<DmaBuf> {
        let file = Self::give_out(tenant, Protection::Cached, KBox::new((), GFP_KERNEL)?)?;
        // SAFETY: It is the file of a new dma-buf.
        unsafe { DmaBuf::of_file(&file) }
    }

    /// What is behind a descriptor of the caller's. `EBADF` where it is none, `EINVAL` where it is one
    /// of something else.
    pub(crate) fn behind(fd: i32) -> Result<Arc<Self>> {
        let (mut dmabuf, mut data) = (core::ptr::null_mut(), core::ptr::null_mut());
        // SAFETY: Any number may be asked for; both may be written.
        to_result(unsafe { lab::memlab_buffer_get(fd, &mut dmabuf, &mut data) })?;
        // SAFETY: All dma-bufs of this module are of an `Export`, and have a reference to it until
        // they are released, which the one that was just taken keeps this one from.
        let this = unsafe {
            let this =
                core::mem::ManuallyDrop::new(Arc::from_raw(data.cast::<Self>().cast_const()));
            Arc::clone(&this)
        };
        // SAFETY: Taken above.
        unsafe { lab::memlab_buffer_put(dmabuf) };
        Ok(this)
    }

    /// What the caller wanted to know of it.
    pub(crate) fn about<T: 'static>(&self) -> Option<&T> {
        (*self.about).downcast_ref()
    }

    /// The memory's own pages, whichever device comes and goes.
    pub(crate) fn own(&self) -> Option<&Frames> {
        self.own.as_deref()
    }

    /// Looks at what the device has, which stays until that has been done. `ENODEV` once it was
    /// unbound.
    pub(crate) fn with<T>(&self, look: impl FnOnce(&Tenant) -> T) -> Result<T> {
        Ok(look(self.tenant.lock().as_ref().ok_or(ENODEV)?))
    }

    /// Shows each of its pages, as long as they are its own or the device's. Who looks at them does
    /// not touch what is in them.
    pub(crate) fn for_each_page(&self, mut show: impl FnMut(Page)) {
        if let Some(own) = self.own() {
            own.list().iter().for_each(show);
        } else if let (Some(_), Some(list)) = (&*self.tenant.lock(), &self.list) {
            list.iter().for_each(&mut show);
        }
    }

    /// The device has it no more: a map ends, and the device's own memory is taken from everybody.
    fn shut(&self) {
        let tenant = self.tenant.lock().take();
        if self.own.is_none() {
            // SAFETY: By the type invariant C knows it.
            unsafe { lab::memlab_buffer_revoke(self.raw.as_ptr()) };
        }
        if let Some(tenant) = &tenant {
            tenant.lease().dismiss(core::ptr::from_ref(self).cast());
        }
        // Only now are the pages given back.
        drop(tenant);
    }

    /// # Safety
    ///
    /// `data` is what a dma-buf of ours was given.
    unsafe extern "C" fn on_sync(data: *mut c_void, for_cpu: bool, direction: u32) -> c_int {
        // SAFETY: By the function's requirement it is an `Export`, of which the dma-buf has a
        // reference until it is released.
        let this = unsafe { &*data.cast::<Self>() };
        let ways = [
            Direction::Bidirectional,
            Direction::ToDevice,
            Direction::FromDevice,
        ];
        let way = ways.get(direction as usize).copied().ok_or(EINVAL);
        let synced = way.and_then(|way| this.with(|tenant| tenant.sync(for_cpu, way))?);
        synced.map_or_else(Error::to_errno, |()| 0)
    }

    /// # Safety
    ///
    /// `data` is what a dma-buf of ours was given, which nobody has any more.
    unsafe extern "C" fn on_release(data: *mut c_void) {
        // SAFETY: By the function's requirement it is the reference that the dma-buf had.
        let this = unsafe { Arc::from_raw(data.cast::<Self>().cast_const()) };
        this.shut();
    }
}

impl Guest for Export {
    fn evict(&self) {
        self.shut();
    }
}

#[pinned_drop]
impl PinnedDrop for Export {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: A dma-buf has a reference, so that there is none any more.
        unsafe { lab::memlab_buffer_free(self.raw.as_ptr()) };
    }
}

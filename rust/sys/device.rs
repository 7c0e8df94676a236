// SPDX-License-Identifier: GPL-2.0

//! Devices under test: lent by a driver while it is bound, leased by a run.
//!
//! C header: [`include/linux/platform_device.h`](srctree/include/linux/platform_device.h)
//!
//! A driver's probe makes a [`Loan`]; a run takes a [`Lease`], through which it reaches the bound
//! device. Ending the loan tells the run to stop and waits for its lease to come back, so that
//! whatever borrows the device through a lease is gone before the device is unbound. No lock is
//! held while a lease is out.

#[cfg(CONFIG_PCI)]
use super::edu::Engine;
use crate::bindings as lab;
use kernel::{
    bindings,
    device::{
        Bound,
        Core,
        Device,
        DeviceContext, //
    },
    error::from_err_ptr,
    prelude::*,
    sync::{
        aref::ARef,
        atomic::{
            Atomic,
            Relaxed, //
        },
        new_condvar,
        new_mutex,
        Arc,
        CondVar,
        Mutex, //
    },
};

/// The C device behind a `&Device`; `Device::as_raw` is not public.
#[inline]
pub(super) fn as_raw<Ctx: DeviceContext>(dev: &Device<Ctx>) -> *mut bindings::device {
    // CAST: `Device` is a transparent wrapper of an opaque `struct device`.
    core::ptr::from_ref(dev).cast_mut().cast()
}

kernel::sync::global_lock! {
    // SAFETY: `init` is called by the module's init before any driver is registered.
    unsafe(uninit) static LENT: Mutex<KVec<Arc<Slot>>> = KVec::new();
}

/// Prepares the register of devices.
///
/// Called once, by the module's init, before the first driver is registered.
pub(crate) fn init() {
    // SAFETY: The only caller is the module's init, which runs once.
    unsafe { LENT.init() };
}

/// Without PCI there is no device that moves bytes for us.
#[cfg(not(CONFIG_PCI))]
pub(crate) enum Engine {}

/// One device that is lent.
#[pin_data]
struct Slot {
    device: ARef<Device>,
    /// What moves bytes, in a device that we know how to drive.
    engine: Option<Arc<Engine>>,
    /// What the DMA layer had noted of the device before it was lent.
    before: lab::memlab_dma_limits,
    /// Tells the run that the loan is ending. Read without a lock between operations.
    recalled: Atomic<bool>,
    #[pin]
    leases: Mutex<Leases>,
    #[pin]
    returned: CondVar,
}

/// # Invariants
///
/// While `out` is not 0 and `open` was true when it was counted, the device is bound.
struct Leases {
    open: bool,
    out: usize,
}

/// What a driver holds while its device is lent.
pub(crate) struct Loan {
    slot: Arc<Slot>,
}

impl Loan {
    /// Lends a device, and with it the engine that `start` may give.
    ///
    /// Masks and the largest segment are put back when the loan ends, whatever `start` or a run has
    /// set. To be called from probe; [`Loan::end`] must be called from unbind.
    pub(crate) fn new(
        device: &Device<Core<'_>>,
        start: impl FnOnce() -> Result<Option<Arc<Engine>>>,
    ) -> Result<Self> {
        let mut before = pin_init::zeroed::<lab::memlab_dma_limits>();
        // SAFETY: The device is bound.
        unsafe { lab::memlab_dma_limits(as_raw(device), &mut before) };
        let lent = start().and_then(|engine| {
            let slot = Arc::pin_init(
                try_pin_init!(Slot {
                    device: device.into(),
                    engine,
                    before,
                    recalled: Atomic::new(false),
                    leases <- new_mutex!(Leases { open: true, out: 0 }),
                    returned <- new_condvar!(),
                }),
                GFP_KERNEL,
            )?;
            LENT.lock().push(slot.clone(), GFP_KERNEL)?;
            Ok(Self { slot })
        });
        if lent.is_err() {
            // SAFETY: As above; nothing is mapped for the device.
            unsafe { lab::memlab_dma_set_limits(as_raw(device), &before) };
        }
        lent
    }

    /// Recalls the device and waits until no lease is out. Does nothing the second time.
    pub(crate) fn end(&self) {
        let mut lent = LENT.lock();
        lent.retain(|slot| !Arc::ptr_eq(slot, &self.slot));
        if lent.is_empty() {
            // Nobody drops a static: the last device to go takes the list's memory with it.
            *lent = KVec::new();
        }
        drop(lent);
        self.slot.recalled.store(true, Relaxed);
        let mut leases = self.slot.leases.lock();
        while leases.out > 0 {
            self.slot.returned.wait(&mut leases);
        }
        if core::mem::replace(&mut leases.open, false) {
            let raw = as_raw::<kernel::device::Normal>(&self.slot.device);
            // SAFETY: The device is bound, and no run is left that could map anything for it.
            unsafe { lab::memlab_dma_set_limits(raw, &self.slot.before) };
        }
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        self.end();
    }
}

/// The use of a device for the time of a run.
///
/// # Invariants
///
/// Counted in `slot.leases.out` from when the loan was open.
pub(crate) struct Lease {
    slot: Arc<Slot>,
}

impl Lease {
    /// Leases the device called `name`, or the one lent first if `name` is empty.
    ///
    /// `ENODEV` if none of that name is lent.
    pub(crate) fn take(name: &str) -> Result<Self> {
        Self::find(|slot| name.is_empty() || slot.device.name().to_bytes() == name.as_bytes())
    }

    /// Leases the device lent first of those that have an engine.
    ///
    /// `ENODEV` if none has.
    pub(crate) fn take_engine() -> Result<Self> {
        Self::find(|slot| slot.engine.is_some())
    }

    fn find(wanted: impl Fn(&Slot) -> bool) -> Result<Self> {
        let lent = LENT.lock();
        let slot = lent.iter().find(|slot| wanted(slot)).ok_or(ENODEV)?.clone();
        drop(lent);
        Self::new(slot)
    }

    /// `ENODEV` if the loan is ending.
    fn new(slot: Arc<Slot>) -> Result<Self> {
        let mut leases = slot.leases.lock();
        if !leases.open {
            return Err(ENODEV);
        }
        leases.out += 1;
        drop(leases);
        // INVARIANT: Just counted.
        Ok(Self { slot })
    }

    /// The device, bound as long as the lease is out.
    pub(crate) fn device(&self) -> &Device<Bound> {
        // SAFETY: By the type invariant the driver's unbind waits for this lease.
        unsafe { self.slot.device.as_bound() }
    }

    /// Whether the device is to be given back as soon as may be.
    #[inline]
    pub(crate) fn recalled(&self) -> bool {
        self.slot.recalled.load(Relaxed)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut leases = self.slot.leases.lock();
        leases.out -= 1;
        self.slot.returned.notify_all();
    }
}

/// The engine of a device that is lent, if it has one.
#[cfg(CONFIG_PCI)]
pub(crate) fn engine(dev: &Device<Bound>) -> Option<Arc<Engine>> {
    let lent = LENT.lock();
    let raw = as_raw(dev);
    lent.iter()
        .find(|slot| as_raw::<kernel::device::Normal>(&slot.device) == raw)?
        .engine
        .clone()
}

/// A lease of every device that is lent, in the order in which they were.
pub(crate) fn lease_all() -> Result<KVec<Lease>> {
    let mut slots = KVec::new();
    for slot in LENT.lock().iter() {
        slots.push(slot.clone(), GFP_KERNEL)?;
    }
    let mut leases = KVec::new();
    for slot in slots {
        // One that is just being recalled is not lent any more.
        if let Ok(lease) = Lease::new(slot) {
            leases.push(lease, GFP_KERNEL)?;
        }
    }
    Ok(leases)
}

/// A platform device without resources, unregistered on drop.
///
/// # Invariants
///
/// `raw` is a registered platform device that nothing else unregisters.
pub(crate) struct PlatformDevice {
    raw: *mut bindings::platform_device,
}

// SAFETY: A platform device may be unregistered from any thread.
unsafe impl Send for PlatformDevice {}
// SAFETY: `&PlatformDevice` gives access to nothing.
unsafe impl Sync for PlatformDevice {}

impl PlatformDevice {
    /// Registers the device `name`, with all 64 bits of DMA addresses until a driver says less.
    pub(crate) fn register(name: &'static CStr) -> Result<Self> {
        let info = bindings::platform_device_info {
            name: name.as_char_ptr(),
            id: bindings::PLATFORM_DEVID_NONE,
            dma_mask: u64::MAX,
            ..pin_init::zeroed()
        };
        // SAFETY: `info` is filled in as the function asks; the name outlives the device.
        let raw = from_err_ptr(unsafe { bindings::platform_device_register_full(&info) })?;
        // INVARIANT: Just registered.
        Ok(Self { raw })
    }
}

impl Drop for PlatformDevice {
    fn drop(&mut self) {
        // SAFETY: By the type invariant.
        unsafe { bindings::platform_device_unregister(self.raw) };
    }
}

#[cfg(CONFIG_KUNIT = "y")]
#[path = "device_tests.rs"]
mod device_tests;

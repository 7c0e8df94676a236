// SPDX-License-Identifier: GPL-2.0

//! What a PCI device needs to move bytes: bus mastering, an interrupt, and being put back as found.
//!
//! C headers: [`include/linux/pci.h`](srctree/include/linux/pci.h),
//! [`include/linux/interrupt.h`](srctree/include/linux/interrupt.h)
//!
//! The kernel crate's interrupts are not used: 7.3 lets a registration borrow its vectors, which
//! a driver's data cannot hold side by side, and 7.2 has other types.

use super::device;
use crate::{
    bindings as lab,
    compat, //
};
use kernel::{
    bindings,
    device::{
        Core,
        DeviceContext, //
    },
    devres,
    dma::DmaMask,
    error::to_result,
    ffi::{
        c_int,
        c_void, //
    },
    pci,
    prelude::*,
    sync::{
        aref::ARef,
        Arc, //
    },
};

/// The command register in a device's configuration.
// CAST: An offset below 256.
const COMMAND: c_int = bindings::PCI_COMMAND as c_int;

/// The C device behind a `&pci::Device`.
fn as_raw<Ctx: DeviceContext>(pdev: &pci::Device<Ctx>) -> *mut bindings::pci_dev {
    // CAST: `pci::Device` is a transparent wrapper of an opaque `struct pci_dev`.
    core::ptr::from_ref(pdev).cast_mut().cast()
}

/// Lets the device read and write memory, or no longer. When this returns, the device knows: writes
/// to its configuration are not posted.
pub(crate) fn set_master(pdev: &pci::Device, on: bool) {
    // SAFETY: The device is valid; the functions read and write its configuration.
    unsafe {
        if on {
            bindings::pci_set_master(as_raw(pdev));
        } else {
            bindings::pci_clear_master(as_raw(pdev));
        }
    }
}

/// The command register of a device as it was found: what it decodes, and whether it masters the bus.
/// It is so again when this is dropped.
struct Found {
    pdev: ARef<pci::Device>,
    command: u16,
}

impl Drop for Found {
    fn drop(&mut self) {
        // The core keeps a note of it, too.
        set_master(
            &self.pdev,
            u32::from(self.command) & bindings::PCI_COMMAND_MASTER != 0,
        );
        // SAFETY: The device is valid, and a command that it had before does it no harm.
        unsafe { bindings::pci_write_config_word(as_raw(&self.pdev), COMMAND, self.command) };
    }
}

/// Has `pdev` put back as it is now when it is unbound, or when its probe fails: what it decodes,
/// whether it masters the bus, and what the DMA layer has noted of it. To be called before anything
/// else is done with it.
pub(crate) fn put_back_later(pdev: &pci::Device<Core<'_>>) -> Result {
    device::put_back_later(pdev.as_ref())?;
    let mut command = 0;
    // SAFETY: The device is valid, and `command` may be written.
    unsafe { bindings::pci_read_config_word(as_raw(pdev), COMMAND, &mut command) };
    let found = Found {
        pdev: pdev.into(),
        command,
    };
    devres::register(pdev.as_ref(), found, GFP_KERNEL)
}

/// A device that was enabled; disabled on drop.
struct Enabled {
    pdev: ARef<pci::Device>,
}

impl Drop for Enabled {
    fn drop(&mut self) {
        // SAFETY: The device is valid, and was enabled once for this value.
        unsafe { bindings::pci_disable_device(as_raw(&self.pdev)) };
    }
}

/// Enables the registers of `pdev` until it is unbound.
pub(crate) fn enable(pdev: &pci::Device<Core<'_>>) -> Result {
    pdev.enable_device_mem()?;
    let enabled = Enabled { pdev: pdev.into() };
    devres::register(pdev.as_ref(), enabled, GFP_KERNEL)
}

/// Gives `pdev` so many bits of address; says the highest. `EIO` where memory begins above that.
pub(crate) fn set_masks(pdev: &pci::Device<Core<'_>>, bits: u32) -> Result<u64> {
    let mask = DmaMask::try_new(bits)?.value();
    // SAFETY: The device is bound, or about to be. Memory that it may have already is freed by what
    // it is, not by the mask.
    to_result(unsafe { lab::memlab_dma_set_masks(device::as_raw(pdev.as_ref()), mask, mask) })?;
    Ok(mask)
}

/// What is told of a device's interrupt.
pub(crate) trait Interrupted: Send + Sync {
    /// Called in interrupt context; whether the interrupt was the device's.
    fn interrupted(&self) -> bool;
}

/// An allocated vector of a device; given back on drop.
///
/// # Invariants
///
/// The device has one vector, and nothing else gives it back.
struct Vector {
    pdev: ARef<pci::Device>,
}

impl Vector {
    /// By message where the device can, else its line.
    fn new(pdev: &pci::Device<Core<'_>>) -> Result<Self> {
        let types = bindings::PCI_IRQ_MSI | bindings::PCI_IRQ_INTX;
        // SAFETY: The device is valid and enabled or refused.
        let vectors = unsafe { bindings::pci_alloc_irq_vectors(as_raw(pdev), 1, 1, types) };
        if vectors < 0 {
            return Err(Error::from_errno(vectors));
        }
        // INVARIANT: Just allocated.
        Ok(Self { pdev: pdev.into() })
    }

    /// Its number among the interrupts.
    fn irq(&self) -> Result<u32> {
        // SAFETY: By the type invariant the device has a first vector.
        let irq = unsafe { bindings::pci_irq_vector(as_raw(&self.pdev), 0) };
        u32::try_from(irq).map_err(|_| Error::from_errno(irq))
    }
}

impl Drop for Vector {
    fn drop(&mut self) {
        // SAFETY: By the type invariant there is one, and what had requested its interrupt is gone:
        // it is dropped first.
        unsafe { bindings::pci_free_irq_vectors(as_raw(&self.pdev)) };
    }
}

/// A requested interrupt; given back on drop, after the last handler has returned.
///
/// # Invariants
///
/// `irq` was requested with the address of what `told` holds.
struct Interrupt<T: Interrupted> {
    irq: u32,
    told: Arc<T>,
    _vector: Vector,
}

impl<T: Interrupted> Drop for Interrupt<T> {
    fn drop(&mut self) {
        // SAFETY: By the type invariant; waits for handlers that are running. May sleep: this is
        // dropped where a driver is bound or unbound.
        unsafe { bindings::free_irq(self.irq, Arc::as_ptr(&self.told).cast_mut().cast()) };
    }
}

/// Has `told` told of `pdev`'s interrupts until that is unbound. What is told, and the code that
/// tells it, are there for as long: a device is unbound before the module of its driver goes, and
/// there is no value that could be forgotten instead of dropped.
pub(crate) fn tell<T: Interrupted + 'static>(pdev: &pci::Device<Core<'_>>, told: Arc<T>) -> Result {
    let vector = Vector::new(pdev)?;
    let irq = vector.irq()?;
    // SAFETY: The interrupt is the vector's; `handler` is given the `T` that it asks for, which
    // lives until the interrupt is freed. The name is never freed.
    to_result(unsafe {
        bindings::request_irq(
            irq,
            Some(handler::<T>),
            // CAST: The flags fit in any word.
            bindings::IRQF_SHARED as usize,
            c"memlab".as_char_ptr(),
            Arc::as_ptr(&told).cast_mut().cast(),
        )
    })?;
    // INVARIANT: Just requested.
    let interrupt = Interrupt {
        irq,
        told,
        _vector: vector,
    };
    devres::register(pdev.as_ref(), interrupt, GFP_KERNEL)
}

/// # Safety
///
/// `cookie` points to a `T` that lives until the interrupt is freed.
unsafe extern "C" fn handler<T: Interrupted>(
    _irq: c_int,
    cookie: *mut c_void,
) -> bindings::irqreturn_t {
    // SAFETY: By the function's requirement.
    let told = unsafe { &*cookie.cast::<T>() };
    compat::irq_return(told.interrupted())
}

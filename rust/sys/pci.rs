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
pub(super) fn set_master(pdev: &pci::Device, on: bool) {
    // SAFETY: The device is valid; the functions read and write its configuration.
    unsafe {
        if on {
            bindings::pci_set_master(as_raw(pdev));
        } else {
            bindings::pci_clear_master(as_raw(pdev));
        }
    }
}

/// What a PCI device was like before it was lent: it is put back so on drop.
pub(crate) struct Before {
    pdev: ARef<pci::Device>,
    /// Whether it was enabled here.
    enabled: bool,
    /// Its command register: what it decodes, and whether it masters the bus.
    command: u16,
    /// What the DMA layer had noted of it.
    limits: lab::memlab_dma_limits,
}

impl Before {
    /// Remembers `pdev` as it is.
    pub(crate) fn of(pdev: &pci::Device<Core<'_>>) -> Self {
        let mut command = 0;
        let mut limits = pin_init::zeroed::<lab::memlab_dma_limits>();
        // SAFETY: The device is valid and bound; reads what it says of itself, and what is said of it.
        unsafe {
            bindings::pci_read_config_word(as_raw(pdev), COMMAND, &mut command);
            lab::memlab_dma_limits(device::as_raw(pdev.as_ref()), &mut limits);
        }
        Self {
            pdev: pdev.into(),
            enabled: false,
            command,
            limits,
        }
    }

    /// Enables its registers, until it is put back. Called once.
    pub(crate) fn enable(&mut self, pdev: &pci::Device<Core<'_>>) -> Result {
        pdev.enable_device_mem()?;
        self.enabled = true;
        Ok(())
    }
}

impl Drop for Before {
    fn drop(&mut self) {
        let raw = as_raw(&self.pdev);
        // The core keeps a note of it, too.
        set_master(
            &self.pdev,
            u32::from(self.command) & bindings::PCI_COMMAND_MASTER != 0,
        );
        // SAFETY: The device is valid. It is disabled as often as it was enabled by `self`.
        unsafe {
            if self.enabled {
                bindings::pci_disable_device(raw);
            }
            bindings::pci_write_config_word(raw, COMMAND, self.command);
            // Nothing is mapped for it any more: what is mapped borrows the bound device.
            lab::memlab_dma_set_limits(device::as_raw((*self.pdev).as_ref()), &self.limits);
        }
    }
}

/// What is told of a device's interrupt.
pub(crate) trait Interrupted: Send + Sync {
    /// Called in interrupt context; whether the interrupt was the device's.
    fn interrupted(&self) -> bool;
}

/// The interrupt of a device; given back on drop, after the last handler has returned.
///
/// # Invariants
///
/// `irq` belongs to a vector allocated for `pdev`, and was requested with the address of what
/// `told` holds.
pub(crate) struct Interrupt<T: Interrupted> {
    pdev: ARef<pci::Device>,
    irq: u32,
    told: Arc<T>,
}

impl<T: Interrupted> Interrupt<T> {
    /// Has `told` told of `pdev`'s interrupts: by message where the device can, else by its line.
    pub(super) fn new(pdev: &pci::Device<Core<'_>>, told: Arc<T>) -> Result<Self> {
        let raw = as_raw(pdev);
        let types = bindings::PCI_IRQ_MSI | bindings::PCI_IRQ_INTX;
        // SAFETY: The device is bound.
        let vectors = unsafe { bindings::pci_alloc_irq_vectors(raw, 1, 1, types) };
        if vectors < 0 {
            return Err(Error::from_errno(vectors));
        }
        // SAFETY: A vector has been allocated; `handler` is given the `T` that it asks for, which
        // lives until the interrupt is freed.
        let requested = unsafe {
            let irq = bindings::pci_irq_vector(raw, 0);
            u32::try_from(irq)
                .map_err(|_| Error::from_errno(irq))
                .and_then(|irq| {
                    to_result(bindings::request_irq(
                        irq,
                        Some(handler::<T>),
                        // CAST: The flags fit in any word.
                        bindings::IRQF_SHARED as usize,
                        c"memlab".as_char_ptr(),
                        Arc::as_ptr(&told).cast_mut().cast(),
                    ))?;
                    Ok(irq)
                })
        };
        match requested {
            // INVARIANT: Just requested.
            Ok(irq) => Ok(Self {
                pdev: pdev.into(),
                irq,
                told,
            }),
            Err(error) => {
                // SAFETY: The vector was allocated above, and nothing uses it.
                unsafe { bindings::pci_free_irq_vectors(raw) };
                Err(error)
            }
        }
    }
}

impl<T: Interrupted> Drop for Interrupt<T> {
    fn drop(&mut self) {
        // SAFETY: By the type invariant; waits for handlers that are running.
        unsafe {
            bindings::free_irq(self.irq, Arc::as_ptr(&self.told).cast_mut().cast());
            bindings::pci_free_irq_vectors(as_raw(&self.pdev));
        }
    }
}

// SAFETY: An interrupt may be freed from any thread that may sleep.
unsafe impl<T: Interrupted> Send for Interrupt<T> {}

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

// SPDX-License-Identifier: GPL-2.0

//! QEMU's `edu` device, which really reads and writes memory: a DMA engine with 4 KiB of its own.
//!
//! Its registers are in [QEMU's `docs/specs/edu.rst`]. A transfer takes about 100 ms of the guest's
//! time. An address above its DMA mask is cut without a word: the mask that QEMU is given and the
//! one that is given here have to be the same.
//!
//! [QEMU's `docs/specs/edu.rst`]: https://www.qemu.org/docs/master/specs/edu.html

use super::engine::{
    Engine,
    Way, //
};
use crate::{
    compat,
    sys::{
        clock::now,
        dma::Segment,
        pci::{
            self as bus,
            Interrupted, //
        },
        task::{
            Done,
            TICK_MS, //
        },
    },
};
use kernel::{
    device::Core,
    io::Io,
    new_mutex, pci,
    prelude::*,
    sync::{
        aref::ARef,
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc,
        Mutex, //
    },
};

/// Bytes that the device holds: the largest transfer.
pub(crate) const BUFFER: usize = 4096;

/// Vendor and device of an edu, which has no name among the vendors.
const ID: (u16, u16) = (0x1234, 0x11e8);
/// The device's address of its own bytes.
const BUFFER_ADDRESS: u64 = 0x40000;

// Registers: those below 0x80 are 32 bits wide, the others 64.
const IDENTITY: usize = 0x00;
const INTERRUPT_STATUS: usize = 0x24;
const INTERRUPT_ACKNOWLEDGE: usize = 0x64;
const SOURCE: usize = 0x80;
const DESTINATION: usize = 0x88;
const COUNT: usize = 0x90;
const COMMAND: usize = 0x98;
const REGISTERS: usize = 0xa0;

/// Low byte of [`IDENTITY`].
const IS_EDU: u32 = 0xed;
/// In [`COMMAND`]: a transfer is on; reads as 0 when it is over.
const RUN: u32 = 1;
/// From the device to memory.
const TO_MEMORY: u32 = 2;
/// Raise an interrupt at the end.
const RAISE: u32 = 4;

/// A transfer that takes longer than so many ns is given up.
const TIMEOUT: u64 = 2_000_000_000;

/// An edu whose registers are enabled.
#[pin_data]
pub(crate) struct Edu {
    pdev: ARef<pci::Device>,
    registers: compat::Registers<REGISTERS>,
    mask: u64,
    /// Whether what is under way is to end.
    halted: Atomic<bool>,
    #[pin]
    finished: Done,
    /// Held during a transfer: there is one engine.
    #[pin]
    turn: Mutex<()>,
}

/// Whether `pdev` is an edu.
pub(crate) fn recognises(pdev: &pci::Device<Core<'_>>) -> bool {
    (pdev.vendor_id().as_raw(), pdev.device_id()) == ID
}

impl Edu {
    /// Enables `pdev`, gives it all addresses of `bits` bits and takes its interrupt.
    ///
    /// To be called from probe, after [`bus::put_back_later`]: what was enabled and taken goes when
    /// the device is unbound, or its probe fails. `EIO` where memory begins above that mask.
    pub(crate) fn new(pdev: &pci::Device<Core<'_>>, bits: u32) -> Result<Arc<Self>> {
        bus::enable(pdev)?;
        // The registers of a 32-bit CPU are reached with 32 bits at a time.
        let mask = bus::set_masks(pdev, bits.min(usize::BITS))?;
        let bar = pdev.iomap_region_sized::<REGISTERS>(0, c"memlab")?;
        if bar.read32(IDENTITY) & 0xff != IS_EDU {
            return Err(ENODEV);
        }
        let registers = bar.into_devres()?;
        let edu = Arc::pin_init(
            try_pin_init!(Self {
                pdev: pdev.into(),
                registers,
                mask,
                halted: Atomic::new(false),
                finished <- Done::new(),
                turn <- new_mutex!(()),
            }),
            GFP_KERNEL,
        )?;
        bus::tell(pdev, edu.clone())?;
        Ok(edu)
    }
}

impl Engine for Edu {
    fn halt(&self) {
        self.halted.store(true, Relaxed);
    }

    fn resume(&self) {
        self.halted.store(false, Relaxed);
    }

    fn carry(&self, way: Way, segment: Segment<'_>, offset: usize) -> Result {
        let (dma, size) = (segment.dma(), segment.size());
        let end = offset.checked_add(size).ok_or(EINVAL)?;
        let allowed = match way {
            Way::In => segment.goes_to_device(),
            Way::Out => segment.comes_from_device(),
        };
        if size == 0 || end > BUFFER || !allowed {
            return Err(EINVAL);
        }
        // CAST: The size is at most `BUFFER`.
        let last = dma.checked_add(size as u64 - 1).ok_or(EFAULT)?;
        if last > self.mask {
            return Err(EFAULT);
        }
        let bar = self.registers.access(segment.device())?;
        let _turn = self.turn.lock();
        // What is begun takes its 100 ms, whoever waits.
        if self.halted.load(Relaxed) {
            return Err(compat::canceled());
        }
        if bar.read32(COMMAND) & RUN != 0 {
            return Err(EBUSY);
        }
        // It was taken away from a transfer that was not waited for.
        bus::set_master(&self.pdev, true);
        self.finished.reset();
        // CAST: The offset is below `BUFFER`.
        let inside = BUFFER_ADDRESS + offset as u64;
        let (source, destination, command) = match way {
            Way::In => (dma, inside, RUN | RAISE),
            Way::Out => (inside, dma, RUN | RAISE | TO_MEMORY),
        };
        // CAST: No address is above the mask, and no mask is wider than the registers.
        let set = |value: u64, register| {
            #[cfg(CONFIG_64BIT)]
            return bar.try_write64(value, register);
            #[cfg(not(CONFIG_64BIT))]
            bar.try_write32(value as u32, register)
        };
        set(source, SOURCE)?;
        set(destination, DESTINATION)?;
        set(size as u64, COUNT)?;
        bar.write32(command, COMMAND);

        let deadline = now().saturating_add(TIMEOUT);
        let why = loop {
            if self.halted.load(Relaxed) {
                break compat::canceled();
            }
            match self.finished.wait(TICK_MS, false) {
                Ok(true) if bar.read32(COMMAND) & RUN == 0 => return Ok(()),
                _ if now() >= deadline => break ETIMEDOUT,
                _ => (),
            }
        };
        bus::set_master(&self.pdev, false);
        // Without a way to memory the engine still counts its time, and takes no command before.
        let deadline = now().saturating_add(TIMEOUT);
        while bar.read32(COMMAND) & RUN != 0 && now() < deadline {
            let _ = self.finished.wait(TICK_MS, false);
        }
        Err(why)
    }
}

impl Interrupted for Edu {
    fn interrupted(&self) -> bool {
        let Some(bar) = self.registers.try_access() else {
            return false;
        };
        let status = bar.read32(INTERRUPT_STATUS);
        if status == 0 {
            return false;
        }
        bar.write32(status, INTERRUPT_ACKNOWLEDGE);
        self.finished.complete();
        true
    }
}

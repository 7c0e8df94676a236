// SPDX-License-Identifier: GPL-2.0

//! memlab asks a running kernel what each way of getting memory, and of getting it to a device,
//! really costs and really does.

#![allow(
    clippy::result_large_err,
    reason = "a refusal carries its sentence, and is made once per request"
)]
#![cfg_attr(
    not(CONFIG_DEBUG_FS),
    allow(dead_code, reason = "without debugfs /dev/memlab is the only door")
)]

mod bench;
mod bindings;
mod compat;
mod experiment;
mod facts;
pub mod front;
pub mod model;
mod probe;
pub mod report;
mod scenario;
mod sys;

use kernel::{
    driver,
    prelude::*, //
};

/// The module's version, in every result's provenance.
pub(crate) const VERSION: &str = "0.1";

/// What goes first is dropped first: the doors, then the device, then the driver.
#[pin_data]
struct Memlab {
    #[cfg(CONFIG_DEBUG_FS)]
    _files: sys::debugfs::Dir<front::lab::Lab>,
    #[pin]
    _misc: sys::misc::Misc<front::misc::Door>,
    _device: sys::device::PlatformDevice,
    #[cfg(CONFIG_PCI)]
    #[pin]
    _pci: front::pci::Registration,
    #[pin]
    _driver: front::platform::Registration,
}

impl kernel::InPlaceModule for Memlab {
    fn init(module: &'static ThisModule) -> impl PinInit<Self, Error> {
        sys::device::init();
        // Made in this order, from the driver to the doors.
        pin_init::pin_init_scope(move || {
            #[cfg(CONFIG_DEBUG_FS)]
            let files = front::debugfs::nodes()?;
            Ok(try_pin_init!(Self {
                _driver <- driver::Registration::new(<LocalModule as kernel::ModuleMetadata>::NAME, module),
                #[cfg(CONFIG_PCI)]
                _pci <- driver::Registration::new(<LocalModule as kernel::ModuleMetadata>::NAME, module),
                _device: front::platform::own_device()?,
                _misc <- sys::misc::Misc::register(c"memlab"),
                #[cfg(CONFIG_DEBUG_FS)]
                _files: files.publish(c"memlab"),
            }))
        })
    }
}

module! {
    type: Memlab,
    name: "memlab",
    authors: ["The memlab authors"],
    description: "Measures what memory and DMA really cost",
    license: "GPL",
    params: {
        max_iterations: u64 {
            default: 10_000_000,
            description: "Most operations that a run may measure, per thread",
        },
        max_time: u64 {
            default: 3_600_000,
            description: "Longest run, in ms",
        },
        max_threads: u32 {
            default: 0,
            description: "Most threads of a run; 0 for four times the CPUs",
        },
        edu_mask: u32 {
            default: 28,
            description: "DMA mask of QEMU's edu in bits, as QEMU's own dma_mask= has it",
        },
        allow_pressure: u32 {
            default: 0,
            description: "1 lets the scenario pressure make the machine short of memory",
        },
        max_memory: u64 {
            default: 64 << 20,
            description: "Most bytes that a run may hold at a time; never more than a quarter of what is available",
        },
    },
}

// SPDX-License-Identifier: GPL-2.0

//! memlab asks a running kernel what each way of getting memory, and of getting it to a device,
//! really costs and really does.

mod bench;
mod bindings;
mod buffers;
mod compat;
mod devices;
mod experiment;
mod facts;
pub mod front;
pub mod heap;
pub mod model;
mod probe;
pub mod report;
mod scenario;
mod settings;
mod sys;

use core::borrow::Borrow;
use kernel::{
    driver,
    prelude::*, //
};
use settings::Settings;

/// The module's version.
const VERSION: &str = "0.1";

/// A module parameter's value, which a kernel hands out as it is or behind a reference.
fn value<T: Copy>(parameter: impl Borrow<T>) -> T {
    *parameter.borrow()
}

/// What the module was loaded with.
fn settings() -> Settings {
    Settings {
        version: VERSION,
        max_iterations: value(module_parameters::max_iterations.value()),
        max_time: value(module_parameters::max_time.value()),
        max_threads: value(module_parameters::max_threads.value()),
        max_memory: value(module_parameters::max_memory.value()),
        edu_mask: value(module_parameters::edu_mask.value()),
        coherent: match value::<i32>(module_parameters::coherent.value()) {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        },
        allow_pressure: value::<u32>(module_parameters::allow_pressure.value()) != 0,
        kunit: value::<u32>(module_parameters::kunit.value()) != 0,
    }
}

/// What goes first is dropped first: the doors, then the device, then the driver.
#[pin_data]
struct Memlab {
    #[cfg(CONFIG_DEBUG_FS)]
    #[pin]
    _files: sys::debugfs::Dir<front::lab::Lab>,
    #[pin]
    _suspend: sys::suspend::OnSuspend,
    #[pin]
    _misc: sys::misc::Misc<front::lab::Lab>,
    _device: sys::device::PlatformDevice,
    #[cfg(CONFIG_PCI)]
    #[pin]
    _pci: devices::pci::Registration,
    #[pin]
    _driver: devices::platform::Registration,
    #[pin]
    _hotplug: sys::hotplug::OnHotplug,
    #[pin]
    _holding: sys::relief::Holding,
}

impl kernel::InPlaceModule for Memlab {
    fn init(module: &'static ThisModule) -> impl PinInit<Self, Error> {
        settings::set(settings());
        // Made in this order, from the driver to the doors.
        pin_init::pin_init_scope(move || {
            #[cfg(CONFIG_DEBUG_FS)]
            let files = front::debugfs::nodes()?;
            Ok(try_pin_init!(Self {
                _holding <- sys::relief::Holding::begin(),
                _hotplug <- sys::hotplug::OnHotplug::register(),
                _driver <- driver::Registration::new(<LocalModule as kernel::ModuleMetadata>::NAME, module),
                #[cfg(CONFIG_PCI)]
                _pci <- driver::Registration::new(<LocalModule as kernel::ModuleMetadata>::NAME, module),
                _device: devices::platform::own_device()?,
                _misc <- sys::misc::Misc::register(c"memlab"),
                _suspend <- sys::suspend::OnSuspend::register(front::lab::suspend),
                #[cfg(CONFIG_DEBUG_FS)]
                _files <- files.publish(c"memlab"),
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
        coherent: i32 {
            default: -1,
            description: "1 or 0: the module's own device is DMA coherent or not; -1 for as the first PCI host bridge is",
        },
        allow_pressure: u32 {
            default: 0,
            description: "1 lets the scenario pressure make the machine short of memory",
        },
        kunit: u32 {
            default: 0,
            description: "1 lets KUnit cases, where the kernel runs them, take most of the CMA area",
        },
        max_memory: u64 {
            default: 64 << 20,
            description: "Most bytes that a run may hold at a time; never more than a quarter of what is available",
        },
    },
}

// SPDX-License-Identifier: GPL-2.0

//! What the machine says of itself.

use super::memory::static_str;
use crate::{
    bindings as lab,
    model::provenance::Mapper, //
};
use kernel::device::Device;

/// What holds as long as the kernel runs.
pub(crate) struct Machine {
    pub(crate) release: &'static str,
    pub(crate) version: &'static str,
    pub(crate) arch: &'static str,
    /// Empty where the architecture gives an id only.
    pub(crate) cpu: &'static str,
    pub(crate) cpu_id: u32,
    pub(crate) cpus: u32,
    pub(crate) nodes: u32,
    pub(crate) preemption: &'static str,
    /// What the hypervisor says of itself: on x86 the signature of CPUID leaf 0x4000_0000. All zero
    /// without one.
    pub(crate) hypervisor: [u8; 13],
    /// Whether this is QEMU's `virt` board by its device tree.
    pub(crate) virtual_board: bool,
    /// What the firmware calls the machine; empty where it does not.
    pub(crate) product: &'static str,
    /// Whether the CPU is one that only an emulator has.
    pub(crate) emulated: bool,
}

/// Asks the machine.
pub(crate) fn machine() -> Machine {
    let mut raw = pin_init::zeroed::<lab::memlab_machine>();
    // SAFETY: `raw` is writable; the function reads what boot has left.
    unsafe { lab::memlab_machine(&mut raw) };
    Machine {
        release: static_str(raw.release),
        version: static_str(raw.version),
        arch: static_str(raw.arch),
        cpu: static_str(raw.cpu),
        cpu_id: raw.cpu_id,
        cpus: raw.cpus,
        nodes: raw.nodes,
        preemption: static_str(raw.preemption),
        hypervisor: raw.hypervisor,
        virtual_board: raw.virtual_board,
        product: static_str(raw.product),
        emulated: raw.emulated,
    }
}

pub(crate) use lab::memlab_debug as Debug;

/// Asks the kernel what is switched on in it that slows what is measured, and by which clock. May
/// sleep.
pub(crate) fn debug() -> Debug {
    let mut raw = pin_init::zeroed::<Debug>();
    // SAFETY: `raw` is writable, and the callers of this crate may sleep.
    unsafe { lab::memlab_debug(&mut raw) };
    raw
}

/// The tracepoint in `debug` that somebody listens to.
pub(crate) fn tracepoint(debug: &Debug) -> Option<&'static str> {
    (!debug.tracepoint.is_null()).then(|| static_str(debug.tracepoint))
}

/// Bytes that can be had without swapping (`si_mem_available()`).
pub(crate) fn available() -> u64 {
    // SAFETY: The function adds up counters of the kernel's; it may be called in any context.
    let pages = unsafe { kernel::bindings::si_mem_available() };
    u64::try_from(pages).unwrap_or(0) << kernel::page::PAGE_SHIFT
}

/// CPUs online.
pub(crate) fn cpus() -> u32 {
    machine().cpus
}

/// What the DMA layer thinks of a device.
pub(crate) struct Dma {
    pub(crate) coherent: bool,
    pub(crate) swiotlb_force: bool,
    pub(crate) mapper: Mapper,
    /// The highest physical address that the device reaches.
    pub(crate) highest: u64,
    /// Whether some memory lies above that.
    pub(crate) limited: bool,
    /// Whether what lies there can be bounced.
    pub(crate) bounces: bool,
    pub(crate) mask: u64,
    pub(crate) coherent_mask: u64,
    pub(crate) max_mapping: u64,
    /// The longest entry of a scatter list, in bytes.
    pub(crate) max_segment: u32,
    pub(crate) iommu: &'static str,
    pub(crate) bus: &'static str,
}

/// Asks the DMA layer.
pub(crate) fn dma(dev: &Device<kernel::device::Bound>) -> Dma {
    let mut raw = pin_init::zeroed::<lab::memlab_dma>();
    // SAFETY: The device is bound, so its DMA is set up; `raw` is writable.
    unsafe { lab::memlab_dma(super::device::as_raw(dev), &mut raw) };
    let reached = |(_, end): (_, u64)| end <= raw.highest;
    Dma {
        mapper: match raw.mapper {
            lab::memlab_mapper_MEMLAB_MAPPER_DIRECT => Mapper::Direct,
            lab::memlab_mapper_MEMLAB_MAPPER_IOMMU => Mapper::Iommu,
            _ => Mapper::Ops,
        },
        highest: raw.highest,
        limited: raw.limited,
        bounces: raw.limited && super::dma::bounce::pool(dev).is_some_and(reached),
        coherent: raw.coherent,
        swiotlb_force: raw.swiotlb_force,
        mask: raw.mask,
        coherent_mask: raw.coherent_mask,
        max_mapping: raw.max_mapping,
        max_segment: raw.max_segment,
        iommu: static_str(raw.iommu),
        bus: static_str(raw.bus),
    }
}

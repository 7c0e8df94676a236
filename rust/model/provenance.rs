// SPDX-License-Identifier: GPL-2.0

//! What colours a result: without it a figure means nothing on another machine.

use super::text::Text;

/// The kind of machine under the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    /// No hypervisor announces itself.
    Native,
    /// A hypervisor runs the guest's code on the CPU.
    Hypervisor,
    /// QEMU's TCG translates the guest's code: timings are an emulator's, not hardware's.
    Tcg,
    /// A virtual machine that does not say whether it is emulated.
    Unknown,
}

/// Bytes for the names of what slows what is measured.
pub const DISTORTING_MAX: usize = 192;

/// What holds for the whole machine.
#[derive(Clone, Copy, Debug)]
pub struct Provenance {
    /// `uname -r`.
    pub release: Text<64>,
    /// `uname -v`.
    pub version: Text<64>,
    /// `uname -m`.
    pub arch: Text<16>,
    /// This module's version.
    pub module: &'static str,
    /// The CPU's own name.
    pub cpu: Text<64>,
    /// CPUs online.
    pub cpus: u32,
    /// Memory nodes online.
    pub nodes: u32,
    /// Bytes in a page.
    pub page_size: u32,
    /// The clocksource behind `ktime_get()`.
    pub clocksource: &'static str,
    /// What runs the kernel.
    pub machine: Machine,
    /// The hypervisor's signature, empty without one.
    pub hypervisor: Text<16>,
    /// Preemption model that the kernel was built with.
    pub preemption: &'static str,
    /// What is on in this kernel that slows what is measured.
    pub distorting: Text<DISTORTING_MAX>,
}

/// Who turns a physical address into one for a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mapper {
    /// Nobody: the device reaches memory where it lies, up to its mask.
    Direct,
    /// An IOMMU, through the kernel's own layer: any memory can be given to the device.
    Iommu,
    /// Functions of the architecture's or a hypervisor's, which do not tell.
    Ops,
}

/// What holds for the device under test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Device {
    /// Its name.
    pub name: Text<{ super::request::DEVICE_NAME_MAX }>,
    /// Its bus.
    pub bus: Text<16>,
    /// Whether the CPU's caches are coherent with its DMA.
    pub coherent: bool,
    /// The streaming DMA mask.
    pub mask: u64,
    /// The coherent DMA mask.
    pub coherent_mask: u64,
    /// Who maps for it.
    pub mapper: Mapper,
    /// The highest physical address that it reaches.
    pub highest: u64,
    /// Whether some memory lies above that.
    pub limited: bool,
    /// Whether what lies there is bounced, through buffers that it reaches.
    pub bounces: bool,
    /// The IOMMU's domain type, "none" where no IOMMU translates for it.
    pub iommu: &'static str,
    /// Whether every streaming map is made to go through the bounce buffer.
    pub swiotlb_force: bool,
    /// The largest streaming mapping, in bytes.
    pub max_mapping: u64,
}

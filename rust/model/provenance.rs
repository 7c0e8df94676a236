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

/// What a machine says of itself.
#[derive(Clone, Copy, Debug)]
pub struct Signs<'a> {
    /// What a hypervisor says of itself; empty without one.
    pub signature: &'a str,
    /// What the firmware calls the machine; empty where it does not.
    pub product: &'a str,
    /// Whether it is QEMU's board by its device tree.
    pub virtual_board: bool,
    /// Whether the CPU is one that only an emulator has.
    pub emulated: bool,
    /// The number of the CPU, where its architecture has one.
    pub cpu_id: u32,
}

/// Implementer of Apple's CPUs, in the highest byte of their number.
const APPLE: u32 = 0x61;

impl Signs<'_> {
    /// The kind of machine, and the name of what runs it, empty for none.
    pub fn machine(&self) -> (Machine, &str) {
        match (self.signature, self.product) {
            ("TCGTCGTCGTCG", _) => (Machine::Tcg, self.signature),
            (_, _) if self.emulated => (Machine::Tcg, "QEMU"),
            ("", "KVM Virtual Machine") => (Machine::Hypervisor, "KVM"),
            // QEMU on macOS calls it so, too, and passes the CPU through.
            ("", "QEMU Virtual Machine") if self.cpu_id >> 24 == APPLE => {
                (Machine::Unknown, "QEMU")
            }
            ("", "QEMU Virtual Machine") => (Machine::Tcg, "QEMU"),
            ("", _) if self.virtual_board => (Machine::Unknown, "qemu-virt"),
            ("", _) => (Machine::Native, ""),
            _ => (Machine::Hypervisor, self.signature),
        }
    }
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
    pub clocksource: Text<32>,
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

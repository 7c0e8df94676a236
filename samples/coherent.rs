// SPDX-License-Identifier: GPL-2.0

//! Coherent memory: allocated once, for CPU and device to use at the same time.
//!
//! What is in it needs no sync and no map; what tells the device of it needs the right order, which
//! the kernel's `writel()` and `readl()` give. Rests on
//! [`Documentation/core-api/dma-api.rst`](srctree/Documentation/core-api/dma-api.rst), part Ia.

include!("memlab/rooms.rs");

use devices::{
    edu::Edu,
    engine::{
        Engine,
        Way, //
    }, //
};
use kernel::{
    device::Core,
    pci,
    prelude::*, //
};
use sys::{
    dma::{
        coherent::Coherent,
        CpuMemory,
        DeviceMemory, //
    },
    pci as bus, //
};

const SIZE: usize = 4096;

/// The device takes what the CPU has written, and gives it back.
fn transfer(pdev: &pci::Device<Core<'_>>) -> Result {
    bus::put_back_later(pdev)?;
    let engine = Edu::new(pdev, 28)?;
    let mut memory = Coherent::new(pdev.as_ref(), SIZE)?;

    memory.write(|at| at as u8);
    engine.carry(Way::In, memory.segment(), 0)?;
    memory.write(|_| 0);
    engine.carry(Way::Out, memory.segment(), 0)?;
    if !memory.holds(|at| at as u8) {
        return Err(EIO);
    }
    dev_info!(pdev, "{} bytes of coherent memory, there and back\n", SIZE);
    Ok(())
}

/// Bound by driver_override: `echo memlab_coherent > driver_override` of a QEMU edu.
struct Sample;

compat::pci_table!(
    TABLE,
    [pci::DeviceId::from_id(pci::Vendor::REDHAT, 1 << 16)]
);

impl pci::Driver for Sample {
    type IdInfo = ();
    type Data<'bound> = ();
    const ID_TABLE: pci::IdTable<Self::IdInfo> = &TABLE;

    fn probe<'bound>(
        pdev: &'bound pci::Device<Core<'_>>,
        _info: compat::PciMatch<'bound>,
    ) -> impl PinInit<Self::Data<'bound>, Error> + 'bound {
        transfer(pdev)
    }
}

kernel::module_pci_driver! {
    type: Sample,
    name: "memlab_coherent",
    authors: ["The memlab authors"],
    description: "Coherent memory, the shortest right way",
    license: "GPL",
}

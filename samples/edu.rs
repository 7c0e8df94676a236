// SPDX-License-Identifier: GPL-2.0

//! A whole driver of QEMU's edu: it is started, carries bytes, and is put back as it was found.
//!
//! What it has registered for the device goes when that is unbound, last what came first: the
//! interrupt, then what enabled the device, then what it was found like. Rests on
//! [`Documentation/PCI/pci.rst`](srctree/Documentation/PCI/pci.rst).

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
    prelude::*,
    sync::Arc, //
};
use sys::{
    dma::{
        coherent::Coherent,
        CpuMemory,
        DeviceMemory, //
    },
    pci as bus, //
};

/// What holds the device as long as it is bound.
struct Sample {
    engine: Arc<Edu>,
}

impl Sample {
    /// Takes the device, and has it carry a page there and back.
    fn start(pdev: &pci::Device<Core<'_>>) -> Result<Self> {
        bus::put_back_later(pdev)?;
        let engine = Edu::new(pdev, 28)?;
        let size = 4096;
        let mut memory = Coherent::new(pdev.as_ref(), size)?;
        memory.write(|at| !(at as u8));
        engine.carry(Way::In, memory.segment(), 0)?;
        memory.write(|_| 0);
        engine.carry(Way::Out, memory.segment(), 0)?;
        if !memory.holds(|at| !(at as u8)) {
            return Err(EIO);
        }
        dev_info!(pdev, "edu has carried {} bytes there and back\n", size);
        Ok(Self { engine })
    }
}

/// Bound by driver_override: `echo memlab_edu > driver_override` of a QEMU edu.
struct Driver;

compat::pci_table!(
    TABLE,
    [pci::DeviceId::from_id(pci::Vendor::REDHAT, 1 << 16)]
);

impl pci::Driver for Driver {
    type IdInfo = ();
    type Data<'bound> = Sample;
    const ID_TABLE: pci::IdTable<Self::IdInfo> = &TABLE;

    fn probe<'bound>(
        pdev: &'bound pci::Device<Core<'_>>,
        _info: compat::PciMatch<'bound>,
    ) -> impl PinInit<Self::Data<'bound>, Error> + 'bound {
        Sample::start(pdev)
    }

    fn unbind<'bound>(_pdev: &'bound pci::Device<Core<'_>>, this: Pin<&Sample>) {
        // Nothing is under way here; whoever has a transfer in flight ends it like this.
        this.engine.halt();
    }
}

kernel::module_pci_driver! {
    type: Driver,
    name: "memlab_edu",
    authors: ["The memlab authors"],
    description: "A driver of QEMU's edu that moves bytes",
    license: "GPL",
}

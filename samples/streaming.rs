// SPDX-License-Identifier: GPL-2.0

//! Streaming DMA: ordinary memory, handed to the device for one transfer and taken back.
//!
//! While it is mapped the CPU has no way to it: that would not compile. Rests on
//! [`Documentation/core-api/dma-api-howto.rst`](srctree/Documentation/core-api/dma-api-howto.rst).

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
        buffer::{
            Buffer,
            Reach, //
        },
        DeviceMemory,
        FromDevice,
        ToDevice, //
    },
    pci as bus, //
};

const SIZE: usize = 4096;
/// The device's mask, below which a driver takes what is its own: not every machine bounces.
const BITS: u32 = 28;

/// The device takes what the CPU has written, and gives it back.
fn transfer(pdev: &pci::Device<Core<'_>>) -> Result {
    bus::put_back_later(pdev)?;
    let engine = Edu::new(pdev, BITS)?;
    let dev = pdev.as_ref();

    let mut buffer = Buffer::within(SIZE, 0, Reach::Within((1 << BITS) - 1))?;
    buffer.bytes_mut().fill(0xa5);
    let mapped = buffer.map(dev, ToDevice).map_err(|(_, error)| error)?;
    engine.carry(Way::In, mapped.segment(), 0)?;
    let mut buffer = mapped.unmap();

    buffer.bytes_mut().fill(0);
    let mapped = buffer.map(dev, FromDevice).map_err(|(_, error)| error)?;
    engine.carry(Way::Out, mapped.segment(), 0)?;
    let buffer = mapped.unmap();
    if buffer.bytes().iter().any(|byte| *byte != 0xa5) {
        return Err(EIO);
    }
    dev_info!(pdev, "{} bytes mapped, there and back\n", SIZE);
    Ok(())
}

/// Bound by driver_override: `echo memlab_streaming > driver_override` of a QEMU edu.
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
    name: "memlab_streaming",
    authors: ["The memlab authors"],
    description: "Streaming DMA, the shortest right way",
    license: "GPL",
}

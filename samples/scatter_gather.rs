// SPDX-License-Identifier: GPL-2.0

//! Scatter-gather: pieces of memory that lie apart, handed to the device as one list.
//!
//! An IOMMU may join the pieces: the device is given the entries that the map has made, not those
//! that were put in. Rests on
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
        buffer::Reach,
        sg::Scatter,
        FromDevice,
        ToDevice, //
    },
    pci as bus, //
};

/// Four pieces of 1,000 bytes each, which begin 24 bytes into a page.
const PIECES: usize = 4;
const SIZE: usize = 1000;
const OFFSET: usize = 24;
/// The device's mask, below which a driver takes what is its own: not every machine bounces.
const BITS: u32 = 28;

/// The device takes what the CPU has written, and gives it back.
fn transfer(pdev: &pci::Device<Core<'_>>) -> Result {
    bus::put_back_later(pdev)?;
    let engine = Edu::new(pdev, BITS)?;
    let dev = pdev.as_ref();

    let mut list = Scatter::new(PIECES, SIZE, OFFSET, Reach::Within((1 << BITS) - 1))?;
    list.fill(0xa5);
    let mapped = list.map(dev, ToDevice).map_err(|(_, error)| error)?;
    let mut at = 0;
    for entry in mapped.entries() {
        engine.carry(Way::In, entry, at)?;
        at += entry.size();
    }
    let mut list = mapped.unmap();

    list.fill(0);
    let mapped = list.map(dev, FromDevice).map_err(|(_, error)| error)?;
    let mut at = 0;
    for entry in mapped.entries() {
        engine.carry(Way::Out, entry, at)?;
        at += entry.size();
    }
    let list = mapped.unmap();
    let mut bytes = list.pieces().flat_map(|piece| piece.bytes());
    if bytes.any(|byte| *byte != 0xa5) {
        return Err(EIO);
    }
    dev_info!(pdev, "{} bytes in {} pieces, there and back\n", at, PIECES);
    Ok(())
}

/// Bound by driver_override: `echo memlab_scatter_gather > driver_override` of a QEMU edu.
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
    name: "memlab_scatter_gather",
    authors: ["The memlab authors"],
    description: "Scatter-gather, the shortest right way",
    license: "GPL",
}

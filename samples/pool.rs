// SPDX-License-Identifier: GPL-2.0

//! A DMA pool: small coherent blocks of one size, such as descriptors.
//!
//! A block borrows its pool, so that the pool cannot go first. Rests on
//! [`Documentation/core-api/dma-api.rst`](srctree/Documentation/core-api/dma-api.rst), part Ib.

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
        pool::Pool,
        CpuMemory,
        DeviceMemory, //
    },
    pci as bus, //
};

/// Bytes of a block.
const SIZE: usize = 64;

/// The device takes what is in one block, and puts it into another.
fn transfer(pdev: &pci::Device<Core<'_>>) -> Result {
    bus::put_back_later(pdev)?;
    let engine = Edu::new(pdev, 28)?;
    let dev = pdev.as_ref();
    let pool = Pool::new(dev, SIZE)?;
    let (mut from, to) = (pool.alloc()?, pool.alloc()?);

    from.copy_from(&[0xa5; SIZE]);
    engine.carry(Way::In, from.segment(), 0)?;
    engine.carry(Way::Out, to.segment(), 0)?;
    let mut bytes = [0; SIZE];
    to.copy_to(&mut bytes);
    if bytes != [0xa5; SIZE] {
        return Err(EIO);
    }
    dev_info!(pdev, "{} bytes from one block of a pool to another\n", SIZE);
    Ok(())
}

/// Bound by driver_override: `echo memlab_pool > driver_override` of a QEMU edu.
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
    name: "memlab_pool",
    authors: ["The memlab authors"],
    description: "A DMA pool, the shortest right way",
    license: "GPL",
}

// SPDX-License-Identifier: GPL-2.0

//! The driver that lends PCI devices. It matches none: `driver_override` sends them here.
//!
//! Its device is left as it was found: what is measured is the work of the CPU, and no transfer is
//! started. QEMU's edu is the one exception, because we know how to drive it: it is enabled, and
//! what it carries is checked. Either goes back as it came.

use super::{
    edu::{
        self,
        Edu, //
    },
    engine::Engine,
    lent::Loan, //
};
use crate::{
    compat,
    settings,
    sys::pci as bus, //
};
use kernel::{
    device::Core,
    driver,
    pci,
    prelude::*,
    sync::Arc, //
};

/// Lends every PCI device that is bound to it.
pub(crate) struct Driver;

/// The registration of [`Driver`].
pub(crate) type Registration = driver::Registration<pci::Adapter<Driver>>;

/// An id that no device has: theirs are 16 bits wide.
const NO_DEVICE: pci::DeviceId = pci::DeviceId::from_id(pci::Vendor::REDHAT, 1 << 16);

compat::pci_table!(TABLE, [NO_DEVICE]);

impl pci::Driver for Driver {
    type IdInfo = ();
    type Data<'bound> = Loan;
    const ID_TABLE: pci::IdTable<Self::IdInfo> = &TABLE;

    fn probe<'bound>(
        pdev: &'bound pci::Device<Core<'_>>,
        _info: compat::PciMatch<'bound>,
    ) -> impl PinInit<Self::Data<'bound>, Error> + 'bound {
        lend(pdev)
    }

    fn unbind<'bound>(_dev: &'bound pci::Device<Core<'_>>, loan: Pin<&Loan>) {
        loan.end();
    }
}

/// Lends a device, with its engine if it is an edu.
fn lend(pdev: &pci::Device<Core<'_>>) -> Result<Loan> {
    bus::put_back_later(pdev)?;
    let engine: Option<Arc<dyn Engine>> = match edu::recognises(pdev) {
        true => Some(start(pdev)?),
        false => None,
    };
    Loan::new(pdev.as_ref(), engine)
}

/// Starts the engine of an edu.
fn start(pdev: &pci::Device<Core<'_>>) -> Result<Arc<Edu>> {
    let bits = settings::get().edu_mask;
    Edu::new(pdev, bits).inspect_err(|error| {
        dev_err!(
            pdev,
            "edu with edu_mask={} (bits): {:?}; memory has to begin below it, and QEMU's dma_mask= to be the same\n",
            bits,
            error
        );
    })
}

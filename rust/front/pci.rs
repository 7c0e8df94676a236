// SPDX-License-Identifier: GPL-2.0

//! The driver that lends PCI devices. It matches none: `driver_override` sends them here.
//!
//! Its device is left as it was found, disabled and without bus mastering: what is measured is the
//! work of the CPU, and no transfer is started.

use crate::{
    compat,
    sys::device::Loan, //
};
use kernel::{
    device::Core,
    driver,
    pci,
    prelude::*, //
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
        Loan::new(pdev.as_ref())
    }

    fn unbind<'bound>(_dev: &'bound pci::Device<Core<'_>>, loan: Pin<&Loan>) {
        loan.end();
    }
}

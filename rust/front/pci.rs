// SPDX-License-Identifier: GPL-2.0

//! The driver that lends PCI devices. It matches none: `driver_override` sends them here.
//!
//! Its device is left as it was found: what is measured is the work of the CPU, and no transfer is
//! started. QEMU's edu is the one exception, because we know how to drive it: it is enabled, and
//! what it carries is checked. Either goes back as it came.

use crate::{
    compat, module_parameters,
    sys::{
        device::Loan,
        edu::{
            self,
            Engine, //
        },
        pci::{
            Before,
            Interrupt, //
        },
    },
};
use core::borrow::Borrow;
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

/// What is dropped when the device is unbound, in this order: the loan's end waits for the run.
pub(crate) struct Lent {
    loan: Loan,
    _interrupt: Option<Interrupt<Engine>>,
    _before: Before,
}

impl pci::Driver for Driver {
    type IdInfo = ();
    type Data<'bound> = Lent;
    const ID_TABLE: pci::IdTable<Self::IdInfo> = &TABLE;

    fn probe<'bound>(
        pdev: &'bound pci::Device<Core<'_>>,
        _info: compat::PciMatch<'bound>,
    ) -> impl PinInit<Self::Data<'bound>, Error> + 'bound {
        lend(pdev)
    }

    fn unbind<'bound>(_dev: &'bound pci::Device<Core<'_>>, lent: Pin<&Lent>) {
        lent.loan.end();
    }
}

/// Lends a device, with its engine if it is an edu.
fn lend(pdev: &pci::Device<Core<'_>>) -> Result<Lent> {
    let mut before = Before::of(pdev);
    let mut interrupt = None;
    let loan = Loan::new(pdev.as_ref(), || {
        if !edu::recognises(pdev) {
            return Ok(None);
        }
        before.enable(pdev)?;
        let (engine, its) = start(pdev)?;
        interrupt = Some(its);
        Ok(Some(engine))
    })?;
    Ok(Lent {
        loan,
        _interrupt: interrupt,
        _before: before,
    })
}

/// Starts the engine of an edu.
fn start(pdev: &pci::Device<Core<'_>>) -> Result<(Arc<Engine>, Interrupt<Engine>)> {
    // A kernel hands out a parameter as it is or behind a reference.
    let bits: u32 = *module_parameters::edu_mask.value().borrow();
    Engine::new(pdev, bits).inspect_err(|error| {
        dev_err!(
            pdev,
            "edu with edu_mask={} (bits): {:?}; memory has to begin below it, and QEMU's dma_mask= to be the same\n",
            bits,
            error
        );
    })
}

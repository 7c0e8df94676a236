// SPDX-License-Identifier: GPL-2.0

//! The device that the module brings along, and the driver that lends it.
//!
//! It has no registers and moves no bytes; what it has is a place in the DMA layer, which is all
//! that allocating and mapping need.

use super::lent::Loan;
use crate::{
    settings,
    sys::device::{
        self,
        PlatformDevice, //
    },
};
use kernel::{
    device::Core,
    driver,
    platform,
    prelude::*, //
};

/// Name of the driver and of the module's own device.
const NAME: &CStr = c"memlab";

/// Lends every platform device that is bound to it: the module's own, and any that
/// `driver_override` sends here.
pub(crate) struct Driver;

/// The registration of [`Driver`].
pub(crate) type Registration = driver::Registration<platform::Adapter<Driver>>;

impl platform::Driver for Driver {
    type IdInfo = ();
    type Data<'bound> = Loan;

    fn probe<'bound>(
        pdev: &'bound platform::Device<Core<'_>>,
        _info: Option<&'bound Self::IdInfo>,
    ) -> impl PinInit<Self::Data<'bound>, Error> + 'bound {
        device::put_back_later(pdev.as_ref()).and_then(|()| Loan::new(pdev.as_ref(), None))
    }

    fn unbind<'bound>(_dev: &'bound platform::Device<Core<'_>>, loan: Pin<&Loan>) {
        loan.end();
    }
}

/// Registers the module's own device; bound at once, because the driver is there already.
pub(crate) fn own_device() -> Result<PlatformDevice> {
    let coherent = settings::get().coherent;
    PlatformDevice::register(NAME, coherent).inspect_err(|error| {
        pr_err!("its own device with coherent={:?}: {:?}\n", coherent, error);
    })
}

// SPDX-License-Identifier: GPL-2.0

//! The CMA area that a device's coherent memory comes from.

use crate::{
    devices::lent,
    model::{
        request::{
            Refusal,
            DEVICE_NAME_MAX, //
        },
        text::Text, //
    },
    sys::cma::Area,
};
use kernel::device::Device;

/// The CMA area of a device.
pub(crate) fn of(dev: &Device) -> Result<Area, Refusal> {
    Area::of(dev).ok_or_else(|| {
        Refusal::unsupported(format_args!(
            "the device has no CMA area: give the kernel cma=64M; where its command line has that, it was too much at boot, see dmesg"
        ))
    })
}

/// The CMA area of the device called `device`, which need not stay lent: areas stay.
pub(crate) fn of_named(device: Text<DEVICE_NAME_MAX>) -> Result<Area, Refusal> {
    of(lent::look(device)?.device())
}

// SPDX-License-Identifier: GPL-2.0

//! What is lent, by the name that a request gives.

use crate::{
    model::{
        request::{
            Refusal,
            DEVICE_NAME_MAX, //
        },
        text::Text, //
    },
    sys::{
        cma::Area,
        device::Lease, //
    },
};
use kernel::device::Device;

/// A lease of the device called `device`, or of the one lent first if that is empty.
pub(crate) fn lease(device: Text<DEVICE_NAME_MAX>) -> Result<Lease, Refusal> {
    Lease::take(device.as_str()).map_err(|_| {
        Refusal::no_device(format_args!(
            "device={device}: no such device is lent; the file device lists them"
        ))
    })
}

/// The CMA area of a device.
pub(crate) fn area_of(dev: &Device) -> Result<Area, Refusal> {
    Area::of(dev).ok_or_else(|| {
        Refusal::unsupported(format_args!(
            "the device has no CMA area; give the kernel one with cma=64M on its command line"
        ))
    })
}

/// The CMA area of the device called `device`, which need not stay lent: areas stay.
pub(crate) fn area(device: Text<DEVICE_NAME_MAX>) -> Result<Area, Refusal> {
    area_of(lease(device)?.device())
}

// SPDX-License-Identifier: GPL-2.0

//! The CMA area that a device's coherent memory comes from, found out by having some of it.

use crate::{
    devices::lent,
    model::{
        request::{
            Refusal,
            DEVICE_NAME_MAX, //
        },
        text::Text, //
    },
    sys::cma::{
        Area,
        Source, //
    },
};
use kernel::device::{
    Bound,
    Device, //
};

/// The area that the kernel asks first for coherent memory of a device.
pub(crate) fn of(dev: &Device<Bound>) -> Result<Area, Refusal> {
    match Source::of(dev) {
        Source::Area(area) => Ok(area),
        Source::None => Err(Refusal::unsupported(format_args!(
            "the device has no CMA area in its reach: give the kernel cma=64M; where its command line has that, the reservation failed at boot, or lies above the device's mask, see dmesg"
        ))),
        Source::Unknown => Err(Refusal::unsupported(format_args!(
            "which CMA area the device has is unknown: a kernel without CONFIG_TRACEPOINTS does not say which it asks, of those of the nodes and of all"
        ))),
    }
}

/// The CMA area of the device called `device`, which need not stay lent: areas stay.
pub(crate) fn of_named(device: Text<DEVICE_NAME_MAX>) -> Result<Area, Refusal> {
    of(lent::lease(device)?.device())
}

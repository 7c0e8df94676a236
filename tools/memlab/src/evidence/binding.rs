// SPDX-License-Identifier: GPL-2.0

//! Which driver a device is bound to: `driver_override`, `unbind`, `bind`.

use super::{device::Device, Machine};
use crate::error::{Error, Kind, Result};
use std::{fs, io};

/// The module's driver, on each bus that it lends devices of.
pub const OURS: &str = "memlab";

fn write(machine: &Machine, path: &str, text: &str) -> Result {
    let written = fs::write(machine.path(path), format!("{text}\n"));
    written.map_err(|error| {
        let kind = match error.kind() {
            io::ErrorKind::PermissionDenied => Kind::Denied,
            _ => Kind::Device,
        };
        Error::new(kind, format!("{path}: {}", crate::error::reason(&error)))
    })
}

/// Says which driver alone may be bound to it; none lets all that know it.
pub fn choose(machine: &Machine, device: &Device, driver: Option<&str>) -> Result {
    write(
        machine,
        &format!("{}/driver_override", device.folder),
        driver.unwrap_or(""),
    )
}

/// Takes it from the driver that it is bound to, if it is to one.
pub fn unbind(machine: &Machine, device: &Device) -> Result {
    match device.driver(machine) {
        Some(_) => write(
            machine,
            &format!("{}/driver/unbind", device.folder),
            &device.name,
        ),
        None => Ok(()),
    }
}

/// Binds it to a driver.
pub fn bind(machine: &Machine, device: &Device, driver: &str) -> Result {
    write(
        machine,
        &format!("/sys/bus/{}/drivers/{driver}/bind", device.bus),
        &device.name,
    )
}

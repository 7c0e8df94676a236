// SPDX-License-Identifier: GPL-2.0

//! `lend DEVICE` and `return [DEVICE]`: a device goes to the module and comes back.
//!
//! What is lent stands in a journal in /run before anything is done, so that `return` works after a
//! kill at any point.

use super::{Context, Found};
use crate::{
    error::{Error, Kind, Result},
    evidence::{
        binding::{bind, choose, unbind, OURS},
        device::{self, Device},
        journal::{self, Loan},
        login, Machine,
    },
    output::{Cell, Check, Face, Table},
};
use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;

/// Lends a device to the module, to be measured; memlab return gives it back
#[derive(Args, Debug)]
pub struct LendArguments {
    /// The device
    device: String,
}

/// Gives a device back to its driver
#[derive(Args, Debug)]
pub struct ReturnArguments {
    /// The device; by default all that are lent
    device: Option<String>,
}

/// What was done.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Moved {
    /// Whether it was lent, or returned.
    pub lent: bool,
    /// Which devices, each with the driver that it is bound to elsewhere.
    pub devices: Vec<Loan>,
}

/// Lends.
pub fn lend(context: &Context, arguments: &LendArguments) -> Result<Found<Moved>> {
    let loan = take(&context.machine, &arguments.device)?;
    Ok(Moved {
        lent: true,
        devices: vec![loan],
    }
    .into())
}

/// Gives back.
pub fn give_back(context: &Context, arguments: &ReturnArguments) -> Result<Found<Moved>> {
    let machine = &context.machine;
    let mut loans = journal::read(machine)?;
    if let Some(name) = &arguments.device {
        let wanted = |loan: &Loan| loan.device == *name || loan.asked.as_ref() == Some(name);
        loans.retain(wanted);
        if loans.is_empty() {
            return Err(Error::new(
                Kind::Device,
                format!("device={name}: this command has not lent it"),
            ));
        }
    }
    for loan in &loans {
        restore(machine, loan)?;
    }
    Ok(Moved {
        lent: false,
        devices: loans,
    }
    .into())
}

/// Why a device is not to be taken from its driver.
fn refusal(machine: &Machine, device: &Device) -> Option<String> {
    if device.driver(machine).as_deref() == Some(OURS) {
        return Some("it is lent already".to_owned());
    }
    if !["pci", "platform"].contains(&device.bus.as_str()) {
        return Some(format!(
            "the module lends devices of pci and platform, and it is on {}",
            device.bus
        ));
    }
    if device.kind(machine) == "bridge" {
        return Some("it is a bridge: others are behind it".to_owned());
    }
    let places = device.mounted(machine);
    if let Some(place) = places.first() {
        return Some(format!("{place} is mounted from it; umount it first"));
    }
    if let Some(swap) = device.swaps(machine).first() {
        return Some(format!("{swap} is swapped to; swapoff it first"));
    }
    let interfaces = device.interfaces(machine);
    let client = login::client(machine);
    let login = client.and_then(|client| login::interface(machine, client));
    if let Some(name) = login.filter(|name| interfaces.contains(name)) {
        return Some(format!("this login comes in through its interface {name}"));
    }
    let shared = device.shared_with(machine);
    if !shared.is_empty() {
        return Some(format!(
            "its IOMMU group has {} too, which would see what it maps",
            shared.join(", ")
        ));
    }
    None
}

/// Lends one device; where that fails half-way, it is as it was.
pub fn take(machine: &Machine, name: &str) -> Result<Loan> {
    let device = device::find(machine, name)?;
    if let Some(why) = refusal(machine, &device) {
        return Err(Error::new(
            Kind::Refused,
            format!("{}: not lent: {why}", device.name),
        ));
    }
    if !device.bus_has(machine, OURS) {
        return Err(Error::new(
            Kind::NoModule,
            "the module is not loaded: insmod memlab.ko (make host builds it)",
        ));
    }
    let chosen = device.look(machine, "driver_override");
    let loan = Loan {
        device: device.name.clone(),
        asked: device.asked.clone(),
        bus: device.bus.clone(),
        driver: device.driver(machine),
        chosen: chosen.filter(|word| word != "(null)" && !word.is_empty()),
    };
    journal::add(machine, &loan)?;
    let moved = choose(machine, &device, Some(OURS))
        .and_then(|()| unbind(machine, &device))
        .and_then(|()| bind(machine, &device, OURS));
    if let Err(error) = moved {
        // What it was is in the journal; if that fails too, its sentence is the one to read.
        restore(machine, &loan)?;
        return Err(error);
    }
    Ok(loan)
}

/// Gives one back, whatever state it is in.
pub fn restore(machine: &Machine, loan: &Loan) -> Result {
    let Ok(device) = device::find(machine, &loan.device) else {
        journal::remove(machine, loan)?;
        return Err(Error::new(
            Kind::Device,
            format!(
                "device={}: it is gone; there is nothing to give back",
                loan.device
            ),
        ));
    };
    if device.driver(machine).as_deref() == Some(OURS) {
        unbind(machine, &device)?;
    }
    choose(machine, &device, loan.chosen.as_deref())?;
    if let Some(driver) = &loan.driver {
        let bound = device.driver(machine);
        if bound.as_ref() != Some(driver) {
            let tried = bind(machine, &device, driver);
            if device.driver(machine).as_ref() != Some(driver) {
                let why = tried
                    .err()
                    .map_or("it did not bind".to_owned(), |error| error.message);
                return Err(Error::new(
                    Kind::Device,
                    format!(
                        "{}: its driver {driver} did not come back ({why}); try: echo {} > \
                             /sys/bus/{}/drivers_probe",
                        device.name, device.name, device.bus
                    ),
                ));
            }
        }
    }
    journal::remove(machine, loan)
}

impl Face for Moved {
    fn text(&self) -> String {
        let line = |loan: &Loan| {
            let driver = loan.driver.as_deref().unwrap_or("no driver");
            match self.lent {
                true => format!(
                    "{0} is lent, by {driver}; measure it: memlab advise {0}; give it back: memlab \
                     return {0}\n",
                    loan.device
                ),
                false => format!("{} is back with {driver}\n", loan.device),
            }
        };
        match self.devices.as_slice() {
            [] => "nothing is lent\n".to_owned(),
            all => all.iter().map(line).collect(),
        }
    }

    fn tables(&self) -> Vec<Table> {
        let mut table = Table::new(["device", "bus", "driver"]);
        for loan in &self.devices {
            table.push([
                Cell::text(&*loan.device),
                Cell::text(&*loan.bus),
                loan.driver.clone().into(),
            ]);
        }
        vec![table]
    }

    fn checks(&self) -> Vec<Check> {
        let word = if self.lent { "lend" } else { "return" };
        let check = |loan: &Loan| Check {
            name: format!("{word} {}", loan.device),
            held: Some(true),
            because: loan.driver.clone().unwrap_or_default(),
        };
        self.devices.iter().map(check).collect()
    }
}

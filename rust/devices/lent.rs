// SPDX-License-Identifier: GPL-2.0

//! The devices that are lent, in the order in which they were.

use super::engine::Engine;
use crate::{
    model::{
        request::{
            Refusal,
            DEVICE_NAME_MAX, //
        },
        text::Text, //
    },
    sys::{
        lend::{
            Bond,
            Lease,
            Look, //
        },
        register::Register, //
    },
};
use kernel::{
    device::{
        Bound,
        Core,
        Device, //
    },
    prelude::*,
    sync::Arc, //
};

static LENT: Register<KVec<Lent>> = Register::new(KVec::new);

/// One device that is lent.
struct Lent {
    bond: Arc<Bond>,
    /// What moves bytes, in a device that we know how to drive.
    engine: Option<Arc<dyn Engine>>,
}

/// What a driver holds while its device is lent.
pub(crate) struct Loan {
    bond: Arc<Bond>,
}

impl Loan {
    /// Lends a device, and with it the engine that it may have. [`Loan::end`] is to be called from
    /// unbind, so that no run uses the device any more when the bus takes it.
    pub(crate) fn new(dev: &Device<Core<'_>>, engine: Option<Arc<dyn Engine>>) -> Result<Self> {
        let bond = Bond::new(dev)?;
        let lent = Lent {
            bond: bond.clone(),
            engine,
        };
        LENT.lock().push(lent, GFP_KERNEL)?;
        Ok(Self { bond })
    }

    /// Recalls the device and waits until it is back. Does nothing the second time.
    pub(crate) fn end(&self) {
        let mut lent = LENT.lock();
        lent.retain(|lent| !Arc::ptr_eq(&lent.bond, &self.bond));
        if lent.is_empty() {
            // Nobody drops a static: the last device to go takes the list's memory with it.
            *lent = KVec::new();
        }
        drop(lent);
        self.bond.end();
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        self.end();
    }
}

/// The bond of the device lent first of those that are `wanted`; `ENODEV` if there is none.
fn find(wanted: impl Fn(&Lent) -> bool) -> Result<Arc<Bond>> {
    let lent = LENT.lock();
    let found = lent.iter().find(|lent| wanted(lent)).ok_or(ENODEV)?;
    Ok(found.bond.clone())
}

/// Whether a device is the one called `name`; every device is the one called nothing.
fn is_called(lent: &Lent, name: &str) -> bool {
    name.is_empty() || lent.bond.device().name().to_bytes() == name.as_bytes()
}

/// What is said where a device could not be had.
fn refusal(device: Text<DEVICE_NAME_MAX>, error: Error) -> Refusal {
    match error {
        EBUSY => Refusal::no_device(format_args!(
            "device={device}: another user has changed its DMA mask"
        )),
        _ => Refusal::no_device(format_args!(
            "device={device}: no such device is lent; the file device lists them"
        )),
    }
}

/// A lease of the device called `device`, or of the one lent first if that is empty.
pub(crate) fn lease(device: Text<DEVICE_NAME_MAX>) -> Result<Lease, Refusal> {
    find(|lent| is_called(lent, device.as_str()))
        .and_then(|bond| bond.lease())
        .map_err(|error| refusal(device, error))
}

/// A lease of the device lent first of those that have an engine, for the experiment called `name`.
pub(crate) fn lease_engine(name: &str) -> Result<Lease, Refusal> {
    let found = find(|lent| lent.engine.is_some()).and_then(|bond| bond.lease());
    found.map_err(|_| {
        Refusal::no_device(format_args!(
            "{name} needs a device that moves bytes, and none is lent: lend QEMU's edu"
        ))
    })
}

/// A look at the device called `device`, or at the one lent first if that is empty.
pub(crate) fn look(device: Text<DEVICE_NAME_MAX>) -> Result<Look, Refusal> {
    find(|lent| is_called(lent, device.as_str()))
        .and_then(|bond| bond.look())
        .map_err(|error| refusal(device, error))
}

/// A look at every device that is lent.
pub(crate) fn look_at_all() -> Result<KVec<Look>> {
    let mut bonds = KVec::new();
    for lent in LENT.lock().iter() {
        bonds.push(lent.bond.clone(), GFP_KERNEL)?;
    }
    let mut looks = KVec::new();
    for bond in &bonds {
        // One that is just being recalled is not lent any more.
        if let Ok(look) = bond.look() {
            looks.push(look, GFP_KERNEL)?;
        }
    }
    Ok(looks)
}

/// The engine of a device that is lent, if it has one.
pub(crate) fn engine(dev: &Device<Bound>) -> Option<Arc<dyn Engine>> {
    let lent = LENT.lock();
    let mut of_it = lent
        .iter()
        .filter(|lent| core::ptr::eq::<Device>(lent.bond.device(), &**dev));
    of_it.next()?.engine.clone()
}

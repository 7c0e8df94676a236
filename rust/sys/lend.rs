// SPDX-License-Identifier: GPL-2.0

//! A device's being bound, which its driver lends and others have for a while.
//!
//! A driver's probe makes a [`Bond`]; who uses the device takes a [`Lease`], through which it
//! reaches the bound device, and who only looks at it a [`Look`]. Ending the bond tells the users to
//! stop and waits for all of them, so that whatever borrows the device through a lease is gone
//! before the device is unbound. No lock is held while a lease is out.

use super::{
    cma::Source,
    device::Limits,
    machine::{
        self,
        Dma, //
    },
};
use kernel::{
    device::{
        Bound,
        Core,
        Device, //
    },
    devres,
    prelude::*,
    sync::{
        aref::ARef,
        atomic::{
            Atomic,
            Relaxed, //
        },
        new_condvar,
        new_mutex,
        Arc,
        CondVar,
        Mutex, //
    },
};

/// What a device has for longer than a call lasts.
pub(crate) trait Guest: Send + Sync {
    /// The device is about to go: it has nothing any more when this returns, and waits for nobody.
    fn evict(&self);
}

/// A device that is bound, until the bond is ended.
#[pin_data]
pub(crate) struct Bond {
    device: ARef<Device>,
    /// Where its coherent memory came from when it was lent.
    source: Source,
    /// Tells the users that the bond is ending. Read without a lock between operations.
    recalled: Atomic<bool>,
    #[pin]
    users: Mutex<Users>,
    #[pin]
    returned: CondVar,
}

/// # Invariants
///
/// While `leases` or `looks` is not 0, the device is bound.
struct Users {
    open: bool,
    leases: usize,
    looks: usize,
    /// Whether the one lease that is out has changed the device's masks.
    masked: bool,
    /// They are evicted when the bond ends, so that the leases that they have are given back.
    guests: KVec<Arc<dyn Guest>>,
}

/// Ends a bond when the device is unbound, whatever its driver has done or left undone by then.
struct Ending(Arc<Bond>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl Bond {
    /// Lends `dev`. The bond ends when the driver says so, and at the latest with the binding.
    pub(crate) fn new(dev: &Device<Core<'_>>) -> Result<Arc<Self>> {
        let users = Users {
            open: true,
            leases: 0,
            looks: 0,
            masked: false,
            guests: KVec::new(),
        };
        let bond = Arc::pin_init(
            pin_init!(Self {
                device: dev.into(),
                source: Source::of(dev),
                recalled: Atomic::new(false),
                users <- new_mutex!(users),
                returned <- new_condvar!(),
            }),
            GFP_KERNEL,
        )?;
        devres::register(dev, Ending(bond.clone()), GFP_KERNEL)?;
        Ok(bond)
    }

    /// Recalls the device, evicts its guests and waits until nobody uses it or looks at it any more.
    pub(crate) fn end(&self) {
        self.recalled.store(true, Relaxed);
        let mut users = self.users.lock();
        users.open = false;
        let guests = core::mem::take(&mut users.guests);
        drop(users);
        for guest in &guests {
            guest.evict();
        }
        drop(guests);
        let mut users = self.users.lock();
        while users.leases > 0 || users.looks > 0 {
            self.returned.wait(&mut users);
        }
    }

    /// The device, which may have been unbound since.
    pub(crate) fn device(&self) -> &Device {
        &self.device
    }

    /// Takes the device for use. `ENODEV` if the bond is ending, `EBUSY` while another user has
    /// changed the device's masks.
    pub(crate) fn lease(self: &Arc<Self>) -> Result<Lease> {
        let mut users = self.users.lock();
        if !users.open {
            return Err(ENODEV);
        }
        if users.masked {
            return Err(EBUSY);
        }
        users.leases += 1;
        drop(users);
        // INVARIANT: Just counted, while the bond was open.
        Ok(Lease {
            limits: None,
            bond: self.clone(),
        })
    }

    /// Takes the device to look at it. `ENODEV` if the bond is ending.
    pub(crate) fn look(self: &Arc<Self>) -> Result<Look> {
        let mut users = self.users.lock();
        if !users.open {
            return Err(ENODEV);
        }
        users.looks += 1;
        drop(users);
        // INVARIANT: Just counted, while the bond was open.
        Ok(Look { bond: self.clone() })
    }

    /// One user less.
    fn give_back(&self, count: impl FnOnce(&mut Users)) {
        let mut users = self.users.lock();
        count(&mut users);
        self.returned.notify_all();
    }
}

/// The use of a device that is bound.
///
/// # Invariants
///
/// Counted among the leases of `bond` from when that was open until this is dropped. Where there are
/// `limits`, it is the only one.
pub(crate) struct Lease {
    limits: Option<Limits>,
    bond: Arc<Bond>,
}

impl Lease {
    /// The device, bound as long as the lease is out.
    pub(crate) fn device(&self) -> &Device<Bound> {
        // SAFETY: By the type invariant the lease is counted: ending the bond, without which the
        // device is not unbound, waits for it.
        unsafe { self.bond.device.as_bound() }
    }

    /// The area that its coherent memory came from when it was lent.
    pub(crate) fn source(&self) -> Source {
        self.bond.source
    }

    /// Has a guest evicted when the device goes. `ENODEV` where it is already going.
    pub(crate) fn admit(&self, guest: Arc<dyn Guest>) -> Result {
        let mut users = self.bond.users.lock();
        if !users.open {
            return Err(ENODEV);
        }
        users.guests.push(guest, GFP_KERNEL)?;
        Ok(())
    }

    /// A guest that went by itself, by its address. Whoever says so holds it.
    pub(crate) fn dismiss(&self, guest: *const ()) {
        let mut users = self.bond.users.lock();
        let is = |other: &mut Arc<dyn Guest>| core::ptr::eq(Arc::as_ptr(other).cast::<()>(), guest);
        users.guests.retain(|other| !is(other));
    }

    /// Whether the device is to be given back as soon as may be.
    #[inline]
    pub(crate) fn recalled(&self) -> bool {
        self.bond.recalled.load(Relaxed)
    }

    /// The same with so many bits of address for the device, until the lease is given back.
    ///
    /// Memory that the device has would be in reach of the old masks only, so that it must have
    /// none: nobody has borrowed the device from this lease, as it is taken by value, and where
    /// another lease is out this is `EBUSY`. `EIO` where the platform cannot serve such a device.
    pub(crate) fn masked(mut self, bits: u32) -> Result<Self> {
        let mut users = self.bond.users.lock();
        if users.leases > 1 || users.masked {
            return Err(EBUSY);
        }
        users.masked = true;
        drop(users);
        // SAFETY: The value is dropped before the lease is given back, and what has borrowed the
        // device from the lease until then, to map memory for it, is gone by then.
        let limits = unsafe { Limits::of(self.device()) };
        // INVARIANT: It is the only lease, and while `masked` is set no other is given out.
        self.limits.insert(limits).set_masks(bits)?;
        Ok(self)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let masked = self.limits.take().is_some();
        self.bond.give_back(|users| {
            users.leases -= 1;
            users.masked &= !masked;
        });
    }
}

/// A look at a device that is bound, through which nothing can be allocated or mapped for it.
///
/// # Invariants
///
/// Counted among the looks of `bond` from when that was open until this is dropped.
pub(crate) struct Look {
    bond: Arc<Bond>,
}

impl Look {
    /// The device.
    pub(crate) fn device(&self) -> &Device {
        &self.bond.device
    }

    /// The area that its coherent memory came from when it was lent.
    pub(crate) fn source(&self) -> Source {
        self.bond.source
    }

    /// What the DMA layer thinks of it.
    pub(crate) fn dma(&self) -> Dma {
        // SAFETY: By the type invariant the look is counted, and ending the bond waits for it.
        machine::dma(unsafe { self.bond.device.as_bound() })
    }
}

impl Drop for Look {
    fn drop(&mut self) {
        self.bond.give_back(|users| users.looks -= 1);
    }
}

// SPDX-License-Identifier: GPL-2.0

//! What is lent to a device and comes back: memory that is the CPU's or the device's in turn.

use super::{
    target::Target,
    Experiment, //
};
#[cfg(CONFIG_PCI)]
use crate::sys::dma::Segment;
use crate::{
    model::{
        placement::Placement,
        remark::Remark,
        request::{
            Info,
            Refusal,
            Request, //
        },
    },
    sys::dma::DeviceMemory, //
};
use kernel::{
    device::{
        Bound,
        Device, //
    },
    prelude::*, //
};

/// A pair of functions that hand memory to a device and take it back, with what they were asked for.
pub(crate) trait Lender<'d>: Sync + Sized {
    /// Whether memory is mapped, and may be bounced by that; otherwise it lies where the device
    /// reaches it.
    const MAPS: bool;

    /// The memory when it is the CPU's.
    type Own;
    /// The memory when it is the device's.
    type Lent: DeviceMemory;

    /// What `request` asks for. Refuses what the device cannot have.
    fn of(request: &Request, target: &Target<'d>) -> Result<Self, Refusal>;

    /// Makes the memory.
    fn make(&self, target: &Target<'d>) -> Result<Self::Own>;

    /// Writes every byte, as a driver does that has something to send.
    fn fill(own: &mut Self::Own, byte: u8);

    /// Calls `carry` with each piece that the device sees: there is one, but of a list.
    #[cfg(CONFIG_PCI)]
    fn pieces(lent: &Self::Lent, carry: &mut dyn FnMut(Segment<'_>) -> Result) -> Result {
        carry(lent.segment())
    }

    /// Makes it the device's. Gives it back if that fails.
    fn lend(&self, own: Self::Own, target: &Target<'d>) -> Result<Self::Lent, (Self::Own, Error)>;

    /// Makes it the CPU's again.
    fn take_back(&self, lent: Self::Lent) -> Self::Own;

    /// Where the CPU sees it.
    fn place(&self, lent: &Self::Lent) -> Placement;
}

/// A lender with a row to itself.
pub(crate) trait ListedLender<'d>: Lender<'d> {
    /// See [`Row::INFO`](super::Row::INFO).
    const INFO: Info;
}

/// The experiment that lends by `L`.
pub(crate) struct Lending<'d, L> {
    target: Target<'d>,
    lender: L,
    /// What one operation has.
    bytes: u64,
}

impl<'d, L: Lender<'d>> Lending<'d, L> {
    /// See [`Row::prepare`](super::Row::prepare).
    pub(super) fn new(
        request: &Request,
        device: Option<&'d Device<Bound>>,
    ) -> Result<Self, Refusal> {
        let target = Target::of(request, device, L::MAPS)?;
        let lender = L::of(request, &target)?;
        Ok(Self {
            target,
            lender,
            bytes: request.size(),
        })
    }
}

impl<'d, L: Lender<'d>> Experiment for Lending<'d, L> {
    type Idle = L::Own;
    type Held<'a>
        = L::Lent
    where
        Self: 'a;

    fn idle(&self) -> Result<L::Own> {
        self.lender.make(&self.target)
    }

    fn touch(&self, idle: &mut L::Own) {
        if self.target.cpu_writes() {
            L::fill(idle, 0x5a);
        }
    }

    #[inline]
    fn acquire(&self, idle: L::Own) -> Result<L::Lent, (L::Own, Error)> {
        self.lender.lend(idle, &self.target)
    }

    #[inline]
    fn release(&self, held: L::Lent) -> L::Own {
        self.lender.take_back(held)
    }

    fn describe(&self, held: &L::Lent) -> Placement {
        self.target.place(self.lender.place(held), held.dma())
    }

    fn remark(&self, failed: bool, _most: u64, _stopped: &dyn Fn() -> bool) -> Remark {
        match failed {
            true => self.target.full(self.bytes),
            false => Remark::None,
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Bytes that are really carried: memory of each kind to QEMU's edu, or from there, and every byte
//! looked at.
//!
//! To the device: the CPU writes a pattern, the engine fetches it, and brings it back to a coherent
//! page of proof, where the CPU looks at each byte. From the device: the pattern goes to the engine
//! through that page, the memory is filled with what it must not keep, the engine writes it, and
//! the CPU looks there. No two operations have the same pattern. One byte that is not the right one
//! makes the operation a failure (`EBADMSG`), and its time is no sample.
//!
//! Beside a transfer's 100 ms a call is nothing: one experiment serves every kind of memory.

use super::prelude::*;
use crate::{
    compat,
    devices::{
        engine::{
            Engine,
            Way, //
        },
        lent, //
    },
    sys::dma::{
        coherent::Coherent,
        sg::Scatter,
        CpuMemory,
        DeviceMemory,
        Segment, //
    },
};
use kernel::sync::Arc;

/// Memory whose every byte can be set and looked at.
pub(super) trait Bytes {
    /// Sets each byte to what `byte` gives for its place.
    fn write(&mut self, byte: &dyn Fn(usize) -> u8);

    /// Whether each byte is what `byte` gives for its place.
    fn holds(&self, byte: &dyn Fn(usize) -> u8) -> bool;
}

impl<M: CpuMemory> Bytes for M {
    fn write(&mut self, byte: &dyn Fn(usize) -> u8) {
        CpuMemory::write(self, byte);
    }

    fn holds(&self, byte: &dyn Fn(usize) -> u8) -> bool {
        CpuMemory::holds(self, byte)
    }
}

/// The pieces lie one after the other.
impl Bytes for Scatter {
    fn write(&mut self, byte: &dyn Fn(usize) -> u8) {
        let mut before = 0;
        for piece in self.pieces_mut() {
            CpuMemory::write(piece, |at| byte(before + at));
            before += piece.size();
        }
    }

    fn holds(&self, byte: &dyn Fn(usize) -> u8) -> bool {
        let mut before = 0;
        self.pieces().all(|piece| {
            let holds = CpuMemory::holds(piece, |at| byte(before + at));
            before += piece.size();
            holds
        })
    }
}

/// Memory that a lender hands to the device, its type forgotten: what is generic over lenders lies
/// behind these calls.
trait Load: Bytes {
    /// Makes it the device's.
    fn lend(&mut self) -> Result;

    /// Calls `carry` with each piece that the device sees.
    fn pieces(&self, carry: &mut dyn FnMut(Segment<'_>) -> Result) -> Result;

    /// Makes it the CPU's again, if it is not.
    fn take_back(&mut self);

    /// Where it is, as long as it is the device's.
    fn describe(&self) -> Option<Placement>;
}

struct LoadOf<'d, L: Lender<'d>> {
    lender: L,
    target: Target<'d>,
    /// The memory, as long as it is the CPU's.
    own: Option<L::Own>,
    /// The memory, as long as it is the device's.
    lent: Option<L::Lent>,
}

impl<'d, L: Lender<'d, Own: Bytes>> Bytes for LoadOf<'d, L> {
    fn write(&mut self, byte: &dyn Fn(usize) -> u8) {
        if let Some(own) = &mut self.own {
            own.write(byte);
        }
    }

    fn holds(&self, byte: &dyn Fn(usize) -> u8) -> bool {
        self.own.as_ref().is_some_and(|own| own.holds(byte))
    }
}

impl<'d, L: Lender<'d, Own: Bytes>> Load for LoadOf<'d, L> {
    fn lend(&mut self) -> Result {
        let own = self.own.take().ok_or(EINVAL)?;
        match self.lender.lend(own, &self.target) {
            Ok(lent) => self.lent = Some(lent),
            Err((own, error)) => {
                self.own = Some(own);
                return Err(error);
            }
        }
        Ok(())
    }

    fn pieces(&self, carry: &mut dyn FnMut(Segment<'_>) -> Result) -> Result {
        L::pieces(self.lent.as_ref().ok_or(EINVAL)?, carry)
    }

    fn take_back(&mut self) {
        if let Some(lent) = self.lent.take() {
            self.own = Some(self.lender.take_back(lent));
        }
    }

    fn describe(&self) -> Option<Placement> {
        let lent = self.lent.as_ref()?;
        Some(self.target.place(self.lender.place(lent), lent.dma()))
    }
}

type Made<'d> = Result<KBox<dyn Load + 'd>>;

/// The experiment of every kind of memory.
pub(crate) struct Transfer<'d> {
    target: Target<'d>,
    engine: Arc<dyn Engine>,
    size: usize,
    make: KBox<dyn Fn() -> Made<'d> + Sync + 'd>,
}

/// What an operation works on.
pub(crate) struct Cargo<'d> {
    load: KBox<dyn Load + 'd>,
    proof: Coherent<'d>,
    /// The number of the operation, from which its pattern comes.
    number: usize,
    /// Whether what the operation starts from is there.
    ready: Result,
}

/// The byte at `at` of the pattern of an operation: one that differs from its neighbours, from that
/// of the operation before, and from what is where a page or a piece of one was mistaken.
fn pattern(number: usize, at: usize) -> u8 {
    // CAST: The low byte is what is wanted.
    (at.wrapping_mul(167) ^ (at >> 8).wrapping_mul(29) ^ number.wrapping_mul(59)) as u8
}

/// The device that `request` asks for and its engine: what is the same for each kind of memory.
#[inline(never)]
fn driven<'d>(
    request: &Request,
    device: Option<&'d Device<Bound>>,
    maps: bool,
) -> Result<(Target<'d>, Arc<dyn Engine>), Refusal> {
    let target = Target::of(request, device, maps)?;
    if request.threads() > 1 {
        return Err(Refusal::invalid(format_args!(
            "threads={}: the device has one engine, only 1 thread can have it carry",
            request.threads() as u32
        )));
    }
    let engine = lent::engine(target.dev).ok_or_else(|| {
        let name = request.device();
        Refusal::no_device(format_args!(
            "device={name}: does not move bytes for us; lend QEMU's edu"
        ))
    })?;
    Ok((target, engine))
}

#[inline(never)]
fn no_memory(request: &Request) -> Refusal {
    let name = request.info().name;
    Refusal::no_memory(format_args!("{name}: no memory for the request"))
}

impl<'d> Transfer<'d> {
    /// Carries what `L` lends. See [`Row::prepare`](super::Row::prepare).
    pub(super) fn of<L>(
        request: &Request,
        device: Option<&'d Device<Bound>>,
    ) -> Result<Self, Refusal>
    where
        L: Lender<'d, Own: Bytes> + Clone + 'd,
    {
        let (target, engine) = driven(request, device, L::MAPS)?;
        let lender = L::of(request, &target)?;
        let make = move || -> Made<'d> {
            let load = LoadOf {
                own: Some(lender.make(&target)?),
                lent: None,
                lender: lender.clone(),
                target,
            };
            Ok(KBox::new(load, GFP_KERNEL)?)
        };
        let make = KBox::new(make, GFP_KERNEL).map_err(|_| no_memory(request))?;
        engine.resume();
        Ok(Self {
            target,
            engine,
            size: size_of(request)?,
            make,
        })
    }

    /// Makes the memory the device's and carries it. Where it is not carried the engine is done
    /// with it all the same, one way or the other.
    fn carry(&self, load: &mut dyn Load) -> Result {
        load.lend()?;
        let way = match self.target.direction {
            Direction::FromDevice => Way::Out,
            _ => Way::In,
        };
        let mut offset = 0;
        load.pieces(&mut |piece| {
            self.engine.carry(way, piece, offset)?;
            offset += piece.size();
            Ok(())
        })
    }

    /// Carries between the engine and the page of proof.
    fn prove(&self, way: Way, proof: &Coherent<'d>) -> Result {
        self.engine.carry(way, proof.segment(), 0)
    }
}

impl<'d> Experiment for Transfer<'d> {
    /// Boxed, as it is large and stacks are small.
    type Idle = KBox<Cargo<'d>>;
    type Held<'a>
        = KBox<Cargo<'d>>
    where
        Self: 'a;

    fn idle(&self) -> Result<Self::Idle> {
        let cargo = Cargo {
            load: (self.make)()?,
            proof: Coherent::new(self.target.dev, self.size)?,
            number: 0,
            ready: Ok(()),
        };
        Ok(KBox::new(cargo, GFP_KERNEL)?)
    }

    fn touch(&self, cargo: &mut Self::Idle) {
        cargo.number = cargo.number.wrapping_add(1);
        let number = cargo.number;
        let right = |at| pattern(number, at);
        let wrong = |at| !pattern(number, at);
        if self.target.direction == Direction::ToDevice {
            cargo.load.write(&right);
            CpuMemory::write(&mut cargo.proof, wrong);
            cargo.ready = Ok(());
        } else {
            cargo.load.write(&wrong);
            CpuMemory::write(&mut cargo.proof, right);
            cargo.ready = self.prove(Way::In, &cargo.proof);
        }
    }

    fn acquire(&self, mut cargo: Self::Idle) -> Result<Self::Held<'_>, (Self::Idle, Error)> {
        match cargo.ready.and_then(|()| self.carry(&mut *cargo.load)) {
            Ok(()) => Ok(cargo),
            Err(error) => Err((self.release(cargo), error)),
        }
    }

    fn release<'a>(&'a self, mut cargo: Self::Held<'a>) -> Self::Idle {
        cargo.load.take_back();
        cargo
    }

    fn check(&self, cargo: &mut Self::Idle) -> Result {
        let number = cargo.number;
        let right = |at| pattern(number, at);
        let holds = if self.target.direction == Direction::ToDevice {
            self.prove(Way::Out, &cargo.proof)?;
            CpuMemory::holds(&cargo.proof, right)
        } else {
            cargo.load.holds(&right)
        };
        if holds {
            Ok(())
        } else {
            Err(compat::bad_message())
        }
    }

    fn describe(&self, cargo: &KBox<Cargo<'d>>) -> Placement {
        cargo.load.describe().unwrap_or(Placement::UNKNOWN)
    }

    fn halt(&self) {
        self.engine.halt();
    }
}

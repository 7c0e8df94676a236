// SPDX-License-Identifier: GPL-2.0

//! Bytes that are really carried: memory of each kind to QEMU's edu, or from there, and every byte
//! looked at.
//!
//! To the device: the CPU writes a pattern, the engine fetches it, and brings it back to a coherent
//! page of proof, where the CPU looks at each byte. From the device: the pattern goes to the engine
//! through that page, the memory is filled with what it must not keep, the engine writes it, and
//! the CPU looks there. No two operations have the same pattern. One byte that is not the right one
//! makes the operation a failure (`EBADMSG`), and its time is no sample.

use super::Experiment;
use crate::{
    compat,
    facts::placement,
    model::{
        placement::Placement,
        request::{
            Direction,
            Family,
            Info,
            Number,
            Range,
            Refusal,
            Request, //
        },
    },
    sys::{
        device,
        edu::{
            self,
            Engine,
            Shared,
            Way, //
        },
    },
};
use core::marker::PhantomData;
use kernel::{
    device::{
        Bound,
        Device, //
    },
    prelude::*,
    sync::Arc, //
};

/// A kind of memory that a driver has carried.
pub(crate) trait Kind<'d>: Sync + Sized {
    const NAME: &'static str;
    const ABOUT: &'static str;
    /// The numbers that it takes.
    const NUMBERS: &'static [Number] = &[];

    /// The memory when it is the CPU's.
    type Own;
    /// The memory when it is the device's.
    type Lent;

    /// Memory that `request` asks for.
    fn make(dev: &'d Device<Bound>, request: &Request, size: usize) -> Result<Self::Own>;

    /// Sets each byte to what `byte` gives for its place.
    fn write(own: &mut Self::Own, byte: impl Fn(usize) -> u8);

    /// Whether each byte is what `byte` gives for its place.
    fn holds(own: &mut Self::Own, byte: impl Fn(usize) -> u8) -> bool;

    /// Makes it the device's. Gives it back if that fails.
    fn lend(
        own: Self::Own,
        dev: &'d Device<Bound>,
        direction: Direction,
    ) -> Result<Self::Lent, (Self::Own, Error)>;

    /// Makes it the CPU's again.
    fn take_back(lent: Self::Lent) -> Self::Own;

    /// Calls `carry` with the device's address and the length of each piece.
    fn pieces(lent: &Self::Lent, carry: impl FnMut(u64, usize) -> Result) -> Result;

    /// Where it is.
    fn place(lent: &Self::Lent) -> Placement;
}

/// The experiment for memory of kind `K`.
pub(crate) struct Transfer<'d, K> {
    dev: &'d Device<Bound>,
    engine: Arc<Engine>,
    direction: Direction,
    request: Request,
    size: usize,
    kind: PhantomData<K>,
}

/// What an operation works on.
pub(crate) struct Cargo<'d, T> {
    memory: T,
    proof: Shared<'d>,
    /// The number of the operation, from which its pattern comes.
    number: usize,
    /// Whether what the operation starts from is there.
    ready: Result,
}

impl<'d, T> Cargo<'d, T> {
    /// The same with other memory, which comes of this one's.
    fn with<U>(self, memory: U) -> (T, Cargo<'d, U>) {
        let cargo = Cargo {
            memory,
            proof: self.proof,
            number: self.number,
            ready: self.ready,
        };
        (self.memory, cargo)
    }
}

/// The byte at `at` of the pattern of an operation: one that differs from its neighbours, from that
/// of the operation before, and from what is where a page or a piece of one was mistaken.
fn pattern(number: usize, at: usize) -> u8 {
    // CAST: The low byte is what is wanted.
    (at.wrapping_mul(167) ^ (at >> 8).wrapping_mul(29) ^ number.wrapping_mul(59)) as u8
}

impl<'d, K: Kind<'d>> Transfer<'d, K> {
    /// Carries the memory's pieces, one after the other.
    fn carry(&self, way: Way, lent: &K::Lent) -> Result {
        let mut offset = 0;
        K::pieces(lent, |dma, size| {
            self.engine.carry(self.dev, way, dma, offset, size)?;
            offset += size;
            Ok(())
        })
    }
}

impl<'d, K: Kind<'d> + 'd> Experiment<'d> for Transfer<'d, K> {
    const INFO: Info = Info {
        name: K::NAME,
        about: K::ABOUT,
        phases: ["transfer", "return"],
        family: Family::Streaming,
        sizes: Range {
            min: 1,
            // CAST: A few KiB.
            max: edu::BUFFER as u64,
        },
        held_max: 1,
        directions: &[Direction::ToDevice, Direction::FromDevice],
        numbers: K::NUMBERS,
        needs_device: true,
        needs_engine: true,
        allocates: false,
        ..Info::PLAIN
    };

    type Idle = Cargo<'d, K::Own>;
    type Held<'a>
        = Cargo<'d, K::Lent>
    where
        Self: 'a;

    fn prepare(request: &Request, device: Option<&'d Device<Bound>>) -> Result<Self, Refusal> {
        let dev = super::required(request, device)?;
        if request.threads > 1 {
            return Err(Refusal::invalid(format_args!(
                "threads={}: the device has one engine, only 1 thread can have it carry",
                request.threads as u32
            )));
        }
        let engine = device::engine(dev).ok_or_else(|| {
            let name = request.device;
            Refusal::no_device(format_args!(
                "device={name}: does not move bytes for us; lend QEMU's edu"
            ))
        })?;
        engine.resume();
        Ok(Self {
            dev,
            engine,
            direction: match request.direction {
                Direction::FromDevice => Direction::FromDevice,
                _ => Direction::ToDevice,
            },
            request: *request,
            size: super::size_of(request)?,
            kind: PhantomData,
        })
    }

    fn idle(&self) -> Result<Self::Idle> {
        Ok(Cargo {
            memory: K::make(self.dev, &self.request, self.size)?,
            proof: Shared::new(self.dev, self.size)?,
            number: 0,
            ready: Ok(()),
        })
    }

    fn touch(&self, cargo: &mut Self::Idle) {
        cargo.number = cargo.number.wrapping_add(1);
        let number = cargo.number;
        let right = |at| pattern(number, at);
        let wrong = |at| !pattern(number, at);
        if self.direction == Direction::ToDevice {
            cargo.proof.write(wrong);
            K::write(&mut cargo.memory, right);
            cargo.ready = Ok(());
        } else {
            cargo.proof.write(right);
            K::write(&mut cargo.memory, wrong);
            let proof = cargo.proof.memory().dma();
            cargo.ready = self.engine.carry(self.dev, Way::In, proof, 0, self.size);
        }
    }

    fn acquire(&self, cargo: Self::Idle) -> Result<Self::Held<'_>, (Self::Idle, Error)> {
        if let Err(error) = cargo.ready {
            return Err((cargo, error));
        }
        let (memory, rest) = cargo.with(());
        let lent = match K::lend(memory, self.dev, self.direction) {
            Ok(lent) => lent,
            Err((memory, error)) => return Err((rest.with(memory).1, error)),
        };
        let way = match self.direction {
            Direction::FromDevice => Way::Out,
            _ => Way::In,
        };
        match self.carry(way, &lent) {
            Ok(()) => Ok(rest.with(lent).1),
            // The engine is done with the memory, one way or the other.
            Err(error) => Err((rest.with(K::take_back(lent)).1, error)),
        }
    }

    fn release<'a>(&'a self, cargo: Self::Held<'a>) -> Self::Idle {
        let (lent, rest) = cargo.with(());
        rest.with(K::take_back(lent)).1
    }

    fn check(&self, cargo: &mut Self::Idle) -> Result {
        let number = cargo.number;
        let right = |at| pattern(number, at);
        let held = if self.direction == Direction::ToDevice {
            let proof = cargo.proof.memory().dma();
            self.engine.carry(self.dev, Way::Out, proof, 0, self.size)?;
            cargo.proof.holds(right)
        } else {
            K::holds(&mut cargo.memory, right)
        };
        if held {
            Ok(())
        } else {
            Err(compat::bad_message())
        }
    }

    fn describe(&self, cargo: &Cargo<'d, K::Lent>) -> Placement {
        K::place(&cargo.memory)
    }

    fn halt(&self) {
        self.engine.halt();
    }
}

/// Coherent memory: the device may have it at any time.
pub(crate) struct OfCoherent;

impl<'d> Kind<'d> for OfCoherent {
    const NAME: &'static str = "transfer-coherent";
    const ABOUT: &'static str = "QEMU's edu carries coherent memory; each byte is checked";

    type Own = Shared<'d>;
    type Lent = Shared<'d>;

    fn make(dev: &'d Device<Bound>, _request: &Request, size: usize) -> Result<Self::Own> {
        Shared::new(dev, size)
    }

    fn write(own: &mut Self::Own, byte: impl Fn(usize) -> u8) {
        own.write(byte);
    }

    fn holds(own: &mut Self::Own, byte: impl Fn(usize) -> u8) -> bool {
        own.holds(byte)
    }

    fn lend(
        own: Self::Own,
        _dev: &'d Device<Bound>,
        _direction: Direction,
    ) -> Result<Self::Lent, (Self::Own, Error)> {
        Ok(own)
    }

    fn take_back(lent: Self::Lent) -> Self::Own {
        lent
    }

    fn pieces(lent: &Self::Lent, mut carry: impl FnMut(u64, usize) -> Result) -> Result {
        carry(lent.memory().dma(), lent.size())
    }

    fn place(lent: &Self::Lent) -> Placement {
        Placement {
            dma: Some(lent.memory().dma()),
            bounced: Some(false),
            ..placement::of_address(lent.memory().as_ptr(), lent.size())
        }
    }
}

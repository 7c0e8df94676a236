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
//! Beside a transfer's 100 ms a call is nothing: what an operation does is not inlined, so that
//! frames stay small.

use super::{
    target::Target,
    Experiment, //
};
use crate::{
    compat,
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
        dma::coherent::Coherent,
        edu::{
            self,
            Engine,
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
    const NUMBERS: &'static [Number] = &[Number::Mask];

    /// The memory when it is the CPU's.
    type Own;
    /// The memory when it is the device's.
    type Lent;

    /// Refuses what it cannot do.
    fn check(_request: &Request, _target: &Target<'d>) -> Result<(), Refusal> {
        Ok(())
    }

    /// Memory that `request` asks for.
    fn make(target: &Target<'d>, request: &Request, size: usize) -> Result<Self::Own>;

    /// Sets each byte to what `byte` gives for its place.
    fn write(own: &mut Self::Own, byte: impl Fn(usize) -> u8);

    /// Whether each byte is what `byte` gives for its place.
    fn holds(own: &mut Self::Own, byte: impl Fn(usize) -> u8) -> bool;

    /// Makes it the device's. Gives it back if that fails.
    fn lend(own: Self::Own, target: &Target<'d>) -> Result<Self::Lent, (Self::Own, Error)>;

    /// Makes it the CPU's again.
    fn take_back(lent: Self::Lent) -> Self::Own;

    /// The device's address of the first byte.
    fn dma(lent: &Self::Lent) -> u64;

    /// Calls `carry` with the device's address and the length of each piece: here there is one.
    fn pieces(
        lent: &Self::Lent,
        size: usize,
        mut carry: impl FnMut(u64, usize) -> Result,
    ) -> Result {
        carry(Self::dma(lent), size)
    }

    /// Where the CPU sees it.
    fn place(lent: &Self::Lent, size: usize) -> Placement;
}

/// The experiment for memory of kind `K`.
pub(crate) struct Transfer<'d, K> {
    target: Target<'d>,
    engine: Arc<Engine>,
    /// Apart, as it is large and stacks are small.
    request: KBox<Request>,
    size: usize,
    kind: PhantomData<K>,
}

/// What an operation works on.
pub(crate) struct Cargo<'d, T> {
    memory: T,
    proof: Coherent<'d>,
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
        K::pieces(lent, self.size, |dma, size| {
            self.engine.carry(self.target.dev, way, dma, offset, size)?;
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
        let target = Target::of(request, device)?;
        if request.threads > 1 {
            return Err(Refusal::invalid(format_args!(
                "threads={}: the device has one engine, only 1 thread can have it carry",
                request.threads as u32
            )));
        }
        let engine = device::engine(target.dev).ok_or_else(|| {
            let name = request.device;
            Refusal::no_device(format_args!(
                "device={name}: does not move bytes for us; lend QEMU's edu"
            ))
        })?;
        K::check(request, &target)?;
        let copied = KBox::new(*request, GFP_KERNEL).map_err(|_| {
            let name = request.info.name;
            Refusal::no_memory(format_args!("{name}: no memory for the request"))
        })?;
        engine.resume();
        Ok(Self {
            target,
            engine,
            request: copied,
            size: super::size_of(request)?,
            kind: PhantomData,
        })
    }

    #[inline(never)]
    fn idle(&self) -> Result<Self::Idle> {
        Ok(Cargo {
            memory: K::make(&self.target, &self.request, self.size)?,
            proof: Coherent::new(self.target.dev, self.size)?,
            number: 0,
            ready: Ok(()),
        })
    }

    #[inline(never)]
    fn touch(&self, cargo: &mut Self::Idle) {
        cargo.number = cargo.number.wrapping_add(1);
        let number = cargo.number;
        let right = |at| pattern(number, at);
        let wrong = |at| !pattern(number, at);
        if self.target.direction == Direction::ToDevice {
            edu::write(&mut cargo.proof, wrong);
            K::write(&mut cargo.memory, right);
            cargo.ready = Ok(());
        } else {
            edu::write(&mut cargo.proof, right);
            K::write(&mut cargo.memory, wrong);
            let proof = cargo.proof.dma();
            cargo.ready = self
                .engine
                .carry(self.target.dev, Way::In, proof, 0, self.size);
        }
    }

    #[inline(never)]
    fn acquire(&self, cargo: Self::Idle) -> Result<Self::Held<'_>, (Self::Idle, Error)> {
        if let Err(error) = cargo.ready {
            return Err((cargo, error));
        }
        let (memory, rest) = cargo.with(());
        let lent = match K::lend(memory, &self.target) {
            Ok(lent) => lent,
            Err((memory, error)) => return Err((rest.with(memory).1, error)),
        };
        let way = match self.target.direction {
            Direction::FromDevice => Way::Out,
            _ => Way::In,
        };
        match self.carry(way, &lent) {
            Ok(()) => Ok(rest.with(lent).1),
            // The engine is done with the memory, one way or the other.
            Err(error) => Err((rest.with(K::take_back(lent)).1, error)),
        }
    }

    #[inline(never)]
    fn release<'a>(&'a self, cargo: Self::Held<'a>) -> Self::Idle {
        let (lent, rest) = cargo.with(());
        rest.with(K::take_back(lent)).1
    }

    #[inline(never)]
    fn check(&self, cargo: &mut Self::Idle) -> Result {
        let number = cargo.number;
        let right = |at| pattern(number, at);
        let held = if self.target.direction == Direction::ToDevice {
            let proof = cargo.proof.dma();
            self.engine
                .carry(self.target.dev, Way::Out, proof, 0, self.size)?;
            edu::holds(&cargo.proof, right)
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
        let place = K::place(&cargo.memory, self.size);
        self.target.place(place, K::dma(&cargo.memory))
    }

    fn halt(&self) {
        self.engine.halt();
    }
}

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
    devices::{
        edu,
        engine::{
            Engine,
            Way, //
        },
        lent, //
    },
    model::{
        placement::Placement,
        request::{
            Direction,
            Family,
            Info,
            Parameter,
            Range,
            Refusal,
            Request, //
        },
    },
    sys::dma::{
        coherent::Coherent,
        CpuMemory,
        DeviceMemory,
        Segment, //
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
    const PARAMETERS: &'static [Parameter] = &[Parameter::Mask];

    /// The memory when it is the CPU's.
    type Own;
    /// The memory when it is the device's.
    type Lent: DeviceMemory;

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

    /// Calls `carry` with each piece that the device sees: here there is one.
    fn pieces(lent: &Self::Lent, mut carry: impl FnMut(Segment<'_>) -> Result) -> Result {
        carry(lent.segment())
    }

    /// Where the CPU sees it.
    fn place(lent: &Self::Lent, size: usize) -> Placement;
}

/// The experiment for memory of kind `K`.
pub(crate) struct Transfer<'d, K> {
    target: Target<'d>,
    engine: Arc<dyn Engine>,
    /// Apart, as it is large and stacks are small.
    request: KBox<Request>,
    size: usize,
    kind: PhantomData<K>,
}

/// What an operation works on. Boxed, as it is large and stacks are small.
pub(crate) struct Cargo<'d, K: Kind<'d>> {
    /// The memory, as long as it is the CPU's.
    own: Option<K::Own>,
    /// The memory, as long as it is the device's.
    lent: Option<K::Lent>,
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

impl<'d, K: Kind<'d>> Transfer<'d, K> {
    /// Makes the memory the device's and carries it. Where it is not carried the engine is done
    /// with it all the same, one way or the other.
    fn lend(&self, cargo: &mut Cargo<'d, K>) -> Result {
        let own = cargo.own.take().ok_or(EINVAL)?;
        let lent = match K::lend(own, &self.target) {
            Ok(lent) => cargo.lent.insert(lent),
            Err((own, error)) => {
                cargo.own = Some(own);
                return Err(error);
            }
        };
        let way = match self.target.direction {
            Direction::FromDevice => Way::Out,
            _ => Way::In,
        };
        let mut offset = 0;
        K::pieces(lent, |piece| {
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
        parameters: K::PARAMETERS,
        needs_device: true,
        needs_engine: true,
        allocates: false,
        ..Info::PLAIN
    };

    type Idle = KBox<Cargo<'d, K>>;
    type Held<'a>
        = KBox<Cargo<'d, K>>
    where
        Self: 'a;

    fn prepare(request: &Request, device: Option<&'d Device<Bound>>) -> Result<Self, Refusal> {
        let target = Target::of(request, device)?;
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
        K::check(request, &target)?;
        let copied = KBox::new(*request, GFP_KERNEL).map_err(|_| {
            let name = request.info().name;
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
        let cargo = Cargo {
            own: Some(K::make(&self.target, &self.request, self.size)?),
            lent: None,
            proof: Coherent::new(self.target.dev, self.size)?,
            number: 0,
            ready: Ok(()),
        };
        Ok(KBox::new(cargo, GFP_KERNEL)?)
    }

    #[inline(never)]
    fn touch(&self, cargo: &mut Self::Idle) {
        cargo.number = cargo.number.wrapping_add(1);
        let number = cargo.number;
        let right = |at| pattern(number, at);
        let wrong = |at| !pattern(number, at);
        let Some(own) = &mut cargo.own else {
            return;
        };
        if self.target.direction == Direction::ToDevice {
            K::write(own, right);
            cargo.proof.write(wrong);
            cargo.ready = Ok(());
        } else {
            K::write(own, wrong);
            cargo.proof.write(right);
            cargo.ready = self.prove(Way::In, &cargo.proof);
        }
    }

    #[inline(never)]
    fn acquire(&self, mut cargo: Self::Idle) -> Result<Self::Held<'_>, (Self::Idle, Error)> {
        match cargo.ready.and_then(|()| self.lend(&mut cargo)) {
            Ok(()) => Ok(cargo),
            Err(error) => Err((self.release(cargo), error)),
        }
    }

    #[inline(never)]
    fn release<'a>(&'a self, mut cargo: Self::Held<'a>) -> Self::Idle {
        if let Some(lent) = cargo.lent.take() {
            cargo.own = Some(K::take_back(lent));
        }
        cargo
    }

    #[inline(never)]
    fn check(&self, cargo: &mut Self::Idle) -> Result {
        let number = cargo.number;
        let right = |at| pattern(number, at);
        let held = if self.target.direction == Direction::ToDevice {
            self.prove(Way::Out, &cargo.proof)?;
            cargo.proof.holds(right)
        } else {
            cargo.own.as_mut().is_some_and(|own| K::holds(own, right))
        };
        if held {
            Ok(())
        } else {
            Err(compat::bad_message())
        }
    }

    fn describe(&self, cargo: &KBox<Cargo<'d, K>>) -> Placement {
        match &cargo.lent {
            Some(lent) => self.target.place(K::place(lent, self.size), lent.dma()),
            None => Placement::UNKNOWN,
        }
    }

    fn halt(&self) {
        self.engine.halt();
    }
}

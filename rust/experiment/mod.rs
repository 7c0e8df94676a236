// SPDX-License-Identifier: GPL-2.0

//! What can be asked: one file per API family, one row each in the [catalogue](CATALOGUE).

mod calibrate;
mod cma;
mod dma_coherent;
mod dma_sg;
mod dma_single;
pub(crate) mod empty;
mod kmalloc;
mod kmap_local;
#[cfg(CONFIG_PCI)]
mod transfer;
mod vmalloc;

use crate::{
    facts::provenance,
    model::{
        placement::Placement,
        request::{
            Direction,
            Info,
            Refusal,
            Request, //
        },
    },
    sys::dma::DataDirection, //
};
use kernel::{
    device::{
        Bound,
        Device, //
    },
    prelude::*, //
};

/// One way of getting memory, or of getting it to a device that is bound for `'d`.
///
/// An operation starts from something idle, acquires, and releases back to it: a buffer goes into
/// [`acquire`](Self::acquire) and comes out of [`release`](Self::release) by value, so that what is
/// held cannot be used as if it were idle. Both are timed and do nothing but the operation.
pub(crate) trait Experiment<'d>: Sync + Sized {
    /// What the catalogue says of it.
    const INFO: Info;

    /// What an operation starts from and leaves behind; `()` where it starts from nothing.
    type Idle;

    /// What has been acquired.
    type Held<'a>
    where
        Self: 'a;

    /// Makes what all threads share. Refuses what this machine or device cannot do.
    fn prepare(request: &Request, device: Option<&'d Device<Bound>>) -> Result<Self, Refusal>;

    /// Makes what one operation starts from.
    fn idle(&self) -> Result<Self::Idle>;

    /// Not timed, before each operation: what a driver would have done to the buffer by then.
    fn touch(&self, _idle: &mut Self::Idle) {}

    /// Timed. Gives back what it started from if it fails.
    fn acquire(&self, idle: Self::Idle) -> Result<Self::Held<'_>, (Self::Idle, Error)>;

    /// Timed.
    fn release<'a>(&'a self, held: Self::Held<'a>) -> Self::Idle;

    /// Not timed, after each operation: whether it did what it was to do. If not it counts as a
    /// failure and as no sample.
    #[inline]
    fn check(&self, _idle: &mut Self::Idle) -> Result {
        Ok(())
    }

    /// Called from another thread when the run is to end early: what is under way is to end soon,
    /// with `ECANCELED`.
    fn halt(&self) {}

    /// Where the thing acquired is.
    fn describe(&self, held: &Self::Held<'_>) -> Placement;
}

/// What is done with an experiment whose type is known: dynamic dispatch ends here.
pub(crate) trait Visitor {
    /// What comes of it.
    type Output;

    /// Does it.
    fn visit<'d, E: Experiment<'d>>(self, experiment: &E) -> Self::Output;
}

macro_rules! catalogue {
    ($($(#[$when:meta])* $kind:ty),* $(,)?) => {
        /// Every experiment, in the order in which a comparison shows them.
        pub(crate) static CATALOGUE: &[&Info] = &[
            $($(#[$when])* &<$kind as Experiment<'static>>::INFO),*
        ];

        /// Prepares the experiment that `request` names and shows it to `visitor`.
        pub(crate) fn open<V: Visitor>(
            request: &Request,
            device: Option<&Device<Bound>>,
            visitor: V,
        ) -> Result<V::Output, Refusal> {
            $(
                $(#[$when])*
                if request.info.name == <$kind as Experiment<'_>>::INFO.name {
                    return show::<$kind, V>(request, device, visitor);
                }
            )*
            Err(Refusal::invalid(format_args!(
                "experiment={}: not in the catalogue",
                request.info.name
            )))
        }
    };
}

catalogue! {
    kmalloc::Kmalloc,
    vmalloc::Vmalloc,
    cma::Cma,
    dma_coherent::DmaCoherent<'_>,
    dma_single::DmaSingle<'_>,
    dma_sg::DmaSg<'_>,
    kmap_local::KmapLocal,
    #[cfg(CONFIG_PCI)]
    transfer::Transfer<'_, transfer::OfCoherent>,
    calibrate::Calibrate,
}

/// Prepares one kind of experiment and shows it. Its frame is its own, not a part of `open`'s.
#[inline(never)]
fn show<'d, E: Experiment<'d>, V: Visitor>(
    request: &Request,
    device: Option<&'d Device<Bound>>,
    visitor: V,
) -> Result<V::Output, Refusal> {
    Ok(visitor.visit(&E::prepare(request, device)?))
}

/// The size of a request as the kernel's functions take it.
fn size_of(request: &Request) -> Result<usize, Refusal> {
    usize::try_from(request.size).map_err(|_| {
        Refusal::range(
            "size",
            request.size,
            request.info.sizes,
            "bytes (this kernel is a 32-bit one)",
        )
    })
}

/// The device that an experiment needs.
fn required<'d>(
    request: &Request,
    device: Option<&'d Device<Bound>>,
) -> Result<&'d Device<Bound>, Refusal> {
    device.ok_or_else(|| {
        let name = request.info.name;
        Refusal::no_device(format_args!("{name} needs a device, and none is lent"))
    })
}

/// A device that memory is mapped for, and how.
struct Target<'d> {
    dev: &'d Device<Bound>,
    direction: DataDirection,
    /// Whether an IOMMU gives the device addresses of its own.
    translated: bool,
    /// The largest single mapping, in bytes.
    max_mapping: u64,
}

impl<'d> Target<'d> {
    fn of(request: &Request, device: Option<&'d Device<Bound>>) -> Result<Self, Refusal> {
        let dev = required(request, device)?;
        let facts = provenance::device(dev);
        Ok(Self {
            dev,
            direction: match request.direction {
                Direction::Bidirectional => DataDirection::Bidirectional,
                Direction::ToDevice => DataDirection::ToDevice,
                Direction::FromDevice => DataDirection::FromDevice,
            },
            translated: !matches!(facts.iommu, "none" | "identity"),
            max_mapping: facts.max_mapping,
        })
    }

    /// Whether the CPU writes what is mapped: a driver that fills its buffer leaves it in the
    /// caches, and a device that is not coherent with them would look cheaper without.
    fn stained(&self) -> bool {
        self.direction != DataDirection::FromDevice
    }

    /// The placement of memory that the device reaches at `dma`.
    fn place(&self, placement: Placement, dma: u64) -> Placement {
        Placement {
            dma: Some(dma),
            // Without translation the address differs only where the bytes lie elsewhere.
            bounced: (!self.translated).then_some(dma != placement.phys),
            ..placement
        }
    }
}

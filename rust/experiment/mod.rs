// SPDX-License-Identifier: GPL-2.0

//! What can be asked: one file per API family, one row each in the [catalogue](CATALOGUE).

mod access;
mod calibrate;
mod cma;
mod dma_coherent;
mod dma_copy;
mod dma_iova;
mod dma_noncoherent;
mod dma_noncontiguous;
mod dma_pool;
mod dma_sg;
mod dma_streaming;
mod dma_sync;
pub(crate) mod empty;
mod kmalloc;
mod kmap;
mod kmap_local;
mod kvmalloc;
mod pages;
mod pages_cold;
mod slab;
mod target;
#[cfg(CONFIG_PCI)]
mod transfer;
#[cfg(CONFIG_PCI)]
mod transfer_kinds;
mod vmalloc;

pub(crate) use target::masked;
use target::required;

use crate::{
    compat,
    model::{
        compare_request::Places,
        placement::Placement,
        remark::Remark,
        request::{
            Info,
            Refusal,
            Request, //
        },
    },
    sys::dma::buffer::{
        Page,
        Phys,
        Single, //
    },
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
    /// with [`called_off`].
    fn halt(&self) {}

    /// Where the thing acquired is.
    fn describe(&self, held: &Self::Held<'_>) -> Placement;

    /// Not timed, around the one operation whose changes are shown: empties what lies between it
    /// and the free lists. False where that is not wanted.
    fn settle(&self, _idle: &mut Self::Idle) -> bool {
        false
    }

    /// What there is to say when the run is over, and whether operations in it failed. Holds `most`
    /// bytes at most; what takes long ends early when `stopped` says so.
    fn remark(&self, _failed: bool, _most: u64, _stopped: &dyn Fn() -> bool) -> Remark {
        Remark::None
    }
}

/// The error of an operation that [`Experiment::halt`] has ended: `ECANCELED`.
pub(crate) fn called_off() -> Error {
    compat::canceled()
}

/// What is done with an experiment whose type is known.
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

        // A comparison must be able to name each of them.
        const _: () = assert!([$($(#[$when])* <$kind as Experiment<'_>>::INFO.name),*].len() <= Places::MAX);

        /// Prepares the experiment that `request` names and shows it to `visitor`.
        pub(crate) fn open<V: Visitor>(
            request: &Request,
            device: Option<&Device<Bound>>,
            visitor: V,
        ) -> Result<V::Output, Refusal> {
            $(
                $(#[$when])*
                if request.info().name == <$kind as Experiment<'_>>::INFO.name {
                    return show::<$kind, V>(request, device, visitor);
                }
            )*
            Err(Refusal::invalid(format_args!(
                "experiment={}: not in the catalogue",
                request.info().name
            )))
        }
    };
}

catalogue! {
    kmalloc::Kmalloc,
    kvmalloc::Kvmalloc,
    vmalloc::Vmalloc,
    vmalloc::VmallocHuge,
    slab::Slab,
    slab::SlabBulk,
    pages::Pages,
    pages_cold::PagesCold,
    pages::PagesExact,
    pages::ContigPages,
    cma::Cma,
    dma_coherent::DmaCoherent<'_, dma_coherent::Plain>,
    dma_coherent::DmaCoherent<'_, dma_coherent::WriteCombine>,
    dma_coherent::DmaCoherent<'_, dma_coherent::Contiguous>,
    dma_coherent::DmaCoherent<'_, dma_coherent::SinglePages>,
    dma_coherent::DmaHidden<'_>,
    dma_pool::DmaPool<'_>,
    dma_noncoherent::DmaNonCoherent<'_>,
    dma_noncoherent::NonCoherentSync<'_>,
    dma_noncontiguous::DmaNonContiguous<'_>,
    dma_streaming::DmaStreaming<'_, Single>,
    dma_streaming::DmaStreaming<'_, Page>,
    dma_streaming::DmaStreaming<'_, Phys>,
    dma_sync::DmaSync<'_>,
    dma_sg::DmaSg<'_>,
    dma_iova::DmaIova<'_>,
    dma_copy::DmaCopy<'_>,
    access::Access<'_, access::Cached>,
    access::Access<'_, access::Coherent>,
    access::Access<'_, access::WriteCombine>,
    access::Access<'_, access::NonCoherent>,
    kmap_local::KmapLocal,
    kmap_local::KmapForced,
    kmap::Kmap,
    kmap::Vmap,
    #[cfg(CONFIG_PCI)]
    transfer::Transfer<'_, transfer_kinds::OfCoherent>,
    #[cfg(CONFIG_PCI)]
    transfer::Transfer<'_, transfer_kinds::OfPool>,
    #[cfg(CONFIG_PCI)]
    transfer::Transfer<'_, transfer_kinds::OfNonCoherent>,
    #[cfg(CONFIG_PCI)]
    transfer::Transfer<'_, transfer_kinds::OfNonContiguous>,
    #[cfg(CONFIG_PCI)]
    transfer::Transfer<'_, transfer_kinds::Of<Single>>,
    #[cfg(CONFIG_PCI)]
    transfer::Transfer<'_, transfer_kinds::Of<Page>>,
    #[cfg(CONFIG_PCI)]
    transfer::Transfer<'_, transfer_kinds::Of<Phys>>,
    #[cfg(CONFIG_PCI)]
    transfer::Transfer<'_, transfer_kinds::OfSg>,
    #[cfg(CONFIG_PCI)]
    transfer::Transfer<'_, transfer_kinds::OfIova>,
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
    usize::try_from(request.size()).map_err(|_| {
        Refusal::range(
            "size",
            request.size(),
            request.info().sizes,
            "bytes (this kernel is a 32-bit one)",
        )
    })
}

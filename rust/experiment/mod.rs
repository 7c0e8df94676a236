// SPDX-License-Identifier: GPL-2.0

//! What can be asked: one file per API family, one row each in the [catalogue](CATALOGUE).

mod access;
mod allocating;
mod calibrate;
mod cma;
mod dma_copy;
mod dma_iova;
mod dma_memory;
mod dma_sg;
mod dma_streaming;
mod dma_sync;
mod dmabuf;
pub(crate) mod empty;
mod kmalloc;
mod kmap;
mod kmap_local;
mod kvmalloc;
mod lending;
mod page_pool;
mod pages;
mod pages_cold;
mod prelude;
mod slab;
mod target;
#[cfg(CONFIG_PCI)]
mod transfer;
#[cfg(CONFIG_PCI)]
mod transfer_kinds;
mod user;
mod vmalloc;

pub(crate) use target::masked;

use allocating::{
    Allocating,
    Allocator, //
};
use lending::{
    Lending,
    ListedLender, //
};

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

/// A row of the catalogue, for a device that is bound for `'d`.
pub(crate) trait Row<'d> {
    /// What the catalogue says of it.
    const INFO: Info;

    /// What runs. Rows that differ only in what they ask for share it.
    type Experiment: Experiment;

    /// Makes what all threads share. Refuses what this machine or device cannot do.
    fn prepare(
        request: &Request,
        device: Option<&'d Device<Bound>>,
    ) -> Result<Self::Experiment, Refusal>;
}

/// What has a row to itself: an experiment, or an allocator for [`Allocating`].
pub(crate) trait Listed<'d>: Sized {
    /// See [`Row::INFO`].
    const INFO: Info;

    /// See [`Row::prepare`].
    fn prepare(request: &Request, device: Option<&'d Device<Bound>>) -> Result<Self, Refusal>;
}

impl<'d, E: Experiment + Listed<'d>> Row<'d> for E {
    const INFO: Info = <E as Listed<'d>>::INFO;

    type Experiment = E;

    fn prepare(request: &Request, device: Option<&'d Device<Bound>>) -> Result<E, Refusal> {
        Listed::prepare(request, device)
    }
}

impl<'d, A: Allocator + Listed<'d>> Row<'d> for Allocating<A> {
    const INFO: Info = A::INFO;

    type Experiment = Self;

    fn prepare(request: &Request, device: Option<&'d Device<Bound>>) -> Result<Self, Refusal> {
        A::prepare(request, device).map(Allocating)
    }
}

impl<'d, L: ListedLender<'d>> Row<'d> for Lending<'d, L> {
    const INFO: Info = L::INFO;

    type Experiment = Self;

    fn prepare(request: &Request, device: Option<&'d Device<Bound>>) -> Result<Self, Refusal> {
        Lending::new(request, device)
    }
}

/// One way of getting memory, or of getting it to a device.
///
/// An operation starts from something idle, acquires, and releases back to it: a buffer goes into
/// [`acquire`](Self::acquire) and comes out of [`release`](Self::release) by value, so that what is
/// held cannot be used as if it were idle. Both are timed and do nothing but the operation.
pub(crate) trait Experiment: Sync {
    /// Whether an operation is one of a softirq: none runs beside it.
    const IN_SOFTIRQ: bool = false;

    /// What an operation starts from and leaves behind; `()` where it starts from nothing.
    type Idle;

    /// What has been acquired.
    type Held<'a>
    where
        Self: 'a;

    /// Does `work`, which is all that a thread does with the experiment: what it starts from is made
    /// in it, and gone when it returns. For what a thread has to be, or to work on, meanwhile.
    fn within(&self, work: &mut dyn FnMut() -> Result) -> Result {
        work()
    }

    /// Makes what one operation starts from.
    fn idle(&self) -> Result<Self::Idle>;

    /// The same for one that the same thread holds beside `_one`.
    fn another(&self, _one: &Self::Idle) -> Result<Self::Idle> {
        self.idle()
    }

    /// Does to the buffer what a driver would have done by the time it acquires. Called before each
    /// operation, and not timed.
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
    /// The visitor's result.
    type Output;

    /// Does the visitor's work with `experiment`.
    fn visit<E: Experiment>(self, experiment: &E) -> Self::Output;
}

macro_rules! catalogue {
    ($($(#[$when:meta])* $row:ty),* $(,)?) => {
        /// Every experiment, in the order in which a comparison shows them.
        pub(crate) static CATALOGUE: &[&Info] = &[
            $($(#[$when])* &<$row as Row<'static>>::INFO),*
        ];

        // A comparison must be able to name each of them.
        const _: () = assert!([$($(#[$when])* <$row as Row<'_>>::INFO.name),*].len() <= Places::MAX);

        /// Prepares the experiment that `request` names and shows it to `visitor`.
        #[inline(never)]
        pub(crate) fn open<'d, V: Visitor>(
            request: &Request,
            device: Option<&'d Device<Bound>>,
            visitor: V,
        ) -> Result<V::Output, Refusal> {
            let name = request.info().name;
            // One call, and not one for each row: a refusal is large and stacks are small.
            let mut found: Option<Shows<'d, V>> = None;
            $(
                $(#[$when])*
                if name == <$row as Row<'_>>::INFO.name {
                    found = Some(show::<$row, V>);
                }
            )*
            match found {
                Some(show) => show(request, device, visitor),
                None => Err(Refusal::invalid(format_args!(
                    "experiment={name}: not in the catalogue"
                ))),
            }
        }
    };
}

catalogue! {
    Allocating<kmalloc::Kmalloc>,
    Allocating<kvmalloc::Kvmalloc>,
    Allocating<vmalloc::Vmalloc<false>>,
    Allocating<vmalloc::Vmalloc<true>>,
    slab::Slab,
    slab::SlabBulk,
    Allocating<pages::Pages>,
    pages_cold::PagesCold,
    Allocating<pages::PagesExact>,
    Allocating<pages::ContigPages>,
    Allocating<cma::Cma>,
    dma_memory::DmaCoherent,
    dma_memory::DmaWriteCombine,
    dma_memory::DmaContiguous,
    dma_memory::DmaSinglePages,
    dma_memory::DmaNoMapping,
    Allocating<dma_memory::DmaPool<'_>>,
    dma_memory::DmaNonCoherent,
    Lending<'_, dma_sync::NonCoherentSync>,
    dma_memory::DmaNonContiguous,
    Lending<'_, dma_streaming::DmaStreaming<Single>>,
    Lending<'_, dma_streaming::DmaStreaming<Page>>,
    Lending<'_, dma_streaming::DmaStreaming<Phys>>,
    Lending<'_, dma_sync::DmaSync>,
    Lending<'_, dma_sg::DmaSg>,
    Lending<'_, dma_iova::DmaIova>,
    dma_copy::DmaCopy<'_>,
    user::UserPin<'_>,
    user::UserCopy<'_>,
    page_pool::Recycled<'_, false>,
    page_pool::Recycled<'_, true>,
    dmabuf::DmaBufImport<'_>,
    dmabuf::DmaBufSync<'_>,
    access::AccessCached,
    access::AccessCoherent,
    access::AccessWriteCombine,
    access::AccessNonCoherent,
    Allocating<kmap_local::LocalMap<false>>,
    Allocating<kmap_local::LocalMap<true>>,
    kmap::Kmap,
    kmap::Vmap,
    #[cfg(CONFIG_PCI)]
    transfer_kinds::TransferCoherent,
    #[cfg(CONFIG_PCI)]
    transfer_kinds::TransferPool,
    #[cfg(CONFIG_PCI)]
    transfer_kinds::TransferNonCoherent,
    #[cfg(CONFIG_PCI)]
    transfer_kinds::TransferNonContiguous,
    #[cfg(CONFIG_PCI)]
    transfer_kinds::TransferSingle,
    #[cfg(CONFIG_PCI)]
    transfer_kinds::TransferPage,
    #[cfg(CONFIG_PCI)]
    transfer_kinds::TransferPhys,
    #[cfg(CONFIG_PCI)]
    transfer_kinds::TransferSg,
    #[cfg(CONFIG_PCI)]
    transfer_kinds::TransferIova,
    calibrate::Calibrate,
}

/// What [`show`] is for some row.
type Shows<'d, V> =
    fn(&Request, Option<&'d Device<Bound>>, V) -> Result<<V as Visitor>::Output, Refusal>;

/// Prepares the experiment of a row and shows it. Its frame is its own, not a part of `open`'s.
#[inline(never)]
fn show<'d, R: Row<'d>, V: Visitor>(
    request: &Request,
    device: Option<&'d Device<Bound>>,
    visitor: V,
) -> Result<V::Output, Refusal> {
    Ok(visitor.visit(&R::prepare(request, device)?))
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

// SPDX-License-Identifier: GPL-2.0

//! The kinds of memory that a driver has carried, each by its own functions of the DMA API.

use super::{
    target::Target,
    transfer::Kind, //
};
use crate::{
    facts::placement,
    model::{
        placement::Placement,
        request::{
            Direction,
            Parameter,
            Refusal,
            Request, //
        },
    },
    sys::{
        dma::{
            buffer::{
                Buffer,
                Call,
                Mapped,
                Page,
                Phys,
                Single, //
            },
            coherent::Coherent,
            iova::{
                self,
                Linked, //
            },
            noncoherent::{
                self,
                NonCoherent, //
            },
            noncontiguous::{
                self,
                NonContiguous, //
            },
            pool::OwnBlock,
            sg::{
                MappedScatter,
                Scatter, //
            },
            CpuMemory,
            Segment, //
        },
        memory::PAGE_SIZE, //
    },
};
use core::marker::PhantomData;
use kernel::prelude::*;

/// Coherent memory: the device may have it at any time.
pub(crate) struct OfCoherent;

impl<'d> Kind<'d> for OfCoherent {
    const NAME: &'static str = "transfer-coherent";
    const ABOUT: &'static str =
        "edu carries memory from dma_alloc_coherent(); each byte is checked";

    type Own = Coherent<'d>;
    type Lent = Coherent<'d>;

    fn make(target: &Target<'d>, _request: &Request, size: usize) -> Result<Self::Own> {
        Coherent::new(target.dev, size)
    }

    fn write(own: &mut Self::Own, byte: impl Fn(usize) -> u8) {
        own.write(byte);
    }

    fn holds(own: &mut Self::Own, byte: impl Fn(usize) -> u8) -> bool {
        own.holds(byte)
    }

    fn lend(own: Self::Own, _target: &Target<'d>) -> Result<Self::Lent, (Self::Own, Error)> {
        Ok(own)
    }

    fn take_back(lent: Self::Lent) -> Self::Own {
        lent
    }

    fn place(lent: &Self::Lent, size: usize) -> Placement {
        placement::of_address(lent.as_ptr(), size)
    }
}

/// A block of a pool, coherent likewise.
pub(crate) struct OfPool;

impl<'d> Kind<'d> for OfPool {
    const NAME: &'static str = "transfer-pool";
    const ABOUT: &'static str = "the same of a block from dma_pool_alloc()";

    type Own = OwnBlock<'d>;
    type Lent = OwnBlock<'d>;

    fn make(target: &Target<'d>, _request: &Request, size: usize) -> Result<Self::Own> {
        OwnBlock::new(target.dev, size)
    }

    fn write(own: &mut Self::Own, byte: impl Fn(usize) -> u8) {
        own.write(byte);
    }

    fn holds(own: &mut Self::Own, byte: impl Fn(usize) -> u8) -> bool {
        own.holds(byte)
    }

    fn lend(own: Self::Own, _target: &Target<'d>) -> Result<Self::Lent, (Self::Own, Error)> {
        Ok(own)
    }

    fn take_back(lent: Self::Lent) -> Self::Own {
        lent
    }

    fn place(lent: &Self::Lent, size: usize) -> Placement {
        placement::of_address(lent.as_ptr(), size)
    }
}

/// Pages that are not coherent, with explicit syncs.
pub(crate) struct OfNonCoherent;

impl<'d> Kind<'d> for OfNonCoherent {
    const NAME: &'static str = "transfer-noncoherent";
    const ABOUT: &'static str = "the same of pages from dma_alloc_noncoherent(), synced each time";

    type Own = NonCoherent<'d, Direction>;
    type Lent = noncoherent::Lent<'d, Direction>;

    fn make(target: &Target<'d>, _request: &Request, size: usize) -> Result<Self::Own> {
        NonCoherent::new(target.dev, size, target.direction)
    }

    fn write(own: &mut Self::Own, byte: impl Fn(usize) -> u8) {
        own.write(byte);
    }

    fn holds(own: &mut Self::Own, byte: impl Fn(usize) -> u8) -> bool {
        own.holds(byte)
    }

    fn lend(own: Self::Own, _target: &Target<'d>) -> Result<Self::Lent, (Self::Own, Error)> {
        Ok(own.for_device())
    }

    fn take_back(lent: Self::Lent) -> Self::Own {
        lent.for_cpu()
    }

    fn place(lent: &Self::Lent, size: usize) -> Placement {
        placement::of_address(lent.as_ptr(), size)
    }
}

/// Pages that need not be in one piece, seen through a vmap.
pub(crate) struct OfNonContiguous;

impl<'d> Kind<'d> for OfNonContiguous {
    const NAME: &'static str = "transfer-noncontiguous";
    const ABOUT: &'static str = "the same of pages from dma_alloc_noncontiguous() and their vmap";

    type Own = NonContiguous<'d, Direction>;
    type Lent = noncontiguous::Lent<'d, Direction>;

    fn make(target: &Target<'d>, _request: &Request, size: usize) -> Result<Self::Own> {
        NonContiguous::new(target.dev, size, target.direction)
    }

    fn write(own: &mut Self::Own, byte: impl Fn(usize) -> u8) {
        own.write(byte);
    }

    fn holds(own: &mut Self::Own, byte: impl Fn(usize) -> u8) -> bool {
        own.holds(byte)
    }

    fn lend(own: Self::Own, _target: &Target<'d>) -> Result<Self::Lent, (Self::Own, Error)> {
        Ok(own.for_device())
    }

    fn take_back(lent: Self::Lent) -> Self::Own {
        lent.for_cpu()
    }

    fn place(lent: &Self::Lent, size: usize) -> Placement {
        placement::of_address(lent.as_ptr(), size)
    }
}

/// Contiguous memory, mapped by `C` for each transfer.
pub(crate) struct Of<C>(PhantomData<C>);

/// The names of the functions that map contiguous memory.
pub(crate) trait Named: Call {
    const NAME: &'static str;
    const ABOUT: &'static str;
}

impl Named for Single {
    const NAME: &'static str = "transfer-single";
    const ABOUT: &'static str = "the same of memory that dma_map_single() maps each time";
}

impl Named for Page {
    const NAME: &'static str = "transfer-page";
    const ABOUT: &'static str = "the same of memory that dma_map_page() maps each time";
}

impl Named for Phys {
    const NAME: &'static str = "transfer-phys";
    const ABOUT: &'static str = "the same of memory that dma_map_phys() maps each time";
}

impl<'d, C: Named + Sync> Kind<'d> for Of<C> {
    const NAME: &'static str = C::NAME;
    const ABOUT: &'static str = C::ABOUT;
    const PARAMETERS: &'static [Parameter] = &[Parameter::Offset, Parameter::Mask];

    type Own = Buffer;
    type Lent = Mapped<'d, Direction, C>;

    fn make(target: &Target<'d>, request: &Request, size: usize) -> Result<Self::Own> {
        let offset = usize::try_from(request.offset())?;
        Buffer::within(size, offset, target.highest)
    }

    fn write(own: &mut Self::Own, byte: impl Fn(usize) -> u8) {
        fill(own.bytes_mut(), byte);
    }

    fn holds(own: &mut Self::Own, byte: impl Fn(usize) -> u8) -> bool {
        same(own.bytes(), byte)
    }

    fn lend(own: Self::Own, target: &Target<'d>) -> Result<Self::Lent, (Self::Own, Error)> {
        own.map_by(target.dev, target.direction)
    }

    fn take_back(lent: Self::Lent) -> Self::Own {
        lent.unmap()
    }

    fn place(lent: &Self::Lent, size: usize) -> Placement {
        placement::of_address(lent.as_ptr(), size)
    }
}

/// Sets each byte to what `byte` gives for its place.
fn fill(bytes: &mut [u8], byte: impl Fn(usize) -> u8) {
    let places = bytes.iter_mut().enumerate();
    places.for_each(|(at, there)| *there = byte(at));
}

/// Whether each byte is what `byte` gives for its place.
fn same(bytes: &[u8], byte: impl Fn(usize) -> u8) -> bool {
    bytes
        .iter()
        .enumerate()
        .all(|(at, there)| *there == byte(at))
}

/// What a list is made of: `entries` pieces on pages of their own, or four.
fn pieces(target: &Target<'_>, request: &Request, size: usize) -> Result<Scatter> {
    let entries = match usize::try_from(request.entries())? {
        0 => size.min(4),
        entries => entries,
    };
    Scatter::new(
        entries,
        size,
        usize::try_from(request.offset())?,
        target.highest,
    )
}

/// Sets the bytes of all pieces, one after the other.
fn scatter(own: &mut Scatter, byte: impl Fn(usize) -> u8) {
    let mut before = 0;
    for piece in own.pieces_mut() {
        fill(piece.bytes_mut(), |at| byte(before + at));
        before += piece.size();
    }
}

/// Whether the bytes of all pieces, one after the other, are those.
fn gathered(own: &Scatter, byte: impl Fn(usize) -> u8) -> bool {
    let mut before = 0;
    own.pieces().all(|piece| {
        let same = same(piece.bytes(), |at| byte(before + at));
        before += piece.size();
        same
    })
}

/// Scattered pieces, mapped as one list for each transfer.
pub(crate) struct OfSg;

impl<'d> Kind<'d> for OfSg {
    const NAME: &'static str = "transfer-sg";
    const ABOUT: &'static str = "the same of a list of pieces that dma_map_sg() maps each time";
    const PARAMETERS: &'static [Parameter] =
        &[Parameter::Entries, Parameter::Offset, Parameter::Mask];

    type Own = Scatter;
    type Lent = MappedScatter<'d, Direction>;

    fn check(request: &Request, _target: &Target<'d>) -> Result<(), Refusal> {
        if request.entries() > request.size() {
            let (entries, size) = (request.entries() as u32, request.size() as u32);
            return Err(Refusal::invalid(format_args!(
                "entries={entries}: more than the {size} bytes of size"
            )));
        }
        Ok(())
    }

    fn make(target: &Target<'d>, request: &Request, size: usize) -> Result<Self::Own> {
        pieces(target, request, size)
    }

    fn write(own: &mut Self::Own, byte: impl Fn(usize) -> u8) {
        scatter(own, byte);
    }

    fn holds(own: &mut Self::Own, byte: impl Fn(usize) -> u8) -> bool {
        gathered(own, byte)
    }

    fn lend(own: Self::Own, target: &Target<'d>) -> Result<Self::Lent, (Self::Own, Error)> {
        own.map(target.dev, target.direction)
    }

    fn take_back(lent: Self::Lent) -> Self::Own {
        lent.unmap()
    }

    fn pieces(lent: &Self::Lent, carry: impl FnMut(Segment<'_>) -> Result) -> Result {
        lent.entries().try_for_each(carry)
    }

    fn place(lent: &Self::Lent, _size: usize) -> Placement {
        placement::of_scattered(lent.scatter().pieces())
    }
}

/// Pages that are linked into one range of the IOMMU's addresses for each transfer.
pub(crate) struct OfIova;

impl<'d> Kind<'d> for OfIova {
    const NAME: &'static str = "transfer-iova";
    const ABOUT: &'static str = "the same of pages that dma_iova_link() links each time";

    type Own = Scatter;
    type Lent = Linked<'d>;

    fn check(_request: &Request, target: &Target<'d>) -> Result<(), Refusal> {
        if !iova::available(target.dev, PAGE_SIZE) {
            return Err(Refusal::unsupported(format_args!(
                "transfer-iova: needs an IOMMU that translates for the device"
            )));
        }
        Ok(())
    }

    fn make(target: &Target<'d>, _request: &Request, size: usize) -> Result<Self::Own> {
        Scatter::whole(PAGE_SIZE, size, 0, target.highest)
    }

    fn write(own: &mut Self::Own, byte: impl Fn(usize) -> u8) {
        scatter(own, byte);
    }

    fn holds(own: &mut Self::Own, byte: impl Fn(usize) -> u8) -> bool {
        gathered(own, byte)
    }

    fn lend(own: Self::Own, target: &Target<'d>) -> Result<Self::Lent, (Self::Own, Error)> {
        own.link(target.dev, target.direction)
    }

    fn take_back(lent: Self::Lent) -> Self::Own {
        lent.unlink()
    }

    fn place(lent: &Self::Lent, _size: usize) -> Placement {
        placement::of_scattered(lent.scatter().pieces())
    }
}

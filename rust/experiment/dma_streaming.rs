// SPDX-License-Identifier: GPL-2.0

//! `dma_map_single()` and its kin: contiguous memory lent to a device for one transfer.

use super::{
    prelude::*,
    target::{
        check_offset,
        CONTIGUOUS_MAX, //
    },
};
use crate::sys::dma::buffer::{
    Buffer,
    Call,
    Mapped,
    Page,
    Phys,
    Single, //
};
use core::marker::PhantomData;

const STREAMING: Info = Info {
    sizes: Range::new(1, CONTIGUOUS_MAX),
    parameters: &[Parameter::Offset, Parameter::Mask, Parameter::Buffers],
    ..Info::STREAMING
};

/// A pair of functions that map and unmap, with its row.
pub(crate) trait Named: Call + Sync {
    const INFO: Info;
}

impl Named for Single {
    const INFO: Info = Info {
        name: "dma-single",
        about: "dma_map_single() of contiguous pages and dma_unmap_single()",
        headline: true,
        ..STREAMING
    };
}

impl Named for Page {
    const INFO: Info = Info {
        name: "dma-page",
        about: "dma_map_page() of contiguous pages, found by the first, and dma_unmap_page()",
        ..STREAMING
    };
}

impl Named for Phys {
    const INFO: Info = Info {
        name: "dma-phys",
        about: "dma_map_phys() of contiguous pages, by physical address, and dma_unmap_phys()",
        ..STREAMING
    };
}

/// Mapping a buffer by `C`.
#[derive(Clone)]
pub(crate) struct DmaStreaming<C> {
    size: usize,
    offset: usize,
    call: PhantomData<C>,
}

impl<'d, C: Named> ListedLender<'d> for DmaStreaming<C> {
    const INFO: Info = C::INFO;
}

impl<'d, C: Named> Lender<'d> for DmaStreaming<C> {
    const MAPS: bool = true;

    type Own = Buffer;
    type Lent = Mapped<'d, Direction, C>;

    fn of(request: &Request, target: &Target<'d>) -> Result<Self, Refusal> {
        target.check_mapping(request, request.size())?;
        check_offset(request, request.size())?;
        Ok(Self {
            size: size_of(request)?,
            // CAST: An offset is within a page.
            offset: request.offset() as usize,
            call: PhantomData,
        })
    }

    fn make(&self, target: &Target<'d>) -> Result<Buffer> {
        target.handed(|reach| Buffer::within(self.size, self.offset, reach))
    }

    fn fill(own: &mut Buffer, byte: u8) {
        own.bytes_mut().fill(byte);
    }

    #[inline]
    fn lend(
        &self,
        own: Buffer,
        target: &Target<'d>,
    ) -> Result<Mapped<'d, Direction, C>, (Buffer, Error)> {
        own.map_by(target.dev, target.direction)
    }

    #[inline]
    fn take_back(&self, lent: Mapped<'d, Direction, C>) -> Buffer {
        lent.unmap()
    }

    fn place(&self, lent: &Mapped<'d, Direction, C>) -> Placement {
        placement::of_address(lent.as_ptr(), self.size)
    }
}

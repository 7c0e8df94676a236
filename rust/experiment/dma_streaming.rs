// SPDX-License-Identifier: GPL-2.0

//! `dma_map_single()` and its kin: contiguous memory lent to a device for one transfer.

use super::{
    target::{
        check_offset,
        Target,
        CONTIGUOUS_MAX, //
    },
    Experiment, //
};
use crate::{
    facts::placement,
    model::{
        placement::Placement,
        request::{
            Direction,
            Info,
            Parameter,
            Range,
            Refusal,
            Request, //
        },
    },
    sys::dma::{
        buffer::{
            Buffer,
            Call,
            Mapped,
            Page,
            Phys,
            Single, //
        },
        DeviceMemory, //
    },
};
use core::marker::PhantomData;
use kernel::{
    device::{
        Bound,
        Device, //
    },
    prelude::*, //
};

const STREAMING: Info = Info {
    sizes: Range {
        min: 1,
        max: CONTIGUOUS_MAX,
    },
    parameters: &[Parameter::Offset, Parameter::Mask],
    ..Info::STREAMING
};

/// A pair of functions with its row.
pub(crate) trait Row: Call + Sync {
    const INFO: Info;
}

impl Row for Single {
    const INFO: Info = Info {
        name: "dma-single",
        about: "dma_map_single() of contiguous pages and dma_unmap_single()",
        headline: true,
        ..STREAMING
    };
}

impl Row for Page {
    const INFO: Info = Info {
        name: "dma-page",
        about: "dma_map_page() of the same, found by its page, and dma_unmap_page()",
        ..STREAMING
    };
}

impl Row for Phys {
    const INFO: Info = Info {
        name: "dma-phys",
        about: "dma_map_phys() of the same, by physical address, and dma_unmap_phys()",
        ..STREAMING
    };
}

pub(crate) struct DmaStreaming<'d, C> {
    target: Target<'d>,
    size: usize,
    offset: usize,
    call: PhantomData<C>,
}

impl<'d, C: Row> Experiment<'d> for DmaStreaming<'d, C> {
    const INFO: Info = C::INFO;

    type Idle = Buffer;
    type Held<'a>
        = Mapped<'d, Direction, C>
    where
        Self: 'a;

    fn prepare(request: &Request, device: Option<&'d Device<Bound>>) -> Result<Self, Refusal> {
        let target = Target::of(request, device)?;
        target.check_mapping(request, request.size())?;
        check_offset(request, request.size())?;
        Ok(Self {
            target,
            size: super::size_of(request)?,
            // CAST: An offset is within a page.
            offset: request.offset() as usize,
            call: PhantomData,
        })
    }

    fn idle(&self) -> Result<Buffer> {
        Buffer::within(self.size, self.offset, self.target.highest)
    }

    fn touch(&self, idle: &mut Buffer) {
        if self.target.stained() {
            idle.bytes_mut().fill(0x5a);
        }
    }

    #[inline]
    fn acquire(&self, idle: Buffer) -> Result<Mapped<'d, Direction, C>, (Buffer, Error)> {
        idle.map_by(self.target.dev, self.target.direction)
    }

    #[inline]
    fn release(&self, held: Mapped<'d, Direction, C>) -> Buffer {
        held.unmap()
    }

    fn describe(&self, held: &Mapped<'d, Direction, C>) -> Placement {
        self.target
            .place(placement::of_address(held.as_ptr(), self.size), held.dma())
    }
}

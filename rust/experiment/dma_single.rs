// SPDX-License-Identifier: GPL-2.0

//! `dma_map_single()`: ordinary memory lent to a device for one transfer.

use super::{
    Experiment,
    Target, //
};
use crate::{
    facts::placement,
    model::{
        placement::Placement,
        request::{
            Info,
            Range,
            Refusal,
            Request, //
        },
    },
    sys::dma, //
};
use kernel::{
    device::{
        Bound,
        Device, //
    },
    prelude::*, //
};

pub(crate) struct DmaSingle<'d> {
    target: Target<'d>,
    size: usize,
}

impl<'d> Experiment<'d> for DmaSingle<'d> {
    const INFO: Info = Info {
        name: "dma-single",
        about: "dma_map_single() of a kmalloc'ed buffer and dma_unmap_single()",
        headline: true,
        sizes: Range {
            min: 1,
            max: 4 << 20,
        },
        ..Info::STREAMING
    };

    type Idle = dma::Buffer;
    type Held<'a>
        = dma::Mapped<'d>
    where
        Self: 'a;

    fn prepare(request: &Request, device: Option<&'d Device<Bound>>) -> Result<Self, Refusal> {
        let target = Target::of(request, device)?;
        if request.size > target.max_mapping {
            let range = Range {
                min: 1,
                max: target.max_mapping,
            };
            let unit = "bytes (dma_max_mapping_size() of the device)";
            return Err(Refusal::range("size", request.size, range, unit));
        }
        Ok(Self {
            target,
            size: super::size_of(request)?,
        })
    }

    fn idle(&self) -> Result<dma::Buffer> {
        dma::Buffer::new(self.size)
    }

    fn touch(&self, idle: &mut dma::Buffer) {
        if self.target.stained() {
            idle.bytes_mut().fill(0x5a);
        }
    }

    #[inline]
    fn acquire(&self, idle: dma::Buffer) -> Result<dma::Mapped<'d>, (dma::Buffer, Error)> {
        idle.map(self.target.dev, self.target.direction)
    }

    #[inline]
    fn release(&self, held: dma::Mapped<'d>) -> dma::Buffer {
        held.unmap()
    }

    fn describe(&self, held: &dma::Mapped<'d>) -> Placement {
        self.target
            .place(placement::of_address(held.as_ptr(), self.size), held.dma())
    }
}

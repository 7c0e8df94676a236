// SPDX-License-Identifier: GPL-2.0

//! `dma_map_sg()`: scattered pages lent to a device as one list.

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
    sys::{
        memory::PAGE_SIZE,
        sg::{
            MappedScatter,
            Scatter, //
        },
    },
};
use kernel::{
    device::{
        Bound,
        Device, //
    },
    prelude::*, //
};

pub(crate) struct DmaSg<'d> {
    target: Target<'d>,
    pages: usize,
}

impl<'d> Experiment<'d> for DmaSg<'d> {
    const INFO: Info = Info {
        name: "dma-sg",
        about: "dma_map_sg() of single pages, one entry each, and dma_unmap_sg()",
        headline: true,
        sizes: Range {
            // CAST: A page is far smaller than 4 GiB.
            min: PAGE_SIZE as u64,
            max: 4 << 20,
        },
        ..Info::STREAMING
    };

    type Idle = Scatter;
    type Held<'a>
        = MappedScatter<'d>
    where
        Self: 'a;

    fn prepare(request: &Request, device: Option<&'d Device<Bound>>) -> Result<Self, Refusal> {
        Ok(Self {
            target: Target::of(request, device)?,
            pages: super::size_of(request)?.div_ceil(PAGE_SIZE),
        })
    }

    fn idle(&self) -> Result<Scatter> {
        Scatter::new(self.pages)
    }

    fn touch(&self, idle: &mut Scatter) {
        if self.target.stained() {
            idle.fill(0x5a);
        }
    }

    #[inline]
    fn acquire(&self, idle: Scatter) -> Result<MappedScatter<'d>, (Scatter, Error)> {
        idle.map(self.target.dev, self.target.direction)
    }

    #[inline]
    fn release(&self, held: MappedScatter<'d>) -> Scatter {
        held.unmap()
    }

    fn describe(&self, held: &MappedScatter<'d>) -> Placement {
        self.target
            .place(placement::of_scattered(held.pages()), held.dma())
    }
}

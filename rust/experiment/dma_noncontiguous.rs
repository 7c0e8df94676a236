// SPDX-License-Identifier: GPL-2.0

//! `dma_alloc_noncontiguous()`: pages in pieces that an IOMMU and vmap make one range of.

use super::{
    required,
    Experiment, //
};
use crate::{
    facts::placement,
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
    sys::dma::noncontiguous::NonContiguous,
};
use kernel::{
    device::{
        Bound,
        Device, //
    },
    prelude::*, //
};

pub(crate) struct DmaNonContiguous<'d> {
    dev: &'d Device<Bound>,
    size: usize,
    direction: Direction,
}

impl<'d> Experiment<'d> for DmaNonContiguous<'d> {
    const INFO: Info = Info {
        name: "dma-noncontiguous",
        about: "dma_alloc_noncontiguous() with dma_vmap_noncontiguous(), and both back",
        phases: ["alloc", "free"],
        family: Family::Coherent,
        sizes: Range {
            min: 1,
            max: 1 << 30,
        },
        parameters: &[Parameter::Mask],
        may_sleep: true,
        allocates: true,
        ..Info::STREAMING
    };

    type Idle = ();
    type Held<'a>
        = NonContiguous<'d, Direction>
    where
        Self: 'a;

    fn prepare(request: &Request, device: Option<&'d Device<Bound>>) -> Result<Self, Refusal> {
        Ok(Self {
            dev: required(request, device)?,
            size: super::size_of(request)?,
            direction: request.direction(),
        })
    }

    fn idle(&self) -> Result {
        Ok(())
    }

    #[inline]
    fn acquire(&self, (): ()) -> Result<NonContiguous<'d, Direction>, ((), Error)> {
        NonContiguous::new(self.dev, self.size, self.direction).map_err(|error| ((), error))
    }

    #[inline]
    fn release(&self, held: NonContiguous<'d, Direction>) {
        drop(held);
    }

    fn describe(&self, held: &NonContiguous<'d, Direction>) -> Placement {
        Placement {
            dma: Some(held.dma()),
            bounced: Some(false),
            ..placement::of_address(held.as_ptr(), self.size)
        }
    }
}

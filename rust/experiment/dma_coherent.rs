// SPDX-License-Identifier: GPL-2.0

//! `dma_alloc_coherent()`: memory that CPU and device may use at the same time.

use super::Experiment;
use crate::{
    facts::placement,
    model::{
        placement::Placement,
        request::{
            Family,
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

pub(crate) struct DmaCoherent<'d> {
    dev: &'d Device<Bound>,
    size: usize,
}

impl<'d> Experiment<'d> for DmaCoherent<'d> {
    const INFO: Info = Info {
        name: "dma-coherent",
        about: "dma_alloc_coherent() and dma_free_coherent()",
        family: Family::Coherent,
        headline: true,
        sizes: Range {
            min: 1,
            max: 16 << 20,
        },
        needs_device: true,
        ..Info::PLAIN
    };

    type Idle = ();
    type Held<'a>
        = dma::Coherent<'d>
    where
        Self: 'a;

    fn prepare(request: &Request, device: Option<&'d Device<Bound>>) -> Result<Self, Refusal> {
        Ok(Self {
            dev: super::required(request, device)?,
            size: super::size_of(request)?,
        })
    }

    fn idle(&self) -> Result {
        Ok(())
    }

    #[inline]
    fn acquire(&self, (): ()) -> Result<dma::Coherent<'d>, ((), Error)> {
        dma::Coherent::new(self.dev, self.size).map_err(|error| ((), error))
    }

    #[inline]
    fn release(&self, held: dma::Coherent<'d>) {
        drop(held);
    }

    fn describe(&self, held: &dma::Coherent<'d>) -> Placement {
        Placement {
            dma: Some(held.dma()),
            // Coherent memory is allocated where the device reaches it.
            bounced: Some(false),
            ..placement::of_address(held.as_ptr(), self.size)
        }
    }
}

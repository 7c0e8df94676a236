// SPDX-License-Identifier: GPL-2.0

//! `cma_alloc()` from the area that the device's coherent memory would come from.

use super::Experiment;
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
        cma,
        memory::PAGE_SIZE, //
    },
};
use kernel::{
    device::{
        Bound,
        Device, //
    },
    prelude::*, //
};

pub(crate) struct Cma {
    area: cma::Area,
    size: usize,
}

impl<'d> Experiment<'d> for Cma {
    const INFO: Info = Info {
        name: "cma",
        about: "cma_alloc() of whole pages and cma_release()",
        headline: true,
        sizes: Range {
            // CAST: A page is far smaller than 4 GiB.
            min: PAGE_SIZE as u64,
            max: 16 << 20,
        },
        needs_device: true,
        ..Info::PLAIN
    };

    type Idle = ();
    type Held<'a> = cma::Allocation;

    fn prepare(request: &Request, device: Option<&'d Device<Bound>>) -> Result<Self, Refusal> {
        let device = super::required(request, device)?;
        let area = cma::Area::of(device).ok_or_else(|| {
            Refusal::no_device(format_args!(
                "cma: the device has no CMA area; give the kernel one with cma=64M on its command line"
            ))
        })?;
        Ok(Self {
            area,
            size: super::size_of(request)?,
        })
    }

    fn idle(&self) -> Result {
        Ok(())
    }

    #[inline]
    fn acquire(&self, (): ()) -> Result<cma::Allocation, ((), Error)> {
        cma::Allocation::new(self.area, self.size.div_ceil(PAGE_SIZE)).map_err(|error| ((), error))
    }

    #[inline]
    fn release(&self, held: cma::Allocation) {
        drop(held);
    }

    fn describe(&self, held: &cma::Allocation) -> Placement {
        placement::of_pages(held.page(), self.size)
    }
}

// SPDX-License-Identifier: GPL-2.0

//! `cma_alloc()` from the area that the device's coherent memory would come from.

use super::prelude::*;
use crate::{
    model::remark::Remark,
    probe,
    sys::{
        cma,
        memory::PAGE_SIZE, //
    },
};

pub(crate) struct Cma {
    area: cma::Area,
    size: usize,
    pages: usize,
    align: u32,
}

impl<'d> Listed<'d> for Cma {
    const INFO: Info = Info {
        name: "cma",
        about: "cma_alloc() of whole pages and cma_release()",
        headline: true,
        sizes: Range {
            // CAST: A page is far smaller than 4 GiB.
            min: PAGE_SIZE as u64,
            // More than the area has is an answer too.
            max: 1 << 30,
        },
        parameters: &[Parameter::Align],
        needs_device: true,
        ..Info::PLAIN
    };

    fn prepare(request: &Request, device: Option<&'d Device<Bound>>) -> Result<Self, Refusal> {
        let device = required(request, device)?;
        let size = size_of(request)?;
        Ok(Self {
            area: probe::area::of(device)?,
            size,
            pages: size.div_ceil(PAGE_SIZE),
            // CAST: Limited to a few bits.
            align: request.align() as u32,
        })
    }
}

impl Allocator for Cma {
    type Memory<'a> = cma::Allocation;

    #[inline]
    fn allocate(&self) -> Result<cma::Allocation> {
        cma::Allocation::new(self.area, self.pages, self.align)
    }

    fn describe(&self, memory: &cma::Allocation) -> Placement {
        placement::of_pages(memory.page(), self.size)
    }

    fn remark(&self, failed: bool, _most: u64, stopped: &dyn Fn() -> bool) -> Remark {
        match failed {
            true => Remark::Cma(probe::cma::find(self.area, self.pages, self.align, stopped)),
            false => Remark::None,
        }
    }
}

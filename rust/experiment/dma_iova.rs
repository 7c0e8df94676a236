// SPDX-License-Identifier: GPL-2.0

//! `dma_iova_link()`: the same scattered pages as dma-sg's, in one range of device addresses.

use super::prelude::*;
use crate::sys::{
    alloc::KMALLOC_MAX,
    dma::{
        iova::{
            self,
            Linked, //
        },
        sg::Scatter, //
    },
    memory::PAGE_SIZE, //
};

/// Linking pages.
#[derive(Clone)]
pub(crate) struct DmaIova {
    size: usize,
}

impl<'d> ListedLender<'d> for DmaIova {
    const INFO: Info = Info {
        name: "dma-iova",
        about: "dma_iova_try_alloc(), _link() of scattered pages, _sync(), and dma_iova_destroy(); needs an IOMMU",
        sizes: Range::new(1, KMALLOC_MAX),
        parameters: &[Parameter::Mask],
        ..Info::STREAMING
    };
}

impl<'d> Lender<'d> for DmaIova {
    const MAPS: bool = true;

    type Own = Scatter;
    type Lent = Linked<'d>;

    fn of(request: &Request, target: &Target<'d>) -> Result<Self, Refusal> {
        let (size, name) = (size_of(request)?, request.info().name);
        if !iova::available(target.dev, size) {
            return Err(Refusal::unsupported(format_args!(
                "{name}: needs an IOMMU that translates for the device"
            )));
        }
        Ok(Self { size })
    }

    fn make(&self, target: &Target<'d>) -> Result<Scatter> {
        Scatter::whole(PAGE_SIZE, self.size, 0, target.own)
    }

    fn fill(own: &mut Scatter, byte: u8) {
        own.fill(byte);
    }

    #[inline]
    fn lend(&self, own: Scatter, target: &Target<'d>) -> Result<Linked<'d>, (Scatter, Error)> {
        own.link(target.dev, target.direction)
    }

    #[inline]
    fn take_back(&self, lent: Linked<'d>) -> Scatter {
        lent.unlink()
    }

    fn place(&self, lent: &Linked<'d>) -> Placement {
        placement::of_scattered(lent.scatter().pieces())
    }
}

// SPDX-License-Identifier: GPL-2.0

//! `dma_iova_link()`: the same scattered pages as dma-sg's, in one range of device addresses.

use super::{
    target::Target,
    Experiment, //
};
use crate::{
    facts::placement,
    model::{
        placement::Placement,
        request::{
            Info,
            Parameter,
            Range,
            Refusal,
            Request, //
        },
    },
    sys::{
        dma::{
            iova::{
                self,
                Linked, //
            },
            sg::Scatter,
            DeviceMemory, //
        },
        memory::PAGE_SIZE,
    },
};
use kernel::{
    device::{
        Bound,
        Device, //
    },
    prelude::*, //
};

pub(crate) struct DmaIova<'d> {
    target: Target<'d>,
    size: usize,
}

impl<'d> Experiment<'d> for DmaIova<'d> {
    const INFO: Info = Info {
        name: "dma-iova",
        about: "dma_iova_try_alloc(), _link() of scattered pages, _sync(), and dma_iova_destroy(); needs an IOMMU",
        sizes: Range {
            min: 1,
            max: 4 << 20,
        },
        parameters: &[Parameter::Mask],
        ..Info::STREAMING
    };

    type Idle = Scatter;
    type Held<'a>
        = Linked<'d>
    where
        Self: 'a;

    fn prepare(request: &Request, device: Option<&'d Device<Bound>>) -> Result<Self, Refusal> {
        let target = Target::of(request, device)?;
        let size = super::size_of(request)?;
        if !iova::available(target.dev, size) {
            return Err(Refusal::unsupported(format_args!(
                "dma-iova: needs an IOMMU that translates for the device"
            )));
        }
        Ok(Self { target, size })
    }

    fn idle(&self) -> Result<Scatter> {
        Scatter::whole(PAGE_SIZE, self.size, 0, self.target.highest)
    }

    fn touch(&self, idle: &mut Scatter) {
        if self.target.stained() {
            idle.fill(0x5a);
        }
    }

    #[inline]
    fn acquire(&self, idle: Scatter) -> Result<Linked<'d>, (Scatter, Error)> {
        idle.link(self.target.dev, self.target.direction)
    }

    #[inline]
    fn release(&self, held: Linked<'d>) -> Scatter {
        held.unlink()
    }

    fn describe(&self, held: &Linked<'d>) -> Placement {
        let placement = placement::of_scattered(held.scatter().pieces());
        self.target.place(placement, held.dma())
    }
}

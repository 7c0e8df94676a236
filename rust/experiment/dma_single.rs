// SPDX-License-Identifier: GPL-2.0

//! `dma_map_single()`: ordinary memory lent to a device for one transfer.

use super::Experiment;
use crate::{
    facts::{
        placement,
        provenance, //
    },
    model::{
        placement::Placement,
        request::{
            Direction,
            Info,
            Range,
            Refusal,
            Request, //
        },
    },
    sys::dma::{
        self,
        DataDirection, //
    },
};
use kernel::{
    device::{
        Bound,
        Device, //
    },
    prelude::*, //
};

pub(crate) struct DmaSingle<'d> {
    dev: &'d Device<Bound>,
    size: usize,
    direction: DataDirection,
    /// Whether an IOMMU gives the device addresses of its own.
    translated: bool,
}

impl<'d> Experiment<'d> for DmaSingle<'d> {
    const INFO: Info = Info {
        name: "dma-single",
        about: "dma_map_single() of a kmalloc'ed buffer and dma_unmap_single()",
        phases: ["map", "unmap"],
        sizes: Range {
            min: 1,
            max: 4 << 20,
        },
        held_max: 16,
        allocates: false,
        directed: true,
        needs_device: true,
        may_sleep: false,
    };

    type Idle = dma::Buffer;
    type Held<'a>
        = dma::Mapped<'d>
    where
        Self: 'a;

    fn prepare(request: &Request, device: Option<&'d Device<Bound>>) -> Result<Self, Refusal> {
        let dev = super::required(request, device)?;
        let facts = provenance::device(dev);
        if request.size > facts.max_mapping {
            let range = Range {
                min: 1,
                max: facts.max_mapping,
            };
            return Err(Refusal::range(
                "size",
                request.size,
                range,
                "bytes (dma_max_mapping_size() of the device)",
            ));
        }
        Ok(Self {
            dev,
            size: super::size_of(request)?,
            direction: match request.direction {
                Direction::Bidirectional => DataDirection::Bidirectional,
                Direction::ToDevice => DataDirection::ToDevice,
                Direction::FromDevice => DataDirection::FromDevice,
            },
            translated: !matches!(facts.iommu, "none" | "identity"),
        })
    }

    fn idle(&self) -> Result<dma::Buffer> {
        dma::Buffer::new(self.size)
    }

    /// Stains the CPU's caches, as a driver that fills its buffer does: without it a device that is
    /// not coherent with them would look cheaper than it is.
    fn touch(&self, idle: &mut dma::Buffer) {
        if self.direction != DataDirection::FromDevice {
            idle.bytes_mut().fill(0x5a);
        }
    }

    #[inline]
    fn acquire(&self, idle: dma::Buffer) -> Result<dma::Mapped<'d>, (dma::Buffer, Error)> {
        idle.map(self.dev, self.direction)
    }

    #[inline]
    fn release(&self, held: dma::Mapped<'d>) -> dma::Buffer {
        held.unmap()
    }

    fn describe(&self, held: &dma::Mapped<'d>) -> Placement {
        let placement = placement::of_address(held.as_ptr(), self.size);
        Placement {
            dma: Some(held.dma()),
            // Without translation the address differs only where the bytes lie elsewhere.
            bounced: (!self.translated).then(|| held.dma() != placement.phys),
            ..placement
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

//! `dma_sync_single_for_device()`: a buffer that stays mapped changes hands for each transfer.

use super::{
    target::{
        Target,
        CONTIGUOUS_MAX, //
    },
    Experiment, //
};
use crate::{
    facts::placement,
    model::{
        num::Dec,
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
    sys::dma::{
        buffer::{
            Buffer,
            Mapped,
            OnCpu, //
        },
        DeviceMemory, //
    },
};
use kernel::{
    device::{
        Bound,
        Device, //
    },
    prelude::*, //
};

pub(crate) struct DmaSync<'d> {
    target: Target<'d>,
    size: usize,
    part: core::ops::Range<usize>,
}

impl<'d> Experiment<'d> for DmaSync<'d> {
    const INFO: Info = Info {
        name: "dma-sync",
        about: "dma_sync_single_range_for_device() of sync bytes from offset on of a mapped buffer, and ..._for_cpu()",
        phases: ["for-device", "for-cpu"],
        family: Family::Syncing,
        sizes: Range {
            min: 1,
            max: CONTIGUOUS_MAX,
        },
        parameters: &[Parameter::Offset, Parameter::Sync, Parameter::Mask],
        ..Info::STREAMING
    };

    type Idle = OnCpu<'d, Direction>;
    type Held<'a>
        = Mapped<'d, Direction>
    where
        Self: 'a;

    fn prepare(request: &Request, device: Option<&'d Device<Bound>>) -> Result<Self, Refusal> {
        let target = Target::of(request, device)?;
        target.check_mapping(request, request.size())?;
        let (offset, size) = (request.offset(), request.size());
        let sync = match request.sync() {
            0 => size.saturating_sub(offset),
            sync => sync,
        };
        if sync == 0 || offset.saturating_add(sync) > size {
            let (offset, sync, size) = (Dec(offset), Dec(sync), Dec(size));
            return Err(Refusal::beyond(format_args!(
                "sync={sync}: with offset={offset} not within the buffer, size={size} bytes"
            )));
        }
        // CAST: Both are within the size.
        let (start, end) = (offset as usize, (offset + sync) as usize);
        Ok(Self {
            target,
            size: super::size_of(request)?,
            part: start..end,
        })
    }

    fn idle(&self) -> Result<Self::Idle> {
        let buffer = Buffer::within(self.size, 0, self.target.highest)?;
        let mapped = buffer
            .map(self.target.dev, self.target.direction)
            .map_err(|(_, error)| error)?;
        Ok(mapped.for_cpu(self.part.clone()))
    }

    fn touch(&self, idle: &mut Self::Idle) {
        if self.target.stained() {
            idle.bytes_mut().fill(0x5a);
        }
    }

    #[inline]
    fn acquire(&self, idle: Self::Idle) -> Result<Mapped<'d, Direction>, (Self::Idle, Error)> {
        Ok(idle.for_device())
    }

    #[inline]
    fn release(&self, held: Mapped<'d, Direction>) -> Self::Idle {
        held.for_cpu(self.part.clone())
    }

    fn describe(&self, held: &Mapped<'d, Direction>) -> Placement {
        self.target
            .place(placement::of_address(held.as_ptr(), self.size), held.dma())
    }
}

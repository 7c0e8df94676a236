// SPDX-License-Identifier: GPL-2.0

//! Memory that a device has for good, and that changes hands for each transfer by a sync: a buffer
//! that stays mapped, and what `dma_alloc_noncoherent()` gives.

use super::{
    prelude::*,
    target::CONTIGUOUS_MAX, //
};
use crate::sys::dma::{
    buffer::{
        Buffer,
        Mapped,
        OnCpu, //
    },
    noncoherent::{
        Lent,
        NonCoherent, //
    },
};

/// Syncing a part of a buffer that stays mapped.
pub(crate) struct DmaSync {
    size: usize,
    part: core::ops::Range<usize>,
}

impl<'d> ListedLender<'d> for DmaSync {
    const INFO: Info = Info {
        name: "dma-sync",
        about: "dma_sync_single_range_for_device() of sync bytes from offset on of a mapped buffer, and ..._for_cpu()",
        phases: ["for-device", "for-cpu"],
        family: Family::Syncing,
        headline: true,
        sizes: Range::new(1, CONTIGUOUS_MAX),
        parameters: &[Parameter::Offset, Parameter::Sync, Parameter::Mask],
        ..Info::STREAMING
    };
}

impl<'d> Lender<'d> for DmaSync {
    const MAPS: bool = true;

    type Own = OnCpu<'d, Direction>;
    type Lent = Mapped<'d, Direction>;

    fn of(request: &Request, target: &Target<'d>) -> Result<Self, Refusal> {
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
            size: size_of(request)?,
            part: start..end,
        })
    }

    fn make(&self, target: &Target<'d>) -> Result<OnCpu<'d, Direction>> {
        let buffer = Buffer::within(self.size, 0, target.own)?;
        let mapped = buffer
            .map(target.dev, target.direction)
            .map_err(|(_, error)| error)?;
        Ok(mapped.for_cpu(self.part.clone()))
    }

    fn fill(own: &mut OnCpu<'d, Direction>, byte: u8) {
        own.bytes_mut().fill(byte);
    }

    #[inline]
    fn lend(
        &self,
        own: OnCpu<'d, Direction>,
        _target: &Target<'d>,
    ) -> Result<Mapped<'d, Direction>, (OnCpu<'d, Direction>, Error)> {
        Ok(own.for_device())
    }

    #[inline]
    fn take_back(&self, lent: Mapped<'d, Direction>) -> OnCpu<'d, Direction> {
        lent.for_cpu(self.part.clone())
    }

    fn place(&self, lent: &Mapped<'d, Direction>) -> Placement {
        placement::of_address(lent.as_ptr(), self.size)
    }
}

/// Syncing all of what `dma_alloc_noncoherent()` gave.
#[derive(Clone)]
pub(crate) struct NonCoherentSync {
    size: usize,
}

impl<'d> ListedLender<'d> for NonCoherentSync {
    const INFO: Info = Info {
        name: "noncoherent-sync",
        about: "dma_sync_single_for_device() of dma_alloc_noncoherent()'s memory and ..._for_cpu()",
        phases: ["for-device", "for-cpu"],
        family: Family::Syncing,
        sizes: Range::new(1, 1 << 30),
        parameters: &[Parameter::Mask],
        ..Info::STREAMING
    };
}

impl<'d> Lender<'d> for NonCoherentSync {
    const MAPS: bool = false;

    type Own = NonCoherent<'d, Direction>;
    type Lent = Lent<'d, Direction>;

    fn of(request: &Request, _target: &Target<'d>) -> Result<Self, Refusal> {
        let size = size_of(request)?;
        Ok(Self { size })
    }

    fn make(&self, target: &Target<'d>) -> Result<NonCoherent<'d, Direction>> {
        NonCoherent::new(target.dev, self.size, target.direction)
    }

    fn fill(own: &mut NonCoherent<'d, Direction>, byte: u8) {
        own.bytes_mut().fill(byte);
    }

    #[inline]
    fn lend(
        &self,
        own: NonCoherent<'d, Direction>,
        _target: &Target<'d>,
    ) -> Result<Lent<'d, Direction>, (NonCoherent<'d, Direction>, Error)> {
        Ok(own.for_device())
    }

    #[inline]
    fn take_back(&self, lent: Lent<'d, Direction>) -> NonCoherent<'d, Direction> {
        lent.for_cpu()
    }

    fn place(&self, lent: &Lent<'d, Direction>) -> Placement {
        placement::of_address(lent.as_ptr(), self.size)
    }
}

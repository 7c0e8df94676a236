// SPDX-License-Identifier: GPL-2.0

//! `dma_alloc_noncoherent()`: cached pages that a device reaches, synced for each transfer.

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
    sys::dma::{
        noncoherent::{
            Lent,
            NonCoherent, //
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

const SIZES: Range = Range {
    min: 1,
    max: 1 << 30,
};

pub(crate) struct DmaNonCoherent<'d> {
    dev: &'d Device<Bound>,
    size: usize,
    direction: Direction,
}

impl<'d> Experiment<'d> for DmaNonCoherent<'d> {
    const INFO: Info = Info {
        name: "dma-noncoherent",
        about: "dma_alloc_noncoherent() and dma_free_noncoherent()",
        phases: ["alloc", "free"],
        family: Family::Coherent,
        sizes: SIZES,
        parameters: &[Parameter::Mask],
        may_sleep: true,
        allocates: true,
        ..Info::STREAMING
    };

    type Idle = ();
    type Held<'a>
        = NonCoherent<'d, Direction>
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
    fn acquire(&self, (): ()) -> Result<NonCoherent<'d, Direction>, ((), Error)> {
        NonCoherent::new(self.dev, self.size, self.direction).map_err(|error| ((), error))
    }

    #[inline]
    fn release(&self, held: NonCoherent<'d, Direction>) {
        drop(held);
    }

    fn describe(&self, held: &NonCoherent<'d, Direction>) -> Placement {
        Placement {
            dma: Some(held.dma()),
            bounced: Some(false),
            ..placement::of_address(held.as_ptr(), self.size)
        }
    }
}

/// What such memory costs for each transfer.
pub(crate) struct NonCoherentSync<'d> {
    memory: DmaNonCoherent<'d>,
}

impl<'d> Experiment<'d> for NonCoherentSync<'d> {
    const INFO: Info = Info {
        name: "noncoherent-sync",
        about: "dma_sync_single_for_device() of dma_alloc_noncoherent()'s memory and ..._for_cpu()",
        phases: ["for-device", "for-cpu"],
        family: Family::Syncing,
        sizes: SIZES,
        parameters: &[Parameter::Mask],
        ..Info::STREAMING
    };

    type Idle = NonCoherent<'d, Direction>;
    type Held<'a>
        = Lent<'d, Direction>
    where
        Self: 'a;

    fn prepare(request: &Request, device: Option<&'d Device<Bound>>) -> Result<Self, Refusal> {
        Ok(Self {
            memory: DmaNonCoherent::prepare(request, device)?,
        })
    }

    fn idle(&self) -> Result<Self::Idle> {
        self.memory.acquire(()).map_err(|((), error)| error)
    }

    fn touch(&self, idle: &mut Self::Idle) {
        if self.memory.direction != Direction::FromDevice {
            idle.bytes_mut().fill(0x5a);
        }
    }

    #[inline]
    fn acquire(&self, idle: Self::Idle) -> Result<Lent<'d, Direction>, (Self::Idle, Error)> {
        Ok(idle.for_device())
    }

    #[inline]
    fn release(&self, held: Lent<'d, Direction>) -> Self::Idle {
        held.for_cpu()
    }

    fn describe(&self, held: &Lent<'d, Direction>) -> Placement {
        Placement {
            dma: Some(held.dma()),
            bounced: Some(false),
            ..placement::of_address(held.as_ptr(), self.memory.size)
        }
    }
}

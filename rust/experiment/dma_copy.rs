// SPDX-License-Identifier: GPL-2.0

//! Copying through a coherent buffer that is there already, instead of mapping.

use super::{
    prelude::*,
    target::CONTIGUOUS_MAX, //
};
use crate::sys::dma::{
    buffer::Buffer,
    coherent::Coherent,
    CpuMemory,
    DeviceMemory, //
};

pub(crate) struct DmaCopy<'d> {
    dev: &'d Device<Bound>,
    size: usize,
    direction: Direction,
}

/// What the CPU works with, and what the device does.
pub(crate) struct Pair<'d> {
    buffer: Buffer,
    bounce: Coherent<'d>,
}

impl<'d> Listed<'d> for DmaCopy<'d> {
    const INFO: Info = Info {
        name: "dma-copy",
        about: "memcpy() to a ready coherent buffer before a transfer and from it after, instead of mapping",
        phases: ["copy-in", "copy-out"],
        family: Family::Copying,
        headline: true,
        sizes: Range {
            min: 1,
            max: CONTIGUOUS_MAX,
        },
        buffers: 2,
        parameters: &[Parameter::Mask],
        ..Info::STREAMING
    };

    fn prepare(request: &Request, device: Option<&'d Device<Bound>>) -> Result<Self, Refusal> {
        Ok(Self {
            dev: required(request, device)?,
            size: size_of(request)?,
            direction: request.direction(),
        })
    }
}

impl<'d> Experiment for DmaCopy<'d> {
    type Idle = Pair<'d>;
    type Held<'a>
        = Pair<'d>
    where
        Self: 'a;

    fn idle(&self) -> Result<Pair<'d>> {
        Ok(Pair {
            buffer: Buffer::new(self.size)?,
            bounce: Coherent::new(self.dev, self.size)?,
        })
    }

    fn touch(&self, idle: &mut Pair<'d>) {
        if self.direction != Direction::FromDevice {
            idle.buffer.bytes_mut().fill(0x5a);
        }
    }

    /// Nothing to do where only the device writes.
    #[inline]
    fn acquire(&self, mut idle: Pair<'d>) -> Result<Pair<'d>, (Pair<'d>, Error)> {
        if self.direction != Direction::FromDevice {
            idle.bounce.copy_from(idle.buffer.bytes());
        }
        Ok(idle)
    }

    /// Nothing to do where only the CPU writes.
    #[inline]
    fn release(&self, mut held: Pair<'d>) -> Pair<'d> {
        if self.direction != Direction::ToDevice {
            held.bounce.copy_to(held.buffer.bytes_mut());
        }
        held
    }

    fn describe(&self, held: &Pair<'d>) -> Placement {
        Placement {
            dma: Some(held.bounce.dma()),
            bounced: Some(false),
            ..placement::of_address(held.bounce.as_ptr(), self.size)
        }
    }
}

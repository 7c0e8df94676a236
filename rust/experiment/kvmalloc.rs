// SPDX-License-Identifier: GPL-2.0

//! `kvmalloc()`: physically contiguous where that is easy to have, else pages as they come.

use super::Experiment;
use crate::{
    facts::placement,
    model::{
        placement::{
            Placement,
            Window, //
        },
        remark::Remark,
        request::{
            Gfp,
            Info,
            Range,
            Refusal,
            Request, //
        },
    },
    sys::{
        alloc::Flags,
        allocators::{
            whole_pages,
            Kvmalloc as Memory, //
        },
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

pub(crate) struct Kvmalloc {
    size: usize,
    flags: Flags,
}

/// The largest size that is tried, in bytes.
const PROBED: usize = 16 << 20;

impl<'d> Experiment<'d> for Kvmalloc {
    const INFO: Info = Info {
        name: "kvmalloc",
        about: "kvmalloc(size) and kvfree(); says up to which size it is contiguous now",
        headline: true,
        sizes: Range {
            min: 1,
            max: PROBED as u64,
        },
        held_max: 64,
        gfp: &[Gfp::Kernel, Gfp::Zero, Gfp::Account],
        ..Info::PLAIN
    };

    type Idle = ();
    type Held<'a> = Memory;

    fn prepare(request: &Request, _device: Option<&'d Device<Bound>>) -> Result<Self, Refusal> {
        Ok(Self {
            size: super::size_of(request)?,
            flags: Flags::of(request.gfp()),
        })
    }

    fn idle(&self) -> Result {
        Ok(())
    }

    #[inline]
    fn acquire(&self, (): ()) -> Result<Memory, ((), Error)> {
        Memory::new(self.size, self.flags).map_err(|error| ((), error))
    }

    #[inline]
    fn release(&self, held: Memory) {
        drop(held);
    }

    fn describe(&self, held: &Memory) -> Placement {
        let placement = placement::of_address(held.as_ptr(), self.size);
        let capacity = held.slab_capacity();
        Placement {
            capacity: capacity.or(Some(whole_pages(self.size))),
            ..placement
        }
    }

    fn remark(&self, _failed: bool, most: u64, _stopped: &dyn Fn() -> bool) -> Remark {
        let linear = |size: &usize| {
            let memory = Memory::new(*size, self.flags);
            memory.is_ok_and(|memory| placement::window(memory.as_ptr()) == Window::Linear)
        };
        let sizes = (0..).map(|shift| PAGE_SIZE << shift);
        let tried = sizes.take_while(|size| *size <= PROBED && *size as u64 <= most);
        Remark::Fallback {
            linear: tried.clone().take_while(linear).last().unwrap_or(0) as u64,
            tried: tried.last().unwrap_or(0) as u64,
        }
    }
}

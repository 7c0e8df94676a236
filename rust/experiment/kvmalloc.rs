// SPDX-License-Identifier: GPL-2.0

//! `kvmalloc()`: physically contiguous where that is easy to have, else pages as they come.

use super::prelude::*;
use crate::{
    model::{
        placement::Window,
        remark::Remark, //
    },
    sys::{
        alloc::{
            Kvmalloc as Memory, //
            SCATTERED_MAX,
        },
        contig::whole_pages,
        memory::PAGE_SIZE, //
    },
};

pub(crate) struct Kvmalloc(Asked);

/// The largest size that is tried, in bytes.
// CAST: A few of the largest blocks fit into the address space.
const PROBED: usize = SCATTERED_MAX as usize;

impl<'d> Listed<'d> for Kvmalloc {
    const INFO: Info = Info {
        name: "kvmalloc",
        about: "kvmalloc(size) and kvfree(); says up to which size it is contiguous now",
        headline: true,
        sizes: Range::new(1, PROBED as u64),
        held_max: 64,
        packs: true,
        gfp: &[Gfp::Kernel, Gfp::Zero, Gfp::Account],
        ..Info::PLAIN
    };

    fn prepare(request: &Request, _device: Option<&'d Device<Bound>>) -> Result<Self, Refusal> {
        Ok(Self(Asked::falling_back(request)?))
    }
}

impl Allocator for Kvmalloc {
    type Memory<'a> = Memory;

    #[inline]
    fn allocate(&self) -> Result<Memory> {
        Memory::new(self.0.size, self.0.flags)
    }

    fn describe(&self, memory: &Memory) -> Placement {
        let placement = placement::of_address(memory.as_ptr(), self.0.size);
        let capacity = memory.slab_capacity();
        Placement {
            capacity: capacity.or(Some(whole_pages(self.0.size))),
            ..placement
        }
    }

    fn remark(&self, _failed: bool, most: u64, _stopped: &dyn Fn() -> bool) -> Remark {
        let linear = |size: &usize| {
            let memory = Memory::new(*size, self.0.flags);
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

// SPDX-License-Identifier: GPL-2.0

//! `kmalloc()`: from the slab, and above its largest cache straight from the buddy allocator.

use super::prelude::*;
use crate::sys::alloc;

pub(crate) struct Kmalloc(Asked);

impl<'d> Listed<'d> for Kmalloc {
    const INFO: Info = Info {
        name: "kmalloc",
        about: "kmalloc(size) and kfree()",
        headline: true,
        sizes: Range::new(1, alloc::KMALLOC_MAX),
        held_max: 256,
        packs: true,
        // The slab has no caches of high memory, nor below 4 GiB: it warns of such flags.
        gfp: &[
            Gfp::Kernel,
            Gfp::Atomic,
            Gfp::NoWait,
            Gfp::Dma,
            Gfp::Zero,
            Gfp::Account,
        ],
        ..Info::PLAIN
    };

    fn prepare(request: &Request, _device: Option<&'d Device<Bound>>) -> Result<Self, Refusal> {
        Ok(Self(Asked::of(request)?))
    }
}

impl Allocator for Kmalloc {
    type Memory<'a> = alloc::Kmalloc;

    #[inline]
    fn allocate(&self) -> Result<alloc::Kmalloc> {
        alloc::Kmalloc::with(self.0.size, self.0.flags)
    }

    fn describe(&self, memory: &alloc::Kmalloc) -> Placement {
        Placement {
            capacity: Some(memory.capacity()),
            ..placement::of_address(memory.as_ptr(), self.0.size)
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

//! `vmalloc()`: pages as they come, made contiguous in virtual space only.

use super::{
    allocating::{
        Allocating,
        Allocator,
        Asked, //
    },
    Row, //
};
use crate::{
    facts::placement,
    model::{
        placement::Placement,
        request::{
            Gfp,
            Info,
            Range,
            Refusal,
            Request, //
        },
    },
    sys::{
        alloc::Vmalloc as Memory,
        allocators::whole_pages, //
    },
};
use kernel::{
    device::{
        Bound,
        Device, //
    },
    prelude::*, //
};

/// `vmalloc()`, or `vmalloc_huge()`.
pub(crate) struct Vmalloc<const HUGE: bool>(Asked);

impl<'d, const HUGE: bool> Row<'d> for Vmalloc<HUGE> {
    const INFO: Info = Info {
        name: if HUGE { "vmalloc-huge" } else { "vmalloc" },
        about: if HUGE {
            "vmalloc_huge(size) and vfree(): of huge pages where the architecture has them"
        } else {
            "vmalloc(size) and vfree()"
        },
        headline: !HUGE,
        sizes: Range::new(1, 16 << 20),
        held_max: 64,
        // What vmalloc() takes without a warning (`GFP_VMALLOC_SUPPORTED`) and a caller who may
        // sleep has a use for.
        gfp: &[Gfp::Kernel, Gfp::Zero, Gfp::Account],
        ..Info::PLAIN
    };

    type Experiment = Allocating<Self>;

    fn prepare(
        request: &Request,
        _device: Option<&'d Device<Bound>>,
    ) -> Result<Allocating<Self>, Refusal> {
        Ok(Allocating(Self(Asked::of(request)?)))
    }
}

impl<const HUGE: bool> Allocator for Vmalloc<HUGE> {
    type Memory<'a> = Memory;

    #[inline]
    fn allocate(&self) -> Result<Memory> {
        let Asked { size, flags } = self.0;
        match HUGE {
            true => Memory::huge(size, flags),
            false => Memory::with(size, flags),
        }
    }

    fn describe(&self, memory: &Memory) -> Placement {
        let size = self.0.size;
        Placement {
            capacity: Some(whole_pages(size)),
            ..placement::of_address(memory.as_ptr(), size)
        }
    }
}

// SPDX-License-Identifier: GPL-2.0

//! `vmalloc()`: pages as they come, made contiguous in virtual space only.

use super::prelude::*;
use crate::sys::{
    alloc::{
        Vmalloc as Memory, //
        SCATTERED_MAX,
    },
    contig::whole_pages, //
};

/// `vmalloc()`, or `vmalloc_huge()`.
pub(crate) struct Vmalloc<const HUGE: bool>(Asked);

impl<'d, const HUGE: bool> Listed<'d> for Vmalloc<HUGE> {
    const INFO: Info = Info {
        name: if HUGE { "vmalloc-huge" } else { "vmalloc" },
        about: if HUGE {
            "vmalloc_huge(size) and vfree(): of huge pages where the architecture has them"
        } else {
            "vmalloc(size) and vfree()"
        },
        headline: !HUGE,
        sizes: Range::new(1, SCATTERED_MAX),
        held_max: 64,
        // What vmalloc() takes without a warning (`GFP_VMALLOC_SUPPORTED`) and a caller who may
        // sleep has a use for.
        gfp: &[Gfp::Kernel, Gfp::Zero, Gfp::Account],
        ..Info::PLAIN
    };

    fn prepare(request: &Request, _device: Option<&'d Device<Bound>>) -> Result<Self, Refusal> {
        let asked = match HUGE {
            true => Asked::falling_back(request)?,
            false => Asked::of(request)?,
        };
        Ok(Self(asked))
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
